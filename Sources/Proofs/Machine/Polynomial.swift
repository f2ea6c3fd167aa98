/// A number that a proof speaks of, by its position in a `SymbolTable`; at least 1.
typealias Symbol = UInt16

extension Symbol {
  /// A number for which a table had no room.
  static let lost = Symbol.max
}

/// A polynomial with integer coefficients over symbols, of degree at most 4. What grows beyond that, or out
/// of machine integers, is not `isValid`, and nothing is proved of it.
struct Polynomial: Hashable {
  struct Part: Hashable {
    /// Up to four symbols in descending order, 16 bits each, the highest first; 0 for the constant.
    let symbols: UInt64
    let factor: Int
  }
  /// By descending symbols; no factor is 0.
  private(set) var parts: [Part]
  private(set) var isValid = true

  init(_ constant: Int) { parts = constant == 0 ? [] : [Part(symbols: 0, factor: constant)] }
  /// Invalid of a number that is lost.
  init(_ symbol: Symbol) {
    parts = symbol == .lost ? [] : [Part(symbols: UInt64(symbol) << 48, factor: 1)]
    isValid = symbol != .lost
  }
  private init(_ parts: [Part], isValid: Bool) {
    self.parts = parts
    self.isValid = isValid
  }

  static let invalid = Polynomial([], isValid: false)

  /// What it is where all its symbols are 0.
  var constantTerm: Int { parts.first { $0.symbols == 0 }?.factor ?? 0 }
  /// The value where no symbol occurs.
  var constant: Int? {
    guard isValid else { return nil }
    if parts.isEmpty { return 0 }
    return parts.count == 1 && parts[0].symbols == 0 ? parts[0].factor : nil
  }

  /// The symbol with the highest number.
  var top: Symbol? {
    guard let first = parts.first, first.symbols != 0 else { return nil }
    return Symbol(first.symbols >> 48)
  }

  func contains(_ symbol: Symbol) -> Bool {
    parts.contains { Self.symbols($0.symbols).contains(symbol) }
  }

  /// The symbols of a part, highest first.
  static func symbols(_ packed: UInt64) -> [Symbol] {
    var found: [Symbol] = []
    var rest = packed
    while rest != 0 {
      found.append(Symbol(rest >> 48))
      rest <<= 16
    }
    return found
  }

  static func + (a: Polynomial, b: Polynomial) -> Polynomial { a.adding(b, times: 1) }
  static func - (a: Polynomial, b: Polynomial) -> Polynomial { a.adding(b, times: -1) }
  static func + (a: Polynomial, b: Int) -> Polynomial { a.adding(Polynomial(b), times: 1) }
  static func - (a: Polynomial, b: Int) -> Polynomial { a.adding(Polynomial(b), times: -1) }

  static func * (a: Polynomial, factor: Int) -> Polynomial {
    guard a.isValid, factor != 0 else { return factor == 0 ? Polynomial(0) : .invalid }
    if factor == 1 { return a }
    var parts: [Part] = []
    parts.reserveCapacity(a.parts.count)
    for part in a.parts {
      let (product, overflows) = part.factor.multipliedReportingOverflow(by: factor)
      if overflows { return .invalid }
      parts.append(Part(symbols: part.symbols, factor: product))
    }
    return Polynomial(parts, isValid: true)
  }

  private func adding(_ other: Polynomial, times factor: Int) -> Polynomial {
    guard isValid, other.isValid else { return .invalid }
    var merged: [Part] = []
    merged.reserveCapacity(parts.count + other.parts.count)
    var (i, j) = (0, 0)
    while i < parts.count || j < other.parts.count {
      if j == other.parts.count || (i < parts.count && parts[i].symbols > other.parts[j].symbols) {
        merged.append(parts[i])
        i += 1
        continue
      }
      let (scaled, overflows) = other.parts[j].factor.multipliedReportingOverflow(by: factor)
      if overflows { return .invalid }
      if i < parts.count, parts[i].symbols == other.parts[j].symbols {
        let (sum, overflows) = parts[i].factor.addingReportingOverflow(scaled)
        if overflows { return .invalid }
        if sum != 0 { merged.append(Part(symbols: parts[i].symbols, factor: sum)) }
        i += 1
      } else {
        merged.append(Part(symbols: other.parts[j].symbols, factor: scaled))
      }
      j += 1
    }
    return Polynomial(merged, isValid: true)
  }

  static func * (a: Polynomial, b: Polynomial) -> Polynomial {
    guard a.isValid, b.isValid else { return .invalid }
    if let x = a.constant { return b * x }
    if let x = b.constant { return a * x }
    var sum = Polynomial(0)
    for x in a.parts {
      var row: [Part] = []
      for y in b.parts {
        guard let symbols = merged(x.symbols, y.symbols) else { return .invalid }
        let (factor, overflows) = x.factor.multipliedReportingOverflow(by: y.factor)
        if overflows { return .invalid }
        row.append(Part(symbols: symbols, factor: factor))
      }
      row.sort { $0.symbols > $1.symbols }
      sum = sum + Polynomial(row, isValid: true)
    }
    return sum
  }

