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
  static let orders: [PipeOrder] = [.early, .late, .shuffled(seed: 11)]

  /// An operator with one of its small instances.
  struct Choice: CustomTestStringConvertible {
    let entry: OperatorEntry
    let instance: OperatorInstance
    var testDescription: String { "\(entry.name) \(instance.name)" }
  }

  /// Instances in place of the first small one, whose products are those of vectors.
  static let others = [
    "matmul": "small unfused transposed", "projections": "small float32", "index_scores": "small sixteen heads",
  ]
  /// One instance of every operator besides those of `CubeOperatorTests`; `make check-ascend` runs all instances.
  static let choices = OperatorLibrary.all.filter { !CubeOperatorTests.names.contains($0.name) }.map { entry in
    let name = others[entry.name]
    return Choice(entry: entry, instance: entry.instances.first { name == nil ? $0.isSmall : $0.name == name }!)
  }

  @Test(arguments: choices)
  func givesTheReferencesBitsInEveryOrder(_ choice: Choice) throws {
    let instance = choice.instance
    let program = try instance.kernel().program()
    let executable = try AscendModelExecutable(program, unproved: "`prove` proves it, and its bits are compared here")
    for (number, extents) in instance.shapes.enumerated() {
      for kind in InputKind.allCases {
        let bitCase = try BitCase(instance, program, extents, kind)
        // Every order at the first shape, one of them at the others.
        for order in number == 0 ? Self.orders : [Self.orders[number % Self.orders.count]] {
          executable.order = order
          let results = try executable.run(bitCase.arguments, extents: bitCase.extents)
          for (output, expected) in bitCase.expected {
            let found = try #require(results[output])
            #expect(found == expected, "\(bitCase.label), \(order): \(output) \(difference(found, expected))")
          }
        }
      }
    }
  }

  /// A row that the unified buffer has no room for is kept in main memory, by kernels of their own.
  @Test(arguments: [24_000, 30_011])
  func arraysWithoutRoomOnChipAreInMainMemory(_ width: Int) throws {
    let instance = try #require(OperatorLibrary.named("softmax")?.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let plan = try Lowering.plan(program, for: .ascend910b)
    #expect(plan.variants.map(\.name) == ["rows on chip", "every launch"])
    let bitCase = try BitCase(instance, program, ["rows": 2, "width": width], .ordinary)
    let executable = try AscendModelExecutable(program, unproved: "`prove` proves it, and its bits are compared here")
    let results = try executable.run(bitCase.arguments, extents: bitCase.extents)
    for (output, expected) in bitCase.expected {
      let found = try #require(results[output])
      #expect(found == expected, "\(bitCase.label): \(output) \(difference(found, expected))")
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
