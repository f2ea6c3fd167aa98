/// bf16: the upper half of an fp32 (1 sign, 8 exponent, 7 mantissa bits), with its range and subnormals.
///
/// Source: the contract's "NaN and conversions".
public struct BFloat16: EncodedNumber {
  public static var format: ElementFormat { .bf16 }

  public let bitPattern: UInt16

  public init(bitPattern: UInt16) { self.bitPattern = bitPattern }

  /// Rounds to nearest, ties to even. Overflow gives infinity, from 2^128 - 2^119 on; NaN gives 0x7FC0;
  /// subnormals are kept, and so is the sign of zero.
  public init(rounding x: Float) {
    if x.isNaN {
      bitPattern = 0x7FC0
    } else {
      // Both formats share the exponent field, so rounding is one integer addition whose carry is right.
      let bits = x.bitPattern
      bitPattern = UInt16((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)
    }
  }

  public var float: Float {
    let value = Float(bitPattern: UInt32(bitPattern) << 16)
    return value.isNaN ? .canonicalNaN : value
  }
}
