import MachineIR
import TileIR

/// A weight whose products are exact products of matrices: of halves for E4M3 or E2M1 under the class `exactBlock`, of
/// bytes for bf16 under `fixedPoint`.
struct MatrixWeight {
  let panels: WeightPanels
  /// Depth coordinates that share a scale; a block where there is one scale for it.
  let group: Int
  let left: ValueID
  let leftScale: ValueID?
  /// The right operand and its scale.
  let operand: ValueID
  let scale: ValueID?
  let format: ElementType
  /// Bits of the integers of both operands under the class `fixedPoint`; nil under `exactBlock`.
  let bits: Int?

  var groups: Int { panels.block / group }
  /// Products along the depth of a block.
  var steps: Int { panels.block / ByteFragments.depth }
  /// Words of codes of one product: as many as the operand's columns have.
  var words: Int { panels.width * format.bitWidth }
  /// Rows of a tile of the left operand, the lanes of one product, and words of a block of it: codes as they are stand on
  /// the right of a product of halves, slices of integers on the left of one of bytes.
  var tileRows: Int { bits == nil ? HalfMatrices.columns : ByteMatrices.rows }
  var leftLanes: Int { bits == nil ? ByteMatrices.right.lanes : ByteMatrices.left.lanes }
  var leftWords: Int { steps * (bits == nil ? 1 : ByteFragments.slices) * leftLanes }
  /// What the code of a scale has above its exponent, once what the halves are of their numbers counts in. That of a
  /// fixed-point block is the exponent field of its largest element.
  var rowBias: Int { bits.map(FixedPanels.quantumBias) ?? 127 }
  var columnBias: Int {
    bits.map(FixedPanels.quantumBias) ?? 127 + (format == .e2m1 ? HalfMatrices.e2m1Exponent : 0)
  }
  /// Bytes of the scales of a block of a panel: a column's scale each, `scaleCopies` times; where a block has several,
  /// the words of `GroupScales`.
  var scaleBytes: Int { (groups == 1 ? scaleCopies : 8) * panels.width }
  /// How often the scales of a block stand in memory: where a bulk copy takes them, often enough for its 16 bytes.
  let scaleCopies: Int
  private static func scaleCopies(on machine: MachineDescription, _ width: Int) -> Int {
    machine.has(.bulkCopies) ? max(1, MatrixRing.copyUnit / width) : 1
  }

  var scaleElement: ElementType { groups == 1 ? .uint8 : .int32 }

  /// The weight of a product, or nil where the machine has no such products, the right operand is no weight, the
  /// formats have no slices, scales change within a product, or the left operand is not there before the cells of the
  /// product begin.
  init?(_ lowering: RegionLowering, _ id: ValueID, _ pattern: ProductPattern) {
    guard lowering.machine.has(.byteMatrices) else { return nil }
    if case .product(_, .fixedPoint(let bits, let block), _, _) = lowering.program[id].operation {
      self.init(integersOf: bits, block, lowering, id, pattern)
    } else {
      self.init(codesOf: lowering, id, pattern)
    }
  }

  private init?(codesOf lowering: RegionLowering, _ id: ValueID, _ pattern: ProductPattern) {
    let program = lowering.program
    let node = program[id]
    guard
      case .product(let depth, .exactBlock(let block), let scaledLeft, let scaledRight) = node.operation,
      program[node.operands[0]].type == .e4m3, [.e4m3, .e2m1].contains(program[node.operands[1]].type),
      let panels = WeightPanels(
        node.operands[1], pattern, in: program, width: HalfMatrices.rows, block: block),
      // Sums of more products of parts may be inexact.
      block % ByteFragments.depth == 0, block <= 128
    else { return nil }
    leftScale = scaledLeft ? node.operands[2] : nil
    scale = scaledRight ? node.operands[scaledLeft ? 3 : 2] : nil
    (left, operand, format) = (node.operands[0], node.operands[1], program[node.operands[1]].type)
    var group = block
    if let scale {
      guard case .load(let position, _) = program[scale].operation,
        program.parameters[position].role == .weight,
        let step = lowering.granularity(of: scale, along: depth)
      else { return nil }
      group = step % block == 0 ? block : step
    }
    if let leftScale {
      guard let step = lowering.granularity(of: leftScale, along: depth), step % block == 0 else {
        return nil
      }
    }
    guard block % group == 0, group % ByteFragments.depth == 0, format == .e2m1 || group == block else {
      return nil
    }
    for id in [left, leftScale].compactMap({ $0 }) where !lowering.isReadOnly(id) { return nil }
    self.panels = panels
    self.group = group
    bits = nil
    scaleCopies = Self.scaleCopies(on: lowering.machine, panels.width)
  }

