/// A four-bit two's complement integer, -8 to 7.
///
/// In memory two elements share a byte (see `NibbleCoded`); here a code stands in the low four bits.
public struct Int4: EncodedNumber, NibbleCoded {
  public static var format: ElementFormat { .int4 }

  public let bitPattern: UInt8

  public init(bitPattern: UInt8) { self.bitPattern = bitPattern & 0xF }

  /// The integer nearest to `x`, ties to even; saturates to -8 and 7, NaN gives 0.
  public init(rounding x: Float) {
    self.init(saturating: Int(Int8(saturatingNearestEven: x)))
  }

  /// `value` clamped to -8...7.
  public init(saturating value: Int) {
    self.init(bitPattern: UInt8(truncatingIfNeeded: min(max(value, -8), 7)))
  }

  public var value: Int { Int(Int8(bitPattern: bitPattern << 4) >> 4) }

  public var float: Float { Float(value) }

  public var description: String { value.description }
}
