import MachineIR
import TileIR

/// One block of one panel: byte dot products, the exact sum under its scales, and the total it goes to.
extension SlicedTile {
  func multiplyBlock(
    _ size: Expression, _ row: Expression, _ panel: Expression, _ run: Expression, _ place: Expression
  ) {
    let groupScales = (0..<weight.groups).map { groupScale(place, .constant($0)) }
    let least = extreme(groupScales, .minimum)
    let together = lowering.collect { blockSums(size, row, panel, run, place, least) }
    guard weight.groups > 1 else { return lowering.stack.append(contentsOf: together) }
    // Shifts above 3 do not fit a byte, and a NaN scale is no shift.
    let most = extreme(groupScales, .maximum)
    let spread = most.apply(.subtract, least)
    let nan = most.apply(.subtract, .integer(251, sums))
    let far = lowering.stack.define(
      "spread", lowering.foldLanes(spread.apply(.maximum, nan)) { $0.apply(.maximum, $1) })
    let apart = lowering.collect { groupSums(size, row, panel, run, place) }
    lowering.stack.append(
      .branch(far.compared(.lessOrEqual, .integer(3, far.type)), together, apart))
  }

  /// Codes of the scales of a group's columns.
  private func groupScale(_ place: Expression, _ group: Expression) -> Expression {
    let offset = (place * .constant(weight.groups) + group) * .constant(lanes)
    return lowering.stack.define(
      "scale", Expression.load(Access(scales, .uint8, offset), sums, active: nil))
  }

  private func extreme(_ values: [Expression], _ instruction: Instruction) -> Expression {
    values.dropFirst().reduce(values[0]) {
      lowering.stack.define("extreme", $0.apply(instruction, $1))
    }
  }

  /// 2^(code - 127) in f64; NaN for 255.
  private func powers(_ codes: Expression) -> [Expression] {
    [Instruction.lowHalf, .highHalf].map { half in
      let part = Expression.apply(half, [codes], codes.type.with(lanes: lanes / 2))
      return lowering.stack.define("column_scale", part.powerOfTwo(bias: 127))
    }
  }

  /// The whole block in one exact sum a row: a whole tile by one body, fewer rows two by two.
  private func blockSums(
    _ size: Expression, _ row: Expression, _ panel: Expression, _ run: Expression, _ place: Expression,
    _ least: Expression
  ) {
    let powers = self.powers(least)
    func body(_ rows: Int, from first: Expression) -> [MachineStatement] {
      lowering.collect { blockSum(rows, from: first, row, panel, run, place, least, powers) }
    }
    let whole = body(blocking.tileRows, from: .constant(0))
    guard blocking.tileRows > 1 else { return lowering.stack.append(contentsOf: whole) }
    let fewer = lowering.collect {
      let pairs = blocking.tileRows > 2
        ? lowering.stack.define("rows_in_pairs", size - size.remainder(by: 2)) : .constant(0)
      for (count, first, end) in [(2, Expression.constant(0), pairs), (1, pairs, size)] where first != end {
        let row = lowering.stack.variable("tile_row", .index)
        lowering.stack.append(
          .loop(CountedLoop(row, from: first, to: end, step: count, body(count, from: .variable(row)))))
      }
    }
    lowering.stack.append(.branch(size.compared(.equal, .constant(blocking.tileRows)), whole, fewer))
  }

  /// The sums of `size` rows from `first` of the tile.
  private func blockSum(
    _ size: Int, from first: Expression, _ row: Expression, _ panel: Expression, _ run: Expression,
    _ place: Expression, _ least: Expression, _ powers: [Expression]
  ) {
    // Few rows have few sums, and each waits for its last product: low and high nibbles get their own.
    let sets = size <= 2 ? product.codesPerByte : 1
    let sum = RegisterArray(lowering.stack.unique("sum"), sums, [sets, size, product.terms.count])
    lowering.stack.append(.registers(sum))
    lowering.stack.append(
      lowering.unrolled("r", size) { r in
        product.terms.enumerated().flatMap { number, term in
          let at = ((first + r) * runs + run) * .constant(product.left.count) + .constant(term.left)
          let planeSum = Expression.raw(buffer: planeSums, offset: at, MachineType(.i32))
          let bias = Expression.integer(Int64(-product.rightBias[term.right]), MachineType(.i32))
          let starts = [planeSum.apply(.multiply, bias).broadcast(to: lanes), .integer(0, sums)]
          return (0..<sets).map { set -> MachineStatement in
            .setElement(sum, [.constant(set), r, .constant(number)], starts[set])
          }
        }
      })
    forEachGroup { group in
      let vectors = weight.group / product.vectorDepth
      let shift = weight.groups == 1 ? nil : groupScale(place, group).apply(.subtract, least)
      let named = shift.map { lowering.stack.define("shift", $0) }
      let correction = shiftCorrection(named)
      let vector = lowering.stack.variable("vector", .index)
      lowering.stack.open()
      multiplyVector(
        size, from: first, run, place, group * .constant(vectors) + .variable(vector), shift: named,
        correction: correction
      ) { half, r, number, right, left in
        let at = [.constant(half % sets), r, .constant(number)]
        return .setElement(sum, at, .apply(.dot4, [.element(sum, at), right, left], sums))
      }
      lowering.stack.append(
        .loop(
          CountedLoop(
            vector, from: .constant(0), to: .constant(vectors), lowering.stack.close())))
    }
    lowering.stack.append(
      lowering.unrolled("r", size) { r in
        let exact = combine(
          product.terms.indices.map { term in
            let parts = (0..<sets).map { Expression.element(sum, [.constant($0), r, .constant(term)]) }
            return parts.dropFirst().reduce(parts[0]) { $0.apply(.add, $1) }
          })
        let scale = rowScale(first + r, run)
        let scaled = zip(exact, powers).map { $0.apply(.multiply, scale.apply(.multiply, $1)) }
        return [addToTotal(row + first + r, panel, concatenated(scaled.map { $0.converted(to: .f32) }))]
      })
  }