  /// Integers of more bits have no three slices; of fewer than nine, a bf16 number has more.
  private init?(
    integersOf bits: Int, _ block: Int, _ lowering: RegionLowering, _ id: ValueID, _ pattern: ProductPattern
  ) {
    let program = lowering.program
    let operand = FixedPanels.narrow(program[id].operands[1], in: program)
    guard (9...ByteFragments.slices * ByteFragments.sliceBits).contains(bits),
      program[operand].type == .bfloat16,
      program[program[id].operands[0]].type == .float32,
      let panels = WeightPanels(operand, pattern, in: program, width: ByteMatrices.columns, block: block),
      block % ByteFragments.depth == 0, block <= 128, lowering.isReadOnly(program[id].operands[0])
    else { return nil }
    (left, leftScale, self.operand, scale) = (program[id].operands[0], nil, operand, nil)
    (format, group, self.panels, self.bits) = (.bfloat16, block, panels, bits)
    scaleCopies = Self.scaleCopies(on: lowering.machine, panels.width)
  }
}

extension RegionLowering {
  /// Whether a value is one of what the launch was given, at coordinates that are: nothing that cells keep.
  func isReadOnly(_ id: ValueID) -> Bool {
    let node = program[id]
    switch node.operation {
    case .load, .index, .constant, .coordinate, .scalar, .segment:
      return node.dependencies.allSatisfy(isReadOnly)
    case .elementwise: return node.dependencies.allSatisfy(isReadOnly)
    default: return false
    }
  }

  /// Codes: [product][lane] words, columns and depths as the rows and depths of the left operand of a product of byte
  /// matrices: of four E4M3 codes, or of the eight E2M1 codes of a lane and of the one 64 lanes on, as `HalfMatrices`
  /// says. Scales: bytes of E8M0, as `MatrixWeight.scaleBytes` says; a column whose block holds a NaN code has scale NaN,
  /// and a zero in its place. Columns and depth past the end hold zeros.
  func pack(_ weight: MatrixWeight, _ laidOut: LaidOutWeight, _ place: PanelBlock) throws {
    if let bits = weight.bits { return try packIntegers(weight, bits, laidOut, place) }
    let type = MachineType(.i32, weight.words)
    let worst = stack.variable("worst", type)
    stack.append(.declare(worst, .integer(0, type)))
    try packCodes(weight, buffer(workspace: laidOut.codes, .int32), place, worst)
    try packScales(weight, buffer(workspace: laidOut.scales, weight.scaleElement), place, worst)
  }

  private func packCodes(
    _ weight: MatrixWeight, _ target: String, _ place: PanelBlock, _ worst: Variable
  ) throws {
    let type = worst.type
    let lanes = type.lanes
    let columns = environment.active!.converted(to: .i32).broadcast(to: lanes)
    let last = { (count: Expression) in count.apply(.subtract, ByteFragments.integer(1, lanes)) }
    let column = stack.define("column", ByteFragments.leftRow(lanes))
    let lower = environment.coordinates[weight.panels.columns]!.base
    let step = stack.variable("step", .index)
    stack.open()
    let start = stack.define(
      "step_start", place.start + Expression.variable(step) * .constant(ByteFragments.depth))
    let left = stack.define(
      "step_depth", (place.depth - start).minimum(.constant(ByteFragments.depth)).converted(to: .i32))
    let word = stack.variable("word", type)
    stack.append(.declare(word, .integer(0, type)))
    var inside: [MachineStatement] = []
    for (number, depth) in codeDepths(weight).enumerated() {
      stack.open(binding: [weight.panels.columns, weight.panels.depth])
      var inner = environment
      inner.lanes = lanes
      inner.active = nil
      let depths = stack.define("depths", depth)
      let bound = left.broadcast(to: lanes)
      inner.bind(
        weight.panels.columns, LaneCoordinate(lower, lanes: .general(column.apply(.minimum, last(columns)))))
      inner.bind(
        weight.panels.depth, LaneCoordinate(start, lanes: .general(depths.apply(.minimum, last(bound)))))
      let exists = column.compared(.less, columns).apply(.and, depths.compared(.less, bound))
      let code = stack.define("code", try emitWide(weight.operand, inner))
      let kept = stack.define(
        "kept", .apply(.select, [exists, code, .integer(0, type)], type))
      if weight.format == .e2m1 {
        stack.append(.assign(word, Expression.variable(word).apply(.or, bits(ofE2M1: kept, number))))
      } else {
        let size = stack.define("size", kept.apply(.and, ByteFragments.integer(0x7F, lanes)))
        stack.append(.assign(worst, Expression.variable(worst).apply(.maximum, size)))
        let moved = ByteFragments.number(kept, size: size).apply(
          .shiftLeft, ByteFragments.integer(8 * number, lanes))
        stack.append(.assign(word, Expression.variable(word).apply(.or, moved)))
      }
      inside += stack.close()
    }
    stack.append(.branch(start.compared(.less, place.depth), inside, []))
    let at = (place.number * .constant(weight.steps) + .variable(step)) * .constant(lanes)
    stack.append(.store(Access(target, .int32, at), .variable(word), active: nil))
    stack.append(
      .loop(CountedLoop(step, from: .constant(0), to: .constant(weight.steps), stack.close())))
  }

