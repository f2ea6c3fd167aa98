import MachineIR
import TileIR

/// Prints one machine kernel as a C function. Thin: every choice was made before.
struct Printer {
  var prelude: Prelude
  private var lines: [String] = []
  private var depth = 1
  private var scratchTypes: [String: MachineScalar] = [:]

  init(prelude: Prelude) { self.prelude = prelude }

  /// The function and what of the prelude it needs.
  mutating func function(_ kernel: MachineKernel) throws -> String {
    for array in kernel.scratch { scratchTypes[array.name] = array.type }
    lines = []
    for (position, buffer) in kernel.buffers.enumerated() {
      let const = buffer.isWritten ? "" : "const "
      emit("\(const)\(buffer.element.cStorage) *const \(cIdentifier(buffer.name)) = launch->buffers[\(position)];")
    }
    for (position, number) in kernel.scalars.enumerated() {
      emit("const int64_t \(cIdentifier(number.name)) = launch->integers[\(position)];")
    }
    for (position, parameter) in kernel.floats.enumerated() {
      emit("const float \(cIdentifier(kernel.floatNames[position])) = launch->floats[\(parameter)];")
    }
    for (position, array) in kernel.scratch.enumerated() {
      let offset = kernel.scalars.count + position
      emit(
        "\(array.type.cName) *const \(cIdentifier(array.name)) = (\(array.type.cName) *)(scratch + launch->integers[\(offset)]);")
    }
    let cell = cIdentifier(kernel.cell.name)
    emit("for (int64_t \(cell) = first_cell; \(cell) < last_cell; \(cell)++) {")
    try block(kernel.body)
    emit("}")
    let body = lines.joined(separator: "\n")
    return """
      void \(cIdentifier(kernel.name))(const tessera_launch *launch, int64_t first_cell, int64_t last_cell, unsigned char *scratch) {
      \(body)
      }

      """
  }

  private mutating func emit(_ line: String) {
    lines.append(String(repeating: "  ", count: depth) + line)
  }

  private mutating func block(_ statements: [MachineStatement]) throws {
    depth += 1
    for statement in statements { try print(statement) }
    depth -= 1
  }

  // MARK: Statements

  private mutating func print(_ statement: MachineStatement) throws {
    switch statement {
    case .define(let variable, let value):
      emit("const \(prelude.type(variable.type)) \(cIdentifier(variable.name)) = \(try text(value));")
    case .declare(let variable, let value):
      emit("\(prelude.type(variable.type)) \(cIdentifier(variable.name)) = \(try text(value));")
    case .assign(let variable, let value):
      emit("\(cIdentifier(variable.name)) = \(try text(value));")
    case .registers(let array):
      let extents = array.extents.map { "[\($0)]" }.joined()
      emit("\(prelude.type(array.type)) \(cIdentifier(array.name))\(extents);")
    case .setElement(let array, let indices, let value):
      emit("\(try element(array, indices)) = \(try text(value));")
    case .store(let access, let value, let active): try store(access, value, active)
    case .scatter(let access, let lanes, let value, let active):
      let function = prelude.scatter(access.element, value.type, lanes.type)
      emit(
        "\(function)(\(name(access)), \(try text(access.offset)), \(try text(lanes)), \(try text(value)), \(try activeLanes(active, value.type)));")
    case .storeRaw(let buffer, let offset, let value):
      let place = "\(cIdentifier(buffer)) + \(try text(offset, 13))"
      if value.type.lanes == 1 {
        emit("*(\(place)) = \(try text(value));")
      } else {
        emit("*(\(prelude.type(value.type))_at *)(\(place)) = \(try text(value));")
      }
    case .clear(let buffer, let offset, let count):
      emit(
        "tessera_clear(\(cIdentifier(buffer)) + \(try text(offset, 13)), \(try text(count, 14)) * sizeof(*\(cIdentifier(buffer))));")
    case .prefetch(let buffer, let offset):
      emit("__builtin_prefetch(\(cIdentifier(buffer)) + \(try text(offset, 13)));")
    case .loop(let loop): try print(loop)
    case .leave: emit("break;")
    case .branch(let condition, let then, let otherwise):
      emit("if (\(try text(condition))) {")
      try block(then)
      if !otherwise.isEmpty {
        emit("} else {")
        try block(otherwise)
      }
      emit("}")
    case .check(let condition, let code):
      emit("if (!(\(try text(condition)))) tessera_raise(launch, \(code));")
    case .note(let note, let location):
      emit("// \(location.map { "\($0): " } ?? "")\(note)")
    }
  }

