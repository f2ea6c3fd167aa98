import MachineIR
import TileIR

/// Expressions over lanes as instructions of the vector unit.
extension PipeLowering {
  /// The lanes of an expression in a tensor.
  func local(_ expression: Expression, named name: String) throws -> LocalView {
    try view(try lanes(expression, named: name), expression.type)
  }

  /// The lanes of an expression.
  func lanes(_ expression: Expression, named name: String) throws -> Lanes {
    let type = expression.type
    if comesOfWide(expression) { return .local(try narrowed(expression, name)) }
    if isScalar(expression), type.scalar.byteCount == 4 {
      if case .integer = expression { return .constant(expression) }
      if type.scalar == .mask {
        let (word, truth) = (MachineType(.i32), try scalar(expression))
        let number = Expression.conditional(truth, .integer(1, word), .integer(0, word))
        let lane = emit(.duplicate, try tensor("truth", word), [], 1, scalar: number)
        return .local(try compare(.notEqual, .local(lane), .constant(.integer(0, word)), word, name))
      }
      return .local(emit(.duplicate, try tensor(name, type), [], 1, scalar: try scalar(expression)))
    }
    switch expression {
    case .integer, .float: return .constant(expression)
    case .variable(let variable):
      guard let view = locals[variable.name] else {
        guard kernel.floatNames.contains(variable.name), type.scalar == .f32 else {
          throw refusal("\(variable.name) is no vector")
        }
        return .local(emit(.duplicate, try tensor(variable.name, type), [], type.lanes, scalar: expression))
      }
      return .local(view)
    case .laneNumbers(let count):
      return .local(try laneNumbers(count))
    case .table: throw refusal("tables of bytes are not supported")
    case .broadcast(let value, let count):
      if isScalar(value), value.type.scalar == .i32 {
        return .local(emit(.duplicate, try tensor(name, type), [], count, scalar: try scalar(value)))
      }
      if case .raw(let array, let offset, _) = value, type.scalar != .mask, let found = try spread(array, offset) {
        return found
      }
      switch try lanes(value, named: "lane") {
      case .constant(let constant): return .constant(constant.broadcast(to: count))
      case .local(let view): return try broadcast(view, type)
      case .spread: preconditionFailure("one lane")
      }
    case .apply(let instruction, let operands, _): return .local(try apply(instruction, operands, type, name))
    case .load(let access, _, let active): return .local(try load(access, type, active, name))
    case .element(let array, let indices): return .local(try element(array, indices))
    case .raw(let buffer, let offset, _): return .local(try raw(buffer, offset, type, name))
    case .gather(let access, let places, _, let active):
      guard tensors[access.buffer] != nil else {
        return .local(
          try gatherLanes(inMainMemory(access.buffer, access.offset) ?? access, places, type, active, name))
      }
      return .local(try gather(access.buffer, access.offset, places, type, name))
    case .gatherRaw(let buffer, let offset, let places, _):
      return .local(try gather(buffer, offset, places, type, name))
    case .conditional(let condition, let a, let b):
      let result = try tensor(name, type)
      mutable.insert(result.tensor)
      let holds = try scalar(condition)
      append(.branch(holds, try collect { try assign(result, a) }, try collect { try assign(result, b) }))
      return .local(result)
    }
  }

  // MARK: Instructions

  private func apply(
    _ instruction: Instruction, _ operands: [Expression], _ type: MachineType, _ name: String
  ) throws -> LocalView {
    if case .call(let function) = instruction {
      if function == .widening(.bfloat16), let float = try widened(operands[0], name) { return float }
      if let found = try callBeforeGather(function, operands[0], type, name) { return found }
      return try call(function, operands, type, name)
    }
    if instruction == .maximum, operands.allSatisfy(isMagnitude) {
      // Numbers without a sign, and minus infinity below them, are ordered as their bits are, a NaN above all.
      let words = type.with(scalar: .i32)
      let bits = try operands.map { Lanes.local(try local($0, named: name).reinterpreted(as: .int32)) }
      return try binary(.maximum, bits[0], bits[1], words, name).reinterpreted(as: .float32)
    }
    if instruction == .select, case .apply(.compare(.notEqual), let compared, let truth) = operands[0] {
      let same = Expression.apply(.compare(.equal), compared, truth)
      return try apply(.select, [same, operands[2], operands[1]], type, name)
    }
    var given: [Lanes] = []
    for (position, operand) in operands.enumerated() {
      given.append(try lanes(operand, named: operands.count > 1 ? "\(name)_\(position + 1)" : "\(name)_of"))
    }
    return try apply(instruction, given, operands.map(\.type), type, name)
  }

