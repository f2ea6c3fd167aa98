import MachineIR
import TileIR

/// Arrays of a cell that its products use one after the other: a block's sums and values, of all rows and columns, and the
/// powers of two of both.
struct CubeArrays {
  let sums: String
  let values: String
  let rowExponents: String
  let columnExponents: String

  init(_ lowering: RegionLowering, rows: Int, columns: Int, sums count: Int) {
    sums = lowering.exactScratch("sums", .i32, count)
    values = lowering.exactScratch("values", .f32, rows * columns)
    rowExponents = lowering.exactScratch("row_exponents", .i32, rows)
    columnExponents = lowering.exactScratch("column_exponents", .i32, columns)
  }
}

extension RegionLowering {
  /// Makes of a product's sums of all weights a rounded number for each row and column, row after row, each with its row's
  /// power of two, from `rowExponents` of an array on, and its column's, where those are given.
  func roundSums(
    of product: SliceProduct, _ arrays: CubeArrays, rowExponents: (array: String, first: Expression),
    columnExponents: String?
  ) {
    let (f32, i32) = (MachineType(.f32, product.columns), MachineType(.i32, product.columns))
    let row = stack.variable("row", .index)
    let place = Expression.variable(row) * .constant(product.columns)
    let sums: [Expression] = (0..<5).map { weight in
      guard weight < product.weights else { return .integer(0, i32) }
      let first = weight * product.rows * product.columns
      return .raw(buffer: arrays.sums, offset: place + .constant(first), i32)
    }
    let ofRow = Expression.raw(
      buffer: rowExponents.array, offset: rowExponents.first + .variable(row), MachineType(.i32)
    ).broadcast(to: product.columns)
    let power =
      columnExponents.map { Expression.raw(buffer: $0, offset: .constant(0), i32).apply(.add, ofRow) } ?? ofRow
    stack.append(
      .loop(
        CountedLoop(
          row, from: .constant(0), to: .constant(product.rows),
          [
            .storeRaw(
              buffer: arrays.values, offset: place, .apply(.call(.roundedSlices), sums + [power], f32))
          ])))
  }
}
