import MachineIR
import TileIR

/// Integers of one lane: what the scalar unit computes by itself, and what it reads back from the unified buffer.
extension PipeLowering {
  func isInteger(_ type: MachineType) -> Bool {
    type.lanes == 1 && [.i64, .i32, .mask].contains(type.scalar)
  }

  /// Whether the scalar unit has all that an expression is made of.
  func isScalar(_ expression: Expression) -> Bool {
    guard isInteger(expression.type) else { return false }
    switch expression {
    case .variable(let variable): return locals[variable.name] == nil
    case .integer: return true
    case .apply(let instruction, let operands, _):
      return Self.ofScalars(instruction) && operands.allSatisfy(isScalar)
    case .load(let access, _, let active):
      return access.element == .int32 && active == nil && isScalar(access.offset)
    case .conditional(let condition, let a, let b): return [condition, a, b].allSatisfy(isScalar)
    default: return false
    }
  }

  private static func ofScalars(_ instruction: Instruction) -> Bool {
    switch instruction {
    case .add, .subtract, .multiply, .negate, .minimum, .maximum, .compare, .and, .or, .xor, .not, .shiftLeft,
      .shiftRightLogical, .shiftRightArithmetic, .quotient, .remainder, .divideFloor, .remainderFloor, .select,
      .convert: true
    default: false
    }
  }

  /// An integer of one lane as an expression of the scalar unit, read back where the vector unit computes it.
  func scalar(_ expression: Expression) throws -> Expression {
    switch expression {
    case .variable(let variable):
      if let view = locals[variable.name] { return try readBack(view, variable.type) }
      return renamed[variable.name] ?? expression
    case .integer: return expression
    case .apply(let instruction, let operands, let type):
      guard isInteger(type), Self.ofScalars(instruction), operands.allSatisfy({ isInteger($0.type) }) else { break }
      return Self.folded(instruction, try operands.map(scalar), type)
    case .load(let access, let type, nil) where access.element == .int32 && isInteger(type):
      return .load(Access(access.buffer, .int32, try scalar(access.offset)), type, active: nil)
    case .conditional(let condition, let a, let b) where isScalar(a) && isScalar(b):
      return .conditional(try scalar(condition), try scalar(a), try scalar(b))
    default: break
    }
    guard isInteger(expression.type), expression.type.scalar != .i64 else {
      throw refusal("the scalar unit cannot compute \(expression)")
    }
    return try readBack(try local(expression, named: "read"), expression.type)
  }

  private static func folded(_ instruction: Instruction, _ operands: [Expression], _ type: MachineType) -> Expression {
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
    let variable = Variable(unique(view.tensor + "_read"), MachineType(.i32))
    var source = view
    if type.scalar == .mask {
      // The lane's bit, the lowest of its byte; beside it are those of lanes that hold nothing.
      let word = MachineType(.i32)
      let one = try self.view(.constant(.integer(1, word)), word)
      source = emit(
        .and, try tensor("bit", type).reinterpreted(as: .uint16),
        [view.reinterpreted(as: .uint16), one.reinterpreted(as: .uint16)], 1)
    }
    append(.read(variable, source))
    let value = Expression.variable(variable)
    return type.scalar == .mask ? value.compared(.notEqual, .integer(0, value.type)) : value
  }
}
