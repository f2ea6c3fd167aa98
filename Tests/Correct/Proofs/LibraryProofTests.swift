import Operators
import Proofs
import Testing
import Tiles

/// Every operator of the library is proved for all shapes, by native procedures alone, and not because its
/// hypotheses contradict one another.
@Suite struct LibraryProofTests {
  @Test(arguments: OperatorLibrary.all.map(\.name)) func everyInstanceIsProved(name: String) throws {
    for instance in OperatorLibrary.named(name)!.instances {
      let proof = Prover(solver: nil).prove(try instance.kernel().program())
      #expect(proof.isComplete, "\(name) \(instance.name): \(proof.failures.map(\.description))")
      #expect(proof.results.contains { $0.obligation.kind == .inBounds })
      #expect(proof.results.contains { $0.obligation.kind == .writtenOnce })
    }
  }

  /// Hypotheses that no values satisfy prove anything. The operators that declare most about their data.
  @Test(
    .enabled(if: Z3.standard != nil),
    arguments: ["attention", "experts_up", "index_picks", "scatter", "gather", "expert_dispatch", "rope"])
  func hypothesesAreSatisfiable(name: String) throws {
    let instance = OperatorLibrary.named(name)!.instances.first { $0.isSmall }!
    var seen: Set<[Formula]> = []
    for obligation in try instance.kernel().program().obligations()
    where obligation.goal != .truth(false) && seen.insert(obligation.hypotheses).inserted {
      // Where the goal is false, that nothing satisfies the hypotheses is what is claimed.
      let vacuous = Obligation(
        obligation.kind, kernel: name, at: obligation.location, obligation.sentence,
        hypotheses: obligation.hypotheses, goal: .truth(false))
      let verdict = Prover().decide(vacuous)
      #expect(!verdict.isProved, "nothing satisfies the hypotheses of \(obligation.location): \(obligation.sentence)")
    }
  }
}
