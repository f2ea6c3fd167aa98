// exp and exp2, and the pair that the sigmoid family is made of. Documentation/elementary-functions.md
// derives the programs and gives the measured errors.

extension ScalarFunction {
  /// e^x. 33 operations, error below 0.92 ulp, monotonic.
  ///
  /// - Special values: +infinity above 128 ln 2, +0 below -150 ln 2; e^-infinity is +0.
  public static let exp = ScalarFunction("exp") { x in
    let held = x.held(above: -104, below: 89)
    let code = held * x.float(Exponential.perLn2) + x.float(Exponential.roundingTo(bias: 254))
    let n = code - x.float(Exponential.roundingTo(bias: 254))
    // x - n ln 2 in two parts; the low one stays out of the linear term, which it would round.
    let head = held - n * x.float(Exponential.ln2High)
    let low = n * x.float(Exponential.ln2Low)
    let r = head - low
    let curve = r * r * r.polynomial(Exponential.coefficients)
    let value = x.float(1) + (head + (curve - low))
    let (a, b) = Exponential.halves(code)
    return value * a * b
  }

  /// 2^x. 29 operations, error below 0.84 ulp, monotonic; exact where x is an integer.
  ///
  /// - Special values: +infinity from 128 on, +0 from -150 down; 2^-infinity is +0.
  public static let exp2 = ScalarFunction("exp2") { x in
    let held = x.held(above: -151, below: 129)
    let code = held + x.float(Exponential.roundingTo(bias: 254))
    let r = held - (code - x.float(Exponential.roundingTo(bias: 254)))
    // 2^r - 1 = r + r P(r): the ln 2 of the linear term is split, so that its rounding is a small one.
    let p = r.polynomial([
      -0x1.3a379ep-2, 0x1.ebfbe2p-3, 0x1.c6aeb8p-5, 0x1.3b29fcp-7, 0x1.5f4fd8p-10, 0x1.44001ap-13,
    ])
    let value = x.float(1) + (r + r * p)
    let (a, b) = Exponential.halves(code)
    return value * a * b
  }
}

/// What the programs with an exponential share.
enum Exponential {
  /// 1 / ln 2.
  static let perLn2: Float = 0x1.715476p+0
  /// ln 2 in two parts: the high one has 15 bits, so that its product with n is exact.
  static let ln2High: Float = 0x1.62e4p-1
  static let ln2Low: Float = 0x1.7f7d1cp-20
  /// Q in e^r = 1 + r + r^2 Q(r) for |r| <= ln 2 / 2, off by 2^-26.1 of e^r - 1.
  static let coefficients: [Float] = [
    0x1.fffffep-2, 0x1.5554aap-3, 0x1.55579ep-5, 0x1.122c58p-7, 0x1.6ab678p-10,
  ]

  /// A number so large that adding it rounds to an integer n, and that the low bits of the sum's code
  /// then hold n + `bias`.
  static func roundingTo(bias: Float) -> Float { 0x1.8p23 + bias }

  /// Two powers of two whose product is 2^n, -252 <= n <= 254; `code` holds n + 254. Scaling by one after
  /// the other rounds once: where the result is subnormal, the first product is not.
  static func halves(_ code: ScalarValue) -> (ScalarValue, ScalarValue) {
    let sum = code.bits
    let half = sum.shiftedRightLogical(sum.int(1))
    return (power(half), power(sum - half))
  }

  /// The power of two whose biased exponent is in the low bits of `code`.
  static func power(_ code: ScalarValue) -> ScalarValue {
    code.shiftedLeft(code.int(23)).floatFromBits
  }
}

/// e^-x = 2^n (1 + high + low), `high + low` right to about 2^-29 of 1 and 2^-26 of itself.
struct NegativeExponential {
  /// n rounded, and a number whose code holds n + bias in its low bits.
  let n, code: ScalarValue
  /// The head of r, and e^-r - 1 + head.
  private let head, curve: ScalarValue
  /// `curve - head`, rounded.
  let high: ScalarValue

  init(of x: ScalarValue, bias: Float) {
    code = x * x.float(-Exponential.perLn2) + x.float(Exponential.roundingTo(bias: bias))
    n = code - x.float(Exponential.roundingTo(bias: bias))
    head = x + n * x.float(Exponential.ln2High)
    let rest = n * x.float(Exponential.ln2Low)
    let r = head + rest
    var alternating = Exponential.coefficients
    for odd in stride(from: 1, to: alternating.count, by: 2) { alternating[odd].negate() }
    curve = r * r * r.polynomial(alternating) - rest
    high = curve - head
  }

  /// What `high` was rounded by.
  var low: ScalarValue { curve - (high + head) }

  /// 1 + high + low as a sum of two, the first of them rounded. 1 less that one and the head are exact.
  var sum: (ScalarValue, ScalarValue) {
    let rounded = high.float(1) + high
    return (rounded, ((high.float(1) - rounded) - head) + curve)
  }
}

extension ScalarValue {
  /// This value, but not below or above the bounds; NaN stays.
  func held(above least: Float, below most: Float) -> ScalarValue {
    let raised = compared(.less, float(least)).select(float(least), self)
    return raised.compared(.greater, float(most)).select(float(most), raised)
  }

  /// c0 + x (c1 + x (c2 + …)).
  func polynomial(_ coefficients: [Float]) -> ScalarValue {
    coefficients.dropLast().reversed().reduce(float(coefficients.last!)) { $0 * self + float($1) }
  }

  /// This value with the low 12 of its 24 significand bits cut off: products of two such are exact.
  var leadingBits: ScalarValue { bits.and(bits.int(~0xFFF)).floatFromBits }

  /// This value, at most 2 and so on a grid of `step`: a magic number rounds it.
  func rounded(toMultipleOf step: Float) -> ScalarValue {
    let magic = float(0x1.8p23 * step)
    return (self + magic) - magic
  }
}
