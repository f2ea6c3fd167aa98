import MachineIR
import TileIR

/// One operand of a product on a matrix unit of whole tiles: its lines, rows of the left or columns of the right,
/// cut into slices of bytes by a kernel of its own.
///
/// Slices: `int8` [matrix][tile of lines][block of depth][slice][line][depth]. Exponents: `int32`
/// [matrix][tile][block][line], the power of two of the line's integers in that block; `ScalarFunction.farExponent` and
/// more where one of its elements or its scale is NaN. Lines and depth past the end are zeros.
struct CubeOperand {
  /// E4M3 codes with their scale, or under the class `fixedPoint` numbers, as they are stored, and the bits of their
  /// integers.
  let value: ValueID
  let scale: ValueID?
  let bits: Int?
  /// The axis of its lines, and how many a tile has.
  let lines: Dimension
  let tile: Int
  let depth: Dimension
  let block: Int
  /// Positions of the workspaces.
  let slices: Int
  let exponents: Int

  /// Bytes of a block of a tile.
  var blockBytes: Int { ByteFragments.slices * tile * block }
  var blocks: HostExpression { HostExpression(extentOf: depth).dividedUp(by: block) }
  /// An E8M0 scale of code c is 2^(c - 127), and an E4M3 number an integer times 2^-9.
  static let bias = 127 + 9
}

extension RegionLowering {
  /// Adds the workspaces of an operand with `tiles` tiles.
  func cubeOperand(
    _ value: ValueID, scale: ValueID?, bits: Int?, lines: Dimension, tile: Int, depth: Dimension, block: Int,
    tiles: HostExpression, name: String, prepares weight: Int?
  ) -> CubeOperand {
    let operand = CubeOperand(
      value: value, scale: scale, bits: bits, lines: lines, tile: tile, depth: depth, block: block,
      slices: workspaces.count,
      exponents: workspaces.count + 1)
    let blocks = tiles * operand.blocks
    workspaces.append(
      Workspace(name: "\(name)_slices", byteCount: blocks * .constant(operand.blockBytes), prepares: weight))
    workspaces.append(
      Workspace(name: "\(name)_exponents", byteCount: blocks * .constant(4 * tile), prepares: weight))
    return operand
  }

  /// Cuts the lines `lower ..< lower + count` of a tile, whose number through all tiles is `number`, block by block.
  func cutTile(_ operand: CubeOperand, _ number: Expression, lower: Expression, count: Expression) throws {
    let blockCount = scalar(operand.blocks, "\(operand.depth.name)_blocks")
    let block = stack.variable("block", .index)
    stack.open(binding: [operand.depth])
    let start = stack.define("start", .variable(block) * .constant(operand.block))
    let active = stack.define("depths", (try length(operand.depth) - start).minimum(.constant(operand.block)))
    let at = stack.define("at", number * blockCount + .variable(block))
    let line = stack.variable(operand.lines.name, .index)
    stack.open(binding: [operand.lines])
    try cutLine(operand, .variable(line), of: count, lower: lower, start: start, active: active, at)
    stack.append(
      .loop(CountedLoop(line, from: .constant(0), to: .constant(operand.tile), stack.close())))
    stack.append(.loop(CountedLoop(block, from: .constant(0), to: blockCount, stack.close())))
  }

  private func cutLine(
    _ operand: CubeOperand, _ line: Expression, of count: Expression, lower: Expression, start: Expression,
    active: Expression, _ at: Expression
  ) throws {
    let lanes = operand.block
    let type = MachineType(.i32, lanes)
    let word = MachineType(.i32)
    let integers = stack.variable("integers", type)
    let exponent = stack.variable("exponent", word)
    stack.append(.declare(integers, .integer(0, type)))
    stack.append(.declare(exponent, .integer(0, word)))
    stack.open(binding: [operand.lines, operand.depth])
    var inner = environment
    inner.bind(operand.lines, LaneCoordinate(lower + line))
    if let bits = operand.bits {
      inner.lanes = lanes
      inner.active = active
      inner.bind(operand.depth, LaneCoordinate(start, lanes: .strided(1), alignment: operand.block))
      try cutNumbers(operand, inner, bits, integers, exponent)
    } else {
      try cutCodes(operand, inner, start, active, integers, exponent)
    }
    stack.append(.branch(line.compared(.less, count), stack.close(), []))
    let slices = buffer(workspace: operand.slices, .int8)
    let exponents = buffer(workspace: operand.exponents, .int32)
    for slice in 0..<ByteFragments.slices {
      let place =
        at * .constant(operand.blockBytes) + .constant(slice * operand.tile * lanes)
        + line * .constant(lanes)
      stack.append(
        .store(Access(slices, .int8, place), CubeOperand.slice(slice, of: .variable(integers)), active: nil))
    }
    stack.append(
      .store(Access(exponents, .int32, at * .constant(operand.tile) + line), .variable(exponent), active: nil)
    )
  }

