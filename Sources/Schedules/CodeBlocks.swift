import MachineIR
import TileIR

/// One block of depth of a tile of rows and a panel of columns: exact products of the parts of its numbers, the exact sum
/// under its scales, and the product it goes to.
///
/// The parts of an E4M3 number are at most 448 and 256 of their units, an E2M1 number that is shifted within its block
/// 96: sums of 128 products of either part with it are exact in f32. Of two E4M3 numbers, so are sums of 64 products of
/// first parts, of 64 pairs of products of unlike parts, and of 128 products of second parts.
extension CodeTile {
  /// What a block of the cell's columns is while rows go past.
  struct Columns {
    /// Parts of the numbers: [panel][half step along the depth][part].
    let parts: RegisterArray
    /// The scale of each thread's own two columns of a panel; where groups have scales, the least.
    let power: RegisterArray
    let scales: [Access]
    /// For each panel whether its scales ask for sums in f64; none where all do.
    let isFar: [Expression]
  }

  /// What a block of a tile of rows is.
  struct Rows {
    /// [half step][part].
    let parts: RegisterArray
    /// The codes of the scales of each thread's own two rows, and what they stand for.
    let codes: Expression
    let power: Expression
    /// Whether they ask for sums in f64.
    let isFar: Expression
  }

  private var steps: Int { weight.steps }
  private var lanes: Int { HalfMatrices.sum.lanes }
  /// Whether a block has two sums, which meet in f32 where scales are near 1.
  private var isShort: Bool { weight.format == .e2m1 && weight.groups > 1 }
  private var powers: MachineType { MachineType(isShort ? .f32 : .f64, lanes / 2) }
  private var columnParts: Int { weight.format == .e2m1 ? 1 : HalfMatrices.parts }

  func columns(_ places: Places) -> Columns {
    let parts = RegisterArray(
      lowering.stack.unique("columns"), HalfMatrices.left, [panels, 2 * steps, columnParts])
    let power = RegisterArray(lowering.stack.unique("column_scale"), powers, [panels])
    lowering.stack.append(.registers(parts))
    lowering.stack.append(.registers(power))
    let own = lowering.stack.define("own_column", ByteFragments.ownRow)
    var scales: [Access] = []
    var isFar: [Expression] = []
    for panel in 0..<panels {
      let (codes, base) = (places.codes(panel), places.scales(panel))
      scales.append(base)
      let stored = lowering.stack.define("scale_words", .gather(base, lanes: own, own.type, active: nil))
      let code = weight.groups > 1 ? GroupScales.least(stored) : stored
      lowering.stack.append(
        .setElement(power, [.constant(panel)], isShort ? shortPower(code, weight.columnBias) : columnPower(code)))
      if weight.groups > 1 {
        let first = Expression.load(base, MachineType(.i32), active: nil)
        isFar.append(lowering.stack.define("is_far", GroupScales.farBit(first)))
      }
      let counter = lowering.stack.variable("step", .index)
      let step = Expression.variable(counter)
      lowering.stack.open()
      let at = Access(codes.buffer, .int32, codes.offset + step * .constant(weight.words))
      let word = lowering.stack.define("word", .load(at, MachineType(.i32, weight.words), active: nil))
      let group = step.divided(by: weight.group / ByteFragments.depth)
      let shift =
        weight.groups > 1
        ? lowering.stack.define("shift", GroupScales.shift(stored, group)) : ByteFragments.integer(0, weight.words)
      for pair in 0..<2 {
        for part in 0..<columnParts {
          lowering.stack.append(
            .setElement(
              parts, [.constant(panel), step * .constant(2) + .constant(pair), .constant(part)],
              columnPart(word, shift, pair: pair, part)))
        }
      }
      lowering.stack.append(
        .loop(
          CountedLoop(
            counter, from: .constant(0), to: .constant(steps), unrolled: true, lowering.stack.close())))
    }
    return Columns(parts: parts, power: power, scales: scales, isFar: isFar)
  }

  private func columnPart(_ word: Expression, _ shift: Expression, pair: Int, _ part: Int) -> Expression {
    guard weight.format == .e2m1 else { return word.apply(.halvesOfE4M3(pair: pair, part: part)) }
    let halves = [pair, pair + 2].map { Expression.apply(.halvesOfE2M1(pair: $0), [word, shift], word.type) }
    return .apply(.concatenate, halves, HalfMatrices.left)
  }

  private func columnPower(_ code: Expression) -> Expression {
    lowering.stack.define("column_code", code).powerOfTwo(bias: weight.columnBias)
  }