  /// Whether an expression gives numbers without a sign, or minus infinity, from which maxima begin.
  private func isMagnitude(_ expression: Expression) -> Bool {
    guard expression.type.scalar == .f32 else { return false }
    switch expression {
    case .apply(.absolute, _, _): return true
    case .apply(.maximum, let operands, _): return operands.allSatisfy(isMagnitude)
    case .apply(.lowHalf, let operands, _), .apply(.highHalf, let operands, _): return isMagnitude(operands[0])
    case .variable(let variable): return magnitudes.contains(variable.name)
    default: return false
    }
  }

  /// Variables of the kernel that hold magnitudes alone, whatever is assigned to them.
  func findMagnitudes() {
    var values: [String: [Expression]] = [:]
    for statement in kernel.body {
      statement.forEach {
        switch $0 {
        case .define(let variable, let value), .declare(let variable, let value), .assign(let variable, let value):
          values[variable.name, default: []].append(value)
        default: break
        }
      }
    }
    magnitudes = Set(values.keys)
    func isStart(_ value: Expression) -> Bool {
      if case .float(let bits, _) = value { Double(bitPattern: bits) == -.infinity } else { false }
    }
    while true {
      let others = magnitudes.filter { name in !values[name]!.allSatisfy { isStart($0) || isMagnitude($0) } }
      if others.isEmpty { return }
      magnitudes.subtract(others)
    }
  }

  /// An instruction on lanes that are there, operands of `types`.
  func apply(
    _ instruction: Instruction, _ operands: [Lanes], _ types: [MachineType], _ type: MachineType,
    _ name: String
  ) throws -> LocalView {
    let first = operands[0]
    switch instruction {
    case .add, .subtract, .multiply, .minimum, .maximum, .and, .or, .xor:
      return try binary(instruction, first, operands[1], type, name)
    case .negate:
      return try unary(
        .multiplyScalar, first, type, name,
        scalar: type.scalar == .f32 ? .float(-1) : .integer(-1, MachineType(.i32)))
    case .absolute:
      if type.scalar == .i32 {
        let source = try view(first, type)
        let negative = try apply(.negate, [.local(source)], [type], type, "negative")
        return emit(.maximum, try tensor(name, type), [source, negative], type.lanes)
      }
      let words = MachineType(.i32, type.lanes)
      return try binary(
        .and, .local(try view(first, type).reinterpreted(as: .int32)),
        .constant(.integer(0x7FFF_FFFF, words)), words,
        name
      ).reinterpreted(as: .float32)
    case .divide:
      // The quotient by a power of two is a product, rounded once as well.
      if case .constant(.float(let bits, _)) = operands[1], let factor = Self.reciprocal(Double(bitPattern: bits)) {
        return try unary(.multiplyScalar, first, type, name, scalar: .float(factor))
      }
      return try call(.correctQuotient, [first, operands[1]], type, name)
    case .squareRoot: return try call(.correctSquareRoot, [first], type, name)
    case .reciprocalSquareRoot: return try call(.correctReciprocalSquareRoot, [first], type, name)
    case .fusedMultiplyAdd:
      throw UnkeptClass(
        name: "fused",
        diagnostic: refusal("a multiply-add with one rounding (class fused), which this chip does not have"))
    case .compare(let comparison): return try compare(comparison, first, operands[1], types[0], name)
    case .not: return try not(view(first, type), type, name)
    case .shiftLeft, .shiftRightLogical, .shiftRightArithmetic:
      return try shift(instruction, first, operands[1], type, name)
    case .select:
      guard types[0].lanes == type.lanes else { throw refusal("one truth value chooses between vectors") }
      return try select(view(first, types[0]), operands[1], operands[2], type, name)
    case .convert: return try convert(first, types[0], type, name)
    case .bitCast:
      guard types[0].lanes == type.lanes, type.scalar == .f32 || type.scalar == .i32 else {
        throw refusal("bits of \(types[0].scalar.rawValue) as \(type.scalar.rawValue)")
      }
      return try view(first, types[0]).reinterpreted(as: type.scalar == .f32 ? .float32 : .int32)
    case .lowHalf: return try view(first, types[0])
    case .highHalf: return try part(view(first, types[0]), from: type.lanes, type, name)
    case .evenLanes: return try picked(view(first, types[0]), (0, 2), type, name)
    case .oddLanes: return try picked(view(first, types[0]), (1, 2), type, name)
    case .lane(let number): return try part(view(first, types[0]), from: number, type, name)
    case .remainderFloor(let n) where n & (n - 1) == 0:
      return try binary(.and, first, .constant(.integer(Int64(n - 1), type)), type, name)
    case .divideFloor(let n) where n & (n - 1) == 0:
      return try shift(
        .shiftRightArithmetic, first, .constant(.integer(Int64(n.trailingZeroBitCount), type)), type, name)
    case .divideFloor(let n) where type.scalar == .i32:
      return try call(.floorQuotient(by: Int32(n)), [first], type, name)
    case .remainderFloor(let n) where type.scalar == .i32:
      let whole = try call(.floorQuotient(by: Int32(n)), [first], type, "quotient")
      let multiple = try unary(
        .multiplyScalar, .local(whole), type, "multiple", scalar: .integer(Int64(n), MachineType(.i32)))
      return try binary(.subtract, first, .local(multiple), type, name)
    default: throw refusal("\(instruction) is not supported")
    }
  }

