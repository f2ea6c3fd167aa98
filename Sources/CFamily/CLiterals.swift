/// Constants as C text that gives back exactly the same bits.
package enum CLiterals {
  /// An `f32` (by the bits of the `f64` that it equals).
  package static func float(_ value: Float) -> String {
    if value.isNaN { return "__builtin_nanf(\"\")" }
    if value.isInfinite { return value < 0 ? "-__builtin_inff()" : "__builtin_inff()" }
    if let decimal = shortDecimal(Double(value)) { return decimal + "f" }
    return hexadecimal(Double(value), fractionBits: 23) + "f /* \(value) */"
  }

  package static func double(_ value: Double) -> String {
    if value.isNaN { return "__builtin_nan(\"\")" }
    if value.isInfinite { return value < 0 ? "-__builtin_inf()" : "__builtin_inf()" }
    if let decimal = shortDecimal(value) { return decimal }
    return hexadecimal(value, fractionBits: 52) + " /* \(value) */"
  }

  /// The decimal form of a number with at most nine binary places and nine digits before them: exact
  /// as it stands.
  private static func shortDecimal(_ value: Double) -> String? {
    let scaled = value * 512
    guard abs(value) < 1e9, scaled == scaled.rounded() else { return nil }
    return "\(value)"
  }

  private static func hexadecimal(_ value: Double, fractionBits: Int) -> String {
    let sign = value.sign == .minus ? "-" : ""
    let magnitude = value.magnitude
    let significand = magnitude.significand
    let digits = (fractionBits + 3) / 4
    // The fraction below the leading 1, in whole hexadecimal digits.
    var fraction = UInt64((significand - 1) * Double(sign: .plus, exponent: 4 * digits, significand: 1))
    var text = ""
    for _ in 0..<digits {
      text = String(fraction & 15, radix: 16) + text
      fraction >>= 4
    }
    while text.last == "0" { text.removeLast() }
    let exponent = Int(magnitude.exponent)
    return "\(sign)0x1\(text.isEmpty ? "" : "." + text)p\(exponent < 0 ? "" : "+")\(exponent)"
  }

  /// An integer as a value of a lane type; `isBits` asks for hexadecimal where that reads better.
  package static func integer(_ value: Int64, bits: Int, isBits: Bool = false) -> String {
    if bits == 64 {
      if value == Int64.min { return "(-9223372036854775807l - 1)" }
      return Int32(exactly: value) == nil ? "\(spelled(value, isBits))l" : spelled(value, isBits)
    }
    if bits == 32 {
      let narrow = Int32(truncatingIfNeeded: value)
      if narrow == Int32.min { return "(-2147483647 - 1)" }
      return spelled(Int64(narrow), isBits)
    }
    return "\(value)"
  }

  private static func spelled(_ value: Int64, _ isBits: Bool) -> String {
    isBits && value > 9 ? "0x" + String(value, radix: 16) : "\(value)"
  }
}
