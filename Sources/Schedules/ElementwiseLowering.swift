import MachineIR
import TileIR

/// Elementwise operations as instructions on registers.
extension RegionLowering {
  func elementwise(
    _ operation: Elementwise, _ node: Node, _ environment: Environment, lazily: Bool
  ) throws -> Expression {
    let type = MachineType(node.type.register, environment.lanes)
    if case .select = operation { return try select(node, type, environment, lazily: lazily) }
    var operands: [Expression] = []
    for operand in node.operands {
      operands.append(try emitWide(operand, environment, lazily: lazily))
    }
    let first = operands[0]
    switch operation {
    case .add: return .apply(.add, operands, type)
    case .subtract: return .apply(.subtract, operands, type)
    case .multiply: return .apply(.multiply, operands, type)
    case .negate: return .apply(.negate, operands, type)
    case .absolute: return .apply(.absolute, operands, type)
    case .minimum: return .apply(.minimum, operands, type)
    case .maximum: return .apply(.maximum, operands, type)
    case .compare(let comparison): return .apply(.compare(comparison), operands, type)
    case .divide: return .apply(.divide, operands, type)
    case .fusedMultiplyAdd: return .apply(.fusedMultiplyAdd, operands, type)
    case .squareRoot: return .apply(.squareRoot, operands, type)
    case .reciprocalSquareRoot: return .apply(.reciprocalSquareRoot, operands, type)
    case .and: return .apply(.and, operands, type)
    case .or: return .apply(.or, operands, type)
    case .xor: return .apply(.xor, operands, type)
    case .not: return .apply(.not, operands, type)
    case .shiftLeft: return .apply(.shiftLeft, operands, type)
    case .shiftRightLogical: return .apply(.shiftRightLogical, operands, type)
    case .shiftRightArithmetic: return .apply(.shiftRightArithmetic, operands, type)
    case .divideFloor(let n): return .apply(.divideFloor(n), operands, type)
    case .remainderFloor(let n): return .apply(.remainderFloor(n), operands, type)
    case .convert(let target): return convert(first, program[node.operands[0]].type, to: target)
    case .bitCast(let target): return bitCast(first, program[node.operands[0]].type, to: target)
    case .select: preconditionFailure("handled above")
    }
  }

  /// A scalar condition chooses a side and computes only that one.
  private func select(
    _ node: Node, _ type: MachineType, _ environment: Environment, lazily: Bool
  ) throws -> Expression {
    let condition = try emit(node.operands[0], environment, lazily: lazily)
    let isScalar = condition.type.lanes == 1
    func side(_ id: ValueID) throws -> Expression {
      try emitWide(id, environment, lazily: lazily || (isScalar && analysis.readsFreely(id)))
    }
    let (a, b) = (try side(node.operands[1]), try side(node.operands[2]))
    if isScalar { return .conditional(condition, a, b) }
    return .apply(.select, [condition, a, b], type)
  }

  /// From one element type to another: through `float32` or `int32`, as the contract orders.
  func convert(_ value: Expression, _ source: ElementType, to target: ElementType) -> Expression {
    if source == target { return value }
    let lanes = value.type.lanes
    let float = MachineType(.f32, lanes)
    switch source {
    case .float32:
      switch target {
      case .int32: return value.converted(to: .i32)
      case .int8, .uint8, .int4: return saturate(value.converted(to: .i32), to: target)
      case .float32, .bool: return value
      default: return .apply(.call(.narrowing(target)), [value], MachineType(.i32, lanes))
      }
    case .int32, .int8, .uint8, .int4:
      if target.isFloating { return convert(value.converted(to: .f32), .float32, to: target) }
      return saturate(value, to: target)
    case .bool: return value.converted(to: .i32)
    default:
      return convert(.apply(.call(.widening(source)), [value], float), .float32, to: target)
    }
  }

  private func saturate(_ value: Expression, to target: ElementType) -> Expression {
    let bounds: (Int64, Int64)
    switch target {
    case .int8: bounds = (-128, 127)
    case .uint8: bounds = (0, 255)
    case .int4: bounds = (-8, 7)
    default: return value
    }
    return value.apply(.maximum, .integer(bounds.0, value.type))
      .apply(.minimum, .integer(bounds.1, value.type))
  }

