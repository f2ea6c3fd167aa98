import MachineIR

/// What holds of the integers that a loop changes.
///
/// A body that adds the same to a number each round makes it a multiple of the round; one that adds
/// something between two constants keeps it between two multiples. For other numbers, bounds and sums are
/// guessed from what the body assigns, and those kept that hold before the first round and, if all of them
/// hold before a round, after it.
struct LoopInvariants {
  /// Values at the start of a round, and facts about them.
  private(set) var inside: [String: AbstractValue] = [:]
  private(set) var facts: [Polynomial] = []
  /// The same after the loop.
  private(set) var after: [String: AbstractValue] = [:]
  private(set) var factsAfter: [Polynomial] = []

  /// A number without a step of its own, with its symbol inside the loop.
  private struct Free {
    let name: String
    let isVector: Bool
    let symbol: Symbol
    let initial: Polynomial
  }

  init(
    _ walk: inout KernelWalk, _ loop: CountedLoop, _ changed: [MachineIR.Variable],
    _ outer: [String: AbstractValue],
    _ round: Polynomial, _ lower: Polynomial, _ upper: Polynomial
  ) {
    let mark = walk.prover.table.count
    let start = walk.values
    var symbols: [String: Symbol] = [:]
    for variable in changed {
      let name = variable.name
      let symbol = walk.prover.with { $0.add(name, MachineScalar.i64.values!) }
      if variable.type.lanes > 1 { walk.laneNumbers.insert(symbol) }
      symbols[name] = symbol
      walk.values[name] = .integer(Polynomial(symbol))
    }
    let first = walk.rehearse(loop.body)
    walk.values = start
    let trips = Self.trips(&walk, lower, upper, loop.step)
    var free: [Free] = []
    for variable in changed {
      let (name, isVector) = (variable.name, variable.type.lanes > 1)
      guard case .integer(let initial)? = outer[name], case .integer(let end)? = first.end.values[name] else {
        continue
      }
      let symbol = symbols[name]!
      let leaving = first.exits.map { exit -> ClosedRange<Int>? in
        guard case .integer(let value)? = exit.values[name] else { return nil }
        return Self.step(walk, value, symbol)
      }
      guard let step = Self.step(walk, end, symbol), !leaving.contains(nil) else {
        free.append(Free(name: name, isVector: isVector, symbol: symbol, initial: initial))
        continue
      }
      if step.lowerBound == step.upperBound {
        inside[name] = .integer(initial + round * step.lowerBound)
      } else {
        inside[name] = .integer(Self.between(&walk, variable, initial, round, step))
      }
      if step.lowerBound == step.upperBound, first.exits.isEmpty {
        after[name] = .integer(initial + trips * step.lowerBound)
      } else {
        // Less than all rounds, and what the last one adds before it leaves.
        let range = min(step.lowerBound, 0)...max(step.upperBound, 0)
        let last = leaving.compactMap { $0 }
        let least = last.map(\.lowerBound).min().map { min($0, 0) } ?? 0
        let most = last.map(\.upperBound).max().map { max($0, 0) } ?? 0
        let symbol = walk.prover.with {
          $0.add(
            name, lowers: [.init(initial + trips * range.lowerBound + least)],
            uppers: [.init(initial + trips * range.upperBound + most)])
        }
        if isVector { walk.laneNumbers.insert(symbol) }
        after[name] = .integer(Polynomial(symbol))
      }
    }
    guard walk.isJudged else {
      // A rehearsal looks for what one loop changes; loops inside it need not be understood again.
      for number in free {
        inside[number.name] = .integer(Polynomial(number.symbol))
        after[number.name] = Self.any(&walk, number)
      }
      return
    }
    guard !free.isEmpty else { return }
    keepCandidates(
      &walk, loop, free, [first.end.values] + first.exits.map(\.values), mark: mark, round: round,
      lower: lower, trips: trips)
  }

  /// How often the body runs, as a number.
  private static func trips(
    _ walk: inout KernelWalk, _ lower: Polynomial, _ upper: Polynomial, _ step: Int
  ) -> Polynomial {
    let whole = walk.prover.with { $0.floor(upper - lower + (step - 1), by: step) }
    if walk.prover.isAtLeastZero(whole) { return whole }
    return walk.prover.with { $0.extremum(Polynomial(0), whole, isMinimum: false) }
  }