  private func forEachGroup(_ body: (Expression) -> Void) {
    guard weight.groups > 1 else { return body(.constant(0)) }
    let group = lowering.stack.variable("group", .index)
    lowering.stack.open()
    body(.variable(group))
    lowering.stack.append(
      .loop(
        CountedLoop(
          group, from: .constant(0), to: .constant(weight.groups), lowering.stack.close())))
  }

  /// What makes a byte of 2 value + 12, shifted, one of 2 value + 96; nil where codes have no shift.
  private func shiftCorrection(_ shift: Expression?) -> Expression? {
    guard product.rightFormat == .e2m1 else { return nil }
    var twelve = Expression.integer(12, sums)
    if let shift { twelve = twelve.apply(.shiftLeft, shift) }
    let byte = Expression.integer(Int64(product.rightBias[0]), sums).apply(.subtract, twelve)
    let word = byte.apply(.multiply, .integer(0x0101_0101, sums))
    return lowering.stack.define("correction", word.bitCast(to: .u8))
  }

  /// Reads one vector of codes and gives each term of each row its dot products.
  private func multiplyVector(
    _ size: Int, from first: Expression, _ run: Expression, _ place: Expression, _ vector: Expression,
    shift: Expression?, correction: Expression?,
    _ accumulate: (Int, Expression, Int, Expression, Expression) -> MachineStatement
  ) {
    let packed = packedCodes(place, vector)
    // One or two rows wait for memory.
    if size <= 2 { lowering.stack.append(.prefetch(buffer: codes, offset: ahead(place, vector))) }
    for half in 0..<product.codesPerByte {
      let right = rightPlanes(packed, half, shift, correction)
      lowering.stack.append(
        lowering.unrolled("r", size) { r in
          product.terms.enumerated().map { number, term in
            let left = leftBytes(run, term, first + r, vector, half)
            return accumulate(half, r, number, right[term.right], left)
          }
        })
    }
  }

  /// 64 bytes of codes of the right operand, as they were laid out.
  private func packedCodes(_ place: Expression, _ vector: Expression) -> Expression {
    lowering.stack.define(
      "packed", Expression.load(Access(codes, .int32, codesPlace(place, vector)), sums, active: nil))
  }

  private func codesPlace(_ place: Expression, _ vector: Expression) -> Expression {
    (place * .constant(weight.vectors) + vector) * .constant(lanes)
  }

  /// Codes of a later block, 8 KiB on: 4 KiB is too near, and 16 KiB no better.
  private func ahead(_ place: Expression, _ vector: Expression) -> Expression {
    codesPlace(place + .constant(max(1, 8192 / (64 * weight.vectors))), vector)
  }

  /// The four bytes of a row's plane that meet those of a vector, or of its low or high nibbles, in every
  /// lane.
  private func leftBytes(
    _ run: Expression, _ term: SlicedProduct.Term, _ r: Expression, _ vector: Expression,
    _ half: Int
  ) -> Expression {
    let word = vector * .constant(product.codesPerByte) + .constant(half)
    let at = planeWord(run, term.left, r) + word
    return Expression.raw(buffer: planes, offset: at, MachineType(.i32))
      .broadcast(to: lanes).bitCast(to: .i8)
  }

