import MachineIR
import TileIR

/// Arrays of a cell that its products use one after the other: a block's sums and values, of all rows and columns, and the
/// powers of two of both.
struct CubeArrays {
  let sums: String
  let values: ArrayPart
  let rowExponents: ArrayPart
  let columnExponents: ArrayPart

  /// `values`: an array that has them anyway.
  init(_ lowering: RegionLowering, rows: Int, columns: Int, sums count: Int, values: String? = nil) {
    self = Self.arrays(1, lowering, rows: rows, columns: columns, sums: count, values: values)[0]
  }

  /// The same for several blocks, which are rounded together: values and powers of two one behind the other.
  static func arrays(
    _ parts: Int, _ lowering: RegionLowering, rows: Int, columns: Int, sums count: Int, values known: String? = nil
  ) -> [CubeArrays] {
    let values = known ?? lowering.exactScratch("values", .f32, parts * rows * columns)
    let rowExponents = lowering.exactScratch("row_exponents", .i32, parts * rows)
    let columnExponents = lowering.exactScratch("column_exponents", .i32, parts * columns)
    return (0..<parts).map { part in
      CubeArrays(
        sums: lowering.exactScratch("sums", .i32, count),
        values: ArrayPart(values, from: .constant(part * rows * columns)),
        rowExponents: ArrayPart(rowExponents, from: .constant(part * rows)),
        columnExponents: ArrayPart(columnExponents, from: .constant(part * columns)))
    }
  }

  private init(sums: String, values: ArrayPart, rowExponents: ArrayPart, columnExponents: ArrayPart) {
    (self.sums, self.values) = (sums, values)
    (self.rowExponents, self.columnExponents) = (rowExponents, columnExponents)
  }
}

/// Elements of an array from one on.
struct ArrayPart {
  let array: String
  let first: Expression

  init(_ array: String, from first: Expression = .constant(0)) { (self.array, self.first) = (array, first) }

  func raw(_ type: MachineType, at place: Expression = .constant(0)) -> Expression {
    .raw(buffer: array, offset: first + place, type)
  }
  func stored(_ value: Expression, at place: Expression = .constant(0)) -> MachineStatement {
    .storeRaw(buffer: array, offset: first + place, value)
  }
}

extension RegionLowering {
  /// Makes of a product's sums of all weights a rounded number for each row and column, row after row, each with its row's
  /// power of two and its column's, where those are given.
  func roundSums(
    of product: SliceProduct, to values: ArrayPart, rowExponents: ArrayPart, columnExponents: ArrayPart?
  ) {
    let (f32, i32) = (MachineType(.f32, product.columns), MachineType(.i32, product.columns))
    let row = stack.variable("row", .index)
    let place = Expression.variable(row) * .constant(product.columns)
    let sums: [Expression] = (0..<5).map { weight in
      guard weight < product.weights else { return .integer(0, i32) }
      let first = weight * product.rows * product.columns
      return .raw(buffer: product.target, offset: place + .constant(first), i32)
    }
    let ofRow = rowExponents.raw(MachineType(.i32), at: .variable(row)).broadcast(to: product.columns)
    let power = columnExponents.map { $0.raw(i32).apply(.add, ofRow) } ?? ofRow
    let rounded = values.stored(.apply(.call(.roundedSlices), sums + [power], f32), at: place)
    stack.append(.loop(CountedLoop(row, from: .constant(0), to: .constant(product.rows), [rounded])))
  }
}