  /// What a code near 1's stands for, in f32.
  private func shortPower(_ code: Expression, _ bias: Int) -> Expression {
    let lanes = code.type.lanes
    let field = bias == 127 ? code : code.apply(.add, ByteFragments.integer(127 - bias, lanes))
    return field.apply(.shiftLeft, ByteFragments.integer(23, lanes)).bitCast(to: .f32)
  }

  func rows(_ tile: Expression, _ places: Places) -> Rows {
    let parts = RegisterArray(lowering.stack.unique("rows"), HalfMatrices.right, [2 * steps, HalfMatrices.parts])
    lowering.stack.append(.registers(parts))
    let words = places.tileWords(tile)
    let counter = lowering.stack.variable("step", .index)
    let step = Expression.variable(counter)
    lowering.stack.open()
    let at = Access(words.buffer, .int32, words.offset + step * .constant(operands.slices.lanes))
    let word = lowering.stack.define("row_word", .load(at, HalfMatrices.right, active: nil))
    for pair in 0..<2 {
      for part in 0..<HalfMatrices.parts {
        lowering.stack.append(
          .setElement(
            parts, [step * .constant(2) + .constant(pair), .constant(part)],
            word.apply(.halvesOfE4M3(pair: pair, part: part))))
      }
    }
    lowering.stack.append(
      .loop(
        CountedLoop(counter, from: .constant(0), to: .constant(steps), unrolled: true, lowering.stack.close())))
    let own = lowering.stack.define("own_row", ByteFragments.ownColumn)
    let scales = places.tileScales(tile)
    let codes = lowering.stack.define("row_code", .gather(scales, lanes: own, own.type, active: nil))
    let power = isShort ? shortPower(codes, weight.rowBias) : codes.powerOfTwo(bias: weight.rowBias)
    let flag = Access(scales.buffer, scales.element, scales.offset + .constant(weight.tileRows))
    let isFar = Expression.load(flag, MachineType(.i32), active: nil)
    return Rows(
      parts: parts, codes: codes, power: lowering.stack.define("row_scale", power),
      isFar: isShort ? lowering.stack.define("rows_are_far", isFar) : .integer(0, isFar.type))
  }

  func multiply(_ columns: Columns, _ panel: Int, _ rows: Rows, _ tile: Expression) {
    guard weight.groups > 1 else {
      let value = blockSum(columns, panel, rows)
      return keep(value, panel, tile)
    }
    let value = lowering.stack.variable("value", MachineType(.f32, lanes))
    lowering.stack.append(.declare(value, .float(0, lanes: lanes)))
    let together = lowering.collect { lowering.stack.append(.assign(value, blockSum(columns, panel, rows))) }
    let apart = lowering.collect { lowering.stack.append(.assign(value, groupSums(columns, panel, rows))) }
    lowering.stack.append(.branch(Self.isSet(columns.isFar[panel]), apart, together))
    keep(.variable(value), panel, tile)
  }

  private static func isSet(_ flag: Expression) -> Expression {
    flag.compared(.notEqual, .integer(0, flag.type))
  }

  // MARK: Sums

  /// Steps along the depth after which sums are full of products of two E4M3 numbers' parts, unless both are second ones.
  private var fullSteps: Int { weight.format == .e4m3 ? 64 / ByteFragments.depth : steps }

  /// The sum that the product of two parts goes to in a step: products of one unit share one until it is full. First are
  /// the sums that are never full.
  private func sum(of column: Int, _ row: Int, step: Int) -> Int {
    guard weight.format == .e4m3 else { return row }
    let unit = column + row
    return unit == 2 ? 0 : 1 + 2 * (step / fullSteps) + unit
  }

  /// Exact sums of the products of some steps along the depth.
  private func sums(_ columns: Columns, _ panel: Int, _ rows: Rows, steps: Range<Int>) -> RegisterArray {
    let count = (0..<HalfMatrices.parts).map { sum(of: 0, $0, step: steps.upperBound - 1) }.max()! + 1
    let sums = RegisterArray(lowering.stack.unique("sum"), HalfMatrices.sum, [count])
    lowering.stack.append(.registers(sums))
    lowering.stack.append(
      lowering.unrolled("number", count) { [.setElement(sums, [$0], .float(0, lanes: lanes))] })
    for start in stride(from: steps.lowerBound, to: steps.upperBound, by: fullSteps) {
      let counter = lowering.stack.variable("half_step", .index)
      let step = Expression.variable(counter)
      lowering.stack.open()
      for column in 0..<columnParts {
        for row in 0..<HalfMatrices.parts {
          let at = [Expression.constant(sum(of: column, row, step: start))]
          let operands: [Expression] = [
            .element(sums, at), .element(columns.parts, [.constant(panel), step, .constant(column)]),
            .element(rows.parts, [step, .constant(row)]),
          ]
          lowering.stack.append(.setElement(sums, at, .apply(.multiplyHalves, operands, sums.type)))
        }
      }
      let end = min(start + fullSteps, steps.upperBound)
      lowering.stack.append(
        .loop(
          CountedLoop(
            counter, from: .constant(2 * start), to: .constant(2 * end), unrolled: true, lowering.stack.close())))
    }
    return sums
  }

