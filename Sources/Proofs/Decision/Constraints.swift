/// What must hold at once: forms that are at most 0, forms that are 0, and choices of which one must hold.
/// What does not fit machine integers is left out, which only weakens.
struct Constraints {
  private(set) var atMostZero: [LinearForm] = []
  private(set) var zero: [LinearForm] = []
  var choices: [[Formula]] = []
  /// One of them is false by itself.
  private(set) var isFalse = false
  private(set) var usesQuotients = false
  private var atoms = Atoms()
  /// Atoms whose meaning has been added.
  private var defined = 0

  mutating func add(_ formula: Formula, isTrue: Bool) {
    switch formula {
    case .truth(let value): if value != isTrue { isFalse = true }
    case .words: break
    case .not(let a): add(a, isTrue: !isTrue)
    case .and(let parts) where isTrue, .or(let parts) where !isTrue:
      for part in parts { add(part, isTrue: isTrue) }
    case .and(let parts): choose(parts.map { !$0 })
    case .or(let parts): choose(parts)
    case .compare(let a, let relation, let b):
      switch (relation, isTrue) {
      case (.lessOrEqual, true): require(a - b)
      case (.less, true): require(a - b + 1)
      case (.lessOrEqual, false): require(b - a + 1)
      case (.less, false): require(b - a)
      case (.equal, true): require(a - b, isZero: true)
      case (.equal, false): choices.append([a .< b, b .< a])
      }
    }
  }

  /// One of the parts holds; those with machine words say nothing here.
  private mutating func choose(_ parts: [Formula]) {
    var hasWords = false
    for part in parts { part.visitWords { _ in hasWords = true } }
    if !hasWords { choices.append(parts) }
  }

  /// `term <= 0`, or `term == 0`.
  private mutating func require(_ term: Term, isZero: Bool = false) {
    guard let form = LinearForm(term, &atoms) else { return }
    if isZero { zero.append(form) } else { atMostZero.append(form) }
    while defined < atoms.terms.count {
      defined += 1
      define(atoms.terms[defined - 1])
    }
  }

  private mutating func bound(_ atom: Term) {
    let interval = Interval(atom)
    if let lower = interval.lower { require(.constant(lower) - atom) }
    if let upper = interval.upper { require(atom - .constant(upper)) }
  }

  /// Adds what an atom is.
  private mutating func define(_ atom: Term) {
    switch atom {
    case .variable(let variable):
      if let lower = variable.lower { require(.constant(lower) - atom) }
      if let upper = variable.upper { require(atom - .constant(upper)) }
    case .quotient(let a, let divisor):
      usesQuotients = true
      require(atom * divisor - a)
      require(a - atom * divisor - .constant(divisor - 1))
      bound(atom)
    case .minimum(let a, let b):
      require(atom - a)
      require(atom - b)
      choices.append([a .<= atom, b .<= atom])
    case .maximum(let a, let b):
      require(a - atom)
      require(b - atom)
      choices.append([atom .<= a, atom .<= b])
    case .choice(let condition, let a, let b):
      choose([condition && (atom .== a), !condition && (atom .== b)])
    case .product: bound(atom)
    case .constant, .sum, .scaled, .remainder: break
    }
  }
}
