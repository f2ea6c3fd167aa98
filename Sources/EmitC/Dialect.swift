import CFamily
import MachineIR
import TileIR

/// C with clang's vector extensions: vectors are values with operators, and everything else is a function of
/// the prelude.
extension Prelude: CDialect {
  var inlineFunction: String { "static inline" }

  func literal(_ constant: Expression, isBits: Bool) -> String {
    switch constant {
    case .integer(let value, let type) where type.scalar == .mask:
      return value == 0 ? "0" : (type.lanes == 1 ? "1" : "-1")
    case .integer(let value, let type):
      return CLiterals.integer(value, bits: type.scalar.byteCount * 8, isBits: isBits)
    case .float(let bits, let type):
      let value = Double(bitPattern: bits)
      return type.scalar == .f32 ? CLiterals.float(Float(value)) : CLiterals.double(value)
    default: preconditionFailure("a constant")
    }
  }

  func spelledOut(_ literal: CExpression, _ type: MachineType) -> CExpression { .cast(self.type(type), literal) }

  // MARK: Operations

  func function(_ instruction: Instruction, of operands: [MachineType], _ type: MachineType) throws -> String {
    switch instruction {
    case .absolute: absolute(type)
    case .fusedMultiplyAdd: try fusedMultiplyAdd(type)
    case .squareRoot: squareRoot(type)
    case .reciprocalSquareRoot: reciprocalSquareRoot(type)
    case .minimum: extremum("minimum", type)
    case .maximum: extremum("maximum", type)
    case .shiftRightLogical: shiftRightLogical(type)
    case .divideFloor: divideFloor(type)
    case .remainderFloor: remainderFloor(type)
    case .concatenate: concatenate(operands[0])
    case .interleave: interleave(operands[0])
    case .dot4: try dot4(lanes: type.lanes)
    case .lookup16: try lookup16(operands[0], lanes: type.lanes)
    case .lookup128: try lookup128(lanes: type.lanes)
    case .multiplyBytes: throw Refusal("the machine has no matrix products of bytes (multiplyBytes)")
    case .multiplyDoubles: throw Refusal("the machine has no matrix products of f64 (multiplyDoubles)")
    case .multiplyHalves: throw Refusal("the machine has no matrix products of halves (multiplyHalves)")
    case .halvesOfE4M3: throw Refusal("the machine has no halves of E4M3 codes (halvesOfE4M3)")
    case .halvesOfE2M1: throw Refusal("the machine has no halves of E2M1 codes (halvesOfE2M1)")
    case .roundedSum: roundedSum(count: operands.count, type)
    default: preconditionFailure("an instruction with an operator")
    }
  }

  func function(_ function: ScalarFunction, lanes: Int) throws -> String {
    let word = name(of: function)
    let result = type(MachineType(function.resultType.register, lanes))
    let input = type(MachineType(function.parameters[0].register, lanes))
    let name = "\(word)_\(function.resultType == function.parameters[0] ? result : "\(result)_of_\(input)")"
    return try add(name) {
      try ExpressionPrinter.definition(of: function, named: name, lanes: lanes, in: self)
    }
  }

  func complement(_ type: MachineType) -> String { type.scalar == .mask && type.lanes == 1 ? "!" : "~" }

  func broadcast(_ value: CExpression, of type: MachineType, to lanes: Int) -> CExpression {
    // A lone truth value is 0 or 1, a lane's is all bits.
    .cast(self.type(type.with(lanes: lanes)), type.scalar == .mask ? .prefix("-", value) : value)
  }

  func compared(_ value: CExpression, of operands: MachineType) -> CExpression {
    guard operands.scalar.byteCount != 4 else { return value }
    return CExpression(
      convert(value.flat, to: type(MachineType(.mask, operands.lanes)), operands.lanes))
  }

  func select(_ operands: [Expression], _ type: MachineType, _ printer: inout Printer) throws -> CExpression {
    let condition = try mask(operands[0], bytes: type.scalar.byteCount, &printer)
    return .conditional(condition, try printer.printWide(operands[1]), try printer.printWide(operands[2]))
  }

