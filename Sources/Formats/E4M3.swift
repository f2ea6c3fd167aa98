/// E4M3 (the "fn" variant), the eight-bit float of weights and activations: 1 sign, 4 exponent,
/// 3 mantissa bits; largest finite value 448, subnormal step 2^-9, no infinity, NaN at 0x7F and 0xFF.
///
/// Source: OCP 8-bit Floating Point Specification 1.0; saturation is the contract's.
public struct E4M3: EncodedNumber {
  public static var format: ElementFormat { .e4m3 }

  public let bitPattern: UInt8

  public init(bitPattern: UInt8) { self.bitPattern = bitPattern }

  /// Rounds to nearest, ties to even. Everything beyond 448, infinity included, gives 448 with its sign;
  /// NaN gives 0x7F; subnormals are kept, and so is the sign of zero.
  public init(rounding x: Float) {
    bitPattern = UInt8(Self.fields.code(rounding: x))
  }

  public var float: Float { Self.fields.value(ofCode: UInt32(bitPattern)) }

  /// The value as an integer number of 2^-9, at most 229,376 = 448 * 2^9 in magnitude (18 bits and a sign);
  /// nil for NaN, which exact products carry as a flag beside the integers.
  public var quanta: Int32? {
    let magnitude = Int32(bitPattern & 0x7F)
    if magnitude == 0x7F { return nil }
    let field = magnitude >> 3
    let mantissa = magnitude & 7
    let quanta = field == 0 ? mantissa : (8 + mantissa) << (field - 1)
    return bitPattern < 0x80 ? quanta : -quanta
  }

  /// The exponent of the unit of `quanta`.
  public static let quantumExponent = -9

  private static let fields = format.fields!
}
