/// Errors in ulps: units of the spacing of floats at the exact value, at least 2^-149.
public enum UlpError {
  /// The spacing of floats where the exact value's magnitude is in [2^exponent, 2^(exponent + 1)).
  static func spacing(exponent: Int) -> Double {
    Double(sign: .plus, exponent: min(max(exponent, -126), 127) - 23, significand: 1)
  }

  /// Whether a result that is no NaN can be judged by its distance from an exact value that is finite and
  /// not 0: a zero has the value's sign, an infinity is near it.
  static func isSameKind(_ result: Float, isNegative: Bool, beyondRange: Bool) -> Bool {
    if result.isNaN { return false }
    if result == 0 || result.isInfinite { return (result.sign == .minus) == isNegative }
    return !beyondRange
  }

  /// The error of `result` where the exact value is `exact`.
  ///
  /// An infinite result counts as 2^128, and is right for all exact values from there on. A wrong kind of
  /// result (a NaN for a number, a zero or infinity of the wrong sign, a finite number for a pole) has an
  /// infinite error.
  public static func of(_ result: Float, against exact: Double) -> Double {
    if exact.isNaN || result.isNaN { return exact.isNaN && result.isNaN ? 0 : .infinity }
    if exact.isInfinite { return Double(result) == exact ? 0 : .infinity }
    if exact == 0 {
      return result.sign == exact.sign ? Double(result.magnitude) / 0x1p-149 : .infinity
    }
    let beyondRange = exact.magnitude >= 0x1p128
    guard isSameKind(result, isNegative: exact < 0, beyondRange: beyondRange) else { return .infinity }
    if result.isInfinite {
      return beyondRange ? 0 : (0x1p128 - exact.magnitude) / spacing(exponent: 127)
    }
    return (Double(result) - exact).magnitude / spacing(exponent: Int(exact.exponent))
  }
}
