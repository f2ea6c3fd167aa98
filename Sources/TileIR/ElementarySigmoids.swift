// Quotients of exponentials: sigmoid, silu and tanh. Each forms numerator and denominator as a sum of two
// floats and divides once, to about 2^-33, before the one rounding that counts.

extension ScalarFunction {
  /// 1 / (1 + e^-x). 61 operations, error below 0.80 ulp (0.70 where the result is normal), monotonic.
  ///
  /// - Special values: sigmoid(+-0) = 1/2, sigmoid(-infinity) = +0, sigmoid(+infinity) = 1.
  public static let sigmoid = ScalarFunction("sigmoid") { x in
    let held = x.held(above: -104, below: 104)
    let denominator = LogisticDenominator(of: held)
    let reciprocal = x.float(1) / denominator.rounded
    let head = reciprocal.rounded(toMultipleOf: 0x1p-11)
    let rest = (x.float(1) - head * denominator.high) - head * denominator.low
    return denominator.scaled(head + rest * reciprocal)
  }

  /// x / (1 + e^-x). 69 operations, error below 0.80 ulp, and below 0.94 within 0.0045 of its minimum at
  /// -1.2785; monotonic on either side of it.
  ///
  /// - Special values: silu(+-0) = +-0, silu(-infinity) = -0, silu(+infinity) = +infinity.
  public static let silu = ScalarFunction("silu") { x in
    let held = x.compared(.less, x.float(-110)).select(x.float(-110), x)
    let denominator = LogisticDenominator(of: held)
    let reciprocal = x.float(1) / denominator.rounded
    let head = (held * reciprocal).leadingBits
    // Taken the other way round than in sigmoid: so it is +0 for x = -0, and the result -0.
    let excess = (head * denominator.high - held) + head * denominator.low
    let value = denominator.scaled(head - excess * reciprocal)
    // Beside its minimum the function is so flat that a quotient's rounding errors would show as steps the
    // wrong way. A parabola's do not: each of its operations is monotonic.
    let offset = x - x.float(-0x1.474974p+0)
    let square = offset * offset
    let parabola = square * x.float(0x1.bfdcdap-4) + x.float(-0x1.1d25dp-2)
    let curved = square.compared(.less, x.float(0x1.53bd16p-16)).select(parabola, value)
    return x.compared(.greater, x.float(110)).select(x, curved)
  }

  /// (e^x - e^-x) / (e^x + e^-x). 63 operations, error below 0.88 ulp, monotonic, odd.
  ///
  /// - Special values: tanh(+-0) = +-0, tanh(+-infinity) = +-1.
  public static let tanh = ScalarFunction("tanh") { x in
    let one = x.float(1)
    let magnitude = x.magnitude
    // From 9.02 on the result is 1.
    let held = magnitude.compared(.greater, x.float(9.2)).select(x.float(9.2), magnitude)
    let e = NegativeExponential(of: held * x.float(2), bias: 127)
    let power = Exponential.power(e.code.bits)
    let (high, low) = (power * e.high, power * e.low)
    // 1 - e^-2|x|: for n = 0 the ones cancel exactly and the tiny rest keeps its precision.
    let difference = one - power
    let numerator = difference - high
    let numeratorLow = (((difference - numerator) - high) + ((one - difference) - power)) - low
    let denominator = (one + power) + high
    let grid = denominator.rounded(toMultipleOf: 0x1p-11)
    let gridLow = (((one - grid) + power) + high) + low
    let reciprocal = one / denominator
    let head = (numerator * reciprocal).leadingBits
    let excess = ((head * grid - numerator) + head * gridLow) - numeratorLow
    let value = head - excess * reciprocal
    return value.bits.or(x.bits.and(x.bits.int(.min))).floatFromBits
  }
}

/// 1 + e^-x, divided by 2^n for the n of e^-x where that is positive, so that it stays within [0.7, 2.5].
private struct LogisticDenominator {
  let rounded: ScalarValue
  /// The same as a number of at most 12 bits and the rest.
  let high, low: ScalarValue
  private let isScaled, a, b: ScalarValue

  init(of x: ScalarValue) {
    let one = x.float(1)
    let e = NegativeExponential(of: x, bias: 254)
    let (p, tail) = e.sum
    // 2^-|n| in two halves; the larger of 1 and e^-x comes first.
    (a, b) = Exponential.halves(x.float(Exponential.roundingTo(bias: 254)) - e.n.magnitude)
    let power = a * b
    isScaled = e.n.compared(.greater, x.float(0))
    let larger = isScaled.select(p, one)
    let smaller = isScaled.select(one, p) * power
    rounded = larger + smaller
    high = rounded.rounded(toMultipleOf: 0x1p-10)
    low = ((larger - high) + smaller) + isScaled.select(tail, tail * power)
  }

  /// A quotient by this denominator, with its scale taken back.
  func scaled(_ quotient: ScalarValue) -> ScalarValue {
    isScaled.select(quotient * a * b, quotient)
  }
}