  private static func between(
    _ walk: inout KernelWalk, _ variable: MachineIR.Variable, _ initial: Polynomial, _ rounds: Polynomial,
    _ step: ClosedRange<Int>
  ) -> Polynomial {
    let symbol = walk.prover.with {
      $0.add(
        variable.name, lowers: [.init(initial + rounds * step.lowerBound)],
        uppers: [.init(initial + rounds * step.upperBound)])
    }
    if variable.type.lanes > 1 { walk.laneNumbers.insert(symbol) }
    return Polynomial(symbol)
  }

  /// A number of which nothing is known.
  private static func any(_ walk: inout KernelWalk, _ number: Free) -> AbstractValue {
    let value = walk.fresh(number.name, .i64)
    if number.isVector, case .integer(let a) = value, let symbol = a.top { walk.laneNumbers.insert(symbol) }
    return value
  }

  /// What a round adds, where that lies between constants.
  private static func step(_ walk: KernelWalk, _ end: Polynomial, _ symbol: Symbol) -> ClosedRange<Int>? {
    var range: ClosedRange<Int>?
    for leaf in leaves(walk, end) {
      let added = leaf - Polynomial(symbol)
      guard !added.contains(symbol), let least = walk.prover.table.least(added),
        let most = walk.prover.table.most(added), least.magnitude < 1 << 40, most.magnitude < 1 << 40
      else { return nil }
      range = range.map { min($0.lowerBound, least)...max($0.upperBound, most) } ?? least...most
    }
    return range
  }

  /// The values that choices can make of a number.
  private static func leaves(_ walk: KernelWalk, _ value: Polynomial, depth: Int = 4) -> [Polynomial] {
    guard depth > 0 else { return [value] }
    for part in value.parts {
      for symbol in Polynomial.symbols(part.symbols) {
        guard case .choice = walk.prover.table[symbol].meaning else { continue }
        return walk.prover.table[symbol].alternatives.flatMap {
          leaves(walk, value.replacing(symbol, $0.value), depth: depth - 1)
        }
      }
    }
    return [value]
  }

  // MARK: Candidates

  private mutating func keepCandidates(
    _ walk: inout KernelWalk, _ loop: CountedLoop, _ free: [Free], _ ends: [[String: AbstractValue]],
    mark: Int,
    round: Polynomial, lower: Polynomial, trips: Polynomial
  ) {
    for number in free { inside[number.name] = .integer(Polynomial(number.symbol)) }
    var candidates = guesses(walk, free, ends, mark: mark, round: round)
    candidates = walk.prover.following(
      candidates.map { ($0, Self.replacing($0, free, { $0.initial }, round: round, by: Polynomial(0))) })
    let start = walk.values
    while !candidates.isEmpty {
      for (name, value) in inside { walk.values[name] = value }
      let count = walk.prover.facts.count
      for candidate in candidates { walk.prover.push(candidate) }
      let result = walk.rehearse(loop.body)
      let inner = walk.prover.facts.count
      for fact in result.end.facts { walk.prover.push(fact) }
      let kept = walk.prover.following(
        candidates.map {
          ($0, Self.replacing($0, free, { Self.value(result.end.values, $0) }, round: round, by: round + 1))
        })
      walk.prover.pop(to: inner)
      let isDone = kept.count == candidates.count
      if isDone {
        keepAfter(&walk, free, candidates, result.exits, round: round, trips: trips)
      }
      walk.prover.pop(to: count)
      walk.values = start
      candidates = kept
      if isDone { break }
    }
    facts = candidates
    for number in free where after[number.name] == nil { after[number.name] = Self.any(&walk, number) }
  }

  /// What still holds when the loop ends or is left.
  private mutating func keepAfter(
    _ walk: inout KernelWalk, _ free: [Free], _ candidates: [Polynomial], _ exits: [KernelWalk.Exit],
    round: Polynomial, trips: Polynomial
  ) {
    var ends: [String: Polynomial] = [:]
    for number in free {
      guard case .integer(let value) = Self.any(&walk, number) else { continue }
      ends[number.name] = value
      after[number.name] = .integer(value)
    }
    var holding = candidates
    if !exits.isEmpty, let top = round.top { holding.removeAll { $0.contains(top) } }
    for exit in exits {
      let count = walk.prover.facts.count
      for fact in exit.facts { walk.prover.push(fact) }
      holding = walk.prover.following(
        holding.map {
          ($0, Self.replacing($0, free, { Self.value(exit.values, $0) }, round: round, by: round))
        })
      walk.prover.pop(to: count)
    }
    factsAfter += holding.map { Self.replacing($0, free, { ends[$0.name]! }, round: round, by: trips) }
  }

