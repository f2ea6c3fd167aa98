/// An integer that an obligation speaks of: an extent, a coordinate, a run-time number, an element that an
/// index loads. The name is the author's and its identity inside one obligation.
public struct Variable: Hashable, Comparable, Sendable {
  public let name: String
  /// What its declaration says of it; an open end is nil.
  public let lower: Int?
  public let upper: Int?

  public init(_ name: String, from lower: Int? = nil, to upper: Int? = nil) {
    self.name = name
    self.lower = lower
    self.upper = upper
  }

  public init(_ name: String, in range: ClosedRange<Int>) {
    self.init(name, from: range.lowerBound, to: range.upperBound)
  }

  public static func < (a: Variable, b: Variable) -> Bool { a.name < b.name }
}

/// An integer term: the mathematical integers, without width. Overflow is an obligation of its own.
public indirect enum Term: Hashable, Sendable {
  case constant(Int)
  case variable(Variable)
  case sum(Term, Term)
  case scaled(Term, Int)
  /// A product of two terms, such as a coordinate and a stride; procedures take it as one opaque number.
  case product(Term, Term)
  /// Floor division by a positive constant.
  case quotient(Term, Int)
  /// Remainder of floor division by a positive constant: in `0..<divisor`.
  case remainder(Term, Int)
  case minimum(Term, Term)
  case maximum(Term, Term)
  case choice(Formula, Term, Term)

  public static func + (a: Term, b: Term) -> Term {
    switch (a, b) {
    case (.constant(let x), .constant(let y)):
      let (sum, overflows) = x.addingReportingOverflow(y)
      return overflows ? .sum(a, b) : .constant(sum)
    case (let x, .constant(0)), (.constant(0), let x): return x
    default: return .sum(a, b)
    }
  }
  public static func - (a: Term, b: Term) -> Term { a + b * -1 }
  public static func + (a: Term, b: Int) -> Term { a + .constant(b) }
  public static func - (a: Term, b: Int) -> Term { a + .constant(-b) }
  public static func * (a: Term, factor: Int) -> Term {
    switch (a, factor) {
    case (_, 1): return a
    case (_, 0): return .constant(0)
    case (.constant(let x), _):
      let (product, overflows) = x.multipliedReportingOverflow(by: factor)
      return overflows ? .scaled(a, factor) : .constant(product)
    case (.scaled(let x, let inner), _):
      let (product, overflows) = inner.multipliedReportingOverflow(by: factor)
      return overflows ? .scaled(a, factor) : x * product
    default: return .scaled(a, factor)
    }
  }
  public static func * (a: Term, b: Term) -> Term {
    switch (a, b) {
    case (let x, .constant(let factor)), (.constant(let factor), let x): x * factor
    default: .product(a, b)
    }
  }
  /// Floor division; `divisor` is positive.
  public static func / (a: Term, divisor: Int) -> Term {
    switch (a, divisor) {
    case (_, 1): a
    case (.constant(let x), _): .constant(x.floorDivided(by: divisor))
    default: .quotient(a, divisor)
    }
  }
  /// Remainder of floor division; `divisor` is positive.
  public static func % (a: Term, divisor: Int) -> Term {
    switch (a, divisor) {
    case (_, 1): .constant(0)
    case (.constant(let x), _): .constant(x - x.floorDivided(by: divisor) * divisor)
    default: .remainder(a, divisor)
    }
  }

  public static func min(_ a: Term, _ b: Term) -> Term {
    if case .constant(let x) = a, case .constant(let y) = b { return .constant(Swift.min(x, y)) }
    return a == b ? a : .minimum(a, b)
  }
  public static func max(_ a: Term, _ b: Term) -> Term {
    if case .constant(let x) = a, case .constant(let y) = b { return .constant(Swift.max(x, y)) }
    return a == b ? a : .maximum(a, b)
  }
  public static func select(_ condition: Formula, _ a: Term, _ b: Term) -> Term {
    switch condition {
    case .truth(let value): value ? a : b
    default: a == b ? a : .choice(condition, a, b)
    }
  }

  /// Calls `body` on every variable in it, in order of appearance.
  public func visitVariables(_ body: (Variable) -> Void) {
    switch self {
    case .constant: break
    case .variable(let variable): body(variable)
    case .sum(let a, let b), .product(let a, let b), .minimum(let a, let b), .maximum(let a, let b):
      a.visitVariables(body)
      b.visitVariables(body)
    case .scaled(let a, _), .quotient(let a, _), .remainder(let a, _): a.visitVariables(body)
    case .choice(let condition, let a, let b):
      condition.visitVariables(body)
      a.visitVariables(body)
      b.visitVariables(body)
    }
  }

  /// How many operations and leaves it has.
  var size: Int {
    switch self {
    case .constant, .variable: 1
    case .sum(let a, let b), .product(let a, let b), .minimum(let a, let b), .maximum(let a, let b):
      1 + a.size + b.size
    case .scaled(let a, _), .quotient(let a, _), .remainder(let a, _): 1 + a.size
    case .choice(_, let a, let b): 2 + a.size + b.size
    }
  }

  /// The term with other terms in place of variables.
  public func replacing(_ terms: [Variable: Term]) -> Term {
    switch self {
    case .constant: self
    case .variable(let variable): terms[variable] ?? self
    case .sum(let a, let b): a.replacing(terms) + b.replacing(terms)
    case .product(let a, let b): a.replacing(terms) * b.replacing(terms)
    case .minimum(let a, let b): .min(a.replacing(terms), b.replacing(terms))
    case .maximum(let a, let b): .max(a.replacing(terms), b.replacing(terms))
    case .scaled(let a, let factor): a.replacing(terms) * factor
    case .quotient(let a, let divisor): a.replacing(terms) / divisor
    case .remainder(let a, let divisor): a.replacing(terms) % divisor
    case .choice(let condition, let a, let b):
      .select(condition.replacing(terms), a.replacing(terms), b.replacing(terms))
    }
  }
}

extension Int {
  /// The quotient rounded toward negative infinity; `divisor` is positive.
  func floorDivided(by divisor: Int) -> Int {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// The greatest number that divides both; that of 0 and a number is the number's magnitude.
  func greatestDivisor(with other: Int) -> Int {
    var (a, b) = (magnitude, other.magnitude)
    while b != 0 { (a, b) = (b, a % b) }
    return Int(clamping: a)
  }

  /// The quotient rounded toward infinity; `divisor` is positive.
  func ceilingDivided(by divisor: Int) -> Int {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder > 0 ? quotient + 1 : quotient
  }
}
