import MachineIR
import TileIR

/// Prints the bodies of scalar functions: one line a step, over all lanes at once.
extension ExpressionPrinter {
  /// The definition of `function` over `lanes` as a function of this name.
  package static func definition(
    of function: ScalarFunction, named name: String, lanes: Int, in dialect: Dialect
  ) throws -> String {
    var printer = ExpressionPrinter(dialect)
    return try printer.definition(of: function, name, lanes: lanes)
  }

  private mutating func definition(
    of function: ScalarFunction, _ name: String, lanes: Int
  ) throws -> String {
    let result = dialect.type(MachineType(function.resultType.register, lanes))
    let parameterNames = ["x", "y", "z"]
    var values: [Expression] = []
    var parameters: [String] = []
    var lines = ""
    for (number, step) in function.steps.enumerated() {
      let type = MachineType(step.type.register, lanes)
      switch step.operation {
      case .parameter(let position):
        let word = position < 3 ? parameterNames[position] : "x\(position)"
        let variable = Variable(word, type)
        parameters.append("\(dialect.type(type)) \(names.identifier(word))")
        values.append(.variable(variable))
      case .constant(let bits):
        values.append(constant(bits, type))
      case .elementwise(let operation):
        let operands = step.operands.map { values[$0] }
        let value = try Self.expression(operation, operands, type)
        if number == function.result {
          values.append(value)
        } else {
          let variable = Variable("v\(number)", type)
          let head = "  const \(dialect.type(type)) \(names.identifier(variable.name)) = "
          let text = Layout.sequence([.text(head), try printWide(value).layout, .text(";")])
          lines += text.broken(at: 0, indent: 6) + "\n"
          values.append(.variable(variable))
        }
      }
    }
    let returned = Layout.sequence([
      .text("  return "), try printWide(values[function.result]).layout, .text(";"),
    ])
    lines += returned.broken(at: 0, indent: 6)
    return """
      // \(function.name): \(function.operationCount) operations a lane; these lines are its definition.
      \(dialect.inlineFunction) \(result) \(name)(\(parameters.joined(separator: ", "))) {
      \(lines)
      }
      """
  }

  private func constant(_ bits: UInt32, _ type: MachineType) -> Expression {
    switch type.scalar {
    case .f32: .float(Float(bitPattern: bits), lanes: type.lanes)
    case .mask: .integer(bits == 0 ? 0 : -1, type)
    default: .integer(Int64(Int32(bitPattern: bits)), type)
    }
  }

  /// A step as an instruction on registers.
  private static func expression(
    _ operation: Elementwise, _ operands: [Expression], _ type: MachineType
  ) throws -> Expression {
    let instruction: Instruction
    switch operation {
    case .add: instruction = .add
    case .subtract: instruction = .subtract
    case .multiply: instruction = .multiply
    case .negate: instruction = .negate
    case .absolute: instruction = .absolute
    case .minimum: instruction = .minimum
    case .maximum: instruction = .maximum
    case .compare(let comparison): instruction = .compare(comparison)
    case .divide: instruction = .divide
    case .fusedMultiplyAdd: instruction = .fusedMultiplyAdd
    case .squareRoot: instruction = .squareRoot
    case .reciprocalSquareRoot: instruction = .reciprocalSquareRoot
    case .and: instruction = .and
    case .or: instruction = .or
    case .xor: instruction = .xor
    case .not: instruction = .not
    case .shiftLeft: instruction = .shiftLeft
    case .shiftRightLogical: instruction = .shiftRightLogical
    case .shiftRightArithmetic: instruction = .shiftRightArithmetic
    case .divideFloor(let n): instruction = .divideFloor(n)
    case .remainderFloor(let n): instruction = .remainderFloor(n)
    case .select: instruction = .select
    case .bitCast: instruction = .bitCast
    case .convert(let target):
      let source = operands[0].type.scalar
      guard target == .float32 || target == .int32, source != type.scalar else {
        throw Refusal("a scalar function converts between float32, int32 and bool only")
      }
      instruction = .convert
    }
    return .apply(instruction, operands, type)
  }
}
