import TileIR

/// The obligations of a program and what became of each.
public struct Proof: Sendable {
  public struct Result: Hashable, Sendable {
    public let obligation: Obligation
    public let verdict: Verdict
  }

  public let program: Program
  /// In order of the program.
  public let results: [Result]

  /// What may run: everything is proved.
  public var isComplete: Bool { results.allSatisfy(\.verdict.isProved) }

  /// Those that are not proved.
  public var failures: [Result] { results.filter { !$0.verdict.isProved } }

  /// How many each procedure decided.
  public var counts: [Procedure: Int] {
    var counts: [Procedure: Int] = [:]
    for case .proved(let procedure) in results.map(\.verdict) { counts[procedure, default: 0] += 1 }
    return counts
  }
}

extension Prover {
  /// Decides every obligation of a program.
  public func prove(_ program: Program) -> Proof {
    Proof(
      program: program,
      results: program.obligations().map { Proof.Result(obligation: $0, verdict: decide($0)) })
  }
}

extension Proof.Result: CustomStringConvertible {
  /// `Norm.swift:20: x[rows, width + 1]: width + 1 < 4096, width's extent: false for width = 4095`.
  public var description: String {
    let head = "\(obligation.location): \(obligation.sentence)"
    switch verdict {
    case .proved(let procedure): return "\(head): proved (\(procedure.rawValue))"
    case .refuted(let counterexample): return "\(head): false for \(counterexample)"
    case .unknown(let reason): return "\(head): neither proved nor refuted; \(reason)"
    }
  }
}