  private static func value(_ values: [String: AbstractValue], _ number: Free) -> Polynomial {
    if case .integer(let value)? = values[number.name] { return value }
    return .invalid
  }

  /// A candidate with other values for the numbers and another round, all at once.
  private static func replacing(
    _ candidate: Polynomial, _ free: [Free], _ value: (Free) -> Polynomial, round: Polynomial,
    by other: Polynomial
  ) -> Polynomial {
    var rest = candidate
    var sum = Polynomial(0)
    for number in free {
      guard let (quotient, others) = rest.split(number.symbol) else { return .invalid }
      guard !quotient.parts.isEmpty else { continue }
      rest = others
      sum = sum + quotient * value(number)
    }
    if let top = round.top, rest.contains(top), let (quotient, others) = rest.split(top),
      let (own, base) = round.split(top), own == Polynomial(1)
    {
      rest = quotient * (other - base) + others
    }
    return rest + sum
  }

  /// Bounds and sums that may hold: by what the body assigns.
  private func guesses(
    _ walk: KernelWalk, _ free: [Free], _ ends: [[String: AbstractValue]], mark: Int, round: Polynomial
  ) -> [Polynomial] {
    func leaves(of number: Free) -> [Polynomial] {
      ends.flatMap { Self.leaves(walk, Self.value($0, number)) }
    }
    var found: [Polynomial] = []
    func add(_ candidate: Polynomial) {
      // A register's own range says nothing.
      guard candidate.isValid, candidate.constant == nil,
        !candidate.parts.contains(where: { $0.factor.magnitude > 1 << 40 })
      else { return }
      if !found.contains(candidate) { found.append(candidate) }
    }
    for number in free {
      let own = Polynomial(number.symbol)
      let values = leaves(of: number)
      add(own)
      add(own - 1)
      add(number.initial - own)
      add(own - number.initial)
      for leaf in values where leaf.isValid {
        for bound in Self.outerBounds(walk, leaf, mark: mark, lower: false) { add(bound - own) }
        for bound in Self.outerBounds(walk, leaf, mark: mark, lower: true) { add(own - bound) }
      }
      for other in free where other.symbol != number.symbol {
        add(Polynomial(other.symbol) - own)
        for leaf in values {
          guard let top = leaf.top, leaf == Polynomial(top),
            case .minimum(let a, let b) = walk.prover.table[top].meaning
          else { continue }
          for value in leaves(of: other) {
            for apart in [(a - value).constant, (b - value).constant].compactMap({ $0 }) {
              add(Polynomial(other.symbol) + apart - own)
            }
          }
        }
      }
    }
    if free.count >= 3 {
      for a in free {
        for b in free where a.symbol < b.symbol {
          for c in free where c.symbol != a.symbol && c.symbol != b.symbol {
            let sum = Polynomial(a.symbol) + Polynomial(b.symbol) - Polynomial(c.symbol) - round
            add(sum)
            add(sum * -1)
          }
        }
      }
    }
    return found
  }

  /// Bounds of a value by numbers from before the loop.
  static func outerBounds(
    _ walk: KernelWalk, _ value: Polynomial, mark: Int, lower: Bool, depth: Int = 5
  ) -> [Polynomial] {
    guard value.isValid else { return [] }
    guard let top = value.top, Int(top) > mark else { return [value] }
    guard depth > 0, let (quotient, rest) = value.split(top), let factor = quotient.constant else {
      return []
    }
    let entry = walk.prover.table[top]
    let bounds = (factor > 0) == lower ? entry.lowers : entry.uppers
    var found: [Polynomial] = []
    for bound in bounds where bound.factor == 1 {
      found += outerBounds(walk, rest + bound.bound * factor, mark: mark, lower: lower, depth: depth - 1)
    }
    return Array(found.prefix(8))
  }
}
