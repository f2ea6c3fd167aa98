// log, log2 and log1p. Documentation/elementary-functions.md derives the programs and gives the
// measured errors.

extension ScalarFunction {
  /// The natural logarithm. 43 operations, error below 0.91 ulp, monotonic.
  ///
  /// - Special values: log(+-0) = -infinity, NaN below 0, log(1) = +0, log(+infinity) = +infinity.
  public static let log = ScalarFunction("log") { x in
    let (k, f) = Logarithm.reduced(x)
    let square = f * f
    let bend = square * x.float(0.5) - square * (f * f.polynomial(Logarithm.aroundOne))
    let low = k * x.float(Exponential.ln2Low)
    let value = k * x.float(Exponential.ln2High) + (f - (bend - low))
    return Logarithm.special(x, zeroAt: 0, value)
  }

  /// The logarithm to base 2. 51 operations, error below 0.90 ulp, monotonic; exact at powers of two.
  ///
  /// - Special values: log2(+-0) = -infinity, NaN below 0, log2(1) = +0, log2(+infinity) = +infinity.
  public static let log2 = ScalarFunction("log2") { x in
    let (k, f) = Logarithm.reduced(x)
    let square = f * f
    let half = square * x.float(0.5)
    let head = f - half
    // ln(1 + f) in two parts, 12 bits and the rest, times 1 / ln 2 likewise: the large product is exact.
    let high = head.leadingBits
    let low = ((f - high) - half) + square * (f * f.polynomial(Logarithm.aroundOne))
    let perLn2High = x.float(0x1.716p+0)
    let perLn2Low = x.float(-0x1.7135a8p-13)
    let value = k + (high * perLn2High + (low * perLn2High + (low + high) * perLn2Low))
    return Logarithm.special(x, zeroAt: 0, value)
  }

  /// ln(1 + x). 53 operations, error below 0.78 ulp, monotonic.
  ///
  /// - Special values: log1p(+-0) = +-0, log1p(-1) = -infinity, NaN below -1, log1p(+infinity) =
  ///   +infinity.
  public static let log1p = ScalarFunction("log1p") { x in
    // 2^k is near 1 + x: f = (1 + x) / 2^k - 1 is in [-1/4, 1/2] and exact.
    let exponent = Logarithm.exponent(x.float(1) + x, significandFrom: 0.75)
    let scaled = (x.bits - exponent).floatFromBits
    let one = x.int(0x3F80_0000)
    // From 2^126 on, 2^-k is as good as 0.
    let held = exponent.compared(.greater, one).select(one, exponent)
    let f = scaled + ((one - held).floatFromBits - x.float(1))
    let k = exponent.shiftedRight(exponent.int(23)).toFloat
    let square = f * f
    let half = square * x.float(0.5)
    let head = f - half
    let tail = ((f - head) - half) + square * (f * f.polynomial(Logarithm.aboveOne))
    let whole = k * x.float(Exponential.ln2High)
    let sum = whole + head
    let value = sum + ((head - (sum - whole)) + (tail + k * x.float(Exponential.ln2Low)))
    let defined = Logarithm.special(x, zeroAt: -1, value)
    return x.compared(.equal, x.float(0)).select(x, defined)
  }
}

/// What the programs with a logarithm share.
enum Logarithm {
  /// H in ln(1 + f) = f - f^2 / 2 + f^3 H(f), off by 2^-27.3 of the logarithm for 1 + f from 1/sqrt 2
  /// to sqrt 2.
  static let aroundOne: [Float] = [
    0x1.555554p-2, -0x1.000228p-2, 0x1.99a034p-3, -0x1.54722ap-3, 0x1.22d60ep-3, -0x1.0d81a2p-3,
    0x1.05766p-3, -0x1.390deap-4,
  ]
  /// The same for 1 + f from 3/4 to 3/2, off by 2^-27.4.
  static let aboveOne: [Float] = [
    0x1.5555a4p-2, -0x1.000046p-2, 0x1.99694ep-3, -0x1.54ee04p-3, 0x1.2885eep-3, -0x1.0da482p-3,
    0x1.ad1156p-4, -0x1.720efep-5,
  ]

  /// k 2^23 as an integer, where x = 2^k m and m is in [least, 2 least).
  static func exponent(_ x: ScalarValue, significandFrom least: Float) -> ScalarValue {
    (x.bits - x.int(Int32(least.bitPattern))).and(x.int(-0x80_0000))
  }

  /// k and f in x = 2^k (1 + f), 1 + f from 1/sqrt 2 to sqrt 2, both exact, for x > 0.
  static func reduced(_ x: ScalarValue) -> (k: ScalarValue, f: ScalarValue) {
    let isSubnormal = x.compared(.less, x.float(0x1p-126))
    let normal = isSubnormal.select(x * x.float(0x1p23), x)
    let exponent = exponent(normal, significandFrom: 0x1.6a09e6p-1)
    let f = (normal.bits - exponent).floatFromBits - x.float(1)
    let k = exponent.shiftedRight(exponent.int(23)).toFloat
    return (k - isSubnormal.select(x.float(23), x.float(0)), f)
  }

  /// `value` where x is finite and above the pole; -infinity at it, NaN below it and for NaN.
  static func special(_ x: ScalarValue, zeroAt pole: Float, _ value: ScalarValue) -> ScalarValue {
    let below = x.compared(.equal, x.float(pole)).select(x.float(-.infinity), x.float(.nan))
    // NaN and +infinity are their own logarithms.
    let above = x.compared(.less, x.float(.infinity)).select(value, x)
    return x.compared(.greater, x.float(pole)).select(above, below)
  }
}