  /// The reciprocal of a power of two, where both are normal numbers.
  private static func reciprocal(_ divisor: Double) -> Float? {
    guard divisor.isFinite, divisor.magnitude.significand == 1, (-126...126).contains(divisor.exponent) else {
      return nil
    }
    return Float(1 / divisor)
  }

  /// Lanes from a constant one on.
  private func part(_ source: LocalView, from first: Int, _ type: MachineType, _ name: String) throws
    -> LocalView
  {
    guard type.scalar != .mask else { throw refusal("a part of a vector of truth values is taken") }
    if first % 8 == 0 {
      let view = LocalView(source.tensor, source.element, offset: source.offset + .constant(first))
      // Comparisons and selections take whole repeats, and must find them.
      let end = (source.offset.constantValue ?? .max / 2) + first + VectorInstruction.wholeRepeats(type.lanes)
      if type.lanes % 64 == 0 || end <= tensors[source.tensor]!.count { return view }
      return emit(.copy, try tensor(name, type), [view], type.lanes)
    }
    return try picked(source, (first, 1), type, name)
  }

  /// Numbers of another type.
  private func convert(_ value: Lanes, _ source: MachineType, _ type: MachineType, _ name: String) throws
    -> LocalView
  {
    let (float, word) = (MachineType(.f32, type.lanes), MachineType(.i32, type.lanes))
    switch (source.scalar, type.scalar) {
    case (.i32, .f32):
      return emit(.cast(.nearestEven), try tensor(name, type), [try view(value, source)], type.lanes)
    case (.f32, .i32):
      // The unit's answer is documented within int32 alone: what is beyond is put within, and right afterwards.
      let x = Lanes.local(try view(value, source))
      let isHigh = try compare(.greaterOrEqual, x, .constant(.float(0x1p31, lanes: type.lanes)), float)
      let isLow = try compare(.less, x, .constant(.float(-0x1p31, lanes: type.lanes)), float)
      let isNumber = try compare(.equal, x, x, float)
      let outside = try binary(.or, .local(isHigh), .local(isLow), type.with(scalar: .mask), "outside")
      let inside = try binary(
        .and, .local(isNumber), .local(try not(outside, type.with(scalar: .mask), "inside")),
        type.with(scalar: .mask), "inside")
      let tame = try select(inside, x, .constant(.float(0, lanes: type.lanes)), float, "tame")
      let integer = emit(.cast(.nearestEven), try tensor("integer", word), [tame], type.lanes)
      let upper = try select(
        isHigh, .constant(.integer(Int64(Int32.max), word)), .local(integer), word, "upper")
      return try select(isLow, .constant(.integer(Int64(Int32.min), word)), .local(upper), word, name)
    case (.mask, .i32):
      let ones = try view(.constant(.integer(1, word)), word)
      return try select(
        view(value, source), .local(ones), .constant(.float(0, lanes: type.lanes)), word, name)
    default:
      throw refusal("\(source.scalar.rawValue) lanes to \(type.scalar.rawValue) is not supported")
    }
  }

  // MARK: Scalar functions

  private func call(
    _ function: ScalarFunction, _ operands: [Expression], _ type: MachineType, _ name: String
  ) throws -> LocalView {
    var given: [Lanes] = []
    for operand in operands { given.append(try lanes(operand, named: "\(name)_of")) }
    return try call(function, given, type, name)
  }