  /// A vector condition with lanes of `bytes`, as C's `?:` wants them.
  private func mask(_ condition: Expression, bytes: Int, _ printer: inout Printer) throws -> CExpression {
    if case .apply(.compare(let kind), let operands, _) = condition,
      operands[0].type.scalar.byteCount == bytes
    {
      return try printer.comparison(kind, operands)
    }
    let value = try printer.printWide(condition)
    if bytes == 4 { return value }
    let lanes = condition.type.lanes
    let target = vector("i\(bytes * 8)", lanes)
    return CExpression(convert(value.flat, to: target, lanes))
  }

  func convert(_ value: Expression, _ type: MachineType, _ printer: inout Printer) throws -> CExpression {
    let source = value.type.scalar
    let operand = try printer.printWide(value)
    if source == .f32, type.scalar == .i32 {
      return .call(roundToInteger(lanes: type.lanes), [operand])
    }
    if source.isFloat, !type.scalar.isFloat {
      throw Refusal("no conversion from \(source.rawValue) to \(type.scalar.rawValue)")
    }
    if type.scalar == .mask { throw Refusal("a mask comes from a comparison, not from a conversion") }
    let target = self.type(type)
    if type.lanes == 1 {
      if source.cName == type.scalar.cName { return operand }
      return .cast(target, operand)
    }
    let lanes: CExpression =
      source == .mask ? .binary(operand, "&", CExpression("1"), .and) : operand
    if source.cName == target.prefix(while: { $0 != "x" }) { return lanes }
    return CExpression(
      .group(
        open: convert("", to: target, type.lanes).prefix { $0 != "(" } + "(",
        items: [lanes.layout, .text(target)], separator: ",", close: ")"))
  }

  func bitCast(_ value: Expression, _ type: MachineType, _ printer: inout Printer) throws -> CExpression {
    guard value.type.lanes == 1, type.lanes == 1 else {
      return .cast(self.type(type), try printer.printWide(value))
    }
    if value.type.scalar.cName == type.scalar.cName { return try printer.print(value) }
    return .call(bitCastScalar(from: value.type.scalar, to: type.scalar), [try printer.print(value)])
  }

  func part(
    _ instruction: Instruction, _ value: Expression, _ type: MachineType, _ printer: inout Printer
  ) throws -> CExpression {
    let (accessor, lane) =
      switch instruction {
      case .lowHalf: ("lo", 0)
      case .highHalf: ("hi", 1)
      case .evenLanes: ("even", 0)
      default: ("odd", 1)
      }
    let operand = try printer.printWide(value).atLeast(.primary)
    return CExpression(.sequence([operand, .text(type.lanes == 1 ? "[\(lane)]" : ".\(accessor)")]))
  }

  func lane(
    _ number: Int, _ value: Expression, _ type: MachineType, _ printer: inout Printer
  ) throws -> CExpression {
    let lane = CExpression(.sequence([try printer.printWide(value).atLeast(.primary), .text("[\(number)]")]))
    return type.scalar == .mask ? .binary(lane, "!=", CExpression("0"), .equality) : lane
  }

  // MARK: Memory

  func load(
    _ storage: Storage, _ place: Place, _ type: MachineType, _ active: Expression?, _ printer: inout Printer
  ) throws -> CExpression {
    if type.lanes == 1 {
      let pointer = try printer.pointer(place.buffer, storage.memory, isConst: true)
      if storage.isPacked {
        return .call(load(storage, lanes: 1), [CExpression(pointer), try printer.print(place.offset)])
      }
      let element = CExpression.subscripted(pointer, try printer.print(place.offset))
      return storage == .truth ? .binary(element, "!=", CExpression("0"), .equality) : element
    }
    let arguments = try printer.arguments(place, storage, isConst: true)
    guard let active else { return .call(load(storage, lanes: type.lanes), arguments) }
    return .call(loadActive(storage, lanes: type.lanes), arguments + [try printer.print(active)])
  }

  func gather(
    _ storage: Storage, _ place: Place, _ lanes: Expression, _ type: MachineType, _ active: Expression?,
    _ printer: inout Printer
  ) throws -> CExpression {
    let function = gather(storage, lanes: type.lanes, isPartial: active != nil)
    var arguments = try printer.arguments(place, storage, isConst: true) + [try printer.printWide(lanes)]
    if let active { arguments.append(try printer.print(active)) }
    return .call(function, arguments)
  }
}