  /// Depths of the codes of a word: of E2M1 codes those of a pair are neighbours, pairs 0 and 1 of the first register.
  private func codeDepths(_ weight: MatrixWeight) -> [Expression] {
    let first = ByteFragments.leftDepth(weight.words)
    let depths =
      weight.format == .e4m3
      ? Array(0..<4) : (0..<8).map { $0 % 2 * 2 + $0 / 4 + $0 % 4 / 2 * (ByteFragments.depth / 2) }
    return depths.map { first.apply(.add, ByteFragments.integer($0, weight.words)) }
  }

  /// The bits of code number `number` of a word of E2M1 codes.
  private func bits(ofE2M1 code: Expression, _ number: Int) -> Expression {
    func constant(_ value: Int) -> Expression { ByteFragments.integer(value, code.type.lanes) }
    let (pair, half) = (number % 4, number / 4 * 16)
    let sign = code.apply(.shiftRightLogical, constant(3)).apply(
      .shiftLeft, constant(half + HalfMatrices.signBit - HalfMatrices.signShifts[pair]))
    let size = code.apply(.and, constant(7)).apply(
      .shiftLeft, constant(half + HalfMatrices.sizeBit - HalfMatrices.sizeShifts[pair]))
    return sign.apply(.or, size)
  }

  private func packScales(
    _ weight: MatrixWeight, _ target: String, _ place: PanelBlock, _ worst: Variable
  ) throws {
    let lanes = weight.panels.width
    let type = MachineType(.i32, lanes)
    func store(_ value: Expression) { storeScales(weight, target, place, value) }
    func scale(_ at: Expression) throws -> Expression {
      guard let id = weight.scale else { return .integer(127, type) }
      stack.open(binding: [weight.panels.depth])
      var inner = environment
      inner.bind(weight.panels.depth, LaneCoordinate(at, alignment: weight.group))
      let value = try emitWide(id, inner)
      // Absent columns are zeros under the scale 1.
      let scale = stack.define(
        "scale", masked(value, by: environment.active!, otherwise: .integer(127, type)))
      let statements = stack.close()
      stack.append(contentsOf: statements)
      return scale
    }
    guard weight.groups > 1 else {
      let code = try scale(place.start)
      guard weight.format == .e4m3 else { return store(code) }
      let isNaN = linesFolded(.variable(worst), to: lanes)
        .compared(.equal, ByteFragments.integer(0x7F, lanes))
      return store(.apply(.select, [isNaN, .integer(255, type), code], type))
    }
    var codes: [Expression] = []
    for group in 0..<weight.groups {
      // A group past the end takes the scale of the block's first: it must not widen the block.
      let own = stack.define("own", place.start + .constant(group * weight.group))
      let at = stack.define("group_at", .conditional(own.compared(.less, place.depth), own, place.start))
      codes.append(try scale(at))
    }
    func extreme(_ instruction: Instruction) -> Expression {
      codes.dropFirst().reduce(codes[0]) { stack.define("extreme", $0.apply(instruction, $1)) }
    }
    let (least, most) = (extreme(.minimum), extreme(.maximum))
    // Shifts with which sums would be inexact; a NaN scale is far from 1.
    let spread = most.apply(.subtract, least).compared(
      .greater, ByteFragments.integer(GroupScales.mostShift, lanes))
    let isFar = spread.apply(.or, GroupScales.isNear(least).apply(.and, GroupScales.isNear(most)).apply(.not))
    let far = stack.define("far", .apply(.select, [isFar, .integer(1, type), .integer(0, type)], type))
    let any = stack.define("any_far", foldLanes(far) { $0.apply(.or, $1) }).broadcast(to: lanes)
    let (together, apart) = GroupScales.words(codes, least: least, far: any)
    let words = Access(target, .int32, place.number * .constant(weight.scaleBytes / 4))
    stack.append(.store(words, together, active: nil))
    stack.append(
      .store(Access(target, .int32, words.offset + .constant(lanes)), apart, active: nil))
  }

  /// Stores the only scale of each column of a block.
  func storeScales(_ weight: MatrixWeight, _ target: String, _ place: PanelBlock, _ value: Expression) {
    let stored = stack.define("stored", value)
    for copy in 0..<weight.scaleCopies {
      let at = place.number * .constant(weight.scaleBytes) + .constant(copy * weight.panels.width)
      stack.append(.store(Access(target, .uint8, at), stored, active: nil))
    }
  }

  /// The largest of each row, or column, of an operand's lanes: they are four neighbours of two registers that lie half
  /// the value apart.
  func linesFolded(_ value: Expression, to lanes: Int) -> Expression {
    let half = value.type.with(lanes: value.type.lanes / 2)
    var value = stack.define(
      "folded", Expression.apply(.lowHalf, [value], half).apply(.maximum, .apply(.highHalf, [value], half)))
    while value.type.lanes > lanes {
      let half = value.type.with(lanes: value.type.lanes / 2)
      value = stack.define(
        "folded",
        Expression.apply(.evenLanes, [value], half).apply(.maximum, .apply(.oddLanes, [value], half)))
    }
    return value
  }
}
