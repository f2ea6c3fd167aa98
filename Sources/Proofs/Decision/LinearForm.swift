/// The terms that linear arithmetic takes as one number, numbered in order of appearance: variables,
/// quotients, least and greatest values, choices, products.
struct Atoms {
  private(set) var terms: [Term] = []
  private var numbers: [Term: Int] = [:]

  mutating func number(_ term: Term) -> Int {
    if let known = numbers[term] { return known }
    numbers[term] = terms.count
    terms.append(term)
    return terms.count - 1
  }
}

/// A sum of integer multiples of atoms and a constant.
struct LinearForm: Hashable {
  /// By ascending atom; no factor is 0.
  private(set) var parts: [Part] = []
  private(set) var constant = 0

  struct Part: Hashable {
    let atom: Int
    let factor: Int
  }

  init() {}

  init(_ parts: [Part], constant: Int) {
    self.parts = parts
    self.constant = constant
  }

  /// The form of a term; nil where a number would not fit a machine integer.
  init?(_ term: Term, _ atoms: inout Atoms) {
    guard add(term, times: 1, &atoms) else { return nil }
  }

  func factor(of atom: Int) -> Int { parts.first { $0.atom == atom }?.factor ?? 0 }

  /// Adds a multiple of a term; false on overflow.
  private mutating func add(_ term: Term, times factor: Int, _ atoms: inout Atoms) -> Bool {
    switch term {
    case .constant(let value): return add(LinearForm([], constant: value), times: factor)
    case .sum(let a, let b): return add(a, times: factor, &atoms) && add(b, times: factor, &atoms)
    case .scaled(let a, let inner):
      let (product, overflows) = factor.multipliedReportingOverflow(by: inner)
      return !overflows && add(a, times: product, &atoms)
    case .remainder(let a, let divisor):
      // a - divisor * (a / divisor): one atom serves both.
      let (product, overflows) = factor.multipliedReportingOverflow(by: -divisor)
      return !overflows && add(a, times: factor, &atoms) && add(.quotient(a, divisor), times: product, &atoms)
    default: return add(LinearForm([Part(atom: atoms.number(term), factor: 1)], constant: 0), times: factor)
    }
  }

  /// Adds a multiple of another form; false on overflow. The least machine integer counts as one, since it has no
  /// negative.
  mutating func add(_ other: LinearForm, times factor: Int) -> Bool {
    var overflows = false
    func times(_ value: Int) -> Int {
      let (product, overflow) = value.multipliedReportingOverflow(by: factor)
      overflows = overflows || overflow || product == .min
      return product
    }
    func plus(_ a: Int, _ b: Int) -> Int {
      let (sum, overflow) = a.addingReportingOverflow(b)
      overflows = overflows || overflow || sum == .min
      return sum
    }
    constant = plus(constant, times(other.constant))
    var merged: [Part] = []
    merged.reserveCapacity(parts.count + other.parts.count)
    var own = parts[...]
    for part in other.parts {
      while let first = own.first, first.atom < part.atom {
        merged.append(first)
        own.removeFirst()
      }
      var sum = times(part.factor)
      if let first = own.first, first.atom == part.atom {
        sum = plus(sum, first.factor)
        own.removeFirst()
      }
      if sum != 0 { merged.append(Part(atom: part.atom, factor: sum)) }
    }
    parts = merged + own
    return !overflows
  }

  /// Bounds from those of the atoms.
  func interval(_ atoms: Atoms) -> Interval {
    parts.reduce(Interval(lower: constant, upper: constant)) {
      $0 + Interval(.scaled(atoms.terms[$1.atom], $1.factor))
    }
  }

  /// The greatest common divisor of the factors; 0 where there are none.
  var divisor: Int {
    parts.reduce(0) { $0.greatestDivisor(with: $1.factor) }
  }
}
