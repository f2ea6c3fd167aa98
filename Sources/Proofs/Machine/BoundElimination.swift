/// Proves that a polynomial is at least 0 by putting bounds in place of symbols, the latest first.
///
/// A symbol's bounds speak of earlier symbols only, so every step leads down to the launch's numbers. Where
/// a symbol is the least or greatest of two values, or one of several, each value is tried. The search says
/// "proved" or "do not know", and its work is bounded by steps, not time.
struct BoundElimination {
  private(set) var table: SymbolTable
  /// What holds where the program stands, innermost last: polynomials that are at least 0.
  private(set) var facts: [Polynomial] = []
  /// Bounds that facts give their latest symbol.
  private var factBounds: Samples.FactBounds = [:]
  /// Values that the case at hand gives symbols.
  private var assumed: [Symbol: Polynomial] = [:]
  private var stepsLeft = 0
  private var depth = 0
  /// What has not been proved under the case at hand.
  private var failed: Set<Polynomial> = []
  static let mostSteps = 3000
  /// Steps for what is only guessed.
  private static let guessSteps = 1000
  private static let mostDepth = 48

  init(_ table: SymbolTable = SymbolTable()) { self.table = table }

  // MARK: Facts

  /// Adds a fact, and what it says of earlier numbers: a bound in place of its latest symbol.
  mutating func push(_ fact: Polynomial) {
    var pending = [fact]
    var added = 0
    while let next = pending.popLast(), added < 12 {
      guard next.isValid, next.constant == nil || added == 0 else { continue }
      facts.append(next)
      added += 1
      guard let top = next.top else { continue }
      guard let (quotient, rest) = next.split(top), let factor = quotient.constant else { continue }
      factBounds[top, default: []].append(
        factor > 0
          ? (true, SymbolTable.Bound(rest * -1, factor: factor))
          : (false, SymbolTable.Bound(rest, factor: -factor)))
      for bound in factor > 0 ? table[top].uppers : table[top].lowers {
        pending.append(quotient * bound.bound + rest * bound.factor)
      }
    }
  }

  mutating func pop(to count: Int) {
    while facts.count > count {
      let fact = facts.removeLast()
      if let top = fact.top, let (quotient, _) = fact.split(top), quotient.constant != nil {
        factBounds[top]!.removeLast()
      }
    }
  }

  /// Changes the numbers.
  mutating func with<T>(_ body: (inout SymbolTable) -> T) -> T { body(&table) }

  // MARK: Proving

  /// Whether `a >= 0` follows from bounds and facts.
  mutating func isAtLeastZero(_ a: Polynomial, steps: Int = mostSteps) -> Bool {
    begin()
    stepsLeft = steps
    return proves(a)
  }

  /// Those of `guesses` that follow from bounds and facts.
  mutating func following(_ guesses: [(guess: Polynomial, claim: Polynomial)]) -> [Polynomial] {
    let samples = Samples(of: guesses.map(\.claim), table, facts: facts, factBounds)
    return guesses.filter { !samples.refute($0.claim) && isAtLeastZero($0.claim, steps: Self.guessSteps) }
      .map(\.guess)
  }

  mutating func isZero(_ a: Polynomial) -> Bool {
    if let constant = a.constant { return constant == 0 }
    return isAtLeastZero(a) && isAtLeastZero(a * -1)
  }

  /// Whether nothing satisfies the facts, so that the place is never reached.
  mutating func isUnreachable() -> Bool {
    begin()
    return contradicts()
  }

  private mutating func begin() {
    stepsLeft = Self.mostSteps
    depth = 0
    failed = []
  }

  private mutating func proves(_ given: Polynomial) -> Bool {
    guard given.isValid else { return false }
    if let constant = given.constant { return constant >= 0 }
    let a = given.reduced
    if let least = table.least(a), least >= 0 { return true }
    if let most = table.most(a), most < 0 { return false }
    guard stepsLeft > 0, depth < Self.mostDepth, !failed.contains(a) else { return false }
    stepsLeft -= 1
    depth += 1
    defer { depth -= 1 }
    for symbol in descending(a) {
      if let value = assumed[symbol] { return proves(a.replacing(symbol, value)) }
      guard let result = eliminate(symbol, from: a) else { continue }
      if !result, stepsLeft > 0 { failed.insert(a) }
      return result
    }
    failed.insert(a)
    return false
  }