  /// Integers of E4M3 codes, and the exponent of their scale.
  private func cutCodes(
    _ operand: CubeOperand, _ line: Environment, _ start: Expression, _ active: Expression,
    _ integers: Variable,
    _ exponent: Variable
  ) throws {
    let (type, word) = (integers.type, exponent.type)
    var inner = line
    var power = Expression.integer(Int64(127 - CubeOperand.bias), word)
    if let scale = operand.scale {
      inner.bind(operand.depth, LaneCoordinate(start, alignment: operand.block))
      let code = stack.define("scale", try emitWide(scale, inner))
      let own = code.apply(.subtract, .integer(Int64(CubeOperand.bias), word))
      power = stack.define(
        "power", .apply(.select, [code.compared(.equal, .integer(255, word)), Self.endless, own], word))
    }
    inner.lanes = type.lanes
    inner.active = active
    inner.bind(operand.depth, LaneCoordinate(start, lanes: .strided(1), alignment: operand.block))
    let loaded = try emitWide(operand.value, inner)
    let codes = stack.define(
      "codes", .apply(.select, [activeMask(active, type.lanes), loaded, .integer(0, type)], type))
    let sizes = stack.define("sizes", codes.apply(.and, ByteFragments.integer(0x7F, type.lanes)))
    let worst = stack.define("worst", foldLanes(sizes) { $0.apply(.maximum, $1) })
    let isNaN = worst.compared(.equal, .integer(0x7F, word))
    stack.append(.assign(exponent, .apply(.select, [isNaN, Self.endless, power], word)))
    stack.append(.assign(integers, ByteFragments.integers(codes)))
  }

  /// Integers of numbers by the quantum of their block (numeric contract, class *fixedPoint*), and its exponent.
  private func cutNumbers(
    _ operand: CubeOperand, _ line: Environment, _ bits: Int, _ integers: Variable, _ exponent: Variable
  ) throws {
    let (word, lanes) = (exponent.type, integers.type.lanes)
    let loaded = convert(try emitWide(operand.value, line), program[operand.value].type, to: .float32)
    let f32 = MachineType(.f32, lanes)
    let numbers = stack.define(
      "numbers", .apply(.select, [activeMask(line.active!, lanes), loaded, .float(0, lanes: lanes)], f32))
    let sizes = stack.define(
      "sizes", numbers.bitCast(to: .i32).apply(.and, ByteFragments.integer(Int(Int32.max), lanes)))
    let largest = stack.define("largest", foldLanes(sizes) { $0.apply(.maximum, $1) })
    // The exponent field of the largest, at least that of the least normal number.
    let field = stack.define(
      "field", largest.apply(.shiftRightLogical, .integer(23, word)).apply(.maximum, .integer(1, word)))
    let bias = Expression.integer(Int64(FixedPanels.quantumBias(bits: bits)), word)
    let isNaN = field.compared(.equal, .integer(255, word))
    stack.append(
      .assign(exponent, .apply(.select, [isNaN, Self.endless, field.apply(.subtract, bias)], word)))
    // 1 / quantum may be no float32, its root or twice that is: what both products lose is far below half an integer.
    let inverse = stack.define("inverse", bias.apply(.subtract, field))
    let half = stack.define("half", inverse.apply(.shiftRightArithmetic, .integer(1, word)))
    func power(_ exponent: Expression) -> Expression {
      exponent.apply(.add, .integer(127, word)).apply(.shiftLeft, .integer(23, word)).bitCast(to: .f32)
        .broadcast(to: lanes)
    }
    let scaled = numbers.apply(.multiply, power(half)).apply(.multiply, power(inverse.apply(.subtract, half)))
    let nearest = stack.define("nearest", scaled.converted(to: .i32))
    let most = ByteFragments.integer((1 << bits) - 1, lanes)
    let least = ByteFragments.integer(1 - (1 << bits), lanes)
    stack.append(.assign(integers, nearest.apply(.minimum, most).apply(.maximum, least)))
  }

  private static let endless = Expression.integer(Int64(2 * ScalarFunction.farExponent), MachineType(.i32))
}

extension CubeOperand {
  /// Slice number `slice` of an integer, a signed byte: 7 bits, of the last with the sign.
  fileprivate static func slice(_ slice: Int, of integers: Expression) -> Expression {
    let lanes = integers.type.lanes
    let shift = ByteFragments.integer(ByteFragments.sliceBits * slice, lanes)
    let moved = slice == 0 ? integers : integers.apply(.shiftRightArithmetic, shift)
    return slice == ByteFragments.slices - 1 ? moved : moved.apply(.and, ByteFragments.integer(127, lanes))
  }
}
