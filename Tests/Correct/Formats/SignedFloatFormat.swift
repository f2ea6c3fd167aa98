import Formats
import Testing

/// What the tests know of a signed floating-point format, stated apart from the table under test.
struct SignedFloatFormat: Sendable, CustomTestStringConvertible {
  let format: ElementFormat
  /// The code that the type under test gives a value.
  let code: @Sendable (_ rounding: Float) -> UInt32
  /// The value that the type under test gives a code.
  let value: @Sendable (_ code: UInt32) -> Float

  let exponentBits: Int
  let mantissaBits: Int
  let bias: Int
  let largestFinite: UInt32
  let largestValue: Double
  let infinity: UInt32?
  let canonicalNaN: UInt32?

  var testDescription: String { format.name }
  var signMask: UInt32 { 1 << UInt32(exponentBits + mantissaBits) }

  /// The value of a finite code without its sign, by the textbook formula.
  func value(ofMagnitude code: UInt32) -> Double {
    let field = Int(code >> UInt32(mantissaBits))
    let mantissa = Double(code & ((1 << UInt32(mantissaBits)) - 1))
    let hiddenOne = Double(1 << mantissaBits)
    let significand = field == 0 ? mantissa : hiddenOne + mantissa
    return significand * Double(sign: .plus, exponent: max(field, 1) - bias - mantissaBits, significand: 1)
  }

  private init<Number: EncodedNumber>(
    _: Number.Type, exponentBits: Int, mantissaBits: Int, bias: Int,
    largestFinite: UInt32, largestValue: Double, infinity: UInt32?, canonicalNaN: UInt32?
  ) {
    format = Number.format
    code = { UInt32(Number(rounding: $0).bitPattern) }
    value = { Number(bitPattern: Number.BitPattern($0)).float }
    self.exponentBits = exponentBits
    self.mantissaBits = mantissaBits
    self.bias = bias
    self.largestFinite = largestFinite
    self.largestValue = largestValue
    self.infinity = infinity
    self.canonicalNaN = canonicalNaN
  }

  static let all: [SignedFloatFormat] = [
    SignedFloatFormat(
      BFloat16.self, exponentBits: 8, mantissaBits: 7, bias: 127,
      largestFinite: 0x7F7F, largestValue: 0x1.FEp127, infinity: 0x7F80, canonicalNaN: 0x7FC0),
    SignedFloatFormat(
      Half.self, exponentBits: 5, mantissaBits: 10, bias: 15,
      largestFinite: 0x7BFF, largestValue: 65504, infinity: 0x7C00, canonicalNaN: 0x7E00),
    SignedFloatFormat(
      E5M2.self, exponentBits: 5, mantissaBits: 2, bias: 15,
      largestFinite: 0x7B, largestValue: 57344, infinity: 0x7C, canonicalNaN: 0x7E),
    SignedFloatFormat(
      E4M3.self, exponentBits: 4, mantissaBits: 3, bias: 7,
      largestFinite: 0x7E, largestValue: 448, infinity: nil, canonicalNaN: 0x7F),
    SignedFloatFormat(
      E2M1.self, exponentBits: 2, mantissaBits: 1, bias: 1,
      largestFinite: 0x7, largestValue: 6, infinity: nil, canonicalNaN: nil),
  ]
}

/// NaNs of both signs, quiet and signalling, with the payloads at the ends of their ranges.
let assortedNaNs: [Float] = [
  0x7FC0_0000, 0xFFC0_0000, 0x7F80_0001, 0xFF80_0001, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x7F80_8000, 0x7FBF_FFFF,
].map { Float(bitPattern: $0) }

/// A disagreement, kept instead of reported at once so that a loop over all codes stays fast.
struct Mismatch: Equatable, CustomStringConvertible {
  let input: UInt32
  let expected: UInt32
  let found: UInt32

  var description: String {
    let hex = [input, expected, found].map { "0x" + String($0, radix: 16, uppercase: true) }
    return "\(hex[0]): expected \(hex[1]), found \(hex[2])"
  }
}

/// Collects the disagreements of one loop; a test expects it to stay empty.
struct Mismatches {
  private(set) var first: [Mismatch] = []
  private(set) var comparisons = 0

  mutating func compare(_ input: UInt32, expected: UInt32, found: UInt32) {
    comparisons += 1
    if expected != found && first.count < 8 {
      first.append(Mismatch(input: input, expected: expected, found: found))
    }
  }
}
