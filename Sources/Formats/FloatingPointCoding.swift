/// The two conversions between fp32 and every floating-point format of the table, in integer
/// operations only, so that no rounding mode or flush-to-zero setting of the processor can touch them.
extension FloatingPointFields {
  /// The code nearest to `x`, ties to the code whose last bit is 0.
  ///
  /// The sign of zero is kept, also when a negative value underflows. Beyond the largest finite value:
  /// infinity where the format has one (from half a step above it, as IEEE 754), otherwise the largest
  /// finite value. NaN of either sign and any payload becomes `canonicalNaN`, or +0 in a format without NaN.
  /// Meant for formats with at most 22 mantissa bits.
  func code(rounding x: Float) -> UInt32 {
    if x.isNaN { return canonicalNaN ?? 0 }
    let magnitude = x.bitPattern & 0x7FFF_FFFF
    let field = Int(magnitude >> 23)
    // x = significand * 2^(exponent - 23); an fp32 subnormal has no hidden one and the exponent of field 1.
    let exponent = max(field, 1) - 127
    let significand = (magnitude & 0x7F_FFFF) | (field == 0 ? 0 : 0x80_0000)

    // Bits below the target's last place at this magnitude. At 25 even the largest significand is
    // less than half of the smallest value, so a longer shift would give the same 0.
    let lastPlace = max(exponent - mantissaBits, quantumExponent)
    let shift = UInt32(min(lastPlace - (exponent - 23), 25))
    let isOdd = (significand >> shift) & 1
    let rounded = (significand + (1 << (shift - 1)) - 1 + isOdd) >> shift

    // The hidden one in `rounded` carries into the exponent field, and so does a rounding overflow.
    let exponentBelow = UInt32(max(exponent + bias - 1, 0))
    var code = (exponentBelow << UInt32(mantissaBits)) + rounded
    if code > largestFinite { code = infinity ?? largestFinite }
    return x.sign == .minus ? code | signMask : code
  }

  /// The value of a code, exactly; NaN of either sign and any payload becomes 0x7FC00000.
  ///
  /// Bits above the format's width are ignored.
  func value(ofCode code: UInt32) -> Float {
    let magnitude = code & (signMask - 1)
    let sign: UInt32 = code & signMask == 0 ? 0 : 0x8000_0000
    if magnitude > largestFinite {
      return magnitude == infinity ? Float(bitPattern: sign | 0x7F80_0000) : .canonicalNaN
    }
    let field = Int(magnitude >> UInt32(mantissaBits))
    let mantissa = magnitude & ((1 << UInt32(mantissaBits)) - 1)
    if field > 0 {
      // A normal of a narrow format is a normal of fp32: only the bias and the field width change.
      return Float(
        bitPattern: sign | UInt32(field - bias + 127) << 23 | mantissa << UInt32(23 - mantissaBits))
    }
    if mantissa == 0 { return Float(bitPattern: sign) }
    let leadingBit = 31 - mantissa.leadingZeroBitCount
    let exponent = quantumExponent + leadingBit
    if exponent < -126 {  // still subnormal in fp32, whose quantum is 2^-149
      return Float(bitPattern: sign | mantissa << UInt32(quantumExponent + 149))
    }
    let fraction = (mantissa << UInt32(23 - leadingBit)) & 0x7F_FFFF
    return Float(bitPattern: sign | UInt32(exponent + 127) << 23 | fraction)
  }
}
