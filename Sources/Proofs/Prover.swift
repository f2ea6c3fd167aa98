import TileIR

/// Decides obligations: cheap procedures first, then Z3. Answers depend on the obligation alone.
public struct Prover: Sendable {
  /// The solver for what the native procedures leave open; nil where there is none.
  public let solver: Z3?
  /// Where verdicts are kept; nil decides everything anew.
  public let cache: VerdictCache?

  /// With this machine's solver and the cache beside the compiled kernels.
  public static let standard = Prover(cache: .standard)

  public init(solver: Z3? = .standard, cache: VerdictCache? = nil) {
    self.solver = solver
    self.cache = cache
  }

  public func decide(_ obligation: Obligation) -> Verdict {
    if let procedure = decideNatively(obligation) { return .proved(procedure) }
    guard let solver else { return .unknown(Z3.advice) }
    switch solver.check(obligation.query) {
    case .unsat: return .proved(.z3)
    case .sat(let counterexample): return .refuted(counterexample)
    case .unknown(let reason): return .unknown(reason)
    }
  }

  /// The native procedure that proves the obligation; nil where none does.
  func decideNatively(_ obligation: Obligation) -> Procedure? {
    if Interval.truth(obligation.goal) == true { return obligation.lemma == nil ? .intervals : .lemma }
    var refutation = LinearRefutation()
    // A conjunction is proved part by part: each needs fewer cases than all at once.
    let parts = if case .and(let parts) = obligation.goal { parts } else { [obligation.goal] }
    for part in parts where Interval.truth(part) != true {
      guard refutation.refutes(obligation.hypotheses + [!part]) else { return nil }
    }
    return refutation.procedure
  }
}
