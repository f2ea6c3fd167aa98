/// A comparison. On floats every comparison with NaN is false except `notEqual`; +0 equals -0.
public enum Comparison: String, Hashable, Sendable, CaseIterable {
  case equal, notEqual, less, lessOrEqual, greater, greaterOrEqual

  /// Whether it is true of two numbers.
  @inlinable public func holds<T: Comparable>(_ a: T, _ b: T) -> Bool {
    switch self {
    case .equal: a == b
    case .notEqual: a != b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    }
  }
}

/// An operation on single elements, the same on every element of a tile and in a scalar function.
///
/// Floating operations are IEEE 754 binary32, nearest-even, subnormals kept. Integer `add`,
/// `subtract`, `multiply` and shifts wrap at machine width; defined programs never overflow.
public enum Elementwise: Hashable, Sendable {
  // float32 or int32
  case add, subtract, multiply, negate, absolute
  /// NaN if any operand is NaN; +0 above -0.
  case minimum, maximum
  case compare(Comparison)
  // float32, correctly rounded
  case divide, fusedMultiplyAdd, squareRoot, reciprocalSquareRoot
  // int32 (and `bool` for the first four)
  case and, or, xor, not
  case shiftLeft, shiftRightLogical, shiftRightArithmetic
  /// Floor division and its remainder by a positive constant.
  case divideFloor(Int), remainderFloor(Int)
  /// `operands[0] ? operands[1] : operands[2]`; keeps bits.
  case select
  /// To another element type, rounding and saturating as the contract's section on conversions says.
  case convert(ElementType)
  /// The same bits as another type of the same width; NaN is canonicalised first.
  case bitCast(ElementType)

  /// How many operands it takes.
  public var arity: Int {
    switch self {
    case .negate, .absolute, .squareRoot, .reciprocalSquareRoot, .not, .convert, .bitCast,
      .divideFloor, .remainderFloor: 1
    case .fusedMultiplyAdd, .select: 3
    default: 2
    }
  }

  /// The result's type for these operand types, or nil where the operation is not defined on them.
  public func resultType(_ operands: [ElementType]) -> ElementType? {
    guard operands.count == arity else { return nil }
    let first = operands[0]
    let same = operands.allSatisfy { $0 == first }
    switch self {
    case .add, .subtract, .multiply, .negate, .absolute, .minimum, .maximum:
      return same && (first == .float32 || first == .int32) ? first : nil
    case .compare: return same && (first == .float32 || first == .int32) ? .bool : nil
    case .divide, .fusedMultiplyAdd, .squareRoot, .reciprocalSquareRoot:
      return same && first == .float32 ? .float32 : nil
    case .and, .or, .xor, .not: return same && (first == .int32 || first == .bool) ? first : nil
    case .shiftLeft, .shiftRightLogical, .shiftRightArithmetic:
      return same && first == .int32 ? .int32 : nil
    case .divideFloor(let n), .remainderFloor(let n): return first == .int32 && n > 0 ? .int32 : nil
    case .select: return first == .bool && operands[1] == operands[2] ? operands[1] : nil
    case .convert(let target):
      return first == .bool && target != .int32 ? nil : (target == .bool ? nil : target)
    case .bitCast(let target): return target.bitWidth == first.bitWidth ? target : nil
    }
  }

  /// The name in printed programs.
  public var name: String {
    switch self {
    case .add: "add"
    case .subtract: "subtract"
    case .multiply: "multiply"
    case .negate: "negate"
    case .absolute: "absolute"
    case .minimum: "minimum"
    case .maximum: "maximum"
    case .compare(let comparison): comparison.rawValue
    case .divide: "divide"
    case .fusedMultiplyAdd: "fused_multiply_add"
    case .squareRoot: "square_root"
    case .reciprocalSquareRoot: "reciprocal_square_root"
    case .and: "and"
    case .or: "or"
    case .xor: "xor"
    case .not: "not"
    case .shiftLeft: "shift_left"
    case .shiftRightLogical: "shift_right_logical"
    case .shiftRightArithmetic: "shift_right_arithmetic"
    case .divideFloor(let n): "divide_floor<\(n)>"
    case .remainderFloor(let n): "remainder_floor<\(n)>"
    case .select: "select"
    case .convert(let type): "convert<\(type.rawValue)>"
    case .bitCast(let type): "bit_cast<\(type.rawValue)>"
    }
  }
}
