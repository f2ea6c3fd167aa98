import MachineIR
import TileIR

/// Which numbers may differ from lane to lane. In a vector such a number stands for the lane at hand; a lane
/// that is taken out of it has a number of its own.
struct LaneNumbers {
  private var differing: Set<Symbol> = []
  /// Numbers in single lanes.
  fileprivate var known: [Lane: Polynomial] = [:]
  fileprivate struct Lane: Hashable {
    let symbol: Symbol
    let lane: Int
  }
  /// How many numbers it has been told of, and whether what is being computed is a vector.
  private var seen = 0
  private var isVector = false

  func differs(_ symbol: Symbol) -> Bool { differing.contains(symbol) }

  mutating func insert(_ symbol: Symbol) { differing.insert(symbol) }

  /// Begins a value of some lanes when there are `count` numbers; returns what to leave it with.
  fileprivate mutating func enter(lanes: Int, count: Int) -> Bool {
    note(count)
    defer { isVector = lanes > 1 }
    return isVector
  }
  fileprivate mutating func leave(to outer: Bool, count: Int) {
    note(count)
    isVector = outer
  }
  /// What a vector has brought in is its lanes'; a scalar inside it is the same for all of them.
  private mutating func note(_ count: Int) {
    if isVector, count > seen { differing.formUnion((seen + 1...count).map { Symbol($0) }) }
    seen = max(seen, count)
  }
}

extension KernelWalk {
  mutating func value(_ expression: Expression) -> AbstractValue {
    let outer = laneNumbers.enter(lanes: expression.type.lanes, count: prover.table.count)
    let result = evaluate(expression)
    laneNumbers.leave(to: outer, count: prover.table.count)
    return result
  }

  /// One lane of a vector's value.
  mutating func lane(_ lane: Int, of value: AbstractValue, lanes: Int) -> AbstractValue {
    guard let number = self.lane(of: lanes).top else { return .unknown }
    switch value {
    case .integer(let a): return .integer(taken(lane, number, from: a))
    case .condition(let a):
      return .condition(
        Condition(
          whenTrue: a.whenTrue.map { taken(lane, number, from: $0) },
          whenFalse: a.whenFalse.map { taken(lane, number, from: $0) }))
    case .packed(let high, let low):
      return .packed(high: taken(lane, number, from: high), low: taken(lane, number, from: low))
    case .unknown: return .unknown
    }
  }

  private mutating func taken(_ lane: Int, _ number: Symbol, from a: Polynomial) -> Polynomial {
    guard a.isValid else { return a }
    var sum = Polynomial(0)
    for part in a.parts {
      var product = Polynomial(part.factor)
      for symbol in Polynomial.symbols(part.symbols) { product = product * taken(lane, number, from: symbol) }
      sum = sum + product
    }
    return sum
  }

  private mutating func taken(_ lane: Int, _ number: Symbol, from symbol: Symbol) -> Polynomial {
    if symbol == number { return Polynomial(lane) }
    let key = LaneNumbers.Lane(symbol: symbol, lane: lane)
    if let known = laneNumbers.known[key] { return known }
    let result = made(lane, number, from: symbol)
    laneNumbers.known[key] = result
    return result
  }

  private mutating func made(_ lane: Int, _ number: Symbol, from symbol: Symbol) -> Polynomial {
    func same(_ walk: inout KernelWalk, _ a: Polynomial) -> Polynomial { walk.taken(lane, number, from: a) }
    let entry = prover.table[symbol]
    switch entry.meaning {
    case .floor(let a, let n):
      let inner = same(&self, a)
      return inner == a ? Polynomial(symbol) : prover.with { $0.floor(inner, by: n) }
    case .minimum(let a, let b), .maximum(let a, let b):
      let (x, y) = (same(&self, a), same(&self, b))
      if x == a, y == b { return Polynomial(symbol) }
      var isMinimum = false
      if case .minimum = entry.meaning { isMinimum = true }
      return prover.with { $0.extremum(x, y, isMinimum: isMinimum) }
    case .choice:
      let alternatives = entry.alternatives.map { alternative in
        SymbolTable.Alternative(
          value: same(&self, alternative.value), facts: alternative.facts.map { same(&self, $0) })
      }
      let isSame = zip(alternatives, entry.alternatives).allSatisfy {
        $0.value == $1.value && $0.facts == $1.facts
      }
      if isSame { return Polynomial(symbol) }
      return Polynomial(prover.with { $0.add(entry.name, meaning: .choice, alternatives: alternatives) })
    case .number: break
    }
    guard laneNumbers.differs(symbol) else { return Polynomial(symbol) }
    let place = loadPlaces[symbol].map { (parameter: $0.parameter, offset: same(&self, $0.offset)) }
    if let place, let parameter = place.parameter,
      let buffer = kernel.buffers.first(where: { $0.source == .parameter(parameter) }),
      case .integer(let element) = loaded(buffer, place.offset, MachineType(.i32))
    {
      return element
    }
    let lowers = entry.lowers.map { SymbolTable.Bound(same(&self, $0.bound), factor: $0.factor) }
    let uppers = entry.uppers.map { SymbolTable.Bound(same(&self, $0.bound), factor: $0.factor) }
    let own = prover.with { $0.add(entry.name, lowers: lowers, uppers: uppers) }
    if let place { loadPlaces[own] = place }
    if let condition = truths[symbol] {
      truths[own] = Condition(
        whenTrue: condition.whenTrue.map { same(&self, $0) },
        whenFalse: condition.whenFalse.map { same(&self, $0) })
    }
    contents.name(own, asPartOf: symbol)
    return Polynomial(own)
  }
}
