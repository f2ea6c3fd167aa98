import TileIR

/// Division and roots for machines whose own are not correctly rounded: bodies of correctly rounded additions,
/// subtractions and multiplications, comparisons, selections and bit operations. Their results are those of the
/// numeric contract, bit for bit, subnormals included.
///
/// Each takes significands to [1, 4), iterates to a result within a few units of the last place, and then measures
/// what is missing exactly: the product of two significands as a float and its error (Dekker's splitting), so that
/// the last rounding knows on which side of a midpoint the true result lies.
extension ScalarFunction {
  /// RNE32(a / b).
  public static let correctQuotient = ScalarFunction("quotient", quotient)

  package static func quotient(_ a: ScalarValue, _ b: ScalarValue) -> ScalarValue {
    let (x, y) = (Significand(a), Significand(b))
    // x / y in [1, 2): x is doubled where it is the smaller.
    let isSmaller = x.value.compared(.less, y.value)
    let numerator = isSmaller.select(x.value + x.value, x.value)
    let divisor = y.value
    var r = divisor.float(48.0 / 17) - divisor * divisor.float(32.0 / 17) * divisor.float(0.5)
    // A line for 1 / d over [1, 2), whose error each step squares.
    r = r * divisor.float(0.5)
    for _ in 0..<4 { r = r * (divisor.float(2) - divisor * r) }
    let first = numerator * r
    let q = first + missing(numerator, first, divisor) * r
    // Exactly what is missing of the numerator: more than half of q's last place times the divisor, and q is a
    // neighbour of the nearest. A quotient is never midway.
    let rest = missing(numerator, q, divisor)
    let half = divisor * divisor.float(0x1p-24)
    let up = q + q.float(0x1p-23)
    let down = q - q.float(0x1p-23)
    let below = rest.compared(.less, -half)
    let nearest = rest.compared(.greater, half).select(up, below.select(down, q))
    // What is missing of that one: its sign tells a tie below apart.
    let left = missing(numerator, nearest, divisor)
    let exponent = x.exponent - y.exponent - isSmaller.select(x.exponent.int(1), x.exponent.int(0))
    let magnitude = scaled(nearest, rest: left, exponent)
    let sign = a.bits.xor(b.bits).and(a.bits.int(.min))
    let finite = magnitude.bits.or(sign).floatFromBits
    // 0, infinity and NaN.
    let (aSize, bSize) = (a.magnitude, b.magnitude)
    let zero = sign.floatFromBits
    let infinity = a.float(.infinity).bits.or(sign).floatFromBits
    let aIsZero = aSize.compared(.equal, a.float(0))
    let bIsZero = bSize.compared(.equal, a.float(0))
    let aIsInfinite = aSize.compared(.equal, a.float(.infinity))
    let bIsInfinite = bSize.compared(.equal, a.float(.infinity))
    let gone = aIsZero.or(bIsInfinite).select(zero, finite)
    let endless = aIsInfinite.or(bIsZero).select(infinity, gone)
    let isNumber = a.compared(.equal, a).and(b.compared(.equal, b))
    let isUndecided = aIsZero.and(bIsZero).or(aIsInfinite.and(bIsInfinite))
    return isUndecided.select(a.float(.nan), isNumber.select(endless, a.float(.nan)))
  }

  /// RNE32 of the square root.
  public static let correctSquareRoot = ScalarFunction("square_root") { a in
    let x = Significand(a, even: true)
    let y = reciprocalRootEstimate(x.value)
    let first = x.value * y
    let half = y * y.float(0.5)
    let s = first + missing(x.value, first, first) * half
    // sqrt(x) > s + u / 2 exactly where what is missing exceeds s u, u the last place of s.
    let rest = missing(x.value, s, s)
    let step = s.float(0x1p-23)
    let limit = s * step
    let isBelow = rest.compared(.lessOrEqual, -limit)
    let nearest = rest.compared(.greater, limit).select(s + step, isBelow.select(s - step, s))
    let value = (nearest.bits + x.exponent.shiftedRight(x.exponent.int(1)).shiftedLeft(x.exponent.int(23)))
      .floatFromBits
    let isEnd = a.compared(.equal, a.float(0)).or(a.compared(.equal, a.float(.infinity)))
    let isPositive = a.compared(.greaterOrEqual, a.float(0))
    return isEnd.select(a, isPositive.select(value, a.float(.nan)))
  }

  /// RNE32(1 / sqrt(a)), one rounding.
  public static let correctReciprocalSquareRoot = ScalarFunction("reciprocal_square_root") { a in
    let x = Significand(a, even: true)
    let y = reciprocalRootEstimate(x.value)
    // 1 - x y y in two floats: y y exactly, then each part times x.
    let square = y * y
    let squareError = productError(y, y, square)
    let product = x.value * square
    let productError = productError(x.value, square, product)
    let rest = (y.float(1) - product) - productError - x.value * squareError
    let refined = y + y * (rest * (y.float(0.5) + rest * y.float(0.375)))
    let value = (refined.bits - x.exponent.shiftedRight(x.exponent.int(1)).shiftedLeft(x.exponent.int(23)))
      .floatFromBits
    let isZero = a.compared(.equal, a.float(0))
    let infinity = a.bits.and(a.bits.int(.min)).or(a.float(.infinity).bits).floatFromBits
    let isInfinite = a.compared(.equal, a.float(.infinity))
    let positive = isInfinite.select(a.float(0), value)
    let isPositive = a.compared(.greater, a.float(0))
    return isZero.select(infinity, isPositive.select(positive, a.float(.nan)))
  }

