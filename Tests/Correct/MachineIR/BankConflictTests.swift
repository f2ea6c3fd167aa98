import MachineIR
import Operators
import Schedules
import Testing
import TileIR

/// How often an access to shared memory is repeated, from where its lanes lie.
@Suite struct BankConflictTests {
  private func conflicts(
    _ type: MachineScalar, _ lanes: Expression, before: [MachineStatement] = []
  ) -> BankConflicts? {
    let read = Expression.gatherRaw(
      buffer: "a", offset: .variable(Variable("n", .index)), lanes: lanes, MachineType(type, lanes.type.lanes))
    let kernel = MachineKernel(
      name: "k", buffers: [], scalars: [KernelScalar("n", .constant(3))],
      scratch: [
        ScratchArray("a", type, count: .constant(4096)), ScratchArray("far", type, count: .constant(4096), in: .device),
      ], cells: .constant(1), cell: Variable("cell", .index),
      body: before + [.branch(.variable(Variable("n", .index)), [.define(Variable("x", read.type), read)], [])])
    #expect(kernel.bankConflicts["far"] == nil)
    return kernel.bankConflicts["a"]
  }

  private func strided(_ stride: Int, lanes: Int = 32) -> Expression {
    let type = MachineType(.i32, lanes)
    return Expression.laneNumbers(lanes).apply(.multiply, .integer(Int64(stride), type))
  }

  @Test(arguments: [(1, 1), (2, 2), (8, 8), (32, 32), (33, 1), (36, 4), (0, 1)])
  func wordsMeetAsTheirDistanceSays(_ stride: Int, _ degree: Int) {
    #expect(conflicts(.f32, strided(stride)) == .degree(degree))
    // Registers of a wide value are served one after the other.
    #expect(conflicts(.i32, strided(stride, lanes: 128)) == .degree(degree))
  }

  @Test func wideElementsAreServedByHalves() {
    #expect(conflicts(.f64, strided(1)) == .degree(1))
    #expect(conflicts(.f64, strided(2)) == .degree(2))
    #expect(conflicts(.f64, strided(16)) == .degree(16))
  }

  @Test func lanesMayStandInVariablesAndBeShifted() {
    let type = MachineType(.i32, 32)
    let place = Variable("place", type)
    let rows = Expression.laneNumbers(32).apply(.divideFloor(4)).apply(.multiply, .integer(72, type))
    let columns = Expression.laneNumbers(32).apply(.remainderFloor(4)).apply(.multiply, .integer(2, type))
    let shift = Expression.variable(Variable("n", .index)).converted(to: .i32).broadcast(to: 32)
    let defined = MachineStatement.define(place, rows.apply(.add, columns).apply(.add, shift))
    #expect(conflicts(.f32, .variable(place), before: [defined]) == .degree(2))
    #expect(conflicts(.f32, shift.apply(.multiply, .laneNumbers(32))) == .unknown)
  }

  /// Neither totals, stages that copies fill, nor the product, whether columns are whole cells or not.
  @Test(arguments: [96, 63]) func productsOfCodesHaveNone(_ outputs: Int) throws {
    let program = try linearFP4(inputs: 256, outputs: outputs).program()
    let plan = try Lowering.plan(program, for: .sm90a)
    let kernel = plan.kernels.last!
    let arrays = [
      "row_stages", "row_scale_stages", "code_stages", "scale_stages", "copy_barriers", "block_sums", "product",
    ]
    #expect(kernel.bankConflicts == Dictionary(uniqueKeysWithValues: arrays.map { ($0, .degree(1)) }))
    #expect(plan.description.contains("on chip block_sums: f32 [1536], bank conflicts 1"))
  }
}