  /// The whole block in one exact sum, rounded.
  private func blockSum(_ columns: Columns, _ panel: Int, _ rows: Rows) -> Expression {
    let sums = self.sums(columns, panel, rows, steps: 0..<steps)
    let power = Expression.element(columns.power, [.constant(panel)])
    guard isShort else {
      return exact(sums, ByteFragments.ofColumns(rows.power), ByteFragments.ofRows(power)).converted(to: .f32)
    }
    let value = lowering.stack.variable("block_value", MachineType(.f32, lanes))
    lowering.stack.append(.declare(value, .float(0, lanes: lanes)))
    // The sum of both parts' is rounded; scales near 1 leave that number whole.
    let near = lowering.collect {
      let scale = ByteFragments.ofColumns(rows.power).apply(.multiply, ByteFragments.ofRows(power))
      let (first, second) = (Expression.element(sums, [.constant(0)]), Expression.element(sums, [.constant(1)]))
      lowering.stack.append(.assign(value, first.apply(.add, second).apply(.multiply, scale)))
    }
    let far = lowering.collect {
      let own = lowering.stack.define("far_column", ByteFragments.ownRow)
      let words = Expression.gather(columns.scales[panel], lanes: own, own.type, active: nil)
      let column = lowering.stack.define("far_scale", columnPower(GroupScales.least(words)))
      let sum = exact(sums, farPower(rows), ByteFragments.ofRows(column))
      lowering.stack.append(.assign(value, sum.converted(to: .f32)))
    }
    lowering.stack.append(.branch(Self.isSet(rows.isFar), far, near))
    return .variable(value)
  }

  private func farPower(_ rows: Rows) -> Expression {
    ByteFragments.ofColumns(lowering.stack.define("far_row", rows.codes.powerOfTwo(bias: weight.rowBias)))
  }

  /// Scales too far apart for shifts, of which there are none then, or too far from 1: each group's sum is exact, and all
  /// are rounded together.
  private func groupSums(_ columns: Columns, _ panel: Int, _ rows: Rows) -> Expression {
    let base = columns.scales[panel]
    let apart = Access(base.buffer, base.element, base.offset + .constant(weight.panels.width))
    let own = lowering.stack.define("group_column", ByteFragments.ownRow)
    let words = lowering.stack.define("group_scales", .gather(apart, lanes: own, own.type, active: nil))
    let perGroup = weight.group / ByteFragments.depth
    let row = farPower(rows)
    let terms = (0..<weight.groups).map { group -> Expression in
      let sums = self.sums(columns, panel, rows, steps: group * perGroup..<(group + 1) * perGroup)
      let scale = lowering.stack.define("group_scale", columnPower(GroupScales.scale(words, group)))
      return lowering.stack.define("group_term", exact(sums, row, ByteFragments.ofRows(scale)))
    }
    return .apply(.roundedSum, terms, HalfMatrices.sum)
  }

  /// An exact sum under the scales of its rows and columns. In f64 every sum of sums is below 2^53 of its least unit, and
  /// powers of two are exact.
  private func exact(_ sums: RegisterArray, _ row: Expression, _ column: Expression) -> Expression {
    let terms = (0..<sums.extents[0]).map { Expression.element(sums, [.constant($0)]).converted(to: .f64) }
    return terms.dropFirst().reduce(terms[0]) { $0.apply(.add, $1) }
      .apply(.multiply, row).apply(.multiply, column)
  }

  /// Adds the value of a block to the total, or stores it where it is the only block.
  private func keep(_ value: Expression, _ panel: Int, _ tile: Expression) {
    guard let totals else {
      let lanes = lowering.stack.define("sum_place", ByteFragments.exchangedSumPlace(pitch))
      let target = Access(product, .float32, place(tile, .constant(panel)))
      return lowering.stack.append(.scatter(target, lanes: lanes, value, active: nil))
    }
    let at = total(tile, .constant(panel))
    let old = Expression.raw(buffer: totals, offset: at, value.type)
    lowering.stack.append(.storeRaw(buffer: totals, offset: at, old.apply(.add, value)))
  }
}
