extension ScalarFunction {
  /// e^x by reduction to |r| <= ln 2 / 2 and a polynomial; the result is scaled in two halves.
  public static let exp = ScalarFunction("exp") { exponential($0) }
  /// 1 / (1 + e^-x).
  public static let sigmoid = ScalarFunction("sigmoid") { x in
    x.float(1) / (x.float(1) + exponential(-x))
  }
  /// x / (1 + e^-x).
  public static let silu = ScalarFunction("silu") { x in
    x / (x.float(1) + exponential(-x))
  }

  private static func exponential(_ x: ScalarValue) -> ScalarValue {
    let low = x.compared(.less, x.float(-104)).select(x.float(-104), x)
    let held = low.compared(.greater, x.float(89)).select(x.float(89), low)
    let k = (held * x.float(1.442695)).toInt
    let n = k.toFloat
    let r = (held - n * x.float(0.693145752)) - n * x.float(1.42860677e-6)
    var p = r.float(1.0 / 720)
    for c: Float in [1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1] { p = p * r + r.float(c) }
    let half = k.shiftedRight(k.int(1))
    let a = (half + k.int(127)).shiftedLeft(k.int(23)).floatFromBits
    let b = (k - half + k.int(127)).shiftedLeft(k.int(23)).floatFromBits
    let y = p * a * b
    return x.compared(.notEqual, x).select(x, y)
  }
}
