/// What sums, products, quotients and roots of `float32` give.
///
/// `tokens` puts in place of a rounded result a number drawn from the operation and its operands, so that
/// results are equal only where the same operations met the same operands: two ways to add three numbers, which
/// often round alike, never give one token. It keeps what holds of every rounded result, and no more:
///
/// - operands of a sum or a product may trade places, and signs go in front;
/// - adding zero changes nothing, and a number less itself is +0;
/// - a product or quotient that needs no rounding is itself, and a fused multiply-add of such a product, or
///   one that adds zero, is a sum or product;
/// - what is made of numbers that are not negative is not negative; NaN and infinities stay what they are.
///
/// Tokens are normal numbers of magnitude 1/4 to 2, 2^24 for each operation, so unequal ones are equal by
/// chance once in 16 million; other seeds draw others.
public enum FloatArithmetic: Hashable, Sendable {
  /// IEEE 754, nearest-even: the meaning of programs.
  case ieee
  case tokens(seed: UInt64)

  public func sum(_ a: Float, _ b: Float) -> Float {
    guard case .tokens(let seed) = self, a != 0, b != 0, a.isFinite, b.isFinite, a != -b else { return a + b }
    let (x, y) = a.magnitude >= b.magnitude ? (a, b) : (b, a)
    let other = x < 0 ? -y : y
    let result = Self.token(seed, 1, x.magnitude, other, isSigned: other < 0)
    return x < 0 ? -result : result
  }

  public func difference(_ a: Float, _ b: Float) -> Float {
    if case .ieee = self { a - b } else { sum(a, -b) }
  }

  public func product(_ a: Float, _ b: Float) -> Float {
    let product = a * b
    guard case .tokens(let seed) = self, !Self.isExact(product, a, b) else { return product }
    let (x, y) = (min(a.magnitude, b.magnitude), max(a.magnitude, b.magnitude))
    let result = Self.token(seed, 2, x, y)
    return (a < 0) != (b < 0) ? -result : result
  }

  /// a * b + c, rounded once.
  public func fused(_ a: Float, _ b: Float, _ c: Float) -> Float {
    guard case .tokens(let seed) = self else { return c.addingProduct(a, b) }
    if c == 0 || !c.isFinite || Self.isExact(a * b, a, b) { return sum(product(a, b), c) }
    let (x, y) = (min(a.magnitude, b.magnitude), max(a.magnitude, b.magnitude))
    let isNegative = (a < 0) != (b < 0)
    let other = isNegative ? -c : c
    let result = Self.token(seed, 3, x, y, other, isSigned: other < 0)
    return isNegative ? -result : result
  }

  public func quotient(_ a: Float, _ b: Float) -> Float {
    let quotient = a / b
    guard case .tokens(let seed) = self, a != 0, b != 0, a.isFinite, b.isFinite,
      !Self.isExact(a, quotient, b)
    else { return quotient }
    let result = Self.token(seed, 4, a.magnitude, b.magnitude)
    return (a < 0) != (b < 0) ? -result : result
  }

  public func squareRoot(_ a: Float) -> Float {
    guard case .tokens(let seed) = self, a > 0, a.isFinite else { return a.squareRoot() }
    return Self.token(seed, 5, a)
  }

  public func reciprocalSquareRoot(_ a: Float) -> Float {
    guard case .tokens(let seed) = self, a > 0, a.isFinite else { return Float(1 / Double(a).squareRoot()) }
    return Self.token(seed, 6, a)
  }

  /// Whether `product` is a * b without rounding, or has no number.
  private static func isExact(_ product: Float, _ a: Float, _ b: Float) -> Bool {
    if !product.isFinite || a == 0 || b == 0 { return true }
    return product.magnitude >= 0x1p-100 && (-product).addingProduct(a, b) == 0
  }

  private static func token(
    _ seed: UInt64, _ operation: UInt64, _ a: Float, _ b: Float = 0, _ c: Float = 0, isSigned: Bool = false
  ) -> Float {
    var state = SplitMix64.mixed(seed &+ operation &* 0x9E37_79B9_7F4A_7C15)
    for operand in [a, b, c] { state = SplitMix64.mixed(state &* 3 &+ UInt64(operand.bitPattern)) }
    let exponent = 125 + UInt32(truncatingIfNeeded: state >> 40) % 3
    let sign: UInt32 = isSigned ? UInt32(truncatingIfNeeded: state >> 63) << 31 : 0
    return Float(bitPattern: sign | exponent << 23 | UInt32(truncatingIfNeeded: state) & 0x7F_FFFF)
  }
}
