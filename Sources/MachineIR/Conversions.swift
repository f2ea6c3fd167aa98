import TileIR

/// Conversions between `float32` and the narrow formats as scalar functions on codes in `int32`, so
/// that every target computes them with operations it has. Exhaustive tests hold them to `Formats`.
extension ScalarFunction {
  /// The exact value of a code of `format`.
  public static func widening(_ format: ElementType) -> ScalarFunction {
    ScalarFunction("widen_\(format.rawValue)", of: .int32) { code in
      switch format {
      case .bfloat16: return code.shiftedLeft(code.int(16)).floatFromBits
      case .float16: return widen(code, exponentBits: 5, mantissaBits: 10, hasInfinity: true)
      case .e5m2: return widen(code, exponentBits: 5, mantissaBits: 2, hasInfinity: true)
      case .e4m3: return widen(code, exponentBits: 4, mantissaBits: 3, hasInfinity: false)
      case .e8m0:
        let normal = code.shiftedLeft(code.int(23))
        let least = code.compared(.equal, code.int(0)).select(code.int(0x0040_0000), normal)
        return code.compared(.equal, code.int(255)).select(code.int(0x7FC0_0000), least).floatFromBits
      case .e2m1:
        let sign = code.and(code.int(8)).shiftedLeft(code.int(28))
        // Exponent and mantissa in place, biased by 1; one multiplication makes subnormals right.
        let magnitude = code.and(code.int(7)).shiftedLeft(code.int(22))
        let value = magnitude.floatFromBits * magnitude.floatFromBits.float(0x1p126)
        return value.bits.or(sign).floatFromBits
      default: preconditionFailure("\(format.rawValue) is not a narrow float format")
      }
    }
  }

  /// Widens sign, exponent and mantissa fields. Placed under an exponent of 8 bits, every finite code
  /// is its value times a power of two, subnormals included.
  private static func widen(
    _ code: ScalarValue, exponentBits: Int, mantissaBits: Int, hasInfinity: Bool
  ) -> ScalarValue {
    let width = 1 + exponentBits + mantissaBits
    let bias = (1 << (exponentBits - 1)) - 1
    let magnitudeMask = Int32((1 << (width - 1)) - 1)
    let magnitude = code.and(code.int(magnitudeMask))
    let sign = code.and(code.int(magnitudeMask + 1)).shiftedLeft(code.int(Int32(32 - width)))
    let placed = magnitude.shiftedLeft(code.int(Int32(23 - mantissaBits))).floatFromBits
    let value = placed * placed.float(Float(sign: .plus, exponent: 127 - bias, significand: 1))
    let nan = placed.float(.nan)
    let finite: ScalarValue
    if hasInfinity {
      let top = Int32(((1 << exponentBits) - 1) << mantissaBits)
      let special = magnitude.compared(.equal, code.int(top)).select(placed.float(.infinity), nan)
      finite = magnitude.compared(.less, code.int(top)).select(value, special)
    } else {
      finite = magnitude.compared(.equal, code.int(magnitudeMask)).select(nan, value)
    }
    let signed = finite.bits.or(sign).floatFromBits
    return finite.compared(.notEqual, finite).select(nan, signed)
  }

  /// Conversions that machines may have instructions for.
  public static let bfloat16Narrowing = narrowing(.bfloat16)
  public static let e4m3Narrowing = narrowing(.e4m3)
  public static let e4m3Widening = widening(.e4m3)

  /// The code of `format` nearest to a `float32`: ties to even, saturation and NaN as the numeric
  /// contract says. E8M0 rounds up to the next power of two.
  public static func narrowing(_ format: ElementType) -> ScalarFunction {
    ScalarFunction("narrow_\(format.rawValue)") { x in
      switch format {
      case .bfloat16:
        let bits = x.bits
        let odd = bits.shiftedRightLogical(bits.int(16)).and(bits.int(1))
        let rounded = (bits + bits.int(0x7FFF) + odd).shiftedRightLogical(bits.int(16))
        return x.compared(.notEqual, x).select(bits.int(0x7FC0), rounded)
      case .float16:
        return narrow(x, exponentBits: 5, mantissaBits: 10, largest: 65504, overflow: 0x7C00, nan: 0x7E00)
      case .e5m2:
        return narrow(x, exponentBits: 5, mantissaBits: 2, largest: 57344, overflow: 0x7C, nan: 0x7E)
      case .e4m3:
        return narrow(x, exponentBits: 4, mantissaBits: 3, largest: 448, overflow: nil, nan: 0x7F)
      case .e2m1:
        return narrow(x, exponentBits: 2, mantissaBits: 1, largest: 6, overflow: nil, nan: 0)
      case .e8m0:
        let bits = x.bits
        let fraction = bits.and(bits.int(0x7F_FFFF)).compared(.notEqual, bits.int(0))
        let up = bits.shiftedRightLogical(bits.int(23)) + fraction.select(bits.int(1), bits.int(0))
        // 2^-127 and below has code 0; a subnormal above it rounds up to 2^-126.
        let low = bits.compared(.lessOrEqual, bits.int(0x0040_0000)).select(bits.int(0), up)
        return x.compared(.notEqual, x).select(bits.int(255), low)
      default: preconditionFailure("\(format.rawValue) is not a narrow float format")
      }
    }
  }

  /// Rounds by adding a power of two whose last mantissa bit is the code's: exact for subnormal codes
  /// too, since the power is bounded below by that of the least normal code.
  private static func narrow(
    _ x: ScalarValue, exponentBits: Int, mantissaBits: Int, largest: Float, overflow: Int32?,
    nan: Int32
  ) -> ScalarValue {
    let width = 1 + exponentBits + mantissaBits
    let bias = (1 << (exponentBits - 1)) - 1
    let sign = x.bits.shiftedRightLogical(x.bits.int(Int32(32 - width)))
      .and(x.bits.int(Int32(1 << (width - 1))))
    let magnitude = x.magnitude
    let clampedTop = overflow == nil ? largest : largest * 2
    let top = magnitude.float(clampedTop)
    let bounded = magnitude.compared(.less, top).select(magnitude, top)
    let leastNormal = Int32((127 + 1 - bias) << 23)
    let exponent = bounded.bits.and(bounded.bits.int(0x7F80_0000))
    let floor = bounded.bits.int(leastNormal)
    let held = exponent.compared(.greater, floor).select(exponent, floor)
    let anchor = (held + held.int(Int32((23 - mantissaBits) << 23))).floatFromBits
    let rounded = (bounded + anchor) - anchor
    // The rounded value is on the grid: scaled so that the least normal code is the least normal float,
    // its upper bits are the code.
    let scale = Float(sign: .plus, exponent: bias - 127, significand: 1)
    let code = (rounded * rounded.float(scale)).bits
      .shiftedRightLogical(x.bits.int(Int32(23 - mantissaBits)))
    var finite = code
    if let overflow {
      finite = rounded.compared(.greater, rounded.float(largest)).select(code.int(overflow), code)
    }
    return x.compared(.notEqual, x).select(code.int(nan), finite.or(sign))
  }
}