  /// Symbols that may be replaced: the highest, and lower ones where it has no bound of use.
  private func descending(_ a: Polynomial) -> [Symbol] {
    var found: [Symbol] = []
    for part in a.parts {
      for symbol in Polynomial.symbols(part.symbols) where !found.contains(symbol) { found.append(symbol) }
    }
    return found.sorted(by: >)
  }

  /// Whether bounds of `symbol` prove `a >= 0`; nil where it has none of use.
  private mutating func eliminate(_ symbol: Symbol, from a: Polynomial) -> Bool? {
    guard let (quotient, rest) = a.split(symbol) else { return nil }
    let needsLower: Bool
    if let constant = quotient.constant {
      needsLower = constant > 0
    } else if proves(quotient) {
      needsLower = true
    } else if proves(quotient * -1) {
      needsLower = false
    } else {
      return nil
    }
    var hasBound = false
    for bound in bounds(of: symbol, lower: needsLower).prefix(24) {
      hasBound = true
      // The number itself is whole: a multiple above -1 of them is enough.
      if proves(quotient * bound.bound + rest * bound.factor + (bound.factor - 1)) { return true }
      if stepsLeft <= 0 { return false }
    }
    let alternatives = table[symbol].alternatives
    if !alternatives.isEmpty {
      hasBound = true
      if alternatives.allSatisfy({ proves(a, symbol, $0) }) { return true }
    }
    return hasBound ? false : nil
  }

  private mutating func proves(
    _ a: Polynomial, _ symbol: Symbol, _ alternative: SymbolTable.Alternative
  ) -> Bool {
    let count = facts.count
    let outer = failed
    failed = []
    assumed[symbol] = alternative.value
    for fact in alternative.facts { push(fact) }
    defer {
      assumed[symbol] = nil
      failed = outer
      pop(to: count)
    }
    return proves(a.replacing(symbol, alternative.value)) || contradicts(from: count)
  }

  /// Whether one of the latest facts cannot hold beside the others.
  private mutating func contradicts(from first: Int? = nil) -> Bool {
    for fact in facts.suffix(8).reversed() {
      guard stepsLeft > 0 else { return false }
      if let most = table.most(fact), most < 0 { return true }
      if proves(fact * -1 - 1) { return true }
    }
    return false
  }

  /// Bounds by earlier symbols: facts first, then what the symbol is.
  private mutating func bounds(of symbol: Symbol, lower: Bool) -> [SymbolTable.Bound] {
    var found: [SymbolTable.Bound] = []
    for (isLower, bound) in (factBounds[symbol] ?? []).reversed() where isLower == lower {
      found.append(bound)
    }
    let entry = table[symbol]
    found += lower ? entry.lowers : entry.uppers
    if case .floor(let a, let n) = entry.meaning { found += monotonic(a, n, lower: lower) }
    // Constants end the search.
    return found.filter { $0.bound.constant != nil } + found.filter { $0.bound.constant == nil }
  }

  /// Floors of what bounds the argument: sharper than the argument's own bounds divided, since floors of
  /// the same number cancel.
  private mutating func monotonic(_ a: Polynomial, _ n: Int, lower: Bool) -> [SymbolTable.Bound] {
    guard let top = a.top, let (quotient, rest) = a.split(top), let factor = quotient.constant else {
      return []
    }
    if let value = assumed[top] {
      return [SymbolTable.Bound(table.floor(a.replacing(top, value), by: n))]
    }
    var found: [SymbolTable.Bound] = []
    for bound in bounds(of: top, lower: lower == (factor > 0)) where bound.factor == 1 {
      found.append(SymbolTable.Bound(table.floor(quotient * bound.bound + rest, by: n)))
    }
    return found
  }
}
