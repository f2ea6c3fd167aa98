/// Bounds of terms from the declared bounds of their variables alone.
struct Interval: Equatable {
  /// An open end is nil.
  var lower: Int?
  var upper: Int?

  static let all = Interval(lower: nil, upper: nil)

  init(lower: Int?, upper: Int?) {
    self.lower = lower
    self.upper = upper
  }

  init(_ term: Term) {
    switch term {
    case .constant(let value): self.init(lower: value, upper: value)
    case .variable(let variable): self.init(lower: variable.lower, upper: variable.upper)
    case .sum(let a, let b):
      self = Interval(a) + Interval(b)
    case .scaled(let a, let factor):
      let a = Interval(a)
      let ends = [a.lower, a.upper].map { $0.flatMap { end -> Int? in
        let (product, overflows) = end.multipliedReportingOverflow(by: factor)
        return overflows ? nil : product
      } }
      self.init(lower: factor < 0 ? ends[1] : ends[0], upper: factor < 0 ? ends[0] : ends[1])
    case .product(let a, let b): self = Self.product(Interval(a), Interval(b))
    case .quotient(let a, let divisor):
      let a = Interval(a)
      self.init(
        lower: a.lower.map { $0.floorDivided(by: divisor) },
        upper: a.upper.map { $0.floorDivided(by: divisor) })
    case .remainder(let a, let divisor):
      let a = Interval(a)
      if let lower = a.lower, let upper = a.upper, lower >= 0, upper < divisor {
        self = a
      } else {
        self.init(lower: 0, upper: divisor - 1)
      }
    case .minimum(let a, let b):
      let (a, b) = (Interval(a), Interval(b))
      self.init(
        lower: Self.both(a.lower, b.lower, Swift.min), upper: Self.either(a.upper, b.upper, Swift.min))
    case .maximum(let a, let b):
      let (a, b) = (Interval(a), Interval(b))
      self.init(
        lower: Self.either(a.lower, b.lower, Swift.max), upper: Self.both(a.upper, b.upper, Swift.max))
    case .choice(let condition, let a, let b):
      if let known = Self.truth(condition) {
        self = Interval(known ? a : b)
      } else {
        let (a, b) = (Interval(a), Interval(b))
        self.init(
          lower: Self.both(a.lower, b.lower, Swift.min), upper: Self.both(a.upper, b.upper, Swift.max))
      }
    }
  }

  static func + (a: Interval, b: Interval) -> Interval {
    Interval(lower: sum(a.lower, b.lower), upper: sum(a.upper, b.upper))
  }

  private static func sum(_ a: Int?, _ b: Int?) -> Int? {
    guard let a, let b else { return nil }
    let (sum, overflows) = a.addingReportingOverflow(b)
    return overflows ? nil : sum
  }

  private static func both(_ a: Int?, _ b: Int?, _ choose: (Int, Int) -> Int) -> Int? {
    guard let a, let b else { return nil }
    return choose(a, b)
  }

  private static func either(_ a: Int?, _ b: Int?, _ choose: (Int, Int) -> Int) -> Int? {
    guard let a, let b else { return a ?? b }
    return choose(a, b)
  }

  private static func product(_ a: Interval, _ b: Interval) -> Interval {
    guard let c = a.lower, let d = a.upper, let e = b.lower, let f = b.upper else {
      let isPositive = (a.lower ?? -1) >= 0 && (b.lower ?? -1) >= 0
      return Interval(lower: isPositive ? 0 : nil, upper: nil)
    }
    let corners = [(c, e), (c, f), (d, e), (d, f)].map { $0.multipliedReportingOverflow(by: $1) }
    if corners.contains(where: \.overflow) { return .all }
    let values = corners.map(\.partialValue)
    return Interval(lower: values.min(), upper: values.max())
  }

  /// Whether a formula is true or false for all values within bounds; nil where bounds alone do not say.
  static func truth(_ formula: Formula) -> Bool? {
    switch formula {
    case .truth(let value): return value
    case .words: return nil
    case .compare(let a, let relation, let b):
      // The difference keeps what both sides share.
      var atoms = Atoms()
      let difference = LinearForm(a - b, &atoms)?.interval(atoms) ?? Interval(a - b)
      switch relation {
      case .equal:
        if difference.lower == 0, difference.upper == 0 { return true }
        if let lower = difference.lower, lower > 0 { return false }
        if let upper = difference.upper, upper < 0 { return false }
      case .less:
        if let upper = difference.upper, upper < 0 { return true }
        if let lower = difference.lower, lower >= 0 { return false }
      case .lessOrEqual:
        if let upper = difference.upper, upper <= 0 { return true }
        if let lower = difference.lower, lower > 0 { return false }
      }
      return nil
    case .not(let a): return truth(a).map(!)
    case .and(let parts):
      let values = parts.map(truth)
      return values.contains(false) ? false : values.allSatisfy { $0 == true } ? true : nil
    case .or(let parts):
      let values = parts.map(truth)
      return values.contains(true) ? true : values.allSatisfy { $0 == false } ? false : nil
    }
  }
}
