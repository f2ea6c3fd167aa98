/// A number stored as the bits of one `ElementFormat`; it converts to and from fp32 and has no arithmetic.
///
/// Equality and hashing are those of the bits: +0 and -0 differ, and a NaN equals itself.
public protocol EncodedNumber: Sendable, Hashable, BitwiseCopyable, CustomStringConvertible {
  /// The unsigned integer that holds a code; the four-bit formats use the low half of a `UInt8`.
  associatedtype BitPattern: FixedWidthInteger & UnsignedInteger & Sendable

  /// The row of the table that says what the bits mean.
  static var format: ElementFormat { get }

  /// The code.
  var bitPattern: BitPattern { get }

  /// The number with this code; bits above the format's width are ignored.
  init(bitPattern: BitPattern)

  /// The number nearest to `x`, ties to the even code; each format states its overflow and its NaN, and
  /// E8M0 that it rounds up.
  init(rounding x: Float)

  /// The value, exactly; NaN is the canonical fp32 NaN.
  var float: Float { get }
}

extension EncodedNumber {
  /// Every code of the format, ascending.
  public static var allBitPatterns: ClosedRange<BitPattern> {
    0...(BitPattern.max >> BitPattern(BitPattern.bitWidth - format.bitWidth))
  }

  public var isNaN: Bool { float.isNaN }

  public var description: String { float.description }
}
