import TileIR

/// What is asked of a polynomial, as an obligation that any solver can read.
extension BoundElimination {
  /// The obligation that a polynomial is at least 0, with the meaning of every number in it and the facts
  /// that speak of them.
  func obligation(
    _ goal: Polynomial, _ kind: ObligationKind, kernel: String, at location: SourceLocation,
    _ sentence: String,
    withAllFacts: Bool = false
  ) -> Obligation? {
    guard goal.isValid else { return nil }
    var terms = ProofTerms(table: table)
    let formula = Term.constant(0) .<= terms.term(goal)
    var pending = facts.filter(\.isValid)
    // Facts about numbers that matter, and about those that they bring in.
    var isGrowing = true
    while isGrowing {
      isGrowing = false
      for (at, fact) in pending.enumerated().reversed() where withAllFacts || terms.speaks(of: fact) {
        terms.add(fact)
        pending.remove(at: at)
        isGrowing = true
      }
    }
    return Obligation(
      kind, kernel: kernel, at: location, sentence, hypotheses: terms.hypotheses, goal: formula)
  }
}

extension BoundElimination {
  /// The same for a certificate, once the polynomial has been found to be at least 0: it has all facts where the
  /// place is never reached, since which of them do not go together has nothing to do with the goal.
  mutating func certificate(
    _ goal: Polynomial, _ kind: ObligationKind, kernel: String, at location: SourceLocation, _ sentence: String
  ) -> Obligation? {
    let isNeverReached = isUnreachable()
    return obligation(
      goal, kind, kernel: kernel, at: location, sentence, withAllFacts: isNeverReached)
  }
}

extension Obligation {
  /// That a sum which lies between bounds fits its register.
  static func exactSum(
    _ bounds: ClosedRange<Int>, in register: ClosedRange<Int>, kernel: String, at location: SourceLocation,
    _ sentence: String
  ) -> Obligation {
    let sum = Term.variable(Variable("sum", from: bounds.lowerBound, to: bounds.upperBound))
    return Obligation(.exactAccumulator, kernel: kernel, at: location, sentence, goal: sum.isIn(register))
  }
}

/// Terms of symbols, with what is known of each.
private struct ProofTerms {
  let table: SymbolTable
  private(set) var hypotheses: [Formula] = []
  private var known: [Symbol: Term] = [:]

  init(table: SymbolTable) { self.table = table }

  /// Whether one of the fact's numbers occurs, or one that they are made of, or it is the choice between
  /// reasons, or says that the place is never reached.
  func speaks(of fact: Polynomial) -> Bool {
    if let constant = fact.constant { return constant < 0 }
    if let top = fact.top, fact == Polynomial(top), case .choice = table[top].meaning { return true }
    return table.symbols(in: fact).contains { known[$0] != nil }
  }

  mutating func add(_ fact: Polynomial) { hypotheses.append(.constant(0) .<= term(fact)) }

  mutating func term(_ a: Polynomial) -> Term {
    var sum = Term.constant(0)
    for part in a.parts {
      var product: Term?
      for symbol in Polynomial.symbols(part.symbols) {
        let factor = term(symbol)
        product = product.map { $0 * factor } ?? factor
      }
      sum = sum + (product.map { $0 * part.factor } ?? .constant(part.factor))
    }
    return sum
  }

  /// Keeps what a symbol means; its bounds follow from that, what is assumed of it does not.
  private mutating func know(_ symbol: Symbol, _ term: Term) -> Term {
    known[symbol] = term
    for fact in table[symbol].assumptions where fact.isValid { add(fact) }
    return term
  }

  private mutating func term(_ symbol: Symbol) -> Term {
    if let term = known[symbol] { return term }
    let entry = table[symbol]
    let name = "\(entry.name)#\(symbol)"
    switch entry.meaning {
    case .floor(let a, let n): return know(symbol, self.term(a) / n)
    case .minimum(let a, let b): return know(symbol, .min(self.term(a), self.term(b)))
    case .maximum(let a, let b): return know(symbol, .max(self.term(a), self.term(b)))
    case .number, .choice:
      let term = Term.variable(Variable(name, from: entry.least, to: entry.most))
      known[symbol] = term
      for bound in entry.lowers where bound.bound.constant == nil && bound.bound.isValid {
        hypotheses.append(self.term(bound.bound) .<= term * bound.factor)
      }
      for bound in entry.uppers where bound.bound.constant == nil && bound.bound.isValid {
        hypotheses.append(term * bound.factor .<= self.term(bound.bound))
      }
      let alternatives = entry.alternatives.filter(\.value.isValid)
      if !alternatives.isEmpty, alternatives.count == entry.alternatives.count {
        hypotheses.append(
          .any(
            alternatives.map { alternative in
              let facts = alternative.facts.filter(\.isValid).map { Term.constant(0) .<= self.term($0) }
              return .all([term .== self.term(alternative.value)] + facts)
            }))
      }
      return term
    }
  }
}
