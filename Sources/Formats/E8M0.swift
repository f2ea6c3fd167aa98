/// E8M0, the scale of a block: code b is 2^(b - 127), from 2^-127 to 2^127; 255 is NaN. No sign, no zero,
/// no infinity. Code 0 is a subnormal of fp32.
///
/// Source: OCP Microscaling Formats (MX) Specification 1.0; the scale rule is the contract's P2.
public struct E8M0: EncodedNumber {
  public static var format: ElementFormat { .e8m0 }

  public static let nan = E8M0(bitPattern: 255)

  public let bitPattern: UInt8

  public init(bitPattern: UInt8) { self.bitPattern = bitPattern }

  /// Rounds up: the same as `init(smallestPowerAtLeast:)`, the only rounding that the contract defines
  /// for scales.
  public init(rounding x: Float) { self.init(smallestPowerAtLeast: x) }

  /// The contract's P2(a): the smallest power of two of the format that is at least `a`.
  ///
  /// Everything up to 2^-127, so also zero, negative values and -infinity, gives code 0. Everything above
  /// 2^127, +infinity included, gives code 255, and so does NaN. The code comes from the exponent bits:
  /// the exponent field, plus one if the mantissa is not zero.
  public init(smallestPowerAtLeast a: Float) {
    let bits = a.bitPattern
    if a.isNaN {
      bitPattern = 255
    } else if Int32(bitPattern: bits) <= 0x0040_0000 {  // 2^-127; a negative float is a negative integer
      bitPattern = 0
    } else {
      bitPattern = UInt8((bits + 0x7F_FFFF) >> 23)
    }
  }

  public var float: Float {
    switch bitPattern {
    case 0: Float(bitPattern: 0x0040_0000)
    case 255: .canonicalNaN
    default: Float(bitPattern: UInt32(bitPattern) << 23)
    }
  }

  /// The power: the value is 2^exponent; nil for NaN.
  public var exponent: Int? { bitPattern == 255 ? nil : Int(bitPattern) - 127 }
}
