import MachineIR
import TileIR

/// One block of depth of one panel: exact products of slices, the exact sum under its scales, and the total it goes to.
extension MatrixTile {
  func multiplyBlock(
    _ size: Int, _ place: Expression, _ panel: Expression, _ left: RegisterArray, _ rowScale: RegisterArray
  ) {
    let base = lowering.stack.define("scales_at", place * .constant(weight.scaleBytes))
    let together = lowering.collect { blockSums(size, place, base, panel, left, rowScale) }
    guard weight.groups > 1 else { return lowering.stack.append(contentsOf: together) }
    let far = Expression.load(
      Access(scales, .uint8, base + .constant((1 + weight.groups) * ByteMatrices.columns)), MachineType(.i32),
      active: nil)
    let apart = lowering.collect { groupSums(size, place, base, panel, left, rowScale) }
    lowering.stack.append(.branch(far.compared(.equal, .integer(0, far.type)), together, apart))
  }

  // MARK: The right operand

  /// Slices of the codes of one product along the depth, those of E2M1 shifted by what each column's group has above
  /// the least scale.
  private func right(_ step: Expression, _ place: Expression, shift: Expression?) -> [Expression] {
    let word = lowering.stack.define(
      "word",
      Expression.load(
        Access(codes, .int32, (place * .constant(weight.steps) + step) * .constant(weight.words)),
        MachineType(.i32, weight.words), active: nil))
    guard weight.format == .e4m3 else {
      let upper = word.apply(.shiftRightLogical, ByteFragments.integer(16, weight.words))
      let registers = [word, upper].map { nibbles -> Expression in
        let bytes = nibbles.apply(.bytesOfNibbles(MatrixWeight.e2m1Codes))
        return lowering.stack.define("bytes", shift.map { shifted(bytes, by: $0) } ?? bytes)
      }
      return [lowering.stack.define("right", .apply(.concatenate, registers, ByteMatrices.right))]
    }
    let integers = (0..<4).map { byte in
      let code = byte == 0 ? word : word.apply(.shiftRightLogical, ByteFragments.integer(8 * byte, weight.words))
      return lowering.stack.define("integer", ByteFragments.integers(code))
    }
    return (0..<ByteFragments.slices).map { slice in
      let bytes = integers.enumerated().map { ByteFragments.byte(slice, of: $1, at: $0) }
      return lowering.stack.define("right", bytes.dropFirst().reduce(bytes[0]) { $0.apply(.or, $1) })
    }
  }

  /// Each byte of a word shifted; what leaves a byte is lost.
  private func shifted(_ word: Expression, by shift: Expression) -> Expression {
    let ones = ByteFragments.integer(0x0101_0101, word.type.lanes)
    let lost = ones.apply(.shiftLeft, shift).apply(.subtract, ones)
    return word.apply(.shiftLeft, shift).apply(.and, lost.apply(.not))
  }

  /// What a column's group has above the least scale, in the lanes of one register of the right operand.
  private func shift(_ base: Expression, _ group: Expression) -> Expression {
    let columns = ByteFragments.rightColumn(weight.words)
    let own = columnScale(base, .constant(1) + group, columns)
    return lowering.stack.define("shift", own.apply(.subtract, columnScale(base, .constant(0), columns)))
  }

  /// Codes of the scales of columns in the lanes that say which.
  private func columnScale(_ base: Expression, _ position: Expression, _ columns: Expression) -> Expression {
    .gather(
      Access(scales, .uint8, base + position * .constant(ByteMatrices.columns)), lanes: columns, columns.type,
      active: nil)
  }

  // MARK: Sums

  private func registers(_ name: String, _ size: Int) -> RegisterArray {
    let sums = RegisterArray(lowering.stack.unique(name), ByteMatrices.sum, [size, weight.sums])
    lowering.stack.append(.registers(sums))
    return sums
  }

  private func clear(_ sums: RegisterArray, _ size: Int) -> MachineStatement {
    lowering.unrolled("r", size) { r in
      [lowering.unrolled("sum", weight.sums) { [.setElement(sums, [r, $0], .integer(0, ByteMatrices.sum))] }]
    }
  }

  /// Adds the products of a tile of rows of one step along the depth: slices of weights i and j go to sum i + j.
  private func add(
    _ right: [Expression], _ step: Expression, _ r: Expression, _ left: RegisterArray, to sums: RegisterArray,
    at position: Expression
  ) -> [MachineStatement] {
    (0..<ByteFragments.slices).flatMap { i in
      right.enumerated().map { j, slice -> MachineStatement in
        let at = [position, .constant(i + j)]
        let operands = [.element(sums, at), .element(left, [r, step, .constant(i)]), slice]
        return .setElement(sums, at, .apply(.multiplyBytes, operands, ByteMatrices.sum))
      }
    }
  }

