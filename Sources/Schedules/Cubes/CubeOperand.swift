import MachineIR
import TileIR

/// One operand of a product on a matrix unit of whole tiles: its lines, rows of the left or columns of the right,
/// cut into slices of bytes by a kernel of its own.
///
/// Slices: `int8` [matrix][tile of lines][block of depth][slice][line][depth]. Exponents: `int32`
/// [matrix][tile][block][line], the power of two of the line's integers in that block; `ScalarFunction.farExponent` and
/// more where one of its elements or its scale is NaN, `CubeGroups.apartExponent` where its groups' scales lie too far apart.
/// Lines and depth past the end are zeros.
struct CubeOperand {
  /// E4M3 or E2M1 codes with their scale, or under the class `fixedPoint` numbers, as they are stored, and the bits of
  /// their integers.
  let value: ValueID
  let scale: ValueID?
  let bits: Int?
  /// The axis of its lines, and how many a tile has.
  let lines: Dimension
  let tile: Int
  let depth: Dimension
  let block: Int
  /// How many slices an integer has.
  let sliceCount: Int
  /// What the code of a scale has above the power of two of its line's integers.
  let bias: Int
  /// The groups of a block, where they have scales of their own.
  let groups: CubeGroups?
  /// Positions of the workspaces.
  let slices: Int
  let exponents: Int

  /// Bytes of a block of a tile.
  var blockBytes: Int { sliceCount * tile * block }
  var blocks: HostExpression { HostExpression(extentOf: depth).dividedUp(by: block) }

  func with(tile: Int) -> CubeOperand {
    CubeOperand(
      value: value, scale: scale, bits: bits, lines: lines, tile: tile, depth: depth, block: block,
      sliceCount: sliceCount, bias: bias, groups: groups, slices: slices, exponents: exponents)
  }

  /// Whether tiles of both are as large, and of as many blocks.
  func hasForm(of other: CubeOperand) -> Bool {
    tile == other.tile && block == other.block && sliceCount == other.sliceCount && blocks == other.blocks
  }

  /// Slices of the integers of an element type's codes, where one power of two is all numbers' of a block.
  static func slices(of type: ElementType) -> Int { type == .e2m1 ? 1 : ByteFragments.slices }
  /// An E8M0 scale of code c is 2^(c - 127), an E4M3 number an integer times 2^-9, and an E2M1 number one times 2^-1.
  static func bias(of type: ElementType) -> Int { 127 + (type == .e2m1 ? 1 : 9) }
}

extension RegionLowering {
  /// Adds the workspaces of an operand with `tiles` tiles of `matrices`; `group` is the depth that has one scale, where a
  /// block has more.
  func cubeOperand(
    _ value: ValueID, scale: ValueID?, bits: Int?, lines: Dimension, tile: Int, depth: Dimension, block: Int,
    group: Int? = nil, tiles: HostExpression, matrices: HostExpression = .constant(1), name: String,
    prepares weight: Int?
  ) -> CubeOperand {
    let (type, first) = (program[value].type, workspaces.count)
    let groups = group.map {
      CubeGroups(count: block / $0, depth: $0, scales: first + 2, spreads: first + 3, widest: first + 4)
    }
    let operand = CubeOperand(
      value: value, scale: scale, bits: bits, lines: lines, tile: tile, depth: depth, block: block,
      sliceCount: groups == nil ? CubeOperand.slices(of: type) : CubeGroups.slices,
      bias: CubeOperand.bias(of: type), groups: groups, slices: first, exponents: first + 1)
    let blocks = tiles * operand.blocks
    func add(_ content: String, _ bytes: Int) {
      let count = blocks * .constant(bytes)
      workspaces.append(Workspace(name: "\(name)_\(content)", byteCount: count, prepares: weight))
    }
    add("slices", operand.blockBytes)
    add("exponents", 4 * tile)
    if groups != nil {
      add("group_scales", 4 * tile)
      add("spreads", 4)
      let matrices = HostExpression.constant(4) * matrices
      workspaces.append(Workspace(name: "\(name)_widest", byteCount: matrices, prepares: weight))
    }
    return operand
  }

  /// Cuts the lines `lower ..< lower + count` of a tile, whose number through all tiles is `number`, block by block.
  func cutTile(_ operand: CubeOperand, _ number: Expression, lower: Expression, count: Expression) throws {
    let blockCount = scalar(operand.blocks, "\(operand.depth.name)_blocks")
    let block = stack.variable("block", .index)
    stack.open(binding: [operand.depth])
    let at = stack.define("at", number * blockCount + .variable(block))
    try cutBlock(operand, .variable(block), at: at, lower: lower, count: count)
    stack.append(.loop(CountedLoop(block, from: .constant(0), to: blockCount, stack.close())))
  }