  /// Unsigned bytes of the right operand, a plane each, of one vector or of its low or high nibbles.
  private func rightPlanes(
    _ packed: Expression, _ half: Int, _ shift: Expression?, _ correction: Expression?
  ) -> [Expression] {
    if product.rightFormat == .e2m1 {
      let nibbles =
        half == 0 ? packed : packed.apply(.shiftRightLogical, .integer(4, sums))
      let code = nibbles.apply(.and, .integer(0x0F0F_0F0F, sums)).bitCast(to: .u8)
      var value = Expression.apply(.lookup16, [.table(SlicedProduct.e2m1Codes), code], bytes)
      if let shift { value = value.bitCast(to: .i32).apply(.shiftLeft, shift).bitCast(to: .u8) }
      if let correction { value = value.apply(.add, correction) }
      return [lowering.stack.define("right", value)]
    }
    let code = lowering.stack.define("code", packed.bitCast(to: .u8))
    var planes = product.right.slices.map { table in
      let biased = ByteTable("\(table.name)_and_64", table.bytes.map { $0 + 64 })
      let above = lowering.stack.define("slice", .apply(.lookup128, [.table(biased), code], bytes))
      let below = Expression.integer(128, bytes).apply(.subtract, above)
      return lowering.stack.define("right", .apply(.select, [isNegative(code), below, above], bytes))
    }
    for pair in product.right.sums {
      planes.append(lowering.stack.define("right_pair", planes[pair.a].apply(.add, planes[pair.b])))
    }
    return planes
  }

  /// Scales too far apart for shifts: each group's sum is exact, and all are rounded together.
  private func groupSums(
    _ size: Expression, _ row: Expression, _ panel: Expression, _ run: Expression, _ place: Expression
  ) {
    let r = lowering.stack.variable("r", .index)
    lowering.stack.open()
    let type = MachineType(.f64, lanes / 2)
    let scale = rowScale(.variable(r), run)
    forEachGroup { group in
      let vectors = weight.group / product.vectorDepth
      let powers = self.powers(groupScale(place, group))
      // Sums of the bytes as they are, and what their bias adds.
      let terms = product.terms.map { _ in lowering.stack.variable("group_sum", sums) }
      for sum in terms { lowering.stack.append(.declare(sum, .integer(0, sums))) }
      let vector = lowering.stack.variable("vector", .index)
      lowering.stack.open()
      let at = group * .constant(vectors) + Expression.variable(vector)
      let packed = packedCodes(place, at)
      for half in 0..<product.codesPerByte {
        let right = rightPlanes(packed, half, nil, nil)[0]
        for (number, term) in product.terms.enumerated() {
          let left = lowering.stack.define(
            "left", leftBytes(run, term, .variable(r), at, half))
          let biased = Expression.apply(.dot4, [.variable(terms[number]), right, left], sums)
          let bias = Expression.apply(
            .dot4, [.integer(0, sums), .integer(12, bytes), left], sums)
          lowering.stack.append(.assign(terms[number], biased.apply(.subtract, bias)))
        }
      }
      lowering.stack.append(
        .loop(
          CountedLoop(
            vector, from: .constant(0), to: .constant(vectors), lowering.stack.close())))
      for (half, exact) in combine(terms.map { .variable($0) }).enumerated() {
        let scaled = exact.apply(.multiply, scale.apply(.multiply, powers[half]))
        lowering.stack.append(
          .storeRaw(
            buffer: groupTerms, offset: group * .constant(lanes) + .constant(half * lanes / 2), scaled))
      }
    }
    let rounded = (0..<2).map { half in
      Expression.apply(
        .roundedSum,
        (0..<weight.groups).map {
          .raw(buffer: groupTerms, offset: .constant($0 * lanes + half * lanes / 2), type)
        }, MachineType(.f32, lanes / 2))
    }
    lowering.stack.append(addToTotal(row + .variable(r), panel, concatenated(rounded)))
    lowering.stack.append(
      .loop(CountedLoop(r, from: .constant(0), to: size, lowering.stack.close())))
  }

  // MARK: From sums to totals

  private func rowScale(_ r: Expression, _ run: Expression) -> Expression {
    Expression.raw(buffer: rowScales, offset: r * runs + run, MachineType(.f64))
      .broadcast(to: lanes / 2)
  }

  /// The block's integer in f64, low and high lanes: every partial sum is an integer below 2^53.
  private func combine(_ sums: [Expression]) -> [Expression] {
    [Instruction.lowHalf, .highHalf].map { half in
      let type = MachineType(.f64, lanes / 2)
      var total: Expression?
      for (sum, term) in zip(sums, product.terms) {
        let part = Expression.apply(half, [sum], sum.type.with(lanes: lanes / 2)).converted(to: .f64)
        let coefficient = Expression.float(term.coefficient.bitPattern, type)
        total =
          total.map { .apply(.fusedMultiplyAdd, [part, coefficient, $0], type) }
          ?? (term.coefficient == 1 ? part : part.apply(.multiply, coefficient))
      }
      return total!
    }
  }

  private func concatenated(_ halves: [Expression]) -> Expression {
    .apply(.concatenate, halves, halves[0].type.with(lanes: lanes))
  }

  private func addToTotal(
    _ row: Expression, _ panel: Expression, _ value: Expression
  ) -> MachineStatement {
    let place = row * .constant(blocking.cellColumns) + panel * .constant(lanes)
    let old = Expression.raw(buffer: totals, offset: place, value.type)
    return .storeRaw(buffer: totals, offset: place, old.apply(.add, value))
  }
}
