// sin and cos for |x| <= 2^21, NaN beyond: no such x comes nearer than 2^-28 to a multiple of pi / 2, and all
// products of the reduction but one are exact. Documentation/elementary-functions.md gives the measured errors.

extension ScalarFunction {
  /// The sine of x radians, |x| <= 2^21. 68 operations, error below 0.95 ulp, odd.
  ///
  /// - Special values: sin(+-0) = +-0; NaN beyond 2^21.
  public static let sin = ScalarFunction("sin") { Trigonometry.wave($0, aheadBy: 0) }

  /// The cosine of x radians, |x| <= 2^21. 69 operations, error below 0.94 ulp, even.
  ///
  /// - Special values: cos(+-0) = 1; NaN beyond 2^21.
  public static let cos = ScalarFunction("cos") { Trigonometry.wave($0, aheadBy: 1) }
}

private enum Trigonometry {
  static let perQuarter: Float = 0x1.45f306p-1
  /// pi / 2 in pieces that end at 2^-12, 2^-24, 2^-34 and 2^-49, and the rest: times 11 bits, all but
  /// the rest are exact.
  static let quarter: [Float] = [
    0x1.921p+0, 0x1.f6ap-13, 0x1.11p-26, 0x1.68cp-39, 0x1.1a6264p-54,
  ]

  /// sin(x + quarters pi / 2).
  static func wave(_ x: ScalarValue, aheadBy quarters: Int32) -> ScalarValue {
    let (code, r, tail) = reduced(x)
    let square = r * r
    // Written so that each sum of zeros has the sign of x.
    let curve = square * square.polynomial([0x1.555546p-3, -0x1.110776p-7, 0x1.9952f8p-13])
    let sine = r - (r * curve + tail)
    let half = square * x.float(0.5)
    let head = x.float(1) - half
    let bend = square * square * square.polynomial([0x1.55554ap-5, -0x1.6c0c28p-10, 0x1.99e80cp-16])
    let cosine = head + (((x.float(1) - head) - half) + (bend + r * tail))

    let turn = quarters == 0 ? code.bits : code.bits + x.int(quarters)
    let isOdd = turn.and(x.int(1)).compared(.notEqual, x.int(0))
    let sign = turn.and(x.int(2)).shiftedLeft(x.int(30))
    let value = isOdd.select(cosine, sine).bits.xor(sign).floatFromBits
    return x.magnitude.compared(.lessOrEqual, x.float(0x1p21)).select(value, x.float(.nan))
  }

  /// x = n pi / 2 + r - tail with |r| <= pi / 4, and a number whose code ends in the low bits of n.
  ///
  /// n is the sum of a multiple of 1024 and at most 512, so that each has few bits. Every step is exact
  /// until r has 24 bits below the cancelled ones; what is left then is the tail.
  private static func reduced(
    _ x: ScalarValue
  ) -> (code: ScalarValue, r: ScalarValue, tail: ScalarValue) {
    let quarter = quarter.map { x.float($0) }
    let perQuarter = x.float(perQuarter)
    let coarse = x.float(0x1.8p33)
    let far = (x * perQuarter + coarse) - coarse
    let near = (x - far * quarter[0]) - far * quarter[1]
    let fine = x.float(0x1.8p23)
    let code = near * perQuarter + fine
    let n = code - fine
    let r0 = ((near - n * quarter[0]) - n * quarter[1]) - far * quarter[2]
    let step1 = n * quarter[2] + far * quarter[3]
    let r1 = r0 - step1
    let lost1 = (r0 - r1) - step1
    let step2 = n * quarter[3]
    let r2 = r1 - step2
    let lost2 = (r1 - r2) - step2
    let rest = (far + n) * quarter[4] - (lost1 + lost2)
    let r = r2 - rest
    return (code, r, rest - (r2 - r))
  }
}
