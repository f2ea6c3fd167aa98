/// How the numbers of one element type are laid out in bits, as a row of a table.
///
/// The table below is the only place where a format's shape is stated. The conversions in
/// `FloatingPointCoding.swift` and the constants that code printers need are derived from a row.
public struct ElementFormat: Sendable, Hashable {
  /// What the bits of an element mean.
  public enum Encoding: Sendable, Hashable {
    /// Two's complement.
    case signedInteger
    case unsignedInteger
    /// Sign, exponent field, mantissa field, with a hidden leading one and gradual underflow.
    case floatingPoint(FloatingPointFields)
    /// An exponent field alone: code `b` is 2^(b - bias), positive, and the code of all ones is NaN.
    case powerOfTwo(bias: Int)
  }

  /// The name in the contract and in printed programs, such as `bf16`.
  public let name: String
  /// Bits of one element in memory: 4 (two elements to a byte, the even one low), 8, 16 or 32.
  public let bitWidth: Int
  public let encoding: Encoding

  /// The fields, if this is a floating-point format with a sign and a mantissa.
  public var fields: FloatingPointFields? {
    if case .floatingPoint(let fields) = encoding { fields } else { nil }
  }

  /// The code that every NaN becomes, or nil where the format has no NaN.
  public var canonicalNaN: UInt32? {
    switch encoding {
    case .floatingPoint(let fields): fields.canonicalNaN
    case .powerOfTwo: (1 << UInt32(bitWidth)) - 1
    case .signedInteger, .unsignedInteger: nil
    }
  }

  /// The code of the largest finite value.
  public var largestFinite: UInt32 {
    switch encoding {
    case .floatingPoint(let fields): fields.largestFinite
    case .powerOfTwo: (1 << UInt32(bitWidth)) - 2
    case .signedInteger: (1 << UInt32(bitWidth - 1)) - 1
    case .unsignedInteger: bitWidth == 32 ? .max : (1 << UInt32(bitWidth)) - 1
    }
  }

  /// Elements that share one byte: 2 for the four-bit formats, otherwise 1.
  public var elementsPerByte: Int { bitWidth == 4 ? 2 : 1 }

  /// Bytes that `count` consecutive elements occupy; a last odd nibble takes a whole byte.
  public func byteCount(of count: Int) -> Int { (count * bitWidth + 7) / 8 }
}

/// The fields of a signed binary floating-point format, high to low: sign (1 bit), exponent, mantissa.
///
/// With exponent field e and mantissa field m, a finite code is m * 2^(1 - bias - mantissaBits) when e = 0
/// and (2^mantissaBits + m) * 2^(e - bias - mantissaBits) otherwise. A magnitude above `largestFinite` is
/// infinity if it equals `infinity`, and NaN if it does not.
public struct FloatingPointFields: Sendable, Hashable {
  public let exponentBits: Int
  public let mantissaBits: Int
  public let bias: Int
  /// The code of the largest finite value.
  public let largestFinite: UInt32
  /// The code of +infinity; nil where overflow saturates to `largestFinite`.
  public let infinity: UInt32?
  /// The code that every NaN becomes; nil where the format has none and NaN becomes +0.
  public let canonicalNaN: UInt32?

  /// The sign bit of a code.
  public var signMask: UInt32 { 1 << UInt32(exponentBits + mantissaBits) }
  /// Every finite value is an integer times 2^quantumExponent.
  public var quantumExponent: Int { 1 - bias - mantissaBits }
}

extension ElementFormat {
  public static let fp32 = ElementFormat(
    name: "fp32", exponent: 8, mantissa: 23, bias: 127,
    largestFinite: 0x7F7F_FFFF, infinity: 0x7F80_0000, nan: 0x7FC0_0000)
  public static let bf16 = ElementFormat(
    name: "bf16", exponent: 8, mantissa: 7, bias: 127,
    largestFinite: 0x7F7F, infinity: 0x7F80, nan: 0x7FC0)
  public static let fp16 = ElementFormat(
    name: "fp16", exponent: 5, mantissa: 10, bias: 15,
    largestFinite: 0x7BFF, infinity: 0x7C00, nan: 0x7E00)
  public static let e5m2 = ElementFormat(
    name: "e5m2", exponent: 5, mantissa: 2, bias: 15,
    largestFinite: 0x7B, infinity: 0x7C, nan: 0x7E)
  public static let e4m3 = ElementFormat(
    name: "e4m3", exponent: 4, mantissa: 3, bias: 7,
    largestFinite: 0x7E, infinity: nil, nan: 0x7F)
  public static let e2m1 = ElementFormat(
    name: "e2m1", exponent: 2, mantissa: 1, bias: 1,
    largestFinite: 0x7, infinity: nil, nan: nil)
  public static let e8m0 = ElementFormat(
    name: "e8m0", bitWidth: 8, encoding: .powerOfTwo(bias: 127))
  public static let int32 = ElementFormat(name: "int32", bitWidth: 32, encoding: .signedInteger)
  public static let int8 = ElementFormat(name: "int8", bitWidth: 8, encoding: .signedInteger)
  public static let uint8 = ElementFormat(name: "uint8", bitWidth: 8, encoding: .unsignedInteger)
  public static let int4 = ElementFormat(name: "int4", bitWidth: 4, encoding: .signedInteger)

  /// Every format of the contract, widest first.
  public static let all: [ElementFormat] = [
    .fp32, .int32, .bf16, .fp16, .e5m2, .e4m3, .e8m0, .int8, .uint8, .e2m1, .int4,
  ]

  private init(
    name: String, exponent: Int, mantissa: Int, bias: Int,
    largestFinite: UInt32, infinity: UInt32?, nan: UInt32?
  ) {
    self.init(
      name: name, bitWidth: 1 + exponent + mantissa,
      encoding: .floatingPoint(
        FloatingPointFields(
          exponentBits: exponent, mantissaBits: mantissa, bias: bias,
          largestFinite: largestFinite, infinity: infinity, canonicalNaN: nan)))
  }
}
