/// Schoolbook integers of any size, for oracles: a sign and base 2^16 digits, lowest first.
struct BigInteger: Equatable {
  private var digits: [UInt32]
  private(set) var isNegative: Bool

  init(_ value: UInt64, isNegative: Bool = false) {
    digits = (0..<4).map { UInt32(value >> (16 * $0) & 0xFFFF) }
    self.isNegative = isNegative
    trim()
  }

  private mutating func trim() {
    while digits.last == 0 { digits.removeLast() }
    if digits.isEmpty { isNegative = false }
  }

  var magnitude: BigInteger {
    var result = self
    result.isNegative = false
    return result
  }

  static prefix func - (a: BigInteger) -> BigInteger {
    var result = a
    result.isNegative.toggle()
    result.trim()
    return result
  }

  /// Times 2^count.
  func shifted(left count: Int) -> BigInteger {
    var result = self
    result.digits = Array(repeating: 0, count: count / 16)
    var carry: UInt32 = 0
    for digit in digits {
      let wide = digit << UInt32(count % 16) | carry
      result.digits.append(wide & 0xFFFF)
      carry = wide >> 16
    }
    result.digits.append(carry)
    result.trim()
    return result
  }

  /// Whether the magnitude of `a` is below that of `b`.
  static func isSmaller(_ a: BigInteger, than b: BigInteger) -> Bool {
    if a.digits.count != b.digits.count { return a.digits.count < b.digits.count }
    for (x, y) in zip(a.digits.reversed(), b.digits.reversed()) where x != y { return x < y }
    return false
  }

  static func + (a: BigInteger, b: BigInteger) -> BigInteger {
    if a.isNegative != b.isNegative {
      let (large, small) = isSmaller(a, than: b) ? (b, a) : (a, b)
      var result = large
      var borrow = 0
      for position in result.digits.indices {
        let other = position < small.digits.count ? Int(small.digits[position]) : 0
        var digit = Int(result.digits[position]) - other - borrow
        borrow = digit < 0 ? 1 : 0
        if digit < 0 { digit += 0x10000 }
        result.digits[position] = UInt32(digit)
      }
      result.trim()
      return result
    }
    var result = a
    var carry: UInt32 = 0
    for position in 0..<max(a.digits.count, b.digits.count) + 1 {
      let sum =
        (position < a.digits.count ? a.digits[position] : 0)
        + (position < b.digits.count ? b.digits[position] : 0) + carry
      if position == result.digits.count { result.digits.append(0) }
      result.digits[position] = sum & 0xFFFF
      carry = sum >> 16
    }
    result.trim()
    return result
  }

  static func - (a: BigInteger, b: BigInteger) -> BigInteger { a + -b }
}

extension BigInteger {
  /// The exact real numbers of this file are integers times 2^-`unit`.
  static let unit = 1200

  /// A finite double as an integer number of 2^-unit.
  init(real x: Double) {
    let isSubnormal = x.exponentBitPattern == 0
    let significand = x.significandBitPattern | (isSubnormal ? 0 : 1 << 52)
    let exponent = (isSubnormal ? 1 : Int(x.exponentBitPattern)) - 1075
    self = BigInteger(significand, isNegative: x.sign == .minus).shifted(left: exponent + Self.unit)
  }

  /// Whether `result` is this real number rounded to `float32`, nearest, ties to even.
  func isRounded(to result: Float) -> Bool {
    // From 2^128 - 2^103 on, magnitudes round to infinity.
    let limit = BigInteger(1).shifted(left: 128 + Self.unit) - BigInteger(1).shifted(left: 103 + Self.unit)
    let overflows = !Self.isSmaller(self, than: limit)
    if result.isInfinite { return overflows && (result < 0) == isNegative }
    if overflows || result.isNaN { return false }
    let distance = (self - BigInteger(real: Double(result))).magnitude
    for other in [result.nextUp, result.nextDown] where other.isFinite {
      let further = (self - BigInteger(real: Double(other))).magnitude
      if Self.isSmaller(further, than: distance) { return false }
      if further == distance, result.bitPattern & 1 == 1 { return false }
    }
    return true
  }
}
