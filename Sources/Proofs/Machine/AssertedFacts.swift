import MachineIR
import TileIR

/// What a kernel's check says of the element at each coordinate of a parameter with one axis, and of what is
/// read at places that the element tells. A launch that fails a check ends before its next kernel, so all that
/// come after may take it for granted.
struct AssertedFact {
  /// Polynomials that are at least 0, in the numbers of the kernel that checks.
  let holds: [Polynomial]
  /// The coordinate at which they were met.
  let place: Polynomial
  let parameter: Int
  fileprivate let table: SymbolTable
  fileprivate let loadPlaces: [Symbol: (parameter: Int?, offset: Polynomial)]

  /// A check whose condition speaks of one coordinate only, with the element there as its base; nil for
  /// any other.
  init?(_ holds: [Polynomial], _ walk: KernelWalk) {
    var base: (parameter: Int, place: Polynomial)?
    var pending = holds
    var seen: Set<Symbol> = []
    while let next = pending.popLast() {
      for symbol in walk.prover.table.symbols(in: next) where seen.insert(symbol).inserted {
        guard let (parameter, offset) = walk.loadPlaces[symbol] else { continue }
        guard let parameter, walk.plan.program.parameters[parameter].role == .input else { return nil }
        pending.append(offset)
        guard walk.plan.program.parameters[parameter].axes.count == 1,
          walk.prover.table.symbols(in: offset).allSatisfy({ walk.loadPlaces[$0] == nil })
        else { continue }
        if let base, base != (parameter, offset) { return nil }
        base = (parameter, offset)
      }
    }
    guard let base, !holds.isEmpty, holds.allSatisfy(\.isValid) else { return nil }
    self.holds = holds
    parameter = base.parameter
    place = base.place
    table = walk.prover.table
    loadPlaces = walk.loadPlaces
  }

  /// The buffer that stands for it among what a kernel writes.
  static func mark(_ number: Int) -> String { "check \(number)" }
}

extension KernelWalk {
  /// Takes a check, met at every round of its loops. Of one thing or another, the first holds where the second
  /// does not: a lane that is not there needs nothing.
  mutating func check(_ expression: Expression) {
    guard case .apply(.or, let sides, let type) = expression, type.lanes == 1 else {
      return note(check: condition(expression))
    }
    let (needed, excused) = (condition(sides[0]), condition(sides[1]))
    writes.open(.branch(excused.whenFalse, excused.whenTrue))
    note(check: needed)
    writes.close()
  }

  private mutating func note(check condition: Condition) {
    guard isJudged, let fact = AssertedFact(condition.whenTrue, self) else { return }
    // Lanes are checked one by one, and a loop's tail again: each says the same of a coordinate of its own.
    let number = checks.indices.first { says(checks[$0], the: fact) } ?? checks.count
    writes.add(AssertedFact.mark(number), fact.place, lanes: 1, active: nil, location)
    if number == checks.count { checks.append(fact) }
  }

  /// Whether a fact of this kernel says of another's coordinate what that does.
  private mutating func says(_ known: AssertedFact, the fact: AssertedFact) -> Bool {
    guard known.parameter == fact.parameter, known.holds.count == fact.holds.count else { return false }
    for (own, other) in zip(known.holds, fact.holds)
    where translated(own, from: known, at: fact.place) != other {
      return false
    }
    return true
  }

  /// Takes for granted what checks have established of an element: where the element exists, it was checked.
  mutating func assume(_ parameter: Int, at offset: Polynomial) {
    for fact in asserted where fact.parameter == parameter {
      for condition in fact.holds {
        guard let own = translated(condition, from: fact, at: offset) else { continue }
        prover.with { $0.assume(own) }
      }
    }
  }

  /// A polynomial of the kernel that checks in numbers of this one.
  private mutating func translated(
    _ a: Polynomial, from fact: AssertedFact, at coordinate: Polynomial
  ) -> Polynomial? {
    var sum = Polynomial(0)
    for part in a.parts {
      var product = Polynomial(part.factor)
      for symbol in Polynomial.symbols(part.symbols) {
        guard let factor = translated(symbol, from: fact, at: coordinate) else { return nil }
        product = product * factor
      }
      sum = sum + product
    }
    return sum
  }

  private mutating func translated(
    _ symbol: Symbol, from fact: AssertedFact, at coordinate: Polynomial
  ) -> Polynomial? {
    if Polynomial(symbol) == fact.place { return coordinate }
    // Kernels number what a launch brings alike.
    if symbol <= launchNumbers { return Polynomial(symbol) }
    if let (parameter, offset) = fact.loadPlaces[symbol] {
      guard let parameter, let buffer = kernel.buffers.first(where: { $0.source == .parameter(parameter) }),
        let place = offset == fact.place ? coordinate : translated(offset, from: fact, at: coordinate),
        case .integer(let value) = loaded(buffer, place, MachineType(.i32))
      else { return nil }
      return value
    }
    switch fact.table[symbol].meaning {
    case .floor(let b, let n):
      guard let own = translated(b, from: fact, at: coordinate) else { return nil }
      return prover.with { $0.floor(own, by: n) }
    case .minimum(let b, let c), .maximum(let b, let c):
      guard let x = translated(b, from: fact, at: coordinate),
        let y = translated(c, from: fact, at: coordinate)
      else {
        return nil
      }
      var isMinimum = false
      if case .minimum = fact.table[symbol].meaning { isMinimum = true }
      return prover.with { $0.extremum(x, y, isMinimum: isMinimum) }
    case .number, .choice: return nil
    }
  }
}
