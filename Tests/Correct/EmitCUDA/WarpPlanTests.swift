@testable import check_plans
import MachineIR
import Operators
import Schedules
import Testing
import TileIR

/// Plans for GPUs give the reference's bits: under the interpreter of machine programs, which does a warp's work
/// in order.
@Suite struct WarpPlanTests {
  /// Long under a debug build: `check-plans interpret --target cuda-sm80` takes them.
  private static let long: Set<String> = ["index_picks", "attention", "projections", "hc_pre", "hc_head"]

  @Test(arguments: OperatorLibrary.all.map(\.name))
  func plansForWarpsGiveTheReferencesBits(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    guard !Self.long.contains(name), let instance = entry.instances.first(where: \.isSmall) else { return }
    let program = try instance.kernel().program()
    let launch = try PlanLaunch(instance, program, instance.shapes[0])
    let number = OperatorLibrary.all.firstIndex { $0.name == name }!
    let machine = MachineDescription.gpus[number % 2]
    let schedules = Schedule.candidates(for: program, on: machine)
    for schedule in [schedules[0], schedules[number % schedules.count]] {
      let plan = try Lowering.plan(program, for: machine, schedule: schedule)
      #expect(launch.problem(plan, rowGap: 6) == nil, "under \(schedule)")
    }
  }

  @Test func constantArraysThatFitAreOnChipAndTheOthersAreNot() throws {
    for name in ["softmax", "rope", "attention", "matmul"] {
      let program = try #require(OperatorLibrary.named(name)).instances[0].kernel().program()
      for kernel in try Lowering.plan(program, for: .sm90a).kernels {
        let launch = WarpLaunch(kernel)
        guard case .constant(let bytes) = launch.sharedBytesPerAgent else {
          Issue.record("\(name) has shared memory that the launch decides")
          continue
        }
        #expect(bytes * launch.agentsPerBlock <= MachineDescription.sm90a.gpu!.sharedPerBlock)
        for array in kernel.scratch where array.space == .onChip {
          guard case .constant = array.count else {
            Issue.record("\(array.name) of \(name) is on chip, of a size that the launch decides")
            continue
          }
        }
      }
    }
  }

  @Test func aLaunchHasPlacesForEveryArray() {
    let width = Dimension("width", in: 1...4096)
    let kernel = MachineKernel(
      name: "k", buffers: [], scalars: [KernelScalar("width", .extent(width))],
      scratch: [
        ScratchArray("a", .f32, count: .constant(5)), ScratchArray("b", .f64, count: .constant(2)),
        ScratchArray("c", .f32, count: .extent(width), in: .device),
        ScratchArray("d", .i32, count: .constant(1), in: .device),
      ], cells: .constant(7), cell: Variable("cell", .index), body: [])
    let launch = WarpLaunch(kernel)
    #expect(launch.offsets == [.constant(0), .constant(32), .constant(0), .number("d_offset")])
    #expect(launch.sharedBytesPerAgent == .constant(48))
    #expect(launch.numbers.map(\.name) == ["width", "d_offset", "spill_bytes", "cells"])
    let values = Dictionary(
      uniqueKeysWithValues: launch.numbers.map { number in
        (number.name, number.value.evaluate(extent: { _ in 5 }, stride: { _, _ in 0 }, scalar: { _ in 0 }))
      })
    #expect(values["d_offset"] == 32 && values["spill_bytes"] == 48 && values["cells"] == 7)
    #expect(launch.sharedBytesPerBlock { values[$0]! } == 4 * 48)
    #expect(launch.deviceBytes(blocks: 3) { values[$0]! } == 3 * 4 * 48)
  }
}
