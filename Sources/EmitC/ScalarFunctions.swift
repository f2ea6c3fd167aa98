import MachineIR
import TileIR

/// Named scalar functions and machine-specific instructions in the prelude.
extension Prelude {
  /// The function over `lanes` lanes: its lines, one a statement.
  mutating func scalarFunction(_ function: ScalarFunction, _ lanes: Int) throws -> String {
    let parameter = MachineType(function.parameters[0].register, lanes)
    let name = "\(cIdentifier(function.name))_\(parameter.lanes == 1 ? "one" : "x\(lanes)")"
    return try self.function(name) { prelude in
      var lines: [String] = []
      for (number, step) in function.steps.enumerated() {
        guard case .elementwise(let operation) = step.operation else { continue }
        let type = MachineType(step.type.register, lanes)
        let operands = step.operands.map { prelude.line($0, of: function, lanes) }
        let text = try prelude.text(operation, operands, step, function, lanes)
        lines.append("  const \(prelude.type(type)) v\(number) = \(text);")
      }
      let result = prelude.type(MachineType(function.resultType.register, lanes))
      let body = lines.joined(separator: "\n")
      let returned = prelude.line(function.result, of: function, lanes)
      return """
        static inline \(result) \(name)(\(prelude.type(parameter)) x) {
        \(body)
          return \(returned);
        }

        """
    }
  }

  /// A line as an operand.
  private mutating func line(_ number: Int, of function: ScalarFunction, _ lanes: Int) -> String {
    let step = function.steps[number]
    switch step.operation {
    case .parameter: return "x"
    case .constant(let bits):
      let literal: String
      if step.type == .float32 {
        let value = Float(bitPattern: bits)
        if value.isNaN {
          literal = "__builtin_nanf(\"\")"
        } else if value.isInfinite {
          literal = "\(value < 0 ? "-" : "")__builtin_inff()"
        } else {
          literal = "\(value)f"
        }
      } else {
        let value = Int32(bitPattern: bits)
        literal = value == .min ? "(-2147483647 - 1)" : "\(value)"
      }
      if lanes == 1 { return literal.hasPrefix("-") ? "(\(literal))" : literal }
      return "(\(type(MachineType(step.type.register, lanes))))(\(literal))"
    case .elementwise: return "v\(number)"
    }
  }

  private mutating func text(
    _ operation: Elementwise, _ operands: [String], _ step: ScalarFunction.Step,
    _ function: ScalarFunction, _ lanes: Int
  ) throws -> String {
    let source = MachineType(function.steps[step.operands[0]].type.register, lanes)
    let target = MachineType(step.type.register, lanes)
    func infix(_ symbol: String) -> String { "\(operands[0]) \(symbol) \(operands[1])" }
    switch operation {
    case .add: return infix("+")
    case .subtract: return infix("-")
    case .multiply: return infix("*")
    case .divide: return infix("/")
    case .negate: return "-\(operands[0])"
    case .absolute:
      let bits = castBits(operands[0], source, source.with(scalar: .i32))
      return castBits("\(bits) & 0x7fffffff", source.with(scalar: .i32), source)
    case .and: return infix("&")
    case .or: return infix("|")
    case .xor: return infix("^")
    case .shiftLeft: return infix("<<")
    case .shiftRightArithmetic: return infix(">>")
    case .shiftRightLogical:
      let unsigned = lanes == 1 ? "uint32_t" : vector("u32", lanes)
      return "(\(type(target)))((\(unsigned))\(operands[0]) >> (\(unsigned))\(operands[1]))"
    case .select: return "\(operands[0]) ? \(operands[1]) : \(operands[2])"
    case .compare(let comparison):
      let symbol = [
        Comparison.equal: "==", .notEqual: "!=", .less: "<", .lessOrEqual: "<=", .greater: ">",
        .greaterOrEqual: ">=",
      ][comparison]!
      return infix(symbol)
    case .bitCast: return castBits(operands[0], source, target)
    case .minimum: return "\(extreme(.minimum, target))(\(operands[0]), \(operands[1]))"
    case .maximum: return "\(extreme(.maximum, target))(\(operands[0]), \(operands[1]))"
    case .convert(.int32): return "\(toInteger(lanes))(\(operands[0]))"
    case .convert(.float32):
      return lanes == 1
        ? "(float)\(operands[0])" : "__builtin_convertvector(\(operands[0]), \(type(target)))"
    default:
      throw EmissionRefusal("\(function.name) uses \(operation.name), which scalar functions do not have")
    }
  }

  /// acc + four u8 x i8 products a lane, exact.
  mutating func dot4(_ lanes: Int) throws -> String {
    guard machine.has(.dot4), lanes == 16 else {
      throw EmissionRefusal("\(machine.name) has no dot product of bytes over \(lanes) lanes")
    }
    return function("dot4") { prelude in
      let (sum, u8, i8) = (prelude.vector("i32", 16), prelude.vector("u8", 64), prelude.vector("i8", 64))
      return """
        static inline \(sum) dot4(\(sum) sum, \(u8) a, \(i8) b) {
          return (\(sum))__builtin_ia32_vpdpbusd512(sum, (\(sum))a, (\(sum))b);
        }

        """
    }
  }

  /// Table bytes picked by the low four bits of each lane.
  mutating func lookup16(_ type: MachineType) throws -> String {
    guard machine.has(.lookup16), type.lanes == 64, machine.vectorBytes == 64 else {
      throw EmissionRefusal("\(machine.name) has no byte shuffle over \(type.lanes) lanes")
    }
    let name = "lookup16_\(type.cName)"
    return function(name) { prelude in
      let value = prelude.type(type)
      let (table, codes, shuffled) = (
        prelude.vector(type.scalar.vectorPrefix, 16), prelude.vector("u8", 64), prelude.vector("i8", 64)
      )
      let copies = (0..<64).map { "\($0 % 16)" }.joined(separator: ", ")
      return """
        static inline \(value) \(name)(\(table) table, \(codes) codes) {
          const \(value) tables = __builtin_shufflevector(table, table, \(copies));
          return (\(value))__builtin_ia32_pshufb512((\(shuffled))tables, (\(shuffled))(codes & 15));
        }

        """
    }
  }
}