  /// The whole block in one exact sum.
  private func blockSums(
    _ size: Int, _ place: Expression, _ base: Expression, _ panel: Expression, _ left: RegisterArray,
    _ rowScale: RegisterArray
  ) {
    let sums = registers("sum", size)
    lowering.stack.append(clear(sums, size))
    let step = lowering.stack.variable("step", .index)
    let products = lowering.collect {
      let group = Expression.variable(step).divided(by: weight.group / ByteFragments.depth)
      let right = self.right(.variable(step), place, shift: weight.groups == 1 ? nil : shift(base, group))
      lowering.stack.append(
        lowering.unrolled("r", size) { add(right, .variable(step), $0, left, to: sums, at: $0) })
    }
    lowering.stack.append(
      .loop(CountedLoop(step, from: .constant(0), to: .constant(weight.steps), unrolled: true, products)))
    let column = lowering.stack.define("column_scale", columnScale(base, .constant(0), ByteFragments.sumColumn))
    lowering.stack.append(
      lowering.unrolled("r", size) { r in
        let exact = combined(sums, r).apply(.multiply, power(.element(rowScale, [r]), column))
        return [addToTotal(r, panel, exact.converted(to: .f32))]
      })
  }

  /// Scales too far apart for shifts: each group's sum is exact, and all are rounded together. Rare, so that a tile
  /// of rows after the other goes through it, which takes fewer registers.
  private func groupSums(
    _ size: Int, _ place: Expression, _ base: Expression, _ panel: Expression, _ left: RegisterArray,
    _ rowScale: RegisterArray
  ) {
    let terms = RegisterArray(
      lowering.stack.unique("group_term"), MachineType(.f64, lanes), [weight.groups])
    lowering.stack.append(.registers(terms))
    let steps = weight.group / ByteFragments.depth
    for r in (0..<size).map(Expression.constant) {
      for group in 0..<weight.groups {
        let sums = registers("group_sum", 1)
        lowering.stack.append(clear(sums, 1))
        for step in (group * steps..<(group + 1) * steps).map(Expression.constant) {
          let right = self.right(step, place, shift: nil)
          lowering.stack.append(contentsOf: add(right, step, r, left, to: sums, at: .constant(0)))
        }
        let column = lowering.stack.define(
          "column_scale", columnScale(base, .constant(1 + group), ByteFragments.sumColumn))
        let exact = combined(sums, .constant(0)).apply(.multiply, power(.element(rowScale, [r]), column))
        lowering.stack.append(.setElement(terms, [.constant(group)], exact))
      }
      let rounded = Expression.apply(
        .roundedSum, (0..<weight.groups).map { .element(terms, [.constant($0)]) }, MachineType(.f32, lanes))
      lowering.stack.append(addToTotal(r, panel, rounded))
    }
  }

  // MARK: From sums to totals

  /// Adds the value of a block to the total of a tile of rows.
  private func addToTotal(_ r: Expression, _ panel: Expression, _ value: Expression) -> MachineStatement {
    let place = total(r, panel)
    let old = Expression.raw(buffer: totals, offset: place, MachineType(.f32, lanes))
    return .storeRaw(buffer: totals, offset: place, old.apply(.add, value))
  }

  /// The block's integer in f64: neighbouring sums meet in 32 bits, and every partial sum is an integer below 2^53.
  private func combined(_ sums: RegisterArray, _ r: Expression) -> Expression {
    let type = MachineType(.f64, lanes)
    var total: Expression?
    for first in stride(from: 0, to: weight.sums, by: 2) {
      var part = Expression.element(sums, [r, .constant(first)])
      if first + 1 < weight.sums {
        let next = Expression.element(sums, [r, .constant(first + 1)])
        part = part.apply(
          .add, next.apply(.multiply, ByteFragments.integer(1 << ByteFragments.sliceBits, lanes)))
      }
      let exact = part.converted(to: .f64)
      let unit = Double(1 << (ByteFragments.sliceBits * first))
      total = total.map { .apply(.fusedMultiplyAdd, [exact, .float(unit.bitPattern, type), $0], type) } ?? exact
    }
    return total!
  }

  /// The scale of a row times that of a column times the unit of the sums, in f64; NaN where one of them is.
  private func power(_ row: Expression, _ column: Expression) -> Expression {
    let worst = row.apply(.maximum, column)
    let wide = row.apply(.add, column).converted(to: .i64)
    // Both codes count from 2^-127.
    let field = wide.apply(.add, .integer(Int64(1023 - 2 * 127 + weight.unitExponent), wide.type))
    let power = field.apply(.shiftLeft, .integer(52, wide.type)).bitCast(to: .f64)
    let isNaN = worst.compared(.equal, ByteFragments.integer(255, lanes))
    return .apply(.select, [isNaN, .float(Double.nan.bitPattern, power.type), power], power.type)
  }
}
