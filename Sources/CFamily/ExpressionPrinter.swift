import MachineIR
import TileIR

/// Prints the expressions of one kernel or scalar function.
package struct ExpressionPrinter<Dialect: CDialect> {
  package let dialect: Dialect
  package var names: CNames
  /// Lane types of buffers and on-chip arrays, as they are declared.
  package var memory: [String: String] = [:]

  package init(_ dialect: Dialect, names: CNames = CNames()) {
    self.dialect = dialect
    self.names = names
  }

  package mutating func print(_ expression: Expression) throws -> CExpression {
    switch expression {
    case .variable(let variable): return CExpression(names.identifier(variable.name))
    case .integer, .float: return constant(expression)
    case .laneNumbers(let lanes): return CExpression(dialect.laneNumbers(lanes))
    case .table(let table): return CExpression(try dialect.table(table))
    case .apply(let instruction, let operands, let type):
      return try apply(instruction, operands, type)
    case .broadcast(let value, let lanes):
      return dialect.broadcast(try print(value), of: value.type, to: lanes)
    case .load(let access, let type, let active):
      let storage = try storage(access.element, type, access.buffer)
      return try dialect.load(storage, Place(access.buffer, access.offset), type, active, &self)
    case .gather(let access, let lanes, let type, let active):
      let storage = try storage(access.element, type, access.buffer)
      return try gather(storage, access.buffer, access.offset, lanes, type, active)
    case .element(let array, let indices):
      return CExpression(try element(array, indices))
    case .raw(let buffer, let offset, let type):
      return try dialect.load(.plain(type.scalar.cName), Place(buffer, offset), type, nil, &self)
    case .gatherRaw(let buffer, let offset, let lanes, let type):
      return try gather(.plain(type.scalar.cName), buffer, offset, lanes, type, nil)
    case .conditional(let condition, let a, let b):
      return .conditional(try print(condition), try printWide(a), try printWide(b))
    }
  }

  /// `array[i][j]`.
  package mutating func element(_ array: RegisterArray, _ indices: [Expression]) throws -> String {
    let name = names.identifier(array.name)
    return try indices.reduce(name) { "\($0)[\(try print($1).flat)]" }
  }

  // MARK: Constants

  private func constant(_ expression: Expression, isBits: Bool = false) -> CExpression {
    let text = dialect.literal(expression, isBits: isBits)
    return CExpression(text, text.hasPrefix("-") ? .prefix : .primary)
  }

  /// A value with its lanes spelled out, where C would not widen it by itself.
  package mutating func printWide(_ expression: Expression) throws -> CExpression {
    switch expression {
    case .integer(_, let type) where type.lanes > 1, .float(_, let type) where type.lanes > 1:
      return dialect.spelledOut(constant(expression), type)
    default: return try print(expression)
    }
  }

  package mutating func printWide(_ operands: [Expression]) throws -> [CExpression] {
    var printed: [CExpression] = []
    for operand in operands { printed.append(try printWide(operand)) }
    return printed
  }

  /// As an operand of an operator beside `other`: C widens a scalar to the lanes of a vector.
  private mutating func operand(
    _ expression: Expression, beside other: Expression, isBits: Bool = false
  ) throws -> CExpression {
    switch expression {
    case .integer(_, let type), .float(_, let type):
      if type.lanes > 1, isWidened(other) { return try printWide(expression) }
      return constant(expression, isBits: isBits)
    case .broadcast(let value, _)
      where !isWidened(other) && value.type.scalar != .mask && value.type.scalar.byteCount >= 4:
      return try print(value)
    default: return try print(expression)
    }
  }

  private func isWidened(_ expression: Expression) -> Bool {
    switch expression {
    case .integer, .float, .broadcast: true
    default: false
    }
  }

  // MARK: Memory

  private func storage(
    _ element: ElementType, _ type: MachineType, _ buffer: String
  ) throws -> Storage {
    let storage = Storage(element, as: type.scalar)
    guard type.scalar == element.register || storage != Storage(element) else {
      throw Refusal(
        "\(buffer) holds \(element.rawValue), which loads as \(element.register.rawValue), not as \(type.scalar.rawValue)")
    }
    return storage
  }

  /// The name of a buffer as a pointer to elements of `scalar`.
  package mutating func pointer(_ buffer: String, _ scalar: String, isConst: Bool) throws -> String {
    let name = names.identifier(buffer)
    guard let declared = memory[buffer] else { throw Refusal("it names no memory \(buffer)") }
    return declared == scalar ? name : "((\(isConst ? "const " : "")\(scalar) *)\(name))"
  }

  /// Arguments that name a place: pointer plus offset, or for packed elements both.
  package mutating func arguments(
    _ place: Place, _ storage: Storage, isConst: Bool
  ) throws -> [CExpression] {
    let pointer = try pointer(place.buffer, storage.memory, isConst: isConst)
    if storage.isPacked { return [CExpression(pointer), try print(place.offset)] }
    if place.offset.constantValue == 0 { return [CExpression(pointer)] }
    return [.binary(CExpression(pointer), "+", try print(place.offset), .sum)]
  }

  private mutating func gather(
    _ storage: Storage, _ buffer: String, _ offset: Expression, _ lanes: Expression,
    _ type: MachineType, _ active: Expression?
  ) throws -> CExpression {
    guard type.lanes > 1 else {
      return try dialect.load(storage, Place(buffer, offset + lanes.converted(to: .i64)), type, nil, &self)
    }
    return try dialect.gather(storage, Place(buffer, offset), lanes, type, active, &self)
  }

  // MARK: Instructions

  private mutating func apply(
    _ instruction: Instruction, _ operands: [Expression], _ type: MachineType
  ) throws -> CExpression {
    let first = operands[0]
    switch instruction {
    case .add: return try infix("+", operands, .sum, type)
    case .subtract: return try infix("-", operands, .sum, type)
    case .multiply: return try infix("*", operands, .product, type)
    case .divide, .quotient: return try infix("/", operands, .product, type)
    case .remainder: return try infix("%", operands, .product, type)
    case .negate: return narrowed(.prefix("-", try printWide(first)), type)
    case .compare(let comparison): return try compare(comparison, operands, type)
    case .and: return try infix("&", operands, .and, type, isBits: true)
    case .or: return try infix("|", operands, .or, type, isBits: true)
    case .xor: return try infix("^", operands, .exclusiveOr, type, isBits: true)
    case .not: return narrowed(.prefix(dialect.complement(type), try printWide(first)), type)
    case .shiftLeft: return try infix("<<", operands, .shift, type)
    case .shiftRightArithmetic: return try infix(">>", operands, .shift, type)
    case .divideFloor(let n): return try divide(instruction, first, by: n, type, remainder: false)
    case .remainderFloor(let n): return try divide(instruction, first, by: n, type, remainder: true)
    case .select:
      if first.type.lanes == 1 {
        return .conditional(try print(first), try printWide(operands[1]), try printWide(operands[2]))
      }
      return try dialect.select(operands, type, &self)
    case .convert: return try dialect.convert(first, type, &self)
    case .bitCast: return try dialect.bitCast(first, type, &self)
    case .call(let function):
      return .call(try dialect.function(function, lanes: type.lanes), try printWide(operands))
    case .lowHalf, .highHalf, .evenLanes, .oddLanes:
      return try dialect.part(instruction, first, type, &self)
    case .lane(let number): return try dialect.lane(number, first, type, &self)
    case .absolute, .fusedMultiplyAdd, .squareRoot, .reciprocalSquareRoot, .minimum, .maximum,
      .shiftRightLogical, .concatenate, .interleave, .dot4, .multiplyBytes, .multiplyDoubles,
      .multiplyHalves, .halvesOfE4M3, .halvesOfE2M1, .lookup16, .lookup128, .roundedSum:
      let name = try dialect.function(instruction, of: operands.map(\.type), type)
      return .call(name, try printWide(operands))
    }
  }

  private mutating func infix(
    _ symbol: String, _ operands: [Expression], _ binding: CExpression.Binding, _ type: MachineType,
    isBits: Bool = false
  ) throws -> CExpression {
    let (a, b) = (operands[0], operands[1])
    if case .integer = a, case .integer = b, type == .index {
      // Two literals would be computed as `int`.
      let left = CExpression.cast(dialect.type(type), constant(a))
      return .binary(left, symbol, constant(b), binding)
    }
    var left = try operand(a, beside: b, isBits: isBits)
    if binding == .shift, case .integer(_, .index) = a { left = .cast(dialect.type(.index), left) }
    // The left operand of a shift sets its lanes.
    if binding == .shift, isWidened(a), type.lanes > 1 { left = try printWide(a) }
    let right = isWidened(a) && type.lanes > 1 && isWidened(b)
      ? try operand(b, beside: .laneNumbers(type.lanes), isBits: isBits)
      : try operand(b, beside: a, isBits: isBits)
    return narrowed(.binary(left, symbol, right, binding), type)
  }

  /// C computes small scalar integers as `int`: the cast takes their width back.
  private func narrowed(_ value: CExpression, _ type: MachineType) -> CExpression {
    guard type.lanes == 1, type.scalar.isNarrow else { return value }
    return .cast(dialect.type(type), value)
  }

  /// A comparison as C gives it: lanes as wide as its operands'.
  package mutating func comparison(
    _ comparison: Comparison, _ operands: [Expression]
  ) throws -> CExpression {
    let symbol: String
    var binding = CExpression.Binding.relation
    switch comparison {
    case .equal: (symbol, binding) = ("==", .equality)
    case .notEqual: (symbol, binding) = ("!=", .equality)
    case .less: symbol = "<"
    case .lessOrEqual: symbol = "<="
    case .greater: symbol = ">"
    case .greaterOrEqual: symbol = ">="
    }
    let left = try operand(operands[0], beside: operands[1])
    let right = isWidened(operands[0]) && isWidened(operands[1])
      ? try print(operands[1]) : try operand(operands[1], beside: operands[0])
    return .binary(left, symbol, right, binding)
  }

  private mutating func compare(
    _ kind: Comparison, _ operands: [Expression], _ type: MachineType
  ) throws -> CExpression {
    let value = try comparison(kind, operands)
    return type.lanes > 1 ? dialect.compared(value, of: operands[0].type) : value
  }

  private mutating func divide(
    _ instruction: Instruction, _ value: Expression, by n: Int, _ type: MachineType, remainder: Bool
  ) throws -> CExpression {
    guard n > 0 else { throw Refusal("division by \(n); a positive constant expected") }
    let operand = try printWide(value)
    if n & (n - 1) == 0 {
      let amount = CExpression(remainder ? "\(n - 1)" : "\(n.trailingZeroBitCount)")
      return remainder
        ? .binary(operand, "&", amount, .and) : .binary(operand, ">>", amount, .shift)
    }
    return .call(try dialect.function(instruction, of: [value.type], type), [operand, CExpression("\(n)")])
  }
}
