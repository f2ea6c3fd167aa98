/// A number that every run of a step gives, such as how many tokens it works on.
public struct RunNumber: Hashable, Sendable, Comparable, CustomStringConvertible {
  public let name: String
  /// The values that a run may give.
  public let range: ClosedRange<Int>

  public init(_ name: String, in range: ClosedRange<Int>) {
    precondition(range.lowerBound >= 0, "number \(name): run numbers are not negative")
    self.name = name
    self.range = range
  }

  public static func < (a: RunNumber, b: RunNumber) -> Bool { a.name < b.name }
  public var description: String { name }
}

/// An extent, offset or argument of a step: a polynomial of run numbers with integer coefficients.
///
/// Equal sizes compare equal whatever way they were written, so that a builder can see that two extents
/// agree in every run.
public struct Size: Hashable, Sendable, ExpressibleByIntegerLiteral {
  /// A constant multiple of a product of run numbers.
  public struct Term: Hashable, Sendable {
    /// By ascending name; at least one.
    public let numbers: [RunNumber]
    /// Never 0.
    public let factor: Int
  }
  public let constant: Int
  /// Each product once, in a fixed order.
  public let terms: [Term]

  private init(constant: Int, factors: [[RunNumber]: Int]) {
    self.constant = constant
    terms = factors.filter { $0.value != 0 }.sorted { $0.key.lexicographicallyPrecedes($1.key) }
      .map { Term(numbers: $0.key, factor: $0.value) }
  }

  public init(_ constant: Int) { self.init(constant: constant, factors: [:]) }
  public init(_ number: RunNumber) { self.init(constant: 0, factors: [[number]: 1]) }
  public init(integerLiteral value: Int) { self.init(value) }

  /// The value, where it is the same in every run.
  public var fixed: Int? { terms.isEmpty ? constant : nil }

  /// Bounds of the value over all runs that the numbers' ranges admit; tight where no number is in two
  /// terms.
  public var range: ClosedRange<Int> {
    var (least, most) = (constant, constant)
    for term in terms {
      let low = term.numbers.reduce(term.factor) { $0 * $1.range.lowerBound }
      let high = term.numbers.reduce(term.factor) { $0 * $1.range.upperBound }
      least += min(low, high)
      most += max(low, high)
    }
    return least...most
  }

  public func value(_ number: (RunNumber) -> Int) -> Int {
    terms.reduce(constant) { sum, term in sum + term.numbers.reduce(term.factor) { $0 * number($1) } }
  }

  /// Whether it is known to be at most `other` in every run.
  public func isAtMost(_ other: Size) -> Bool { (other - self).range.lowerBound >= 0 }

  public static func + (a: Size, b: Size) -> Size {
    Size(constant: a.constant + b.constant, factors: a.factors.merging(b.factors, uniquingKeysWith: +))
  }
  public static func - (a: Size, b: Size) -> Size { a + b * -1 }
  public static func * (a: Size, factor: Int) -> Size { a * Size(factor) }
  public static func * (a: Size, b: Size) -> Size {
    var factors: [[RunNumber]: Int] = [:]
    for x in a.monomials {
      for y in b.monomials { factors[(x.numbers + y.numbers).sorted(), default: 0] += x.factor * y.factor }
    }
    let constant = factors.removeValue(forKey: []) ?? 0
    return Size(constant: constant, factors: factors)
  }
  /// The quotient, where the divisor divides every part; nil otherwise.
  public func dividedExactly(by divisor: Int) -> Size? {
    guard divisor > 0, monomials.allSatisfy({ $0.factor % divisor == 0 }) else { return nil }
    return Size(constant: constant / divisor, factors: factors.mapValues { $0 / divisor })
  }

  private var factors: [[RunNumber]: Int] {
    Dictionary(uniqueKeysWithValues: terms.map { ($0.numbers, $0.factor) })
  }
  /// The terms, the constant among them.
  private var monomials: [(numbers: [RunNumber], factor: Int)] {
    terms.map { ($0.numbers, $0.factor) } + [([], constant)]
  }
}

extension Size: CustomStringConvertible {
  public var description: String {
    var parts = terms.map { term in
      let names = term.numbers.map(\.name).joined(separator: " ")
      return switch term.factor {
      case 1: names
      case -1: "-\(names)"
      default: "\(term.factor) \(names)"
      }
    }
    if constant != 0 || parts.isEmpty { parts.append("\(constant)") }
    return parts.joined(separator: " + ").replacing("+ -", with: "- ")
  }
}
