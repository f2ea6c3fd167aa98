import MachineIR
import TileIR

/// Prints the expressions of one kernel or scalar function.
struct ExpressionPrinter {
  let prelude: Prelude
  var names = CNames()
  /// Lane types of buffers and on-chip arrays, as they are declared.
  var memory: [String: String] = [:]

  init(prelude: Prelude) { self.prelude = prelude }

  mutating func print(_ expression: Expression) throws -> CExpression {
    switch expression {
    case .variable(let variable): return CExpression(names.identifier(variable.name))
    case .integer, .float: return constant(expression)
    case .laneNumbers(let lanes): return CExpression(prelude.laneNumbers(lanes))
    case .table(let table): return CExpression(prelude.table(table))
    case .apply(let instruction, let operands, let type):
      return try apply(instruction, operands, type)
    case .broadcast(let value, let lanes): return try broadcast(value, lanes)
    case .load(let access, let type, let active): return try load(access, type, active)
    case .gather(let access, let lanes, let type, let active):
      let storage = try storage(access.element, type, access.buffer)
      return try gather(storage, access.buffer, access.offset, lanes, type, active)
    case .element(let array, let indices):
      return CExpression(try element(array, indices))
    case .raw(let buffer, let offset, let type):
      let scalar = Prelude.scalarName(type.scalar)
      return try load(.plain(scalar), buffer, offset, type, nil)
    case .gatherRaw(let buffer, let offset, let lanes, let type):
      return try gather(.plain(Prelude.scalarName(type.scalar)), buffer, offset, lanes, type, nil)
    case .conditional(let condition, let a, let b):
      return .conditional(try print(condition), try printWide(a), try printWide(b))
    }
  }

  /// `array[i][j]`.
  mutating func element(_ array: RegisterArray, _ indices: [Expression]) throws -> String {
    let name = names.identifier(array.name)
    return try indices.reduce(name) { "\($0)[\(try print($1).flat)]" }
  }

  // MARK: Constants

  private func constant(_ expression: Expression, isBits: Bool = false) -> CExpression {
    let text: String
    switch expression {
    case .integer(let value, let type) where type.scalar == .mask:
      text = value == 0 ? "0" : (type.lanes == 1 ? "1" : "-1")
    case .integer(let value, let type):
      text = CLiterals.integer(value, bits: type.scalar.byteCount * 8, isBits: isBits)
    case .float(let bits, let type):
      let value = Double(bitPattern: bits)
      text = type.scalar == .f32 ? CLiterals.float(Float(value)) : CLiterals.double(value)
    default: preconditionFailure("a constant")
    }
    return CExpression(text, text.hasPrefix("-") ? .prefix : .primary)
  }

  /// A value with its lanes spelled out, where C would not widen it by itself.
  mutating func printWide(_ expression: Expression) throws -> CExpression {
    switch expression {
    case .integer(_, let type) where type.lanes > 1, .float(_, let type) where type.lanes > 1:
      return .cast(prelude.type(type), constant(expression))
    default: return try print(expression)
    }
  }

