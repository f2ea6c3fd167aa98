import MachineIR
import Operators
import Proofs
import Schedules
import Testing
import TileIR

/// Plans of the library are proved: every access in bounds, every element of an output written once, for all
/// shapes that the program admits.
@Suite struct MachineProofTests {
  /// Operators of each family; the command proves all instances on all targets.
  private static let families = [
    "matmul", "linear_fp8", "linear_fp4", "grouped_linear_fp4", "quantise_q8", "hadamard", "rms_norm", "softmax",
    "rope", "top_k", "gather", "scatter", "expert_permutation", "swiglu", "compress",
    "index_scores", "query_rotation", "attention",
  ]

  @Test(arguments: families)
  func plansOfTheLibraryAreProved(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first)
    let program = try instance.kernel().program()
    for machine in [MachineDescription.sse2, .avx512, .sm90a] {
      let proof = MachineProof(try Lowering.plan(program, for: machine))
      #expect(proof.isProved, "\(proof.open)")
      #expect(proof.findings.contains { $0.kind == .inBounds })
      #expect(proof.findings.contains { $0.kind == .covered })
    }
  }
}
