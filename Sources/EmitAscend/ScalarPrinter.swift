import CFamily
import MachineIR
import TileIR

/// Prints expressions of the scalar unit. Floats are integers there: the bits of a binary64 in 64, of a binary32 in 32.
struct ScalarPrinter {
  let definitions: Definitions
  var names: CNames

  /// The C type of a scalar.
  static func type(_ scalar: MachineScalar) -> String {
    switch scalar {
    case .f32: "float"
    case .i64, .f64: "int64_t"
    case .mask: "bool"
    default: "int32_t"
    }
  }

  mutating func text(_ expression: Expression) throws -> String { try print(expression).flat }

  mutating func print(_ expression: Expression) throws -> CExpression {
    switch expression {
    case .variable(let variable): return CExpression(names.identifier(variable.name))
    case .integer(let value, let type):
      if type.scalar == .mask { return CExpression(value == 0 ? "false" : "true") }
      let text = CLiterals.integer(value, bits: type.scalar == .i64 ? 64 : 32)
      return CExpression(text, text.hasPrefix("-") ? .prefix : .primary)
    case .float(let bits, let type) where type.scalar == .f64:
      return CExpression(CLiterals.integer(Int64(bitPattern: bits), bits: 64))
    case .float(let bits, _):
      let text = CLiterals.float(Float(Double(bitPattern: bits)))
      return CExpression(text, text.hasPrefix("-") ? .prefix : .primary)
    case .load(let access, _, nil):
      return .call("\(names.identifier(access.buffer)).GetValue", [try print(access.offset)])
    case .conditional(let condition, let a, let b):
      return .conditional(try print(condition), try print(a), try print(b))
    case .apply(let instruction, let operands, let type): return try apply(instruction, operands, type)
    default: throw Refusal("the scalar unit has no \(expression)")
    }
  }

  private mutating func apply(
    _ instruction: Instruction, _ operands: [Expression], _ type: MachineType
  ) throws -> CExpression {
    let a = try print(operands[0])
    func second(_ printer: inout ScalarPrinter) throws -> CExpression { try printer.print(operands[1]) }
    if type.scalar == .f64 || operands[0].type.scalar == .f64 {
      return try applyWide(instruction, operands, type)
    }
    switch instruction {
    case .add: return .binary(a, "+", try second(&self), .sum)
    case .subtract: return .binary(a, "-", try second(&self), .sum)
    case .multiply: return .binary(a, "*", try second(&self), .product)
    case .quotient: return .binary(a, "/", try second(&self), .product)
    case .remainder: return .binary(a, "%", try second(&self), .product)
    case .negate: return .prefix("-", a)
    case .and: return .binary(a, type.scalar == .mask ? "&&" : "&", try second(&self), .and)
    case .or: return .binary(a, type.scalar == .mask ? "||" : "|", try second(&self), .or)
    case .xor: return .binary(a, type.scalar == .mask ? "!=" : "^", try second(&self), .exclusiveOr)
    case .not: return .prefix(type.scalar == .mask ? "!" : "~", a)
    case .shiftLeft:
      let left = operands[0].constantValue == nil ? a : .cast("int64_t", a)
      return .binary(left, "<<", try second(&self), .shift)
    case .shiftRightArithmetic: return .binary(a, ">>", try second(&self), .shift)
    case .shiftRightLogical:
      let unsigned = type.scalar == .i64 ? "uint64_t" : "uint32_t"
      return .cast(Self.type(type.scalar), .binary(.cast(unsigned, a), ">>", try second(&self), .shift))
    case .bitCast: return a
    case .compare(let comparison):
      let isEquality = comparison == .equal || comparison == .notEqual
      return .binary(a, comparison.symbol, try second(&self), isEquality ? .equality : .relation)
    case .select: return .conditional(a, try second(&self), try print(operands[2]))
    case .convert: return operands[0].type == type ? a : .cast(Self.type(type.scalar), a)
    case .minimum, .maximum:
      let name = instruction == .minimum ? "lesser" : "greater"
      definitions.add(name) {
        """
        template <typename T>
        __aicore__ inline T \(name)(T a, T b) {
          return a \(instruction == .minimum ? "<" : ">") b ? a : b;
        }
        """
      }
      return .call(name, [typed(a, operands[0]), typed(try second(&self), operands[1])])
    case .divideFloor(let n):
      if n & (n - 1) == 0 { return .binary(a, ">>", CExpression("\(n.trailingZeroBitCount)"), .shift) }
      return .binary(.binary(a, "-", try modulo(a, n), .sum), "/", CExpression("\(n)"), .product)
    case .remainderFloor(let n):
      return n & (n - 1) == 0 ? .binary(a, "&", CExpression("\(n - 1)"), .and) : try modulo(a, n)
    default: throw Refusal("the scalar unit has no \(instruction)")
    }
  }

  /// Operations on the bits of binary64.
  private mutating func applyWide(
    _ instruction: Instruction, _ operands: [Expression], _ type: MachineType
  ) throws -> CExpression {
    var given: [CExpression] = []
    for operand in operands { given.append(try print(operand)) }
    let sign = CExpression("INT64_MIN")
    func call(_ name: String, _ arguments: [CExpression]) -> CExpression {
      .call(WideArithmetic.define(name, in: definitions), arguments)
    }
    switch instruction {
    case .add: return call("add_wide", given)
    case .subtract: return call("add_wide", [given[0], .binary(given[1], "^", sign, .exclusiveOr)])
    case .multiply: return call("multiply_wide", given)
    case .negate: return .binary(given[0], "^", sign, .exclusiveOr)
    case .absolute: return .binary(given[0], "&", CExpression("INT64_MAX"), .and)
    case .roundedSum: return call("rounded_sum", given)
    case .select: return .conditional(given[0], given[1], given[2])
    case .bitCast where operands[0].type.scalar.byteCount == 8 && type.scalar.byteCount == 8: return given[0]
    case .compare(.less): return call("wide_less", given)
    case .compare(.greater): return call("wide_less", given.reversed())
    case .compare(.lessOrEqual): return call("wide_at_most", given)
    case .compare(.greaterOrEqual): return call("wide_at_most", given.reversed())
    case .compare(.equal): return call("wide_equal", given)
    case .compare(.notEqual): return .prefix("!", call("wide_equal", given))
    case .convert:
      switch (operands[0].type.scalar, type.scalar) {
      case (.f64, .f64): return given[0]
      case (.f32, .f64): return call("wide_of_float", given)
      case (.i32, .f64), (.i64, .f64): return call("wide_of_integer", given)
      case (.f64, .f32): return call("float_of_wide", given)
      default: break
      }
    default: break
    }
    throw Refusal("the scalar unit has no \(instruction) of \(operands[0].type.scalar.rawValue)")
  }

  /// A lone literal as its own type, which a template deduces.
  private func typed(_ text: CExpression, _ expression: Expression) -> CExpression {
    if case .integer(_, .index) = expression { .cast("int64_t", text) } else { text }
  }

  private func modulo(_ a: CExpression, _ n: Int) throws -> CExpression {
    definitions.add("remainder_down") {
      """
      // The remainder that is never negative.
      __aicore__ inline int64_t remainder_down(int64_t a, int64_t n) {
        return (a % n + n) % n;
      }
      """
    }
    return .call("remainder_down", [a, CExpression("\(n)")])
  }
}