  private mutating func broadcast(_ value: Expression, _ lanes: Int) throws -> CExpression {
    let inner = try print(value)
    let target = prelude.type(value.type.with(lanes: lanes))
    // A lone truth value is 0 or 1, a lane's is all bits.
    return .cast(target, value.type.scalar == .mask ? .prefix("-", inner) : inner)
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
  mutating func pointer(_ buffer: String, _ scalar: String, isConst: Bool) throws -> String {
    let name = names.identifier(buffer)
    guard let declared = memory[buffer] else { throw Refusal("it names no memory \(buffer)") }
    return declared == scalar ? name : "((\(isConst ? "const " : "")\(scalar) *)\(name))"
  }

  /// Arguments that name a place: pointer plus offset, or for packed elements both.
  mutating func place(
    _ storage: Storage, _ buffer: String, _ offset: Expression, isConst: Bool
  ) throws -> [CExpression] {
    let pointer = try pointer(buffer, storage.memory, isConst: isConst)
    if storage.isPacked { return [CExpression(pointer), try print(offset)] }
    if offset.constantValue == 0 { return [CExpression(pointer)] }
    return [.binary(CExpression(pointer), "+", try print(offset), .sum)]
  }

  private mutating func load(
    _ access: Access, _ type: MachineType, _ active: Expression?
  ) throws -> CExpression {
    let storage = try storage(access.element, type, access.buffer)
    return try load(storage, access.buffer, access.offset, type, active)
  }

  private mutating func load(
    _ storage: Storage, _ buffer: String, _ offset: Expression, _ type: MachineType,
    _ active: Expression?
  ) throws -> CExpression {
    if type.lanes == 1 {
      let pointer = try pointer(buffer, storage.memory, isConst: true)
      if storage.isPacked {
        return .call(
          prelude.load(storage, lanes: 1), [CExpression(pointer), try print(offset)])
      }
      let element = CExpression.subscripted(pointer, try print(offset))
      return storage == .truth ? .binary(element, "!=", CExpression("0"), .equality) : element
    }
    let place = try place(storage, buffer, offset, isConst: true)
    guard let active else { return .call(prelude.load(storage, lanes: type.lanes), place) }
    return .call(prelude.loadActive(storage, lanes: type.lanes), place + [try print(active)])
  }

  private mutating func gather(
    _ storage: Storage, _ buffer: String, _ offset: Expression, _ lanes: Expression,
    _ type: MachineType, _ active: Expression?
  ) throws -> CExpression {
    guard type.lanes > 1 else {
      return try load(storage, buffer, offset + lanes.converted(to: .i64), type, nil)
    }
    let function = prelude.gather(storage, lanes: type.lanes, isPartial: active != nil)
    var arguments = try place(storage, buffer, offset, isConst: true) + [try printWide(lanes)]
    if let active { arguments.append(try print(active)) }
    return .call(function, arguments)
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
    case .absolute: return .call(prelude.absolute(type), [try printWide(first)])
    case .fusedMultiplyAdd: return .call(try prelude.fusedMultiplyAdd(type), try wide(operands))
    case .squareRoot: return .call(prelude.squareRoot(type), try wide(operands))
    case .reciprocalSquareRoot: return .call(prelude.reciprocalSquareRoot(type), try wide(operands))
    case .minimum: return .call(prelude.extremum("minimum", type), try wide(operands))
    case .maximum: return .call(prelude.extremum("maximum", type), try wide(operands))
    case .compare(let comparison): return try compare(comparison, operands, type)
    case .and: return try infix("&", operands, .and, type, isBits: true)
    case .or: return try infix("|", operands, .or, type, isBits: true)
    case .xor: return try infix("^", operands, .exclusiveOr, type, isBits: true)
    case .not:
      let isTruth = type.scalar == .mask && type.lanes == 1
      return narrowed(.prefix(isTruth ? "!" : "~", try printWide(first)), type)
    case .shiftLeft: return try infix("<<", operands, .shift, type)
    case .shiftRightArithmetic: return try infix(">>", operands, .shift, type)
    case .shiftRightLogical: return .call(prelude.shiftRightLogical(type), try wide(operands))
    case .divideFloor(let n): return try divide(first, by: n, type, remainder: false)
    case .remainderFloor(let n): return try divide(first, by: n, type, remainder: true)
    case .select:
      if first.type.lanes == 1 {
        return .conditional(try print(first), try printWide(operands[1]), try printWide(operands[2]))
      }
      let condition = try mask(first, bytes: type.scalar.byteCount)
      return .conditional(condition, try printWide(operands[1]), try printWide(operands[2]))
    case .convert: return try convert(first, type)
    case .bitCast:
      if first.type.lanes == 1, type.lanes == 1 {
        let (a, b) = (Prelude.scalarName(first.type.scalar), Prelude.scalarName(type.scalar))
        if a == b { return try print(first) }
        return .call(
          prelude.bitCastScalar(from: first.type.scalar, to: type.scalar), [try print(first)])
      }
      return .cast(prelude.type(type), try printWide(first))
    case .call(let function):
      return .call(try printFunction(function, lanes: type.lanes), try wide(operands))
    case .lowHalf: return try part("lo", 0, first, type)
    case .highHalf: return try part("hi", 1, first, type)
    case .evenLanes: return try part("even", 0, first, type)
    case .oddLanes: return try part("odd", 1, first, type)
    case .concatenate: return .call(prelude.concatenate(first.type), try wide(operands))
    case .interleave: return .call(prelude.interleave(first.type), try wide(operands))
    case .dot4: return .call(try prelude.dot4(lanes: type.lanes), try wide(operands))
    case .lookup16:
      return .call(try prelude.lookup16(first.type, lanes: type.lanes), try wide(operands))
    case .lookup128:
      return .call(try prelude.lookup128(lanes: type.lanes), try wide(operands))
    case .roundedSum:
      return .call(prelude.roundedSum(count: operands.count, type), try wide(operands))
    case .lane(let number):
      let lane = CExpression(.sequence([try printWide(first).atLeast(.primary), .text("[\(number)]")]))
      return type.scalar == .mask ? .binary(lane, "!=", CExpression("0"), .equality) : lane
    }
  }

