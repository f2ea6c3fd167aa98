import Formats
import TileIR

/// What an elementwise operation gives for one element.
///
/// Floats are binary32 with subnormals, nearest-even; Swift contracts nothing and flushes nothing.
/// A NaN that arithmetic makes is the canonical one, so that it is canonical wherever it becomes visible;
/// operations that copy (loads, `select`, samples, joins, bit casts) keep the bits that they find.
enum ElementwiseRules {
  /// The code that an operation gives for the codes of up to three operands (what stands in place of
  /// others is not read), or nil where it has no value: `fault` says why.
  typealias Rule = (_ a: UInt32, _ b: UInt32, _ c: UInt32) -> UInt32?

  /// Whether int32 `add`, `subtract`, `multiply`, `negate` and `absolute` wrap, as in the body of a
  /// scalar function, or must not overflow, as everywhere else; and whether a bit cast from a float
  /// sees a NaN as it is, as in such a body, or the canonical one.
  enum Setting { case program, scalarFunction }

  /// The rule of `operation` on operands of these types.
  static func rule(
    _ operation: Elementwise, _ types: [ElementType], _ setting: Setting, _ arithmetic: FloatArithmetic = .ieee
  ) -> Rule {
    if let rule = integerArithmetic(operation), types[0] == .int32 {
      return { a, b, _ in
        let value = rule(Int(Int32(bitPattern: a)), Int(Int32(bitPattern: b)))
        let wrapped = Int32(truncatingIfNeeded: value)
        if setting == .program, Int(wrapped) != value { return nil }
        return UInt32(bitPattern: wrapped)
      }
    }
    switch operation {
    case .add: return floats(arithmetic.sum)
    case .subtract: return floats(arithmetic.difference)
    case .multiply: return floats(arithmetic.product)
    case .divide: return floats(arithmetic.quotient)
    case .minimum: return floats(least)
    case .maximum: return floats(greatest)
    case .negate: return floats { a, _ in -a }
    case .absolute: return floats { a, _ in a.magnitude }
    case .squareRoot: return floats { a, _ in arithmetic.squareRoot(a) }
    case .reciprocalSquareRoot: return floats { a, _ in arithmetic.reciprocalSquareRoot(a) }
    case .fusedMultiplyAdd:
      return { a, b, c in
        arithmetic.fused(Float(bitPattern: a), Float(bitPattern: b), Float(bitPattern: c)).canonical.bitPattern
      }
    case .compare(let comparison):
      if types[0] == .float32 {
        return { a, b, _ in
          comparison.holds(Float(bitPattern: a), Float(bitPattern: b)) ? 1 : 0
        }
      }
      return { a, b, _ in comparison.holds(Int32(bitPattern: a), Int32(bitPattern: b)) ? 1 : 0 }
    case .and: return { a, b, _ in a & b }
    case .or: return { a, b, _ in a | b }
    case .xor: return { a, b, _ in a ^ b }
    case .not:
      let mask: UInt32 = types[0] == .bool ? 1 : .max
      return { a, _, _ in ~a & mask }
    case .shiftLeft: return { a, b, _ in b < 32 ? a << b : nil }
    case .shiftRightLogical: return { a, b, _ in b < 32 ? a >> b : nil }
    case .shiftRightArithmetic:
      return { a, b, _ in
        b < 32 ? UInt32(bitPattern: Int32(bitPattern: a) >> Int32(bitPattern: b)) : nil
      }
    case .select: return { a, b, c in a != 0 ? b : c }
    case .convert(let target):
      let source = types[0]
      return { a, _, _ in source.convert(a, to: target) }
    case .bitCast:
      let source = types[0]
      return { a, _, _ in setting == .scalarFunction ? a : source.canonical(a) }
    case .divideFloor, .remainderFloor: preconditionFailure("\(operation.name) is defined on int32")
    }
  }

  /// Why `operation` has no value for these codes.
  static func fault(_ operation: Elementwise, _ a: UInt32, _ b: UInt32) -> FaultKind {
    guard let rule = integerArithmetic(operation) else {
      return .shift(Int(Int32(bitPattern: b)))
    }
    return .overflow(operation.name, rule(Int(Int32(bitPattern: a)), Int(Int32(bitPattern: b))))
  }

  /// Exact integer arithmetic on int32 values; nil for operations that are none.
  private static func integerArithmetic(_ operation: Elementwise) -> ((Int, Int) -> Int)? {
    switch operation {
    case .add: { $0 + $1 }
    case .subtract: { $0 - $1 }
    case .multiply: { $0 * $1 }
    case .minimum: { min($0, $1) }
    case .maximum: { max($0, $1) }
    case .negate: { a, _ in -a }
    case .absolute: { a, _ in abs(a) }
    case .divideFloor(let divisor): { a, _ in a.floorDivided(by: divisor) }
    case .remainderFloor(let divisor): { a, _ in a - a.floorDivided(by: divisor) * divisor }
    default: nil
    }
  }

  /// NaN if either is NaN; +0 above -0.
  static func greatest(_ a: Float, _ b: Float) -> Float {
    if a.isNaN || b.isNaN { return .nan }
    if a == b { return a.sign == .plus ? a : b }
    return a > b ? a : b
  }

  /// NaN if either is NaN; -0 below +0.
  static func least(_ a: Float, _ b: Float) -> Float {
    if a.isNaN || b.isNaN { return .nan }
    if a == b { return a.sign == .minus ? a : b }
    return a < b ? a : b
  }

  private static func floats(_ body: @escaping (Float, Float) -> Float) -> Rule {
    { a, b, _ in body(Float(bitPattern: a), Float(bitPattern: b)).canonical.bitPattern }
  }
}