  /// The quotient by a positive constant, rounded down, of integers whose magnitude is at most 2^31 - n - 512.
  ///
  /// The first quotient in floats is wrong by at most half and a few hundred n-ths, so that what is left is a float;
  /// the second is wrong by at most half and one n-th of that, which the sign of what is left puts right.
  public static func floorQuotient(by n: Int32) -> ScalarFunction {
    ScalarFunction("quotient_by_\(n)", of: .int32) { floorQuotient($0, by: n) }
  }

  package static func floorQuotient(_ x: ScalarValue, by n: Int32) -> ScalarValue {
    func near(_ a: ScalarValue) -> ScalarValue { (a.toFloat * x.float(1 / Float(n))).toInt }
    let first = near(x)
    let rest = x - first * x.int(n)
    let second = near(rest)
    let left = rest - second * x.int(n)
    // -1 where it is negative.
    return first + second + left.shiftedRight(x.int(31))
  }

  /// A finite number that is not 0 as value times 2^exponent, the value in [1, 2); in [1, 4) with an even exponent.
  private struct Significand {
    let value: ScalarValue
    let exponent: ScalarValue

    init(_ a: ScalarValue, even: Bool = false) {
      let size = a.magnitude
      let isSubnormal = size.compared(.less, a.float(0x1p-126))
      let normal = isSubnormal.select(size * a.float(0x1p24), size)
      let bits = normal.bits
      let bias = isSubnormal.select(bits.int(127 + 24), bits.int(127))
      let exponent = bits.shiftedRightLogical(bits.int(23)) - bias
      let odd = even ? exponent.and(bits.int(1)) : nil
      let one = bits.and(bits.int(0x7F_FFFF)).or(bits.int(0x3F80_0000))
      value = (odd.map { one + $0.shiftedLeft(bits.int(23)) } ?? one).floatFromBits
      self.exponent = odd.map { exponent - $0 } ?? exponent
    }
  }

  /// 1 / sqrt(x) for x in [1, 4), within a few units of the last place.
  private static func reciprocalRootEstimate(_ x: ScalarValue) -> ScalarValue {
    var y = (x.bits.int(0x5F37_59DF) - x.bits.shiftedRightLogical(x.bits.int(1))).floatFromBits
    let half = x * x.float(0.5)
    for _ in 0..<4 { y = y * (x.float(1.5) - half * y * y) }
    return y
  }

  /// a b - product, exactly, for a product that was rounded once and numbers near 1.
  private static func productError(_ a: ScalarValue, _ b: ScalarValue, _ product: ScalarValue) -> ScalarValue
  {
    func halves(_ x: ScalarValue) -> (ScalarValue, ScalarValue) {
      // The upper 12 bits of the significand by a mask; the lower 12 are left exactly.
      let high = x.bits.and(x.bits.int(-4096)).floatFromBits
      return (high, x - high)
    }
    let (aHigh, aLow) = halves(a)
    let (bHigh, bLow) = halves(b)
    return ((aHigh * bHigh - product) + aHigh * bLow + aLow * bHigh) + aLow * bLow
  }

  /// numerator - q divisor, exactly where q is near the quotient.
  private static func missing(
    _ numerator: ScalarValue, _ q: ScalarValue, _ divisor: ScalarValue
  ) -> ScalarValue {
    let product = q * divisor
    return (numerator - product) - productError(q, divisor, product)
  }

  /// RNE32 of (value + something of rest's sign below half of value's last place) times 2^exponent, for a value in
  /// [1, 2].
  static func scaled(_ value: ScalarValue, rest: ScalarValue, _ exponent: ScalarValue) -> ScalarValue {
    let bits = value.bits
    // Far exponents: the result is 0 or infinity whatever the significand.
    let low = exponent.compared(.less, bits.int(-152)).select(bits.int(-152), exponent)
    let bounded = low.compared(.greater, bits.int(128)).select(bits.int(128), low)
    let normalBits = bits + bounded.shiftedLeft(bits.int(23))
    let isLarge = normalBits.compared(.greaterOrEqual, bits.int(0x7F80_0000)).or(
      bounded.compared(.greater, bits.int(127)))
    let normal = isLarge.select(value.float(.infinity).bits, normalBits)
    // In units of 2^-149, rounded to a whole number by a large addend; a tie goes where the rest is.
    let units = (bits + (bounded + bits.int(149)).shiftedLeft(bits.int(23))).floatFromBits
    let far = exponent.compared(.less, bits.int(-151))
    let whole = (units + units.float(0x1p23)) - units.float(0x1p23)
    let off = units - whole
    let isTie = off.magnitude.compared(.equal, off.float(0.5))
    let isAbove = rest.compared(.greater, rest.float(0))
    let isBelow = rest.compared(.less, rest.float(0))
    let half = units.float(0.5)
    let told = isAbove.select(units + half, isBelow.select(units - half, whole))
    let count = isTie.select(told, whole).toInt
    let subnormal = far.select(bits.int(0), count)
    let isNormal = bounded.compared(.greaterOrEqual, bits.int(-126))
    return isNormal.select(normal, subnormal).floatFromBits
  }
}
