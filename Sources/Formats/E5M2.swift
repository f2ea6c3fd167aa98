/// E5M2, the eight-bit float with fp16's exponent range: 1 sign, 5 exponent, 2 mantissa bits; largest
/// finite value 57344, subnormal step 2^-16, with infinities (0x7C, 0xFC).
///
/// Source: OCP 8-bit Floating Point Specification 1.0.
public struct E5M2: EncodedNumber {
  public static var format: ElementFormat { .e5m2 }

  public let bitPattern: UInt8

  public init(bitPattern: UInt8) { self.bitPattern = bitPattern }

  /// Rounds to nearest, ties to even. Overflow gives infinity, from 61440 on; NaN gives 0x7E;
  /// subnormals are kept, and so is the sign of zero.
  public init(rounding x: Float) {
    bitPattern = UInt8(Self.fields.code(rounding: x))
  }

  public var float: Float { Self.fields.value(ofCode: UInt32(bitPattern)) }

  private static let fields = format.fields!
}
