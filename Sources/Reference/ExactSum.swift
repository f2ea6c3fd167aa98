import Formats

/// The exact sum of any number of doubles, rounded once at the end.
///
/// A fixed-point number that spans every double: limb j holds multiples of 2^(32 j - 1088), and may
/// hold more than 32 bits (or be negative) until carries are resolved. A product of two `float32`
/// numbers and of two powers of two between 2^-127 and 2^127 is one double, exactly.
struct ExactSum {
  private static let lowestExponent = -1088
  /// 68 limbs reach from 2^-1088 to 2^1088; two more take the carries of up to 2^30 addends.
  private static let limbCount = 70

  private var limbs = [Int64](repeating: 0, count: limbCount)
  private var special: Double = 0

  /// Adds a double. Infinities and NaN follow IEEE addition.
  mutating func add(_ x: Double) {
    guard x.isFinite else {
      special += x
      return
    }
    if x == 0 { return }
    // x = significand * 2^exponent with an integer significand below 2^53.
    let isSubnormal = x.exponentBitPattern == 0
    let significand = x.significandBitPattern | (isSubnormal ? 0 : 1 << 52)
    let exponent = (isSubnormal ? 1 : Int(x.exponentBitPattern)) - 1075
    add(significand, exponent: exponent, isNegative: x.sign == .minus)
  }

  /// Adds `integer` * 2^`exponent`, which must lie within the range of doubles.
  mutating func add(_ integer: Int64, exponent: Int) {
    add(integer.magnitude, exponent: exponent, isNegative: integer < 0)
  }

  private mutating func add(_ magnitude: UInt64, exponent: Int, isNegative: Bool) {
    let (limb, shift) = (exponent - Self.lowestExponent).quotientAndRemainder(dividingBy: 32)
    let low = (magnitude & 0xFFFF_FFFF) << UInt64(shift)
    let high = (magnitude >> 32) << UInt64(shift)
    let parts = (low & 0xFFFF_FFFF, (low >> 32) + (high & 0xFFFF_FFFF), high >> 32)
    let sign: Int64 = isNegative ? -1 : 1
    limbs[limb] += sign * Int64(parts.0)
    limbs[limb + 1] += sign * Int64(parts.1)
    limbs[limb + 2] += sign * Int64(parts.2)
  }

  /// The sum rounded to nearest even once, subnormals and overflow as IEEE 754; a zero sum is +0.
  var rounded: Float {
    if special.isNaN { return Float.canonicalNaN }
    if special != 0 { return Float(special) }
    var digits = limbs
    var isNegative = false
    Self.resolveCarries(&digits)
    if digits[Self.limbCount - 1] < 0 {
      isNegative = true
      for limb in digits.indices { digits[limb] = -digits[limb] }
      Self.resolveCarries(&digits)
    }
    guard let top = digits.lastIndex(where: { $0 != 0 }) else { return 0 }
    func bit(_ exponent: Int) -> UInt64 {
      let place = exponent - Self.lowestExponent
      return UInt64(digits[place / 32] >> Int64(place % 32)) & 1
    }
    let leading = Self.lowestExponent + 32 * top + (63 - digits[top].leadingZeroBitCount)
    // The last bit kept: 24 bits in all, and never below the smallest subnormal.
    let last = max(leading - 23, -149)
    var integer: UInt64 = 0
    for exponent in stride(from: max(leading, last), through: last, by: -1) {
      integer = integer << 1 | bit(exponent)
    }
    if bit(last - 1) == 1 {
      let (limb, place) = (last - 1 - Self.lowestExponent).quotientAndRemainder(dividingBy: 32)
      let isTie = digits[limb] & (1 << Int64(place) - 1) == 0 && digits[..<limb].allSatisfy { $0 == 0 }
      if !isTie || integer & 1 == 1 { integer += 1 }
    }
    // At most 2^24 * 2^104, so exact in a double; as a float only overflow to infinity is left.
    let magnitude = Float(Double(sign: .plus, exponent: last, significand: Double(integer)))
    return isNegative ? -magnitude : magnitude
  }

  /// Brings every limb but the last into 0..<2^32.
  private static func resolveCarries(_ limbs: inout [Int64]) {
    for limb in 0..<limbs.count - 1 {
      limbs[limb + 1] += limbs[limb] >> 32
      limbs[limb] &= 0xFFFF_FFFF
    }
  }
}
