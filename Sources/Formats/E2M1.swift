/// E2M1, the four-bit float of expert weights: 1 sign, 2 exponent, 1 mantissa bit. Codes 0 to 7 are
/// 0, 0.5, 1, 1.5, 2, 3, 4, 6; codes 8 to 15 are their negatives, -0 included. No infinity and no NaN.
///
/// In memory two elements share a byte (see `NibbleCoded`); here a code stands in the low four bits.
/// Source: OCP Microscaling Formats (MX) Specification 1.0.
public struct E2M1: EncodedNumber, NibbleCoded {
  public static var format: ElementFormat { .e2m1 }

  public let bitPattern: UInt8

  public init(bitPattern: UInt8) { self.bitPattern = bitPattern & 0xF }

  /// Rounds to nearest, ties to even. Everything beyond 6, infinity included, gives 6 with its sign;
  /// NaN gives +0; the sign of zero is kept.
  public init(rounding x: Float) {
    bitPattern = UInt8(Self.fields.code(rounding: x))
  }

  public var float: Float { Self.fields.value(ofCode: UInt32(bitPattern)) }

  /// The value as an integer number of 2^-1: 0, 1, 2, 3, 4, 6, 8 or 12 with the sign.
  public var quanta: Int32 {
    let field = Int32(bitPattern >> 1) & 3
    let mantissa = Int32(bitPattern) & 1
    let quanta = field == 0 ? mantissa : (2 + mantissa) << (field - 1)
    return bitPattern < 8 ? quanta : -quanta
  }

  /// The exponent of the unit of `quanta`.
  public static let quantumExponent = -1

  private static let fields = format.fields!
}