  private mutating func print(_ loop: CountedLoop) throws {
    let counter = cIdentifier(loop.counter.name)
    let step = loop.step == 1 ? "\(counter)++" : "\(counter) += \(loop.step)"
    if loop.isUnrolled { emit("#pragma clang loop unroll(full)") }
    emit(
      "for (int64_t \(counter) = \(try text(loop.lower)); \(counter) < \(try text(loop.upper, 10)); \(step)) {")
    try block(loop.body)
    emit("}")
  }

  private mutating func store(
    _ access: Access, _ value: Expression, _ active: Expression?
  ) throws {
    let at = try text(access.offset)
    if value.type.lanes == 1 {
      if access.element == .float32 || access.element == .int32 {
        emit("\(name(access))[\(at)] = \(try text(value));")
      } else {
        emit("\(prelude.storeOne(access.element))(\(name(access)), \(at), \(try text(value)));")
      }
      return
    }
    let function = prelude.store(access.element, value.type, partial: active != nil)
    let count = try active.map { ", \(try text($0))" } ?? ""
    emit("\(function)(\(name(access)), \(at), \(try text(value))\(count));")
  }

  private func name(_ access: Access) -> String { cIdentifier(access.buffer) }

  private mutating func activeLanes(_ active: Expression?, _ type: MachineType) throws -> String {
    try active.map { try text($0) } ?? "\(type.lanes)"
  }

  private mutating func element(
    _ array: RegisterArray, _ indices: [Expression]
  ) throws -> String {
    var result = cIdentifier(array.name)
    for index in indices { result += "[\(try text(index))]" }
    return result
  }

  // MARK: Expressions

  /// The text of an expression, in parentheses where it binds less than `level`.
  private mutating func text(_ expression: Expression, _ level: Int = 0) throws -> String {
    let (text, own) = try printed(expression)
    return own < level ? "(\(text))" : text
  }

  private mutating func printed(_ expression: Expression) throws -> (String, Int) {
    switch expression {
    case .variable(let variable): return (cIdentifier(variable.name), 16)
    case .integer(let value, let type):
      let literal = value == Int64(Int32.min) && type.scalar != .i64 ? "(-2147483647 - 1)" : integer(value)
      if type.lanes == 1 { return (literal, value < 0 ? 14 : 16) }
      return ("(\(prelude.type(type)))\(value < 0 ? "(\(literal))" : literal)", 14)
    case .float(let bits, let type): return (floatLiteral(bits, type), 14)
    case .laneNumbers(let lanes): return (prelude.laneNumbers(lanes), 16)
    case .broadcast(let value, let lanes):
      return ("(\(prelude.type(value.type.with(lanes: lanes))))\(try text(value, 14))", 14)
    case .load(let access, let type, let active): return try load(access, type, active)
    case .gather(let access, let lanes, let type, let active):
      let function = prelude.gather(access.element, type, lanes.type)
      let arguments = "\(name(access)), \(try text(access.offset)), \(try text(lanes)), \(try activeLanes(active, type))"
      return ("\(function)(\(arguments))", 16)
    case .gatherRaw(let buffer, let offset, let lanes, let type):
      let function = prelude.gatherRaw(type, lanes.type)
      return ("\(function)(\(cIdentifier(buffer)), \(try text(offset)), \(try text(lanes)))", 16)
    case .element(let array, let indices): return (try element(array, indices), 16)
    case .raw(let buffer, let offset, let type):
      if type.lanes == 1 { return ("\(cIdentifier(buffer))[\(try text(offset))]", 16) }
      return (
        "*(const \(prelude.type(type))_at *)(\(cIdentifier(buffer)) + \(try text(offset, 13)))", 14
      )
    case .conditional(let condition, let a, let b):
      return ("\(try text(condition, 4)) ? \(try text(a, 4)) : \(try text(b, 3))", 3)
    case .apply(let instruction, let operands, let type):
      return try apply(instruction, operands, type)
    }
  }

  private func integer(_ value: Int64) -> String {
    if value == .min { return "(-9223372036854775807 - 1)" }
    return abs(value) > Int64(Int32.max) ? "\(value)ll" : "\(value)"
  }

