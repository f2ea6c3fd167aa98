import Proofs
import Testing
import Tiles

/// What the prover says of a wrong kernel, and what the reference says of its counterexample.
struct WrongKernel {
  let proof: Proof

  init(_ kernel: Kernel) throws { proof = Prover().prove(try kernel.program()) }

  /// Expects the first obligation of this kind that fails to be refuted for exactly these values, and the
  /// reference to report `fault` for them.
  func expect(
    _ kind: ObligationKind, _ values: [String: Int] = [:], fault: String? = nil,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let failure = try #require(
      proof.failures.first { $0.obligation.kind == kind },
      "\(kind.rawValue) expected, \(proof.failures.map(\.description)) came", sourceLocation: sourceLocation)
    guard case .refuted(let counterexample) = failure.verdict else {
      Issue.record("\(failure)", sourceLocation: sourceLocation)
      return
    }
    for (name, value) in values {
      #expect(counterexample[name] == value, "\(name) in \(failure)", sourceLocation: sourceLocation)
    }
    guard let fault else { return }
    let replay = try #require(Replay(counterexample, of: proof.program), "\(failure)", sourceLocation: sourceLocation)
    let found = replay.run()?.message ?? "nothing"
    #expect(
      found.contains(fault), "\(fault) expected, the reference says \(found) for \(failure)",
      sourceLocation: sourceLocation)
  }

  static let hasSolver = Z3.standard != nil
}