  /// Cuts one block of depth of these lines, whose number through all tiles is `at`.
  private func cutBlock(
    _ operand: CubeOperand, _ block: Expression, at: Expression, lower: Expression, count: Expression
  ) throws {
    let (start, active) = try depths(operand, block)
    let word = MachineType(.i32)
    let found = operand.groups.map { _ in GroupVariables(&stack) }
    if let found { stack.append(.declare(found.spread, .integer(0, word))) }
    let line = stack.variable(operand.lines.name, .index)
    stack.open(binding: [operand.lines])
    try cutLine(
      operand, .variable(line), at: lower + .variable(line), where: Expression.variable(line).compared(.less, count),
      start: start, active: active, at, found)
    stack.append(
      .loop(CountedLoop(line, from: .constant(0), to: .constant(operand.tile), stack.close())))
    if let groups = operand.groups, let found {
      let spread = Access(buffer(workspace: groups.spreads, .int32), .int32, at)
      stack.append(.store(spread, .variable(found.spread), active: nil))
    }
  }

  /// Cuts line number `line` of a tile, which is line `own` of all, in a block of depth whose number through all tiles is
  /// `at`.
  func cutLine(
    _ operand: CubeOperand, _ line: Expression, in block: Expression, at: Expression, from own: Expression
  ) throws {
    let (start, active) = try depths(operand, block)
    let own = stack.define("\(operand.lines.name)_at", own)
    try cutLine(operand, line, at: own, where: nil, start: start, active: active, at, nil)
  }

  /// The first depth of a block, and how many it has; nil where every block is whole.
  private func depths(_ operand: CubeOperand, _ block: Expression) throws -> (Expression, Expression?) {
    let start = stack.define("start", block * .constant(operand.block))
    if let depth = operand.depth.extent, depth % operand.block == 0 { return (start, nil) }
    return (start, stack.define("depths", (try length(operand.depth) - start).minimum(.constant(operand.block))))
  }

  private func cutLine(
    _ operand: CubeOperand, _ line: Expression, at own: Expression, where isThere: Expression?, start: Expression,
    active: Expression?, _ at: Expression, _ found: GroupVariables?
  ) throws {
    let lanes = operand.block
    let type = MachineType(.i32, lanes)
    let word = MachineType(.i32)
    let integers = stack.variable("integers", type)
    let exponent = stack.variable("exponent", word)
    stack.append(.declare(integers, .integer(0, type)))
    stack.append(.declare(exponent, .integer(0, word)))
    if let found { for own in [found.scales, found.hasSecond] { stack.append(.declare(own, .integer(0, word))) } }
    stack.open(binding: [operand.lines, operand.depth])
    var inner = environment
    inner.bind(operand.lines, LaneCoordinate(own))
    if let bits = operand.bits {
      inner.lanes = lanes
      inner.active = active
      inner.bind(operand.depth, LaneCoordinate(start, lanes: .strided(1), alignment: operand.block))
      try cutNumbers(operand, inner, bits, integers, exponent)
    } else if let groups = operand.groups, let found {
      let codes = try self.codes(operand, inner, start, active, integers.type)
      try cutGroups(operand, groups, inner, start, codes, integers, exponent, found)
    } else {
      try cutCodes(operand, inner, start, active, integers, exponent)
    }
    let cut = stack.close()
    if let isThere { stack.append(.branch(isThere, cut, [])) } else { stack.append(contentsOf: cut) }
    let slices = buffer(workspace: operand.slices, .int8)
    let exponents = buffer(workspace: operand.exponents, .int32)
    let all =
      found?.slices(of: .variable(integers))
      ?? (0..<operand.sliceCount).map { CubeOperand.slice($0, of: operand.sliceCount, .variable(integers)) }
    for (number, slice) in all.enumerated() {
      let place =
        at * .constant(operand.blockBytes) + .constant(number * operand.tile * lanes)
        + line * .constant(lanes)
      stack.append(.store(Access(slices, .int8, place), slice, active: nil))
    }
    let place = at * .constant(operand.tile) + line
    stack.append(.store(Access(exponents, .int32, place), .variable(exponent), active: nil))
    guard let groups = operand.groups, let found else { return }
    let scales = buffer(workspace: groups.scales, .int32)
    stack.append(.store(Access(scales, .int32, place), .variable(found.scales), active: nil))
  }

  /// The codes of a line's block; 0 past its end.
  private func codes(
    _ operand: CubeOperand, _ line: Environment, _ start: Expression, _ active: Expression?, _ type: MachineType
  ) throws -> Expression {
    var inner = line
    inner.lanes = type.lanes
    inner.active = active
    inner.bind(operand.depth, LaneCoordinate(start, lanes: .strided(1), alignment: operand.block))
    let loaded = try emitWide(operand.value, inner)
    guard let active else { return stack.define("codes", loaded) }
    return stack.define("codes", masked(loaded, by: active))
  }