  private mutating func floatLiteral(_ bits: UInt64, _ type: MachineType) -> String {
    let value = Double(bitPattern: bits)
    let suffix = type.scalar == .f32 ? "f" : ""
    let literal: String
    if value.isNaN {
      literal = "__builtin_nan\(suffix)(\"\")"
    } else if value.isInfinite {
      literal = "\(value < 0 ? "-" : "")__builtin_inf\(suffix)()"
    } else if value == value.rounded(), abs(value) < 1e7 {
      literal = "\(value)\(suffix)"
    } else {
      literal = "\(hexadecimal(value))\(suffix)"
    }
    return type.lanes == 1 ? literal : "(\(prelude.type(type)))\(literal.hasPrefix("-") ? "(\(literal))" : literal)"
  }

  /// C's hexadecimal form, which gives back the same bits.
  private func hexadecimal(_ value: Double) -> String {
    let sign = value.sign == .minus ? "-" : ""
    guard value != 0 else { return "\(sign)0.0" }
    let magnitude = value.magnitude
    var digits = String(magnitude.significand.bitPattern & 0xF_FFFF_FFFF_FFFF, radix: 16)
    digits = String(repeating: "0", count: 13 - digits.count) + digits
    while digits.hasSuffix("0") { digits.removeLast() }
    return "\(sign)0x1\(digits.isEmpty ? "" : "." + digits)p\(magnitude.exponent)"
  }

  private mutating func load(
    _ access: Access, _ type: MachineType, _ active: Expression?
  ) throws -> (String, Int) {
    let at = try text(access.offset)
    if type.lanes == 1 {
      if access.element == .float32 || access.element == .int32 {
        return ("\(name(access))[\(at)]", 16)
      }
      return ("\(prelude.loadOne(access.element))(\(name(access)), \(at))", 16)
    }
    let function = prelude.load(access.element, type, partial: active != nil)
    let count = try active.map { ", \(try text($0))" } ?? ""
    return ("\(function)(\(name(access)), \(at)\(count))", 16)
  }

  // MARK: Instructions

  private mutating func infix(
    _ symbol: String, _ level: Int, _ operands: [Expression]
  ) throws -> (String, Int) {
    ("\(try text(operands[0], level)) \(symbol) \(try text(operands[1], level + 1))", level)
  }

  private mutating func call(_ function: String, _ operands: [Expression]) throws -> (String, Int) {
    var arguments: [String] = []
    for operand in operands { arguments.append(try text(operand)) }
    return ("\(function)(\(arguments.joined(separator: ", ")))", 16)
  }

  private mutating func apply(
    _ instruction: Instruction, _ operands: [Expression], _ type: MachineType
  ) throws -> (String, Int) {
    switch instruction {
    case .add: return try infix("+", 12, operands)
    case .subtract: return try infix("-", 12, operands)
    case .multiply: return try infix("*", 13, operands)
    case .divide, .quotient: return try infix("/", 13, operands)
    case .remainder: return try infix("%", 13, operands)
    case .negate: return ("-\(try text(operands[0], 14))", 14)
    case .absolute:
      let bits = type.with(scalar: .i32)
      if type.scalar == .i32 {
        let value = try text(operands[0], 14)
        return ("(\(value) < 0 ? -\(value) : \(value))", 16)
      }
      let cast = prelude.castBits(try text(operands[0]), type, bits)
      return (prelude.castBits("\(cast) & 0x7fffffff", bits, type), 16)
    case .fusedMultiplyAdd: return try call(prelude.fused(type), operands)
    case .squareRoot: return try call("__builtin_elementwise_sqrt", operands)
    case .reciprocalSquareRoot: return try call(prelude.reciprocalRoot(type.lanes), operands)
    case .minimum, .maximum: return try call(prelude.extreme(instruction, type), operands)
    case .compare(let comparison): return try compare(comparison, operands, type)
    case .and: return try infix("&", 8, operands)
    case .or: return try infix("|", 6, operands)
    case .xor: return try infix("^", 7, operands)
    case .not:
      let isTruth = type.scalar == .mask && type.lanes == 1
      return ("\(isTruth ? "!" : "~")\(try text(operands[0], 14))", 14)
    case .shiftLeft: return try infix("<<", 11, operands)
    case .shiftRightArithmetic: return try infix(">>", 11, operands)
    case .shiftRightLogical:
      let unsigned = type.scalar == .i64 ? "u64" : "u32"
      let name = type.lanes == 1
        ? (type.scalar == .i64 ? "uint64_t" : "uint32_t") : prelude.vector(unsigned, type.lanes)
      return (
        "(\(prelude.type(type)))((\(name))\(try text(operands[0], 14)) >> (\(name))\(try text(operands[1], 14)))", 14
      )
    case .divideFloor(let n), .remainderFloor(let n): return try floorDivision(instruction, n, operands[0], type)
    case .select: return try select(operands, type)
    case .convert: return try convert(operands[0], type)
    case .bitCast: return (prelude.castBits(try text(operands[0]), operands[0].type, type), 16)
    case .call(let function):
      return try call(try prelude.scalarFunction(function, type.lanes), operands)
    case .lowHalf: return try shuffle(operands, Array(0..<type.lanes), type)
    case .highHalf: return try shuffle(operands, Array(type.lanes..<2 * type.lanes), type)
    case .evenLanes: return try shuffle(operands, (0..<type.lanes).map { $0 * 2 }, type)
    case .oddLanes: return try shuffle(operands, (0..<type.lanes).map { $0 * 2 + 1 }, type)
    case .concatenate: return try shuffle(operands, Array(0..<type.lanes), type)
    case .lane(let lane):
      let element = "\(try text(operands[0], 16))[\(lane)]"
      return operands[0].type.scalar == .mask ? ("\(element) != 0", 9) : (element, 16)
    case .roundedSum: return try call(prelude.roundedSum(operands.count, type.lanes), operands)
    case .dot4: return try call(try prelude.dot4(type.lanes), operands)
    case .lookup16: return try call(try prelude.lookup16(type), operands)
    }
  }

