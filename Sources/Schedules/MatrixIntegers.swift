import MachineIR
import TileIR

/// Operands of fixed-point products by byte matrices (numeric contract, section 2, class *fixedPoint*): integers of at
/// most 21 bits and a sign, which three slices hold.
extension RegionLowering {
  // MARK: The left operand

  /// Slices and scales of a tile's block of `float32` numbers. A scale is the exponent field of the row's largest.
  func cutIntegers(_ tile: LeftTile, bits: Int) throws {
    let type = ByteMatrices.left
    let largest = stack.variable("largest", type)
    stack.append(.declare(largest, .integer(0, type)))
    try forEachStep(tile) { _, element in
      let magnitude = element.apply(.and, ByteFragments.integer(Int(Int32.max), type.lanes))
      self.stack.append(.assign(largest, Expression.variable(largest).apply(.maximum, magnitude)))
    }
    let codes = stack.define(
      "codes", exponentField(
        stack.define("row_largest", linesFolded(.variable(largest), to: ByteMatrices.rows))))
    storeRowCodes(tile, codes)
    let shared = scratch("row_codes", .i32, count: .constant(ByteMatrices.rows))
    stack.append(.storeRaw(buffer: shared, offset: .constant(0), codes))
    let own = Expression.gatherRaw(
      buffer: shared, offset: .constant(0), lanes: stack.define("code_row", ByteFragments.leftRow()), type)
    let inverse = stack.define("inverse", inverseQuantum(stack.define("row_code", own), bits: bits))
    // Every integer is an f32 too.
    try cutSlices(tile) { element in
      boundedInteger(element.bitCast(to: .f32).converted(to: .f64).apply(.multiply, inverse), bits: bits)
        .converted(to: .f32).converted(to: .i32)
    }
  }

  // MARK: The weight

  /// Codes: [product][half of the depths][lane] words of two bf16 numbers, which are the integers at the first two
  /// or the last two depths of each lane of the right operand. Scales: a byte for each column, as
  /// `FixedPanels.quantumBias` says.
  func packIntegers(_ weight: MatrixWeight, _ bits: Int, _ laidOut: LaidOutWeight, _ place: PanelBlock) throws
  {
    let codes = buffer(workspace: laidOut.codes, .int32)
    let scales = buffer(workspace: laidOut.scales, .uint8)
    let lanes = ByteMatrices.right.lanes
    let end = stack.define(
      "end", (place.start + .constant(weight.panels.block)).minimum(place.depth))
    // Each column's exponent once for its scale, and once in every lane that has some of its elements.
    let field = exponentField(try largest(weight, place.start, end))
    let stored = stack.define("scale", field)
    storeScales(weight, scales, place, stored)

    let columns = environment.active!.converted(to: .i32).broadcast(to: lanes)
    let column = stack.define("column", ByteFragments.rightColumn)
    let lower = environment.coordinates[weight.panels.columns]!.base
    let shared = scratch("column_codes", .i32, count: .constant(weight.panels.width))
    stack.append(.storeRaw(buffer: shared, offset: .constant(0), stored))
    let own = Expression.gatherRaw(buffer: shared, offset: .constant(0), lanes: column, ByteMatrices.right)
    let inverse = stack.define("inverse", inverseQuantum(stack.define("column_code", own), bits: bits))
    let step = stack.variable("step", .index)
    stack.open()
    let start = stack.define(
      "step_start", place.start + Expression.variable(step) * .constant(ByteFragments.depth))
    let left = stack.define(
      "step_depth", (place.depth - start).minimum(.constant(ByteFragments.depth)).converted(to: .i32))
    let words = (0..<2).map { stack.variable("word_\($0)", ByteMatrices.right) }
    for word in words { stack.append(.declare(word, .integer(0, ByteMatrices.right))) }
    var inside: [MachineStatement] = []
    for number in 0..<4 {
      stack.open(binding: [weight.panels.columns, weight.panels.depth])
      let depths = stack.define(
        "depths", ByteFragments.rightDepth.apply(.add, ByteFragments.integer(number, lanes)))
      let bound = left.broadcast(to: lanes)
      let one = ByteFragments.integer(1, lanes)
      var inner = environment
      inner.lanes = lanes
      inner.active = nil
      inner.bind(
        weight.panels.columns,
        LaneCoordinate(lower, lanes: .general(column.apply(.minimum, columns.apply(.subtract, one)))))
      inner.bind(
        weight.panels.depth,
        LaneCoordinate(start, lanes: .general(depths.apply(.minimum, bound.apply(.subtract, one)))))
      let exists = column.compared(.less, columns).apply(.and, depths.compared(.less, bound))
      let number64 = stack.define("element", try element(weight, inner).converted(to: .f64))
      let code = roundedInteger(number64.apply(.multiply, inverse)).converted(to: .f32).bitCast(to: .i32)
        .apply(.shiftRightLogical, ByteFragments.integer(16, lanes))
      let kept = stack.define(
        "kept", .apply(.select, [exists, code, .integer(0, ByteMatrices.right)], ByteMatrices.right))
      let word = words[number / 2]
      let moved = kept.apply(.shiftLeft, ByteFragments.integer(16 * (number % 2), lanes))
      stack.append(.assign(word, Expression.variable(word).apply(.or, moved)))
      inside += stack.close()
    }
    stack.append(.branch(start.compared(.less, place.depth), inside, []))
    let at = (place.number * .constant(weight.steps) + .variable(step)) * .constant(weight.words)
    for (half, word) in words.enumerated() {
      stack.append(.store(Access(codes, .int32, at + .constant(half * lanes)), .variable(word), active: nil))
    }
    stack.append(
      .loop(CountedLoop(step, from: .constant(0), to: .constant(weight.steps), stack.close())))
  }

  /// The bits of the largest magnitude of each column's block.
  private func largest(_ weight: MatrixWeight, _ start: Expression, _ end: Expression) throws -> Expression {
    let lanes = weight.panels.width
    let type = MachineType(.i32, lanes)
    let largest = stack.variable("largest", type)
    stack.append(.declare(largest, .integer(0, type)))
    try rangeLoop(weight.panels.depth, from: start, to: end) {
      let magnitude = try element(weight, environment).bitCast(to: .i32)
        .apply(.and, ByteFragments.integer(Int(Int32.max), lanes))
      stack.append(.assign(largest, Expression.variable(largest).apply(.maximum, magnitude)))
    }
    return .variable(largest)
  }

  private func element(_ weight: MatrixWeight, _ environment: Environment) throws -> Expression {
    stack.define("widened", convert(try emitWide(weight.operand, environment), .bfloat16, to: .float32))
  }

  // MARK: Quanta

  /// The exponent field of an `f32` by its bits, at least that of the least normal number; NaN and infinities have 255.
  private func exponentField(_ magnitude: Expression) -> Expression {
    magnitude.apply(.shiftRightLogical, ByteFragments.integer(23, magnitude.type.lanes))
      .apply(.maximum, ByteFragments.integer(1, magnitude.type.lanes))
  }

  /// 1 / quantum in f64, from the code of a block's scale.
  private func inverseQuantum(_ code: Expression, bits: Int) -> Expression {
    let field = code.converted(to: .i64)
    let offset = Expression.integer(Int64(1023 - FixedPanels.quantumBias(bits: bits)), field.type)
    return inverseQuantum(field.apply(.add, offset))
  }
}