  /// Integers of codes, and the exponent of their scale.
  private func cutCodes(
    _ operand: CubeOperand, _ line: Environment, _ start: Expression, _ active: Expression?,
    _ integers: Variable,
    _ exponent: Variable
  ) throws {
    let (type, word) = (integers.type, exponent.type)
    var inner = line
    var power = Expression.integer(Int64(127 - operand.bias), word)
    if let scale = operand.scale {
      inner.bind(operand.depth, LaneCoordinate(start, alignment: operand.block))
      let code = stack.define("scale", try emitWide(scale, inner))
      let own = code.apply(.subtract, .integer(Int64(operand.bias), word))
      power = stack.define(
        "power", .apply(.select, [code.compared(.equal, .integer(255, word)), CubeOperand.endless, own], word))
    }
    let codes = try self.codes(operand, line, start, active, type)
    if program[operand.value].type == .e2m1 {
      stack.append(.assign(exponent, power))
      return stack.append(.assign(integers, CubeGroups.integers(codes)))
    }
    let sizes = stack.define("sizes", codes.apply(.and, ByteFragments.integer(0x7F, type.lanes)))
    let worst = stack.define("worst", foldLanes(sizes) { $0.apply(.maximum, $1) })
    let isNaN = worst.compared(.equal, .integer(0x7F, word))
    stack.append(.assign(exponent, .apply(.select, [isNaN, CubeOperand.endless, power], word)))
    // Integers below 2^22 are the last bits of what they are added to: a conversion has to be right for all numbers.
    let bits = ByteFragments.wholeNumbers(codes).apply(.add, .float(0x1.8p23, lanes: type.lanes)).bitCast(to: .i32)
    stack.append(.assign(integers, bits.apply(.add, ByteFragments.integer(-0x4B40_0000, type.lanes))))
  }

  private func cutNumbers(
    _ operand: CubeOperand, _ line: Environment, _ bits: Int, _ integers: Variable, _ exponent: Variable
  ) throws {
    let loaded = convert(try emitWide(operand.value, line), program[operand.value].type, to: .float32)
    cut(loaded, active: line.active, bits, integers, exponent)
  }

  /// Integers of numbers by the quantum of their block (numeric contract, class *fixedPoint*), and its exponent; lanes from
  /// `active` on are zeros.
  func cut(
    _ loaded: Expression, active: Expression?, _ bits: Int, _ integers: Variable, _ exponent: Variable
  ) {
    let (word, lanes) = (exponent.type, integers.type.lanes)
    let numbers = stack.define("numbers", active.map { masked(loaded, by: $0) } ?? loaded)
    let sizes = stack.define(
      "sizes", numbers.bitCast(to: .i32).apply(.and, ByteFragments.integer(Int(Int32.max), lanes)))
    let largest = stack.define("largest", foldLanes(sizes) { $0.apply(.maximum, $1) })
    // The exponent field of the largest, at least that of the least normal number.
    let field = stack.define(
      "field", largest.apply(.shiftRightLogical, .integer(23, word)).apply(.maximum, .integer(1, word)))
    let bias = Expression.integer(Int64(FixedPanels.quantumBias(bits: bits)), word)
    let isNaN = field.compared(.equal, .integer(255, word))
    stack.append(
      .assign(exponent, .apply(.select, [isNaN, CubeOperand.endless, field.apply(.subtract, bias)], word)))
    scale(numbers, by: stack.define("inverse", bias.apply(.subtract, field)), bits, integers)
  }

  /// The nearest integers of numbers times a power of two, no more than `bits` and a sign; the power in all lanes or in
  /// each its own, -252 to 254.
  func scale(_ numbers: Expression, by power: Expression, _ bits: Int, _ integers: Variable) {
    // The power may be no float32, its root or twice that is: what both products lose is far below half an integer.
    let lanes = integers.type.lanes
    func constant(_ value: Int64) -> Expression { .integer(value, power.type) }
    func float(_ exponent: Expression) -> Expression {
      exponent.apply(.add, constant(127)).apply(.shiftLeft, constant(23)).bitCast(to: .f32).broadcast(to: lanes)
    }
    let half = stack.define("half", power.apply(.shiftRightArithmetic, constant(1)))
    let scaled = numbers.apply(.multiply, float(half)).apply(.multiply, float(power.apply(.subtract, half)))
    let nearest = stack.define("nearest", scaled.converted(to: .i32))
    let most = ByteFragments.integer((1 << bits) - 1, lanes)
    let least = ByteFragments.integer(1 - (1 << bits), lanes)
    stack.append(.assign(integers, nearest.apply(.minimum, most).apply(.maximum, least)))
  }
}

extension CubeOperand {
  /// The exponent of a line's block that has a NaN.
  static let endless = Expression.integer(Int64(2 * ScalarFunction.farExponent), MachineType(.i32))

  /// Slice number `slice` of `count` of an integer, a signed byte: 7 bits, of the last with the sign.
  static func slice(_ slice: Int, of count: Int, _ integers: Expression) -> Expression {
    let lanes = integers.type.lanes
    let shift = ByteFragments.integer(ByteFragments.sliceBits * slice, lanes)
    let moved = slice == 0 ? integers : integers.apply(.shiftRightArithmetic, shift)
    return slice == count - 1 ? moved : moved.apply(.and, ByteFragments.integer(127, lanes))
  }
}
