import TileIR

/// Numbers that satisfy what is known where a program stands: a guess that one of them breaks does not follow.
///
/// A proof that fails spends all the steps it is given, and most guesses about a loop are wrong. Bounds speak
/// of earlier symbols only, so values are drawn in the symbols' order, often at the ends of their ranges, and
/// those that break a fact are thrown away. Nothing rests on the numbers drawn: a guess that survives is proved,
/// one that does not is not needed.
struct Samples {
  /// By sample, then by symbol, the first at 0.
  var values: [[Int]] = []

  private static let most = 48
  private static let attempts = 400

  typealias FactBounds = [Symbol: [(isLower: Bool, bound: SymbolTable.Bound)]]

  /// Numbers for what `claims` speak of.
  init(of claims: [Polynomial], _ table: SymbolTable, facts: [Polynomial], _ factBounds: FactBounds) {
    guard !claims.isEmpty else { return }
    let needed = Self.needed(claims + facts, table, factBounds)
    var random = SplitMix64(seed: 1)
    for _ in 0..<Self.attempts where values.count < Self.most {
      guard let drawn = Self.draw(needed, table, factBounds, &random) else { continue }
      let holds = facts.allSatisfy { fact in fact.value(drawn).map { $0 >= 0 } ?? false }
      if holds { values.append(drawn) }
    }
  }

  /// Whether one of them makes `a` negative.
  func refute(_ a: Polynomial) -> Bool {
    values.contains { sample in a.value(sample).map { $0 < 0 } ?? false }
  }

  /// Which symbols values depend on, by position.
  private static func needed(_ values: [Polynomial], _ table: SymbolTable, _ factBounds: FactBounds) -> [Bool]
  {
    var needed = [Bool](repeating: false, count: table.count)
    func mark(_ a: Polynomial) {
      for part in a.parts {
        var rest = part.symbols
        while rest != 0 {
          needed[Int(rest >> 48) - 1] = true
          rest <<= 16
        }
      }
    }
    values.forEach(mark)
    for position in needed.indices.reversed() where needed[position] {
      let entry = table[Symbol(position + 1)]
      switch entry.meaning {
      case .floor(let a, _): mark(a)
      case .minimum(let a, let b), .maximum(let a, let b):
        mark(a)
        mark(b)
      case .choice:
        for alternative in entry.alternatives {
          mark(alternative.value)
          alternative.facts.forEach(mark)
        }
      case .number:
        for bound in entry.lowers + entry.uppers { mark(bound.bound) }
        for fact in factBounds[Symbol(position + 1)] ?? [] { mark(fact.bound.bound) }
      }
    }
    return needed
  }

  private static func draw(
    _ needed: [Bool], _ table: SymbolTable, _ factBounds: FactBounds, _ random: inout SplitMix64
  ) -> [Int]? {
    var drawn: [Int] = []
    drawn.reserveCapacity(table.count)
    for position in needed.indices {
      guard needed[position] else {
        drawn.append(0)
        continue
      }
      let symbol = Symbol(position + 1)
      let entry = table[symbol]
      var value: Int?
      switch entry.meaning {
      case .floor(let a, let n): value = a.value(drawn)?.floorDivided(by: n)
      case .minimum(let a, let b):
        if let x = a.value(drawn), let y = b.value(drawn) { value = min(x, y) }
      case .maximum(let a, let b):
        if let x = a.value(drawn), let y = b.value(drawn) { value = max(x, y) }
      case .choice:
        let open = entry.alternatives.filter { alternative in
          alternative.facts.allSatisfy { fact in fact.value(drawn).map { $0 >= 0 } ?? false }
        }
        value = open.randomElement(using: &random)?.value.value(drawn)
      case .number:
        var (low, high) = (Int.min, Int.max)
        func narrow(_ bound: SymbolTable.Bound, _ isLower: Bool) -> Bool {
          guard let end = bound.bound.value(drawn), end > .min else { return false }
          if isLower {
            low = max(low, end.ceilingDivided(by: bound.factor))
          } else {
            high = min(high, end.floorDivided(by: bound.factor))
          }
          return true
        }
        for bound in entry.lowers where !narrow(bound, true) { return nil }
        for bound in entry.uppers where !narrow(bound, false) { return nil }
        for fact in factBounds[symbol] ?? [] where !narrow(fact.bound, fact.isLower) { return nil }
        guard low <= high else { return nil }
        value = pick(low...high, &random)
      }
      guard let value else { return nil }
      drawn.append(value)
    }
    return drawn
  }

  /// An end, a number close to the lower one, or any.
  private static func pick(_ range: ClosedRange<Int>, _ random: inout SplitMix64) -> Int {
    switch random.next() & 3 {
    case 0: return range.lowerBound
    case 1: return range.upperBound
    case 2:
      let (end, overflows) = range.lowerBound.addingReportingOverflow(8)
      return Int.random(
        in: range.lowerBound...(overflows ? range.upperBound : min(end, range.upperBound)), using: &random)
    default: return Int.random(in: range, using: &random)
    }
  }
}

extension Polynomial {
  /// What it is for values by symbol, the first at 0; nil where that leaves 64 bits.
  fileprivate func value(_ values: [Int]) -> Int? {
    guard isValid else { return nil }
    var sum = 0
    for part in parts {
      var product = part.factor
      var rest = part.symbols
      while rest != 0 {
        let (next, overflows) = product.multipliedReportingOverflow(by: values[Int(rest >> 48) - 1])
        if overflows { return nil }
        product = next
        rest <<= 16
      }
      let (next, overflows) = sum.addingReportingOverflow(product)
      if overflows { return nil }
      sum = next
    }
    return sum
  }
}
