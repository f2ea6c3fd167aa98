import MachineIR
import Testing
import TileIR
import Tiles

/// A plan of one kernel that makes `y[r]` of `x` at `picks[r]`, eight rows a cell.
enum PickPlan {
  static let lanes = MachineType(.i32, 8)

  /// - Parameters:
  ///   - value: what the program says of a row.
  ///   - body: what a cell does, from its first row on and for so many rows.
  static func plan(
    _ picked: ClosedRange<Int>, value: @escaping (Tensor<Int32>, Tensor<Float>, Block) -> Tile<Float>,
    body: (_ first: Expression, _ active: Expression) -> [MachineStatement]
  ) throws -> Plan {
    let kernel = Kernel("pick") { k in
      let rows = k.dimension("rows", in: 0...1000)
      let four = k.dimension("four", in: 4...4)
      let picks = k.input("picks", Int32.self, [rows], .range(picked.lowerBound, picked.upperBound))
      let x = k.input("x", Float.self, [four])
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in y[r] = value(picks, x, r) }
    }
    let program = try kernel.program()
    let rows = try #require(program.dimensions.first { $0.name == "rows" })
    let cell = Variable("cell", .index)
    let first = Expression.variable(cell) * .constant(8)
    let active = (Expression.variable(.init("rows", .index)) - first).minimum(.constant(8))
    let machineKernel = MachineKernel(
      name: "pick",
      buffers: [
        KernelBuffer("picks", .parameter(0), .int32, isWritten: false),
        KernelBuffer("x", .parameter(1), .float32, isWritten: false),
        KernelBuffer("y", .parameter(2), .float32, isWritten: true),
      ],
      scalars: [KernelScalar("rows", .extent(rows))], scratch: [],
      cells: HostExpression.extent(rows).dividedUp(by: 8), cell: cell, body: body(first, active))
    return Plan(
      program: program, machine: .avx2, schedule: "", workspaces: [],
      variants: [PlanVariant(name: "every launch", guards: [], kernels: [machineKernel])], messages: [])
  }
}