  /// The function of few elements of an array, each of which many lanes take: called before they do. Nil elsewhere.
  private func callBeforeGather(
    _ function: ScalarFunction, _ operand: Expression, _ type: MachineType, _ name: String
  ) throws -> LocalView? {
    guard function.parameters.count == 1, type.scalar != .mask,
      case .gather(let access, let places, _, _) = operand, spills[access.buffer] == nil,
      access.offset.constantValue == 0, let array = tensors[access.buffer], array.count % 64 == 0,
      array.element.byteCount == 4, 4 * array.count <= type.lanes
    else { return nil }
    let all = type.with(lanes: array.count)
    let table = try call(function, [.local(LocalView(array.name, array.element))], all, "\(name)_of_all")
    let numbers = Lanes.local(try local(places, named: "places"))
    let offsets = try unary(
      .multiplyScalar, numbers, type.with(scalar: .i32), "offsets", scalar: .integer(4, MachineType(.i32)))
    return emit(
      .gather, try tensor(name, type), [table, offsets.reinterpreted(as: .uint32)], type.lanes,
      scalar: .integer(0, MachineType(.i32)))
  }

  /// The steps of a function one after the other, over all lanes.
  func call(
    _ function: ScalarFunction, _ operands: [Lanes], _ type: MachineType, _ name: String
  ) throws -> LocalView {
    let simple = CallSimplification(function, constants: operands.map(\.bits))
    append(.note("\(function.name): \(simple.needed.count) operations a lane", nil))
    var values: [Int: Lanes] = [:]
    func value(_ number: Int) -> Lanes {
      let own = MachineType(function.steps[number].type.register, type.lanes)
      return switch simple.forms[number] {
      case .same(let other): value(other)
      case .computed: values[number]!
      case .constant(let bits):
        switch own.scalar {
        case .f32: .constant(.float(Float(bitPattern: bits), lanes: type.lanes))
        case .mask: .constant(.integer(bits == 0 ? 0 : -1, own))
        default: .constant(.integer(Int64(Int32(bitPattern: bits)), own))
        }
      }
    }
    for (number, step) in function.steps.enumerated() where simple.needed.contains(number) {
      let own = MachineType(step.type.register, type.lanes)
      switch step.operation {
      case .parameter(let position): values[number] = operands[position]
      case .constant: break
      case .elementwise(let operation):
        let types = step.operands.map { MachineType(function.steps[$0].type.register, type.lanes) }
        guard var instruction = operation.instruction else {
          throw refusal("\(operation.name) in \(function.name) is not supported")
        }
        var given = step.operands.map(value)
        if simple.opposite.contains(number) { instruction = .compare(.equal) }
        if instruction == .select, simple.opposite.contains(simple.origin(step.operands[0])) { given.swapAt(1, 2) }
        let wish = number == function.result ? name : function.name
        values[number] = .local(try apply(instruction, given, types, own, wish))
      }
    }
    return try view(value(function.result), type)
  }
}

extension Lanes {
  /// The bits of a constant of 32 bits, which a NaN's are not taken for.
  fileprivate var bits: UInt32? {
    switch self {
    case .constant(.float(let bits, _)):
      Double(bitPattern: bits).isNaN ? nil : Float(Double(bitPattern: bits)).bitPattern
    case .constant(.integer(let value, let type)) where type.scalar == .i32:
      UInt32(truncatingIfNeeded: value)
    default: nil
    }
  }
}

extension Elementwise {
  /// The instruction on registers that computes it.
  fileprivate var instruction: Instruction? {
    switch self {
    case .add: .add
    case .subtract: .subtract
    case .multiply: .multiply
    case .negate: .negate
    case .absolute: .absolute
    case .minimum: .minimum
    case .maximum: .maximum
    case .compare(let comparison): .compare(comparison)
    case .divide: .divide
    case .fusedMultiplyAdd: .fusedMultiplyAdd
    case .squareRoot: .squareRoot
    case .reciprocalSquareRoot: .reciprocalSquareRoot
    case .and: .and
    case .or: .or
    case .xor: .xor
    case .not: .not
    case .shiftLeft: .shiftLeft
    case .shiftRightLogical: .shiftRightLogical
    case .shiftRightArithmetic: .shiftRightArithmetic
    case .divideFloor(let n): .divideFloor(n)
    case .remainderFloor(let n): .remainderFloor(n)
    case .select: .select
    case .bitCast: .bitCast
    case .convert(let target): target == .float32 || target == .int32 ? .convert : nil
    }
  }
}