  private mutating func wide(_ operands: [Expression]) throws -> [CExpression] {
    var printed: [CExpression] = []
    for operand in operands { printed.append(try printWide(operand)) }
    return printed
  }

  private mutating func infix(
    _ symbol: String, _ operands: [Expression], _ binding: CExpression.Binding, _ type: MachineType,
    isBits: Bool = false
  ) throws -> CExpression {
    let (a, b) = (operands[0], operands[1])
    if case .integer = a, case .integer = b, type == .index {
      // Two literals would be computed as `int`.
      let left = CExpression.cast(prelude.type(type), constant(a))
      return .binary(left, symbol, constant(b), binding)
    }
    var left = try operand(a, beside: b, isBits: isBits)
    if binding == .shift, case .integer(_, .index) = a { left = .cast(prelude.type(.index), left) }
    // The left operand of a shift sets its lanes.
    if binding == .shift, isWidened(a), type.lanes > 1 { left = try printWide(a) }
    let right = isWidened(a) && type.lanes > 1 && isWidened(b)
      ? try operand(b, beside: .laneNumbers(type.lanes), isBits: isBits)
      : try operand(b, beside: a, isBits: isBits)
    return narrowed(.binary(left, symbol, right, binding), type)
  }

  /// C computes small scalar integers as `int`: the cast takes their width back.
  private func narrowed(_ value: CExpression, _ type: MachineType) -> CExpression {
    guard type.lanes == 1, [.i8, .u8, .i16].contains(type.scalar) else { return value }
    return .cast(prelude.type(type), value)
  }

  /// A comparison as C gives it: lanes as wide as its operands'.
  private mutating func comparison(
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
    guard type.lanes > 1, operands[0].type.scalar.byteCount != 4 else { return value }
    return CExpression(prelude.convert(value.flat, to: prelude.type(type), type.lanes))
  }

  /// A vector condition with lanes of `bytes`, as C's `?:` wants them.
  private mutating func mask(_ condition: Expression, bytes: Int) throws -> CExpression {
    if case .apply(.compare(let kind), let operands, _) = condition,
      operands[0].type.scalar.byteCount == bytes
    {
      return try comparison(kind, operands)
    }
    let value = try printWide(condition)
    if bytes == 4 { return value }
    let lanes = condition.type.lanes
    let target = prelude.vector("i\(bytes * 8)", lanes)
    return CExpression(prelude.convert(value.flat, to: target, lanes))
  }

  private mutating func divide(
    _ value: Expression, by n: Int, _ type: MachineType, remainder: Bool
  ) throws -> CExpression {
    guard n > 0 else { throw Refusal("division by \(n); a positive constant expected") }
    let operand = try printWide(value)
    if n & (n - 1) == 0 {
      let amount = CExpression(remainder ? "\(n - 1)" : "\(n.trailingZeroBitCount)")
      return remainder
        ? .binary(operand, "&", amount, .and) : .binary(operand, ">>", amount, .shift)
    }
    let function = remainder ? prelude.remainderFloor(type) : prelude.divideFloor(type)
    return .call(function, [operand, CExpression("\(n)")])
  }

  private mutating func convert(_ value: Expression, _ type: MachineType) throws -> CExpression {
    let source = value.type.scalar
    let operand = try printWide(value)
    if source == .f32, type.scalar == .i32 {
      return .call(prelude.roundToInteger(lanes: type.lanes), [operand])
    }
    if source.isFloat, !type.scalar.isFloat {
      throw Refusal("no conversion from \(source.rawValue) to \(type.scalar.rawValue)")
    }
    if type.scalar == .mask { throw Refusal("a mask comes from a comparison, not from a conversion") }
    let target = prelude.type(type)
    if type.lanes == 1 {
      if Prelude.scalarName(source) == Prelude.scalarName(type.scalar) { return operand }
      return .cast(target, operand)
    }
    let lanes: CExpression =
      source == .mask ? .binary(operand, "&", CExpression("1"), .and) : operand
    if Prelude.scalarName(source) == target.prefix(while: { $0 != "x" }) { return lanes }
    return CExpression(
      .group(
        open: prelude.convert("", to: target, type.lanes).prefix { $0 != "(" } + "(",
        items: [lanes.layout, .text(target)], separator: ",", close: ")"))
  }

  private mutating func part(
    _ accessor: String, _ lane: Int, _ value: Expression, _ type: MachineType
  ) throws -> CExpression {
    let operand = try printWide(value).atLeast(.primary)
    return CExpression(.sequence([operand, .text(type.lanes == 1 ? "[\(lane)]" : ".\(accessor)")]))
  }
}
