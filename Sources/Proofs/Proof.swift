import TileIR

/// The obligations of a program and what became of each.
public struct Proof: Sendable {
  public struct Result: Hashable, Sendable {
    public let obligation: Obligation
    public let verdict: Verdict
    /// The author's waiver where one lets an unknown verdict pass.
    public let waiver: Waiver?

    init(_ obligation: Obligation, _ verdict: Verdict, waivers: [Waiver]) {
      self.obligation = obligation
      self.verdict = verdict
      guard case .unknown = verdict else {
        waiver = nil
        return
      }
      waiver = waivers.first { $0.name == obligation.name }
    }

    /// Whether the program may run as far as this is concerned.
    public var passes: Bool { verdict.isProved || waiver != nil }
  }

  public let program: Program
  /// In order of the program.
  public let results: [Result]
  /// Whether the verdicts were found in a cache.
  public let wasCached: Bool

  init(_ program: Program, _ obligations: [Obligation], _ verdicts: [Verdict], wasCached: Bool) {
    self.program = program
    self.wasCached = wasCached
    results = zip(obligations, verdicts).map { Result($0, $1, waivers: program.waivers) }
  }

  /// Waivers that no obligation needs.
  public var idleWaivers: [Waiver] {
    program.waivers.filter { waiver in !results.contains { $0.waiver == waiver } }
  }

  /// What may run: everything is proved or waived, and no waiver is idle.
  public var isComplete: Bool { results.allSatisfy(\.passes) && idleWaivers.isEmpty }

  /// Those that are neither proved nor waived.
  public var failures: [Result] { results.filter { !$0.passes } }

  /// How many each procedure decided.
  public var counts: [Procedure: Int] {
    var counts: [Procedure: Int] = [:]
    for case .proved(let procedure) in results.map(\.verdict) { counts[procedure, default: 0] += 1 }
    return counts
  }

  /// What is kept of it where everything is proved and nothing waived.
  public var proved: ProvedPlan? {
    guard isComplete, program.waivers.isEmpty else { return nil }
    return ProvedPlan(narrowSpans: [], counts: counts, assumptions: [])
  }

  /// Refuses a program that is not proved: what fails first, with its source line and values for which it
  /// does.
  public func require() throws(Diagnostic) {
    if let failure = failures.first {
      let more = failures.count == 1 ? "" : "; \(failures.count - 1) more, see `tessera prove`"
      throw Diagnostic(
        "\(program.name) is not proved: \(failure.text)\(more)", at: [failure.obligation.location])
    }
    if let idle = idleWaivers.first {
      throw Diagnostic("nothing needs the waiver of \(idle.name)", at: [idle.location])
    }
  }
}

extension Prover {
  /// Decides every obligation of a program.
  public func prove(_ program: Program) -> Proof {
    let obligations = program.obligations()
    let decided = decide(obligations)
    let verdicts = zip(obligations, decided.verdicts).map { obligation, verdict -> Verdict in
      // That no store is found which writes an element does not say that none does: the reference knows.
      guard obligation.kind == .covered, case .refuted(let counterexample) = verdict,
        Replay(counterexample, of: program)?.run() == nil
      else { return verdict }
      return .unknown("no store was found that writes the element at \(counterexample)")
    }
    return Proof(program, obligations, verdicts, wasCached: decided.wasCached)
  }

  /// Decides obligations that belong together, or finds their verdicts in the cache.
  public func decide(_ obligations: [Obligation]) -> (verdicts: [Verdict], wasCached: Bool) {
    guard let cache else { return (obligations.map(decide), false) }
    let key = VerdictCache.key(obligations)
    if let known = cache.verdicts(key), known.count == obligations.count { return (known, true) }
    let verdicts = obligations.map(decide)
    cache.keep(verdicts, key)
    return (verdicts, false)
  }
}

extension Proof.Result: CustomStringConvertible {
  /// The sentence and the verdict: `x[rows, width + 1]: width + 1 < 4096, width's extent: false for
  /// width = 4095`.
  public var text: String {
    let head = obligation.sentence
    switch verdict {
    case .proved(let procedure): return "\(head): proved (\(procedure.rawValue))"
    case .refuted(let counterexample): return "\(head): false for \(counterexample)"
    case .unknown(let reason):
      let end = waiver.map { "waived because \($0.reason)" } ?? reason
      return "\(head): neither proved nor refuted; \(end)"
    }
  }

  /// With the source line and the name: `Norm.swift:20: inBounds x: …`.
  public var description: String { "\(obligation.location): \(obligation.name): \(text)" }
}
