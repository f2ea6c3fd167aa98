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
    case .sat(let counterexample): return .refuted(small(obligation, solver) ?? counterexample)
    case .unknown(let reason): return .unknown(reason)
    }
  }

  /// A counterexample of small extents where there is one: easier to read, and quick to run.
  private func small(_ obligation: Obligation, _ solver: Z3) -> Counterexample? {
    var extents: Set<Variable> = []
    for formula in obligation.hypotheses + [obligation.goal] {
      formula.visitVariables { if $0.name.hasPrefix("|") { extents.insert($0) } }
    }
    if extents.isEmpty { return nil }
    for most in [3, 20, 150] {
      let bounds = extents.sorted().map { Term.variable($0) .<= .constant(most) }
      let bounded = Obligation(
        obligation.kind, kernel: obligation.kernel, at: obligation.location, obligation.sentence,
        hypotheses: obligation.hypotheses + bounds, goal: obligation.goal)
      if case .sat(let counterexample) = solver.check(bounded.query) { return counterexample }
    }
    return nil
  }

  /// The native procedure that proves the obligation; nil where none does.
  func decideNatively(_ obligation: Obligation) -> Procedure? {
    if Interval.truth(obligation.goal) == true { return obligation.lemma == nil ? .intervals : .lemma }
    if BinaryProof.proves(obligation.goal, from: obligation.hypotheses) { return .binary }
    if WordCases.proves(obligation.goal, from: obligation.hypotheses) { return .cases }
    var refutation = LinearRefutation()
    // A conjunction is proved part by part: each needs fewer cases than all at once.
    let parts = if case .and(let parts) = obligation.goal { parts } else { [obligation.goal] }
    for part in parts where Interval.truth(part) != true {
      guard refutation.refutes(obligation.hypotheses + [!part]) else {
        return ValueCases.proves(obligation.goal, from: obligation.hypotheses) ? .cases : nil
      }
    }
    return refutation.procedure
  }
}
