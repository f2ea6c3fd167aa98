import MachineIR
import Operators
@testable import Proofs
import Schedules
import Testing
import TileIR

/// What is exported of a plan's proof says all that the proof leans on: checks of earlier kernels, places that no
/// launch reaches, sides of branches. A solver that knows nothing else finds the same.
@Suite struct CertificateTests {
  @Test(
    .enabled(if: Z3.standard != nil),
    arguments: [
      ("compress", "small ratio 4", MachineDescription.avx512), ("matmul", "small empty", .sse2),
      ("output_groups", "small", .avx2),
    ])
  func exportedQueriesHaveNoModel(_ name: String, _ instance: String, _ machine: MachineDescription) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let own = try #require(entry.instances.first { $0.name == instance })
    let proof = MachineProof(try Lowering.plan(own.kernel().program(), for: machine), certifies: true)
    #expect(proof.isProved)
    #expect(proof.obligations.count > 100)
    let solver = try #require(Z3.standard)
    for (obligation, _) in proof.obligations {
      guard case .unsat = solver.check(Query(obligation)) else {
        Issue.record("\(Query(obligation).text)")
        continue
      }
    }
  }
}
