/// fp16, the IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa bits; largest finite value 65504,
/// subnormal step 2^-24.
///
/// It stands in for Swift's `Float16`, which some platforms lack.
public struct Half: EncodedNumber {
  public static var format: ElementFormat { .fp16 }

  public let bitPattern: UInt16

  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// Rounds to nearest, ties to even. Overflow gives infinity, from 65520 on; NaN gives 0x7E00;
  /// subnormals are kept, and so is the sign of zero.
  public init(rounding x: Float) {
    bitPattern = UInt16(Self.fields.code(rounding: x))
  }

  public var float: Float { Self.fields.value(ofCode: UInt32(bitPattern)) }

  private static let fields = format.fields!
}
