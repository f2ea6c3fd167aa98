/// An unevaluated sum of two doubles, about 106 bits: Dekker 1971; Hida, Li and Bailey 2001.
///
/// Products and quotients err by a few units of 2^-104 relative to the result; so do sums, but for
/// cancellation of what the operands already miss.
struct DoubleDouble {
  var high: Double
  var low: Double

  init(_ high: Double, _ low: Double = 0) {
    self.high = high
    self.low = low
  }

  /// a + b exactly.
  private static func exactSum(_ a: Double, _ b: Double) -> DoubleDouble {
    let sum = a + b
    let part = sum - a
    return DoubleDouble(sum, (a - (sum - part)) + (b - part))
  }

  /// a + b exactly, where |a| >= |b| or a = 0.
  private static func ordered(_ a: Double, _ b: Double) -> DoubleDouble {
    let sum = a + b
    return DoubleDouble(sum, b - (sum - a))
  }

  static func + (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    var high = exactSum(a.high, b.high)
    let low = exactSum(a.low, b.low)
    high = ordered(high.high, high.low + low.high)
    return ordered(high.high, high.low + low.low)
  }

  static func - (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    a + DoubleDouble(-b.high, -b.low)
  }

  static func * (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let product = a.high * b.high
    let rest = (-product).addingProduct(a.high, b.high)
    return ordered(product, rest + (a.high * b.low + a.low * b.high))
  }

  static func / (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let first = a.high / b.high
    let rest = a - b * DoubleDouble(first)
    let second = rest.high / b.high
    let third = (rest - b * DoubleDouble(second)).high / b.high
    return ordered(first, second) + DoubleDouble(third)
  }

  /// This times a power of two.
  func scaled(by exponent: Int) -> DoubleDouble {
    let power = Double(sign: .plus, exponent: exponent, significand: 1)
    return DoubleDouble(high * power, low * power)
  }

  /// The nearest fp32 number, if no number within a relative 2^-`bits` of this one rounds to another.
  func rounded(certainTo bits: Int) -> Float? {
    let slack = high.magnitude * Double(sign: .plus, exponent: -bits, significand: 1)
    let below = Self.nearest(self - DoubleDouble(slack))
    let above = Self.nearest(self + DoubleDouble(slack))
    return below == above ? below : nil
  }

  /// Nearest even of high + low, also where high lies half way between two numbers.
  private static func nearest(_ x: DoubleDouble) -> Float {
    let candidate = Float(x.high)
    // Exact: the rest is a few bits of `high`.
    let rest = x.high - Double(candidate)
    let isAbove = rest > 0 || (rest == 0 && x.low > 0)
    let next = isAbove ? candidate.nextUp : candidate.nextDown
    let half = ((Double(next) - Double(candidate)) / 2).magnitude
    let isPastHalf = rest.magnitude == half && (x.low > 0) == isAbove && x.low != 0
    return isPastHalf ? next : candidate
  }

  // MARK: Functions

  static let ln2 = DoubleDouble(0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56)
  static let pi = DoubleDouble(0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53)

  /// e^x for |x| <= 700, with a relative error below 2^-95.
  var exponential: DoubleDouble {
    let k = (high / Self.ln2.high).rounded()
    // r is cut by 2^8 and its power squared 8 times: |r| < 0.0014, and 12 terms suffice.
    let r = (self - Self.ln2 * DoubleDouble(k)).scaled(by: -8)
    var sum = DoubleDouble(1)
    for term in stride(from: 13.0, through: 1, by: -1) { sum = DoubleDouble(1) + sum * r / DoubleDouble(term) }
    for _ in 0..<8 { sum = sum * sum }
    return sum.scaled(by: Int(k))
  }

  /// The natural logarithm of a number from 2^-64 to 2^64, with an absolute error below 2^-90: Newton's
  /// steps, each of which doubles the bits that are right, from an estimate within 0.07.
  var logarithm: DoubleDouble {
    var y = DoubleDouble(Double(high.exponent)) * Self.ln2 + DoubleDouble((high.significand - 1) * 0.75)
    for _ in 0..<6 { y = y + self * DoubleDouble(-y.high, -y.low).exponential - DoubleDouble(1) }
    return y
  }
}
