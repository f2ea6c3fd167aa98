extension ScalarFunction {
  /// ln(1 + e^x). 86 operations, error below 0.91 ulp, monotonic.
  ///
  /// - Special values: softplus(-infinity) = +0, softplus(+infinity) = +infinity.
  public static let softplus = ScalarFunction("softplus") { x in
    // max(x, 0) + ln(1 + u), u = e^-|x| = 2^n (p + tail).
    let (zero, one, half) = (x.float(0), x.float(1), x.float(0.5))
    let magnitude = x.magnitude
    let held = magnitude.compared(.greater, x.float(110)).select(x.float(110), magnitude)
    let e = NegativeExponential(of: held, bias: 254)
    let (p, tail) = e.sum
    let (a, b) = Exponential.halves(e.code)
    let power = a * b
    let (u, uTail) = (p * power, tail * power)

    // ln(1 + u) = ln(1 + f) with f = u, or for u > 1/2 ln 2 + ln(1 + f) with f = (u - 1) / 2, which is
    // exact. For negative x the first is computed without its factor 2^n, so that a subnormal result is
    // rounded once: `lead` stands for f or f / 2^n.
    let isDirect = u.compared(.lessOrEqual, half)
    let isNegative = x.compared(.less, zero)
    let isScaled = isNegative.and(isDirect)
    let f = isDirect.select(u, u * half - half)
    let lead = isScaled.select(p, f)
    let leadTail = isScaled.select(tail, isDirect.select(uTail, uTail * half))
    let square = lead * f
    let curve = square * (f * f.polynomial(Logarithm.aboveOne))
    // The tail's part of the logarithm, by its derivative 1 / (1 + f), near enough 1 - 0.6 f.
    let rest = leadTail - leadTail * (f * x.float(0.6))

    let whole = isDirect.select(zero, x.float(0x1.62e43p-1))
    let linear = isNegative.select(zero, x)
    let start = whole + linear
    let startTail = linear - (start - whole)
    let sum = start + lead
    let sumTail = lead - (sum - start)
    let value = sum + ((((startTail + sumTail) + rest) + curve) - square * half)
    let scaled = value * isScaled.select(a, one) * isScaled.select(b, one)
    return x.compared(.greater, x.float(110)).select(x, scaled)
  }
}
