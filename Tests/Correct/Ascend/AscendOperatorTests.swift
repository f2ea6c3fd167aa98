import DeviceModel
import MachineIR
import Operators
import Proofs
import Runtime
import Schedules
import Testing
import TileIR

/// Operators as Ascend C, proved, compiled against the model of pipes and run: the reference's bits and no report,
/// whenever pipes go on.
@Suite struct AscendOperatorTests {
  static let names = [
    "widen", "swiglu", "rms_norm", "softmax", "rope", "hadamard", "argmax", "gather", "embed", "scatter", "quantise_s8",
    "dequantise_fp8", "quantise_s4", "sampling_weights",
  ]

  @Test(arguments: names)
  func givesTheReferencesBitsInEveryOrder(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let cases = try instance.shapes.flatMap { extents in
      try InputKind.allCases.map { try BitCase(instance, program, extents, $0) }
    }
    for order in [PipeOrder.early, .late, .shuffled(seed: 11)] {
      let executable = try AscendModelExecutable(program, order: order)
      for bitCase in cases {
        let results = try executable.run(bitCase.arguments, extents: bitCase.extents)
        for (output, expected) in bitCase.expected {
          let found = try #require(results[output])
          #expect(found == expected, "\(bitCase.label), \(order): \(output) \(difference(found, expected))")
        }
      }
    }
  }

  /// A hand-written kernel of three stages raises two events a round each way, for copies in and copies out: the
  /// synthesis needs no more.
  @Test func oneStageNeedsTheEventsOfAHandWrittenKernel() throws {
    let instance = try #require(OperatorLibrary.named("swiglu")?.instances.first { $0.isSmall })
    let plan = try Lowering.plan(instance.kernel().program(), for: .ascend910b)
    let kernel = try Lowering.pipes(plan)[0].withoutNeedlessEvents()
    var events: Set<PipeEvent> = []
    kernel.forEachStatement { if case .set(let event) = $0 { events.insert(event) } }
    // Three inputs, one of them a scalar a row, and one output.
    #expect(events.count <= 7)
    #expect(events.allSatisfy { $0.number < Ascend.eventsPerPair })
  }
}