  /// The product of two powers of symbols; nil above degree 4.
  private static func merged(_ a: UInt64, _ b: UInt64) -> UInt64? {
    if a == 0 { return b }
    if b == 0 { return a }
    let all = (symbols(a) + symbols(b)).sorted(by: >)
    guard all.count <= 4 else { return nil }
    return all.enumerated().reduce(0) { $0 | UInt64($1.element) << UInt64(48 - 16 * $1.offset) }
  }

  /// `quotient * symbol + rest`, the rest without the symbol; nil where its square occurs.
  func split(_ symbol: Symbol) -> (quotient: Polynomial, rest: Polynomial)? {
    var quotient: [Part] = []
    var rest: [Part] = []
    for part in parts {
      var symbols = Self.symbols(part.symbols)
      guard let at = symbols.firstIndex(of: symbol) else {
        rest.append(part)
        continue
      }
      symbols.remove(at: at)
      if symbols.contains(symbol) { return nil }
      let packed = symbols.enumerated().reduce(UInt64(0)) {
        $0 | UInt64($1.element) << UInt64(48 - 16 * $1.offset)
      }
      quotient.append(Part(symbols: packed, factor: part.factor))
    }
    quotient.sort { $0.symbols > $1.symbols }
    return (Polynomial(quotient, isValid: isValid), Polynomial(rest, isValid: isValid))
  }

  /// The parts whose symbols are kept.
  func filtered(_ keeps: ([Symbol]) -> Bool) -> Polynomial {
    Polynomial(parts.filter { keeps(Self.symbols($0.symbols)) }, isValid: isValid)
  }

  /// What is left without whole multiples of n times a symbol, each factor the smallest there is, of either sign.
  func remainders(by n: Int) -> Polynomial {
    let left = parts.compactMap { part -> Part? in
      guard !Self.symbols(part.symbols).isEmpty else { return part }
      let factor = part.factor - n * Int((Double(part.factor) / Double(n)).rounded())
      return factor == 0 ? nil : Part(symbols: part.symbols, factor: factor)
    }
    return Polynomial(left, isValid: isValid)
  }

  /// The polynomial with another in place of a symbol.
  func replacing(_ symbol: Symbol, _ value: Polynomial) -> Polynomial {
    guard contains(symbol) else { return self }
    guard let (quotient, rest) = split(symbol) else { return .invalid }
    return quotient * value + rest
  }

  /// `n * quotient + rest`, where the rest holds what `n` does not divide.
  func divided(by n: Int) -> (quotient: Polynomial, rest: Polynomial) {
    var quotient: [Part] = []
    var rest: [Part] = []
    for part in parts {
      if part.factor % n == 0 {
        quotient.append(Part(symbols: part.symbols, factor: part.factor / n))
      } else if part.symbols == 0 {
        // The constant rest lies in 0..<n.
        let remainder = (part.factor % n + n) % n
        if part.factor != remainder {
          quotient.append(Part(symbols: 0, factor: (part.factor - remainder) / n))
        }
        rest.append(Part(symbols: 0, factor: remainder))
      } else {
        rest.append(part)
      }
    }
    return (Polynomial(quotient, isValid: isValid), Polynomial(rest, isValid: isValid))
  }

  /// The polynomial divided by what the factors of its symbols share, the constant rounded down: at least
  /// 0 for the same whole numbers.
  var reduced: Polynomial {
    var divisor = 0
    for part in parts where part.symbols != 0 {
      if part.factor == .min { return self }
      divisor = divisor.greatestDivisor(with: part.factor)
      if divisor == 1 { return self }
    }
    guard divisor > 1 else { return self }
    return Polynomial(
      parts.compactMap { part in
        let factor = part.symbols == 0 ? part.factor.floorDivided(by: divisor) : part.factor / divisor
        return factor == 0 ? nil : Part(symbols: part.symbols, factor: factor)
      }, isValid: isValid)
  }

  /// The quotient where the division leaves nothing; nil otherwise.
  func exactQuotient(by divisor: Polynomial) -> Polynomial? {
    guard isValid, divisor.isValid, let leading = divisor.parts.first else { return nil }
    var rest = self
    var quotient = Polynomial(0)
    // Each round takes the leading part away.
    for _ in 0..<16 {
      guard let part = rest.parts.first else { return quotient }
      guard let term = Self.quotient(part, leading) else { return nil }
      quotient = quotient + term
      rest = rest - term * divisor
      guard rest.isValid, quotient.isValid else { return nil }
    }
    return nil
  }

  private static func quotient(_ part: Part, _ divisor: Part) -> Polynomial? {
    guard part.factor % divisor.factor == 0 else { return nil }
    var symbols = symbols(part.symbols)
    for factor in Self.symbols(divisor.symbols) {
      guard let at = symbols.firstIndex(of: factor) else { return nil }
      symbols.remove(at: at)
    }
    let packed = symbols.enumerated().reduce(UInt64(0)) {
      $0 | UInt64($1.element) << UInt64(48 - 16 * $1.offset)
    }
    return Polynomial([Part(symbols: packed, factor: part.factor / divisor.factor)], isValid: true)
  }
}
