import MachineIR
import TileIR

/// Sums of several rows side by side, a vector each with a column in every lane.
extension RegionLowering {
  /// Registers for the sums of so many rows, all +0.
  func clearedSums(_ name: String, of rows: Int, lanes: Int) -> RegisterArray {
    let type = MachineType(.f32, lanes)
    let sums = RegisterArray(stack.unique(name), type, [rows])
    stack.append(.registers(sums))
    stack.append(unrolled("r", rows) { [.setElement(sums, [$0], .float(0, type))] })
    return sums
  }

  /// Adds products step by step: of the columns at a step, and of each row's element at `place(row, step)` of `rows`.
  func addSteps(
    along dimension: Dimension, from lower: Expression, to upper: Expression, to sums: RegisterArray,
    rows: String, at place: (_ row: Expression, _ step: Expression) -> Expression,
    columns: (_ step: Expression) -> Expression
  ) {
    let step = stack.variable(dimension.name, .index)
    stack.open()
    let column = stack.define("column_step", columns(.variable(step)))
    stack.append(
      unrolled("r", sums.extents[0]) { r in
        let row = Expression.raw(buffer: rows, offset: place(r, .variable(step)), MachineType(.f32))
          .broadcast(to: sums.type.lanes)
        return [.setElement(sums, [r], Expression.element(sums, [r]).apply(.add, row.apply(.multiply, column)))]
      })
    stack.append(.loop(CountedLoop(step, from: lower, to: upper, stack.close())))
  }

  /// The lanes' elements at a step of an array that has a row of `depth` steps for each lane.
  func columns(of array: String, depth: Int, at step: Expression, lanes: Int) -> Expression {
    let places = Expression.laneNumbers(lanes).apply(.multiply, .integer(Int64(depth), MachineType(.i32, lanes)))
    return .gatherRaw(buffer: array, offset: step, lanes: places, MachineType(.f32, lanes))
  }
}
