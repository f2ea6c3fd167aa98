import MachineIR
import TileIR

/// Numbers of one lane that are no `float32`: what the scalar unit computes by itself, and what it reads back from the
/// unified buffer. A binary64 is the scalar unit's by its bits.
extension PipeLowering {
  func isOfScalars(_ type: MachineType) -> Bool {
    type.lanes == 1 && [.i64, .i32, .mask, .f64].contains(type.scalar)
  }

  /// Whether the scalar unit has all that an expression is made of.
  func isScalar(_ expression: Expression) -> Bool {
    guard isOfScalars(expression.type) else { return false }
    switch expression {
    case .variable(let variable): return locals[variable.name] == nil
    case .integer, .float: return true
    case .apply(let instruction, let operands, _):
      return Self.ofScalars(instruction) && operands.allSatisfy(isScalar)
    case .load(let access, _, let active):
      return access.element == .int32 && active == nil && isInMainMemory(access.buffer)
        && isScalar(access.offset)
    case .raw(_, let offset, _): return isScalar(offset)
    case .conditional(let condition, let a, let b): return [condition, a, b].allSatisfy(isScalar)
    default: return false
    }
  }

  /// Whether a buffer is the plan's, whose integers the scalar unit loads by itself.
  func isInMainMemory(_ buffer: String) -> Bool { tensors[buffer] == nil && spills[buffer] == nil }

  /// Whether it reads the unified buffer, which takes a statement.
  private func readsLocal(_ expression: Expression) -> Bool {
    switch expression {
    case .raw: true
    case .apply(_, let operands, _): operands.contains(where: readsLocal)
    case .load(let access, _, _): readsLocal(access.offset)
    case .conditional(let condition, let a, let b): [condition, a, b].contains(where: readsLocal)
    default: false
    }
  }

  static func ofScalars(_ instruction: Instruction) -> Bool {
    switch instruction {
    case .add, .subtract, .multiply, .negate, .absolute, .minimum, .maximum, .compare, .and, .or, .xor, .not,
      .shiftLeft, .shiftRightLogical, .shiftRightArithmetic, .quotient, .remainder, .divideFloor,
      .remainderFloor,
      .select, .convert, .bitCast:
      true
    default: false
    }
  }

  /// A number of one lane as an expression of the scalar unit, read back where the vector unit computes it.
  func scalar(_ expression: Expression) throws -> Expression {
    if vectorCoresOfCube == 2, kernel.isOfPair(expression), case .apply(_, let operands, let type) = expression {
      return .apply(.quotient, [.variable(PipeKernel.pair), operands[1]], type)
    }
    switch expression {
    case .variable(let variable):
      if let view = locals[variable.name] { return try readBack(view, variable.type) }
      return renamed[variable.name] ?? expression
    case .integer, .float: return expression
    case .apply(.convert, let operands, let type)
    where operands[0].type == MachineType(.f32) && type.scalar == .f64:
      if case .float(let bits, _) = operands[0] { return .float(bits, type) }
      let bits = read(try local(operands[0], named: "read"), as: .f32, "bits")
      return .apply(.convert, [bits], type)
    case .apply(let instruction, let operands, let type):
      if isOfScalars(type), operands.contains(where: { isWide($0.type) }) {
        return try reader(of: instruction, operands, type)(.constant(0))
      }
      guard isOfScalars(type), Self.ofScalars(instruction), operands.allSatisfy({ isOfScalars($0.type) })
      else { break }
      return Self.folded(instruction, try operands.map(scalar), type)
    case .load(let access, let type, nil)
    where access.element == .int32 && isOfScalars(type) && isInMainMemory(access.buffer):
      return .load(Access(access.buffer, .int32, try scalar(access.offset)), type, active: nil)
    case .raw(let buffer, let offset, let type) where isOfScalars(type):
      let view = try arrayView(buffer, offset, lanes: 1)
      return read(view, as: type.scalar, "\(buffer)_read")
    case .conditional(let condition, let a, let b) where isOfScalars(expression.type):
      if isScalar(a), isScalar(b), !readsLocal(a), !readsLocal(b) {
        return .conditional(try scalar(condition), try scalar(a), try scalar(b))
      }
      // Only the side that is chosen is read.
      let variable = Variable(unique("chosen"), expression.type)
      let holds = try scalar(condition)
      append(
        .declare(
          variable, expression.type.scalar == .f64 ? .float(0, variable.type) : .integer(0, variable.type)))
      append(
        .branch(
          holds, try collect { append(.assign(variable, try scalar(a))) },
          try collect { append(.assign(variable, try scalar(b))) }))
      return .variable(variable)
    default: break
    }
    guard isOfScalars(expression.type), expression.type.scalar.byteCount == 4 else {
      throw refusal("the scalar unit cannot compute \(expression)")
    }
    return try readBack(try local(expression, named: "read"), expression.type)
  }

  private static func folded(_ instruction: Instruction, _ operands: [Expression], _ type: MachineType)
    -> Expression
  {
    if type == .index, operands.count == 2 {
      switch instruction {
      case .add: return operands[0] + operands[1]
      case .subtract: return operands[0] - operands[1]
      case .multiply: return operands[0] * operands[1]
      case .minimum: return operands[0].minimum(operands[1])
      case .maximum: return operands[0].maximum(operands[1])
      default: break
      }
    }
    switch instruction {
    case .divideFloor(let n) where operands[0].constantValue != nil: return operands[0].divided(by: n)
    case .remainderFloor(let n):
      if let value = operands[0].constantValue { return .constant(((value % n) + n) % n) }
    default: break
    }
    return .apply(instruction, operands, type)
  }

  /// The first lane of a view in a register of the scalar unit.
  private func readBack(_ view: LocalView, _ type: MachineType) throws -> Expression {
    var source = view
    if type.scalar == .mask {
      // The lane's bit, the lowest of its byte; beside it are those of lanes that hold nothing.
      let word = MachineType(.i32)
      let one = try self.view(.constant(.integer(1, word)), word)
      source = emit(
        .and, try tensor("bit", type).reinterpreted(as: .uint16),
        [view.reinterpreted(as: .uint16), one.reinterpreted(as: .uint16)], 1)
    }
    let variable = Variable(unique(view.tensor + "_read"), MachineType(.i32))
    append(.read(variable, source))
    let value = Expression.variable(variable)
    return type.scalar == .mask ? value.compared(.notEqual, .integer(0, value.type)) : value
  }
}
