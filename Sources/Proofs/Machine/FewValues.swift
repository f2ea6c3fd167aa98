/// Numbers of few values, tried one by one.
extension SymbolTable {
  /// The least value of what depends on a single number that has few values, such as a lane; nil for others.
  func leastOfFew(_ a: Polynomial) -> Int? {
    guard a.isValid else { return nil }
    let numbers = symbols(in: a).filter { if case .number = self[$0].meaning { true } else { false } }
    guard numbers.count == 1, let least = self[numbers[0]].least, let most = self[numbers[0]].most,
      least <= most,
      most - least < 256
    else { return nil }
    var found: Int?
    for number in least...most {
      guard let value = value(a, numbers[0], number) else { return nil }
      found = min(found ?? value, value)
    }
    return found
  }

  /// What a polynomial is at least: in place of parts that depend on one number of few values, and divide it, the
  /// least that these are together; nil where it has none.
  func withLeastOfFew(_ a: Polynomial) -> Polynomial? {
    guard a.isValid else { return nil }
    var own: [Symbol: (sum: Polynomial, divides: Bool)] = [:]
    for part in a.parts where part.symbols != 0 {
      let alone = Polynomial.symbols(part.symbols).reduce(Polynomial(part.factor)) { $0 * Polynomial($1) }
      let all = symbols(in: alone)
      let numbers = all.filter { if case .number = self[$0].meaning { true } else { false } }
      guard numbers.count == 1 else { continue }
      let (sum, divides) = own[numbers[0]] ?? (Polynomial(0), false)
      own[numbers[0]] = (sum + alone, divides || all.count > 1)
    }
    var result = a
    for (_, parts) in own where parts.divides {
      guard let least = leastOfFew(parts.sum) else { continue }
      result = result - parts.sum + least
    }
    return result == a ? nil : result
  }

  /// What a polynomial is where the only number in it has a value.
  func value(_ a: Polynomial, _ symbol: Symbol, _ number: Int) -> Int? {
    var sum = 0
    for part in a.parts {
      var product = part.factor
      for factor in Polynomial.symbols(part.symbols) {
        let value: Int?
        switch self[factor].meaning {
        case .number: value = factor == symbol ? number : nil
        case .floor(let b, let n): value = self.value(b, symbol, number)?.floorDivided(by: n)
        case .minimum(let b, let c):
          value = self.value(b, symbol, number).flatMap { x in
            self.value(c, symbol, number).map { min(x, $0) }
          }
        case .maximum(let b, let c):
          value = self.value(b, symbol, number).flatMap { x in
            self.value(c, symbol, number).map { max(x, $0) }
          }
        case .choice: value = nil
        }
        guard let value, case (let next, let overflows) = product.multipliedReportingOverflow(by: value),
          !overflows
        else {
          return nil
        }
        product = next
      }
      let (next, overflows) = sum.addingReportingOverflow(product)
      if overflows { return nil }
      sum = next
    }
    return sum
  }
}
