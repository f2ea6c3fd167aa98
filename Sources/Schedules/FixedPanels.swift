import MachineIR
import TileIR

/// A bf16 weight on the right of a fixed-point product. Its integers have no more significant bits than
/// bf16 has, so they are laid out as bf16 numbers themselves, beside the quantum of each column's block.
struct FixedPanels {
  let panels: WeightPanels
  /// The weight's element, before it is widened.
  let operand: ValueID
  let bits: Int

  /// What is stored of the quantum 2^e of a block of integers of `bits` is e and this: the exponent field of the
  /// block's largest element, 1 to 254. NaN is 255.
  static func quantumBias(bits: Int) -> Int { bits + 126 }

  /// The panels of a product of the class `fixedPoint`, or nil where its right operand is no bf16 weight.
  init?(_ lowering: RegionLowering, _ id: ValueID, _ pattern: ProductPattern) {
    let program = lowering.program
    guard case .product(_, let productClass, _, _) = program[id].operation,
      case .fixedPoint(let bits, let block) = productClass, (9...22).contains(bits)
    else { return nil }
    let operand = Self.narrow(program[id].operands[1], in: program)
    let width = lowering.blocking(for: productClass, pattern).panel
    guard program[operand].type == .bfloat16,
      let panels = WeightPanels(operand, pattern, in: program, width: width, block: block)
    else { return nil }
    self.panels = panels
    self.operand = operand
    self.bits = bits
  }

  /// What a value was before it was widened to `float32`.
  static func narrow(_ id: ValueID, in program: Program) -> ValueID {
    if case .elementwise(.convert(.float32)) = program[id].operation { program[id].operands[0] } else { id }
  }
}

extension RegionLowering {
  /// Codes: bf16 [depth][column]; scales: [column] bytes.
  func pack(_ weight: FixedPanels, _ laidOut: LaidOutWeight, _ place: PanelBlock) throws {
    let lanes = weight.panels.width
    let codes = buffer(workspace: laidOut.codes, .bfloat16)
    let scales = buffer(workspace: laidOut.scales, .uint8)
    let bits = MachineType(.i64, lanes)
    let end = stack.define(
      "end", (place.start + .constant(weight.panels.block)).minimum(place.depth))
    func element() throws -> Expression {
      let value = convert(try emitWide(weight.operand, environment), .bfloat16, to: .float32)
      return stack.define("element", value.converted(to: .f64))
    }
    let largest = stack.variable("largest", bits)
    stack.append(.declare(largest, .integer(0, bits)))
    try rangeLoop(weight.panels.depth, from: place.start, to: end) {
      let magnitude = try element().bitCast(to: .i64).apply(.and, .integer(Int64.max, bits))
      stack.append(.assign(largest, Expression.variable(largest).apply(.maximum, magnitude)))
    }
    let exponent = quantumExponent(.variable(largest), bits: weight.bits)
    let isNaN = Expression.variable(largest)
      .compared(.greaterOrEqual, .integer(0x7FF0_0000_0000_0000, bits))
    let bias = Int64(FixedPanels.quantumBias(bits: weight.bits) - 1023)
    let code = exponent.apply(.add, .integer(bias, bits))
    let stored = Expression.apply(.select, [isNaN, .integer(255, bits), code], bits)
      .converted(to: .i32)
    stack.append(
      .store(Access(scales, .uint8, place.number * .constant(lanes)), stored, active: nil))
    let inverse = stack.define("inverse", inverseQuantum(exponent))
    let first = stack.define(
      "first", place.number * .constant(weight.panels.block * lanes) - place.start * .constant(lanes))
    try rangeLoop(weight.panels.depth, from: place.start, to: end) {
      let integer = roundedInteger(try element().apply(.multiply, inverse)).converted(to: .f32)
      let at = environment.coordinates[weight.panels.depth]!.base
      let code = integer.bitCast(to: .i32)
        .apply(.shiftRightLogical, .integer(16, MachineType(.i32, lanes)))
      stack.append(
        .store(Access(codes, .bfloat16, first + at * .constant(lanes)), code, active: nil))
    }
    if let depth = place.depth.constantValue, depth % weight.panels.block == 0 { return }
    // Depth past the end holds zeros, so that all of the workspace has a value.
    let rest = stack.variable("rest", .index)
    let zero = Expression.integer(0, MachineType(.i32, lanes))
    let at = first + .variable(rest) * .constant(lanes)
    stack.append(
      .loop(
        CountedLoop(
          rest, from: end, to: place.start + .constant(weight.panels.block),
          [.store(Access(codes, .bfloat16, at), zero, active: nil)])))
  }

  // MARK: Quanta

  /// The biased f64 exponent of the quantum of a block whose largest magnitude has these f64 bits:
  /// that of floor(log2 m), not below the least normal f32, less bits - 1.
  func quantumExponent(_ largest: Expression, bits: Int, floor: Int64 = 1023 - 126) -> Expression {
    let field = largest.apply(.shiftRightLogical, .integer(52, largest.type))
      .apply(.maximum, .integer(floor, largest.type))
    return stack.define("exponent", field.apply(.add, .integer(Int64(1 - bits), largest.type)))
  }

  /// 1 / quantum.
  func inverseQuantum(_ exponent: Expression) -> Expression {
    Expression.integer(2046, exponent.type).apply(.subtract, exponent)
      .apply(.shiftLeft, .integer(52, exponent.type)).bitCast(to: .f64)
  }

  /// The nearest even integer: adding 1.5 * 2^52 leaves no room for a fraction.
  func roundedInteger(_ value: Expression) -> Expression {
    let magic = Expression.float(Double(0x1.8p52).bitPattern, value.type)
    return stack.define("rounded", value.apply(.add, magic).apply(.subtract, magic))
  }
}

/// The panels of a fixed-point weight as a cell reads them.
struct FixedPanelReader {
  let weight: FixedPanels
  let codes: String
  let scales: String
  /// The first panel of the cell; blocks of a panel.
  let first: Expression
  let blocks: Expression

  init(_ lowering: RegionLowering, _ weight: FixedPanels, _ laidOut: LaidOutWeight) throws {
    self.weight = weight
    codes = lowering.buffer(workspace: laidOut.codes, .bfloat16, written: false)
    scales = lowering.buffer(workspace: laidOut.scales, .uint8, written: false)
    first = try lowering.firstPanel(weight.panels)
    blocks = lowering.scalar(weight.panels.blocks, "\(weight.panels.depth.name)_blocks")
  }

  /// `lanes` integers in f64 from column `column` of a panel at a depth coordinate.
  func integers(_ panel: Expression, depth: Expression, column: Expression, lanes: Int) -> Expression {
    let row = (first + panel) * blocks * .constant(weight.panels.block) + depth
    let access = Access(codes, .bfloat16, row * .constant(weight.panels.width) + column)
    let type = MachineType(.i32, lanes)
    return Expression.load(access, type, active: nil)
      .apply(.shiftLeft, .integer(16, type)).bitCast(to: .f32).converted(to: .f64)
  }

  /// Their quanta, of the block that the depth coordinate begins.
  func quanta(_ panel: Expression, depth: Expression, column: Expression, lanes: Int) -> Expression {
    let block = (first + panel) * blocks + depth.divided(by: weight.panels.block)
    let access = Access(scales, .uint8, block * .constant(weight.panels.width) + column)
    return Expression.load(access, MachineType(.i32, lanes), active: nil)
      .powerOfTwo(bias: FixedPanels.quantumBias(bits: weight.bits))
  }
}