  /// The same bits; a NaN's are canonical first. Codes of narrow formats live in `i32` already.
  private func bitCast(_ value: Expression, _ source: ElementType, to target: ElementType) -> Expression {
    var bits = value
    if source == .float32, target != .float32 { bits = canonical(value).bitCast(to: .i32) }
    if source != .float32, target == .float32 { return value.bitCast(to: .f32) }
    switch (source, target) {
    case (.int8, _) where target != .int8:
      bits = bits.apply(.and, .integer(255, bits.type))
    case (_, .int8) where source != .int8:
      bits = signExtend(canonicalCode(bits, source), from: 8)
    case (.int4, _) where target != .int4: bits = bits.apply(.and, .integer(15, bits.type))
    case (_, .int4) where source != .int4: bits = signExtend(bits, from: 4)
    default: bits = canonicalCode(bits, source)
    }
    return bits
  }

  private func signExtend(_ value: Expression, from width: Int64) -> Expression {
    let shift = Expression.integer(32 - width, value.type)
    return value.apply(.shiftLeft, shift).apply(.shiftRightArithmetic, shift)
  }

  /// The canonical NaN in place of any.
  func canonical(_ value: Expression) -> Expression {
    .apply(
      .select, [value.compared(.notEqual, value), .float(.nan, lanes: value.type.lanes), value],
      value.type)
  }

  /// The canonical NaN code in place of any of a narrow format.
  private func canonicalCode(_ code: Expression, _ format: ElementType) -> Expression {
    let (magnitude, least, nan): (Int64, Int64, Int64)
    switch format {
    case .bfloat16: (magnitude, least, nan) = (0x7FFF, 0x7F81, 0x7FC0)
    case .float16: (magnitude, least, nan) = (0x7FFF, 0x7C01, 0x7E00)
    case .e5m2: (magnitude, least, nan) = (0x7F, 0x7D, 0x7E)
    case .e4m3: (magnitude, least, nan) = (0x7F, 0x7F, 0x7F)
    default: return code
    }
    let isNaN = code.apply(.and, .integer(magnitude, code.type))
      .compared(.greaterOrEqual, .integer(least, code.type))
    return .apply(.select, [isNaN, .integer(nan, code.type), code], code.type)
  }

  /// What a store writes: a computed NaN is canonical, a copied one keeps its bits. Narrowing
  /// conversions give canonical codes by themselves.
  func emitVisible(_ id: ValueID, _ environment: Environment) throws -> Expression {
    let node = program[id]
    guard node.type == .float32, !isCopy(id) else { return try emitWide(id, environment) }
    switch node.operation {
    case .elementwise(.select) where storage[id] == nil:
      let condition = try emit(node.operands[0], environment)
      let a = try emitVisible(node.operands[1], environment)
      let b = try emitVisible(node.operands[2], environment)
      if condition.type.lanes == 1 { return .conditional(condition, a, b) }
      return .apply(.select, [condition, a, b], a.type)
    case .sample, .join:
      guard storage[id] == nil, mixesCopies(id) else { break }
      throw Refusal(
        diagnostic: Diagnostic(
          "a store of copies mixed with computed values; store them apart", at: [node.location]))
    default: break
    }
    let value = try emitWide(id, environment)
    let named = stack.define(name(of: id), value)
    return canonical(named)
  }

  /// Whether a value's bits are those of some buffer or cast.
  private func isCopy(_ id: ValueID) -> Bool {
    let node = program[id]
    switch node.operation {
    case .load, .constant, .scalar, .elementwise(.bitCast): return true
    case .sample: return isCopy(node.operands[0])
    case .join: return node.operands.allSatisfy(isCopy)
    case .elementwise(.select): return isCopy(node.operands[1]) && isCopy(node.operands[2])
    default: return false
    }
  }

  private func mixesCopies(_ id: ValueID) -> Bool {
    let node = program[id]
    switch node.operation {
    case .sample: return mixesCopies(node.operands[0])
    case .join: return node.operands.contains(where: isCopy)
    case .elementwise(.select): return isCopy(node.operands[1]) || isCopy(node.operands[2])
    default: return false
    }
  }
}
