/// The numbers of one kernel and what is known of each: bounds by numbers that were there before it, and
/// the values that it can have.
struct SymbolTable {
  /// `factor * symbol >= bound`, or `<= bound`; the factor is positive.
  struct Bound {
    let factor: Int
    let bound: Polynomial
    init(_ bound: Polynomial, factor: Int = 1) {
      self.factor = factor
      self.bound = bound
    }
  }
  /// A value that the symbol has where `facts`, each at least 0, hold.
  struct Alternative {
    let value: Polynomial
    let facts: [Polynomial]
  }
  enum Meaning {
    case number
    /// Floor of a polynomial by a constant.
    case floor(Polynomial, Int)
    case minimum(Polynomial, Polynomial)
    case maximum(Polynomial, Polynomial)
    /// One of the values, under a condition that is not kept.
    case choice
  }
  struct Entry {
    let name: String
    var meaning: Meaning
    var lowers: [Bound]
    var uppers: [Bound]
    var alternatives: [Alternative]
    /// Bounds by constants.
    var least: Int?
    var most: Int?
    /// `self = quotient * divisor + other` and `0 <= self < count`, for cell numbers.
    var count: Polynomial?
    /// What is taken for granted of it beside what its meaning says: polynomials that are at least 0.
    var assumptions: [Polynomial] = []
  }

  private var entries: [Entry] = []
  private var floors: [Polynomial: [Int: Symbol]] = [:]
  private var extrema: [Extremum: Symbol] = [:]
  private struct Extremum: Hashable {
    let a: Polynomial
    let b: Polynomial
    let isMinimum: Bool
  }
  subscript(symbol: Symbol) -> Entry { entries[Int(symbol) - 1] }
  var count: Int { entries.count }

  /// A new number.
  mutating func add(
    _ name: String, meaning: Meaning = .number, lowers: [Bound] = [], uppers: [Bound] = [],
    alternatives: [Alternative] = []
  ) -> Symbol {
    // There is no room for another number: what is said of it is invalid.
    guard entries.count < Int(Symbol.max) - 1 else { return .lost }
    var entry = Entry(
      name: name, meaning: meaning, lowers: lowers, uppers: uppers, alternatives: alternatives)
    entry.least = lowers.compactMap { bound in
      self.least(bound.bound).map { $0.ceilingDivided(by: bound.factor) }
    }.max()
    entry.most = uppers.compactMap { bound in
      self.most(bound.bound).map { $0.floorDivided(by: bound.factor) }
    }.min()
    if !alternatives.isEmpty {
      let leasts = alternatives.map { least($0.value) }
      if !leasts.contains(nil) {
        let least = leasts.map { $0! }.min()!
        entry.least = max(entry.least ?? least, least)
      }
      let mosts = alternatives.map { most($0.value) }
      if !mosts.contains(nil) {
        let most = mosts.map { $0! }.max()!
        entry.most = min(entry.most ?? most, most)
      }
    }
    entries.append(entry)
    return Symbol(entries.count)
  }

  mutating func add(_ name: String, _ range: ClosedRange<Int>) -> Symbol {
    add(
      name, lowers: [Bound(Polynomial(range.lowerBound))], uppers: [Bound(Polynomial(range.upperBound))])
  }

  mutating func setCount(_ symbol: Symbol, _ count: Polynomial) {
    if symbol != .lost { entries[Int(symbol) - 1].count = count }
  }
  /// Takes it for granted wherever its latest symbol occurs that `a` is at least 0.
  mutating func assume(_ a: Polynomial) {
    guard let top = a.top, let (quotient, rest) = a.split(top), let factor = quotient.constant else { return }
    entries[Int(top) - 1].assumptions.append(a)
    if factor > 0 {
      entries[Int(top) - 1].lowers.append(Bound(rest * -1, factor: factor))
    } else {
      entries[Int(top) - 1].uppers.append(Bound(rest, factor: -factor))
    }
  }

  // MARK: Arithmetic

  /// Floor of a polynomial by a positive constant: what divides comes out, the rest is a number.
  mutating func floor(_ a: Polynomial, by n: Int) -> Polynomial {
    guard a.isValid else { return .invalid }
    let (quotient, rest) = a.divided(by: n)
    if let least = least(rest), let most = most(rest), least.floorDivided(by: n) == most.floorDivided(by: n) {
      return quotient + least.floorDivided(by: n)
    }
    if let known = floors[rest]?[n] { return quotient + Polynomial(known) }
    // A floor keeps order, so it goes inside least and greatest values.
    if let top = rest.top, let (factor, others) = rest.split(top), let factor = factor.constant {
      var sides: (a: Polynomial, b: Polynomial, isMinimum: Bool)?
      if case .minimum(let a, let b) = self[top].meaning { sides = (a, b, factor > 0) }
      if case .maximum(let a, let b) = self[top].meaning { sides = (a, b, factor < 0) }
      if let sides {
        let a = floor(sides.a * factor + others, by: n)
        let b = floor(sides.b * factor + others, by: n)
        return quotient + extremum(a, b, isMinimum: sides.isMinimum)
      }
    }
    let symbol = add(
      "floor", meaning: .floor(rest, n), lowers: [Bound(rest - (n - 1), factor: n)],
      uppers: [Bound(rest, factor: n)])
    if symbol == .lost { return .invalid }
    floors[rest, default: [:]][n] = symbol
    return quotient + Polynomial(symbol)
  }

