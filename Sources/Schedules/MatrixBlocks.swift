import MachineIR
import TileIR

/// One block of depth of one panel of integers: exact products of slices, the exact sum under its scales, and the total
/// it goes to.
extension MatrixTile {
  func multiplyIntegers(
    _ size: Int, _ scales: Access, _ panel: Expression, _ codes: RegisterArray, _ left: RegisterArray,
    _ rowScale: RegisterArray
  ) {
    let base = Access(scales.buffer, scales.element, lowering.stack.define("scales_at", scales.offset))
    let column = columnPower("column_scale", columnScales(base, ByteFragments.ownColumn))
    let sums = RegisterArray(lowering.stack.unique("sum"), ByteMatrices.sum, [size, Self.sums])
    lowering.stack.append(.registers(sums))
    lowering.stack.append(
      lowering.unrolled("r", size) { r in
        [lowering.unrolled("sum", Self.sums) { [.setElement(sums, [r, $0], .integer(0, ByteMatrices.sum))] }]
      })
    let step = lowering.stack.variable("step", .index)
    let products = lowering.collect {
      let right = slices(of: lowering.stack.define("word", .element(codes, [.variable(step)])))
      lowering.stack.append(
        lowering.unrolled("r", size) { add(right, .variable(step), $0, left, to: sums) })
    }
    lowering.stack.append(
      .loop(CountedLoop(step, from: .constant(0), to: .constant(weight.steps), unrolled: true, products)))
    lowering.stack.append(
      lowering.unrolled("r", size) { r in
        [keep(scaled(sums, r, .element(rowScale, [r]), column).converted(to: .f32), r, panel)]
      })
  }

  /// Sums of a block: products of slices with the same weight share one.
  private static let sums = 2 * ByteFragments.slices - 1

  // MARK: The right operand

  /// Words of each slice of the integers of a word of bf16 numbers.
  private func slices(of word: Expression) -> [Expression] {
    let integers = ByteFragments.integers(pairs: word).map { lowering.stack.define("integer", $0) }
    return (0..<ByteFragments.slices).map { slice in
      let bytes = integers.enumerated().map { ByteFragments.byte(slice, of: $1, at: $0) }
      return lowering.stack.define("right", bytes.dropFirst().reduce(bytes[0]) { $0.apply(.or, $1) })
    }
  }

  /// What is stored of the scales of columns, at the lanes that say which.
  func columnScales(_ base: Access, _ columns: Expression) -> Expression {
    .gather(base, lanes: columns, columns.type, active: nil)
  }

  /// Columns' scales in the lanes of the sums, in f64, from codes at each thread's own columns.
  func columnPower(_ name: String, _ code: Expression) -> Expression {
    let code = lowering.stack.define("column_code", code)
    return ByteFragments.ofColumns(lowering.stack.define(name, code.powerOfTwo(bias: weight.columnBias)))
  }

  // MARK: Sums

  /// Adds the products of a tile of rows of one step along the depth: slices of weights i and j go to sum i + j.
  private func add(
    _ right: [Expression], _ step: Expression, _ r: Expression, _ left: RegisterArray, to sums: RegisterArray
  ) -> [MachineStatement] {
    (0..<ByteFragments.slices).flatMap { i in
      right.enumerated().map { j, slice -> MachineStatement in
        let at = [r, .constant(i + j)]
        let operands = [.element(sums, at), .element(left, [r, step, .constant(i)]), slice]
        return .setElement(sums, at, .apply(.multiplyBytes, operands, ByteMatrices.sum))
      }
    }
  }

  // MARK: From sums to totals

  /// Adds the value of a block to the total of a tile of rows, or stores it where it is the only block.
  func keep(_ value: Expression, _ r: Expression, _ panel: Expression) -> MachineStatement {
    let totals: String
    switch values {
    case .totals(let array): totals = array
    case .rows(let array, let pitch):
      let first = r * .constant(ByteMatrices.rows * pitch) + panel * .constant(ByteMatrices.columns)
      return .scatter(
        Access(array, .float32, first), lanes: ByteFragments.sumPlace(pitch), value, active: nil)
    }
    let place = total(r, panel)
    let old = Expression.raw(buffer: totals, offset: place, MachineType(.f32, lanes))
    return .storeRaw(buffer: totals, offset: place, old.apply(.add, value))
  }

  /// A block's exact sum under the scales of its row, with the unit of the sums, and its column.
  ///
  /// Neighbouring sums meet in 32 bits; in f64 every partial sum is an integer below 2^53, and powers of two are exact.
  private func scaled(_ sums: RegisterArray, _ r: Expression, _ row: Expression, _ column: Expression)
    -> Expression
  {
    let type = MachineType(.f64, lanes)
    var total: Expression?
    for first in stride(from: 0, to: Self.sums, by: 2) {
      var part = Expression.element(sums, [r, .constant(first)])
      if first + 1 < Self.sums {
        let next = Expression.element(sums, [r, .constant(first + 1)])
        part = part.apply(
          .add, next.apply(.multiply, ByteFragments.integer(1 << ByteFragments.sliceBits, lanes)))
      }
      let exact = Self.widened(part)
      let unit = Double(1 << (ByteFragments.sliceBits * first))
      total =
        total.map { .apply(.fusedMultiplyAdd, [exact, .float(unit.bitPattern, type), $0], type) } ?? exact
    }
    return total!.apply(.multiply, ByteFragments.ofRows(row)).apply(.multiply, column)
  }

  /// An `i32` in f64: with its sign turned it is the fraction of a number from 2^52 on. A GPU converts a quarter as fast
  /// as it adds.
  private static func widened(_ integer: Expression) -> Expression {
    let lanes = integer.type.lanes
    let unsigned = integer.apply(.xor, .integer(Int64(Int32.min), integer.type)).converted(to: .i64)
    let bits = unsigned.apply(.and, .integer(0xFFFF_FFFF, unsigned.type))
      .apply(.or, .integer(0x4330_0000_0000_0000, unsigned.type))
    let type = MachineType(.f64, lanes)
    return bits.bitCast(to: .f64).apply(.subtract, .float((0x1p52 + 0x1p31).bitPattern, type))
  }
}