  private mutating func compare(
    _ comparison: Comparison, _ operands: [Expression], _ type: MachineType
  ) throws -> (String, Int) {
    let symbol: (String, Int) =
      switch comparison {
      case .equal: ("==", 9)
      case .notEqual: ("!=", 9)
      case .less: ("<", 10)
      case .lessOrEqual: ("<=", 10)
      case .greater: (">", 10)
      case .greaterOrEqual: (">=", 10)
      }
    let result = try infix(symbol.0, symbol.1, operands)
    // Lanes of 64 bits compare to 64-bit masks; masks here have 32.
    if type.lanes > 1, operands[0].type.scalar.byteCount != 4 {
      return ("__builtin_convertvector(\(result.0), \(prelude.type(type)))", 16)
    }
    return result
  }

  private mutating func select(_ operands: [Expression], _ type: MachineType) throws -> (String, Int) {
    var condition = try text(operands[0], 4)
    if type.lanes > 1, type.scalar.byteCount == 8 {
      condition = "__builtin_convertvector(\(try text(operands[0])), \(prelude.vector("i64", type.lanes)))"
    }
    return ("\(condition) ? \(try text(operands[1], 4)) : \(try text(operands[2], 3))", 3)
  }

  private mutating func floorDivision(
    _ instruction: Instruction, _ n: Int, _ operand: Expression, _ type: MachineType
  ) throws -> (String, Int) {
    // Arithmetic shifts round down, so powers of two need no correction.
    if n & (n - 1) == 0 {
      if case .divideFloor = instruction {
        return ("\(try text(operand, 13)) >> \(n.trailingZeroBitCount)", 11)
      }
      return ("\(try text(operand, 8)) & \(n - 1)", 8)
    }
    let function = prelude.floorDivision(instruction, type)
    return ("\(function)(\(try text(operand)), \(n))", 16)
  }

  private mutating func convert(_ value: Expression, _ type: MachineType) throws -> (String, Int) {
    let source = value.type
    if source.scalar == .f32, type.scalar == .i32 {
      return try call(prelude.toInteger(type.lanes), [value])
    }
    if source.scalar == .mask {
      return source.lanes == 1 ? try printed(value) : ("\(try text(value, 8)) & 1", 8)
    }
    if type.lanes == 1 { return ("(\(type.scalar.cName))\(try text(value, 14))", 14) }
    return ("__builtin_convertvector(\(try text(value)), \(prelude.type(type)))", 16)
  }

  private mutating func shuffle(
    _ operands: [Expression], _ lanes: [Int], _ type: MachineType
  ) throws -> (String, Int) {
    let first = try text(operands[0])
    if lanes.count == 1 { return ("\(try text(operands[0], 16))[\(lanes[0])]", 16) }
    let second = operands.count > 1 ? try text(operands[1]) : first
    let numbers = lanes.map(String.init).joined(separator: ", ")
    return ("__builtin_shufflevector(\(first), \(second), \(numbers))", 16)
  }
}