  mutating func extremum(_ a: Polynomial, _ b: Polynomial, isMinimum: Bool) -> Polynomial {
    guard a.isValid, b.isValid else { return .invalid }
    let difference = b - a
    if let least = least(difference), least >= 0 { return isMinimum ? a : b }
    if let most = most(difference), most <= 0 { return isMinimum ? b : a }
    let key = Extremum(a: a, b: b, isMinimum: isMinimum)
    if let known = extrema[key] { return Polynomial(known) }
    let bounds = [Bound(a), Bound(b)]
    let aFirst = isMinimum ? difference : difference * -1
    let symbol = add(
      isMinimum ? "minimum" : "maximum", meaning: isMinimum ? .minimum(a, b) : .maximum(a, b),
      lowers: isMinimum ? [] : bounds, uppers: isMinimum ? bounds : [],
      alternatives: [
        Alternative(value: a, facts: [aFirst]), Alternative(value: b, facts: [aFirst * -1]),
      ])
    if symbol == .lost { return .invalid }
    extrema[key] = symbol
    return Polynomial(symbol)
  }

  /// A polynomial with a value in place of a symbol, also inside the floors, extrema and choices that were
  /// made of it.
  mutating func replacing(_ a: Polynomial, _ symbol: Symbol, _ value: Polynomial) -> Polynomial {
    var result = a
    for part in a.parts {
      for other in Polynomial.symbols(part.symbols) where other > symbol && result.contains(other) {
        let replaced: Polynomial
        switch self[other].meaning {
        case .number: continue
        case .floor(let b, let n):
          let inner = replacing(b, symbol, value)
          if inner == b { continue }
          replaced = floor(inner, by: n)
        case .minimum(let b, let c), .maximum(let b, let c):
          let (x, y) = (replacing(b, symbol, value), replacing(c, symbol, value))
          if x == b, y == c { continue }
          var isMinimum = false
          if case .minimum = self[other].meaning { isMinimum = true }
          replaced = extremum(x, y, isMinimum: isMinimum)
        case .choice:
          let alternatives = self[other].alternatives
          let new = alternatives.map { alternative in
            Alternative(
              value: replacing(alternative.value, symbol, value),
              facts: alternative.facts.map { replacing($0, symbol, value) })
          }
          if zip(new, alternatives).allSatisfy({ $0.value == $1.value && $0.facts == $1.facts }) { continue }
          replaced = Polynomial(add(self[other].name, meaning: .choice, alternatives: new))
        }
        result = result.replacing(other, replaced)
      }
    }
    return result.replacing(symbol, value)
  }

  // MARK: Bounds by constants

  func least(_ a: Polynomial) -> Int? { end(a, isLeast: true) }
  func most(_ a: Polynomial) -> Int? { end(a, isLeast: false) }

  private func end(_ a: Polynomial, isLeast: Bool) -> Int? {
    guard a.isValid else { return nil }
    var sum = 0
    for part in a.parts {
      guard let value = end(part, isLeast: isLeast) else { return nil }
      let (next, overflows) = sum.addingReportingOverflow(value)
      if overflows { return nil }
      sum = next
    }
    return sum
  }

  private func end(_ part: Polynomial.Part, isLeast: Bool) -> Int? {
    if part.symbols == 0 { return part.factor }
    // The interval of the product, an end nil where it is open.
    var (low, high): (Int?, Int?) = (1, 1)
    var rest = part.symbols
    while rest != 0 {
      let entry = self[Symbol(rest >> 48)]
      rest <<= 16
      if let l = low, let h = high, l == 1, h == 1 {
        (low, high) = (entry.least, entry.most)
        continue
      }
      if let a = low, a >= 0, let b = entry.least, b >= 0 {
        low = Self.product(a, b)
        high = high.flatMap { x in entry.most.flatMap { Self.product(x, $0) } }
      } else if let a = low, let b = high, let c = entry.least, let d = entry.most {
        let corners = [Self.product(a, c), Self.product(a, d), Self.product(b, c), Self.product(b, d)]
        if corners.contains(nil) { return nil }
        (low, high) = (corners.map { $0! }.min(), corners.map { $0! }.max())
      } else {
        return nil
      }
    }
    let chosen = (part.factor > 0) == isLeast ? low : high
    return chosen.flatMap { Self.product($0, part.factor) }
  }

  private static func product(_ a: Int, _ b: Int) -> Int? {
    let (product, overflows) = a.multipliedReportingOverflow(by: b)
    return overflows ? nil : product
  }
}
