import MachineIR
import TileIR

/// One block of depth of one panel: exact products of slices, the exact sum under its scales, and the total it goes to.
extension MatrixTile {
  func multiplyBlock(
    _ size: Int, _ scales: Access, _ panel: Expression, _ codes: RegisterArray, _ left: RegisterArray,
    _ rowScale: RegisterArray
  ) {
    let base = Access(scales.buffer, scales.element, lowering.stack.define("scales_at", scales.offset))
    let together = lowering.collect { blockSums(size, base, panel, codes, left, rowScale) }
    guard weight.groups > 1 else { return lowering.stack.append(contentsOf: together) }
    let first = Expression.load(base, MachineType(.i32), active: nil)
    let apart = lowering.collect { groupSums(size, base, panel, codes, left, rowScale) }
    lowering.stack.append(.branch(GroupScales.isFar(first), apart, together))
  }

  // MARK: The right operand

  /// Slices of the codes of one product along the depth, those of E2M1 shifted by what each column's group has above
  /// the least scale.
  private func right(_ step: Expression, _ codes: RegisterArray, shift: Expression?) -> [Expression] {
    let word = lowering.stack.define("word", .element(codes, [step]))
    if weight.format == .bfloat16 { return slices(of: ByteFragments.integers(pairs: word)) }
    guard weight.format == .e4m3 else {
      let upper = word.apply(.shiftRightLogical, ByteFragments.integer(16, weight.words))
      let registers = [word, upper].map { nibbles -> Expression in
        let bytes = nibbles.apply(.bytesOfNibbles(MatrixWeight.e2m1Codes))
        return lowering.stack.define("bytes", shift.map { shifted(bytes, by: $0) } ?? bytes)
      }
      return [lowering.stack.define("right", .apply(.concatenate, registers, ByteMatrices.right))]
    }
    return (0..<SignedSlices.count).map {
      lowering.stack.define("right", word.apply(.sliceOfE4M3($0)))
    }
  }

  /// Words of each slice of integers at four depths.
  private func slices(of integers: [Expression]) -> [Expression] {
    let integers = integers.map { lowering.stack.define("integer", $0) }
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

  /// What is stored of the scales of columns, at the lanes that say which.
  private func columnScales(_ base: Access, _ columns: Expression) -> Expression {
    .gather(base, lanes: columns, columns.type, active: nil)
  }

  /// A column's scale in the lanes of the sums, in f64.
  private func columnPower(_ name: String, _ code: Expression) -> Expression {
    let code = lowering.stack.define("column_code", code)
    return lowering.stack.define(name, code.powerOfTwo(bias: weight.columnBias))
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
    _ size: Int, _ base: Access, _ panel: Expression, _ codes: RegisterArray, _ left: RegisterArray,
    _ rowScale: RegisterArray
  ) {
    let hasGroups = weight.groups > 1
    let shifts =
      hasGroups
      ? lowering.stack.define("shifts", columnScales(base, ByteFragments.rightColumn(weight.words))) : nil
    let stored = columnScales(base, ByteFragments.sumColumn)
    let column = columnPower("column_scale", hasGroups ? GroupScales.least(stored) : stored)
    let sums = registers("sum", size)
    lowering.stack.append(clear(sums, size))
    let step = lowering.stack.variable("step", .index)
    let products = lowering.collect {
      let group = Expression.variable(step).divided(by: weight.group / ByteFragments.depth)
      let shift = shifts.map { lowering.stack.define("shift", GroupScales.shift($0, group)) }
      let right = self.right(.variable(step), codes, shift: shift)
      lowering.stack.append(
        lowering.unrolled("r", size) { add(right, .variable(step), $0, left, to: sums, at: $0) })
    }
    lowering.stack.append(
      .loop(CountedLoop(step, from: .constant(0), to: .constant(weight.steps), unrolled: true, products)))
    lowering.stack.append(
      lowering.unrolled("r", size) { r in
        [keep(scaled(sums, r, .element(rowScale, [r]), column).converted(to: .f32), r, panel)]
      })
  }

  /// Scales too far apart for shifts: each group's sum is exact, and all are rounded together. Rare, so that a tile
  /// of rows after the other goes through it, which takes fewer registers.
  private func groupSums(
    _ size: Int, _ base: Access, _ panel: Expression, _ codes: RegisterArray, _ left: RegisterArray,
    _ rowScale: RegisterArray
  ) {
    let apart = Access(base.buffer, base.element, base.offset + .constant(ByteMatrices.columns))
    let words = lowering.stack.define(
      "group_scales", columnScales(apart, ByteFragments.sumColumn))
    let terms = RegisterArray(
      lowering.stack.unique("group_term"), MachineType(.f64, lanes), [weight.groups])
    lowering.stack.append(.registers(terms))
    let steps = weight.group / ByteFragments.depth
    for r in (0..<size).map(Expression.constant) {
      for group in 0..<weight.groups {
        let sums = registers("group_sum", 1)
        lowering.stack.append(clear(sums, 1))
        for step in (group * steps..<(group + 1) * steps).map(Expression.constant) {
          let right = self.right(step, codes, shift: nil)
          lowering.stack.append(contentsOf: add(right, step, r, left, to: sums, at: .constant(0)))
        }
        let column = columnPower("group_scale", GroupScales.scale(words, group))
        let exact = scaled(sums, .constant(0), .element(rowScale, [r]), column)
        lowering.stack.append(.setElement(terms, [.constant(group)], exact))
      }
      let rounded = Expression.apply(
        .roundedSum, (0..<weight.groups).map { .element(terms, [.constant($0)]) }, MachineType(.f32, lanes))
      lowering.stack.append(keep(rounded, r, panel))
    }
  }

  // MARK: From sums to totals

  /// Adds the value of a block to the total of a tile of rows, or stores it where it is the only block.
  private func keep(_ value: Expression, _ r: Expression, _ panel: Expression) -> MachineStatement {
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
    for first in stride(from: 0, to: weight.sums, by: 2) {
      var part = Expression.element(sums, [r, .constant(first)])
      if first + 1 < weight.sums {
        let next = Expression.element(sums, [r, .constant(first + 1)])
        part = part.apply(
          .add, next.apply(.multiply, ByteFragments.integer(1 << ByteFragments.sliceBits, lanes)))
      }
      let exact = Self.widened(part)
      let unit = Double(1 << (ByteFragments.sliceBits * first))
      total =
        total.map { .apply(.fusedMultiplyAdd, [exact, .float(unit.bitPattern, type), $0], type) } ?? exact
    }
    return total!.apply(.multiply, row).apply(.multiply, column)
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
