import TileIR

/// Whether elements of a cell's own arrays are stored before they are read.
///
/// Of each store the variables' values are worked out at which it would be the element that is read, the widest
/// stride first, and what has to hold of them. Where something of that does not follow, it is supposed not to hold,
/// and another store has to have written the element then.
extension KernelWalk {
  /// What makes a store's element the one that is read.
  private enum Need {
    case bound(Polynomial)
    case side(SideTaken, others: [Polynomial])
  }
  /// A side of a branch in the rounds that variables tell.
  struct SideTaken: Hashable {
    let branch: Int
    let isTaken: Bool
    let rounds: [Polynomial]
    var opposite: SideTaken { SideTaken(branch: branch, isTaken: !isTaken, rounds: rounds) }
  }

  /// How much is tried for one read.
  private struct Steps {
    static let mostDecisions = 12
    var candidates = 96
    var decisions = mostDecisions
  }
  static let mostSplits = 4
  /// Steps for a first look.
  static let fewSteps = 300

  /// Judges that the cell has stored the element at `place`.
  mutating func judgeStored(_ array: String, _ place: Polynomial, bits: Int) {
    guard isJudged else { return }
    // What is stored in fewer loops, such as zeroes all over, takes fewer steps to see.
    let all = stored.elements(of: array)
      .sorted { ($0.variables.count + $0.sides.count) < ($1.variables.count + $1.sides.count) }
    judge(
      place, bits: bits, isOneOf: all,
      "elements of \(array) are stored before they are read")
  }

  /// Judges that the element at `place` is among those that have been stored.
  mutating func judge(
    _ place: Polynomial, bits: Int, isOneOf elements: [StoredElements], _ sentence: String,
    splits: Int = mostSplits
  ) {
    let all = elements.filter { $0.bits == bits }
    guard !all.isEmpty else { return refuse(.defined, sentence, "nothing is stored to it before") }
    guard place.isValid else { return refuse(.defined, sentence, "its place is not followed") }
    // Lanes of stores are variables, those of the access are at hand.
    var own = place
    for (lanes, symbol) in laneSymbols where prover.table.symbols(in: own).contains(symbol) {
      own = prover.with { table in
        let lane = table.add("lane", 0...lanes - 1)
        return table.replacing(own, symbol, Polynomial(lane))
      }
    }
    let count = obligations.count
    // Where cases are many, bounds tell each of them.
    var steps = Steps(decisions: splits > Self.mostSplits ? 0 : Steps.mostDecisions)
    if isStored(own, all, [], [:], sentence, &steps, depth: splits) || prover.isUnreachable() {
      return find(.defined, sentence, .proved(.affine))
    }
    obligations.removeSubrange(count...)
    refuse(.defined, sentence, "one may be read that nothing has written", open: own)
  }

  /// Whether a store has written the element; each that might have is tried with all the others for what it leaves.
  private mutating func isStored(
    _ place: Polynomial, _ elements: [StoredElements], _ sides: Set<SideTaken>, _ known: [Symbol: Polynomial],
    _ sentence: String, _ steps: inout Steps, depth: Int
  ) -> Bool {
    var moved: [(position: Int, readsBlocks: Bool, values: [Symbol: Polynomial])] = []
    for (position, candidate) in elements.enumerated() {
      for readsBlocks in [false, true] {
        guard let values = values(of: candidate, at: place, [:], readsBlocks: readsBlocks),
          moved.last.map({ $0.position != position || $0.values != values }) ?? true
        else { continue }
        moved.append((position, readsBlocks, values))
        let count = obligations.count
        let needs = needs(of: candidate, at: place, values)
        if needs.allSatisfy({ proves($0, sides, sentence, steps: Self.fewSteps) }) { return true }
        obligations.removeSubrange(count...)
      }
    }
    var open: [(position: Int, needs: [Need])] = []
    // What a loop's number is for one store it is for another whose place does not tell it.
    var hints = known
    for (_, _, values) in moved { hints.merge(values) { first, _ in first } }
    for (position, readsBlocks, values) in moved {
      guard steps.candidates > 0 else { return false }
      steps.candidates -= 1
      let candidate = elements[position]
      let isMissing = candidate.variables.contains { values[$0.symbol] == nil && hints[$0.symbol] != nil }
      let hinted = isMissing ? self.values(of: candidate, at: place, hints, readsBlocks: readsBlocks) : values
      let needs = needs(of: candidate, at: place, hinted ?? values)
      let count = obligations.count
      var missing: [Need] = []
      for need in needs
      where missing.count <= 2 && !proves(need, sides, sentence, steps: BoundElimination.mostSteps) {
        missing.append(need)
      }
      if missing.isEmpty { return true }
      obligations.removeSubrange(count...)
      if missing.count <= 2 { open.append((position, missing)) }
    }
    // What bounds alone do not tell.
    for (_, needs) in open where steps.decisions > 0 {
      steps.decisions -= 1
      let count = obligations.count
      if needs.allSatisfy({ decides($0, sentence) }) { return true }
      obligations.removeSubrange(count...)
    }
    guard depth > 0, elements.count > 1 else { return false }
    for (position, needs) in open.sorted(by: { $0.needs.count < $1.needs.count }) {
      var others = elements
      others.remove(at: position)
      let count = obligations.count
      let isCovered = needs.allSatisfy { need in
        let facts = prover.facts.count
        defer { prover.pop(to: facts) }
        var sides = sides
        switch need {
        case .bound(let bound): prover.push(bound * -1 - 1)
        case .side(let side, let facts):
          for fact in facts { prover.push(fact) }
          sides.insert(side.opposite)
        }
        return prover.isUnreachable()
          || isStored(place, others, sides, hints, sentence, &steps, depth: depth - 1)
      }
      if isCovered { return true }
      obligations.removeSubrange(count...)
    }
    return false
  }

  private mutating func proves(_ need: Need, _ sides: Set<SideTaken>, _ sentence: String, steps: Int) -> Bool
  {
    switch need {
    case .bound(let bound): return holds(bound, sentence, steps: steps)
    case .side(let side, let others):
      return sides.contains(side) || others.contains { holds($0 * -1 - 1, sentence, steps: steps) }
    }
  }

  private mutating func decides(_ need: Need, _ sentence: String) -> Bool {
    let goals =
      switch need {
      case .bound(let bound): [bound]
      case .side(_, let others): others.map { $0 * -1 - 1 }
      }
    return goals.contains { goal in
      guard goal.constant == nil,
        let obligation = prover.obligation(goal, .defined, kernel: kernel.name, at: location, sentence)
      else { return false }
      let verdict = solver.decide(obligation)
      if certifies, verdict.isProved { obligations.append((obligation, verdict)) }
      return verdict.isProved
    }
  }

  private mutating func holds(_ goal: Polynomial, _ sentence: String, steps: Int) -> Bool {
    guard isAtLeastZero(goal, steps: steps) else { return false }
    if certifies, goal.constant == nil,
      let obligation = prover.certificate(goal, .defined, kernel: kernel.name, at: location, sentence)
    {
      obligations.append((obligation, .proved(.affine)))
    }
    return true
  }

  /// The values of the variables that move a store's place, for it to be `target`; nil where they are not seen.
  private mutating func values(
    of elements: StoredElements, at target: Polynomial, _ hints: [Symbol: Polynomial], readsBlocks: Bool
  ) -> [Symbol: Polynomial]? {
    var place = elements.place
    // What the values found so far add.
    var found = Polynomial(0)
    var values: [Symbol: Polynomial] = [:]
    var strides: [(symbol: Symbol, stride: Polynomial)] = []
    let variables = Set(elements.variables.map(\.symbol))
    for variable in elements.variables {
      guard let (stride, _) = place.split(variable.symbol) else { return nil }
      if prover.table.symbols(in: stride).contains(where: variables.contains) { return nil }
      strides.append((variable.symbol, stride))
    }
    for (symbol, stride) in strides where stride.parts.isEmpty {
      guard let hint = hints[symbol] else { continue }
      values[symbol] = hint
      place = prover.with { $0.replacing(place, symbol, hint) }
    }
    strides.removeAll { $0.stride.parts.isEmpty }
    strides.sort { $0.stride.isWider(than: $1.stride) }
    var next = 0
    while next < strides.count {
      // Digits of one number: each stride is as long as all that follow it in their bounds.
      var last = next
      while last + 1 < strides.count, let wide = strides[last].stride.constant,
        let narrow = strides[last + 1].stride.constant,
        let count = elements.variables.first(where: { $0.symbol == strides[last + 1].symbol })?.uppers.first?
          .constant,
        narrow > 0, wide == narrow * count
      { last += 1 }
      let pending = Set(strides[next...].map(\.symbol))
      guard let base = unmoved(place, by: pending),
        var number = value(
          target - found, base - found, strides[last].stride, isLast: last == strides.count - 1,
          readsBlocks: readsBlocks)
      else { return nil }
      for (symbol, stride) in strides[next...last] {
        var digit = number
        if symbol != strides[last].symbol, let wide = stride.constant,
          let narrow = strides[last].stride.constant
        {
          digit = prover.with { $0.floor(number, by: wide / narrow) }
          number = number - digit * (wide / narrow)
        }
        values[symbol] = digit
        place = prover.with { $0.replacing(place, symbol, digit) }
        found = found + stride * digit
      }
      next = last + 1
    }
    return values
  }

  /// What has to hold so that a store's element is the one at `target`.
  private mutating func needs(
    of elements: StoredElements, at target: Polynomial, _ moved: [Symbol: Polynomial]
  ) -> [Need] {
    var values = moved
    func known(_ a: Polynomial) -> Polynomial {
      values.sorted { $0.key < $1.key }.reduce(a) { a, value in
        prover.with { $0.replacing(a, value.key, value.value) }
      }
    }
    var needs: [Need] = []
    for variable in elements.variables {
      // Where it moves nothing, its first value will do.
      let lower = known(variable.lower)
      let value = values[variable.symbol] ?? lower
      values[variable.symbol] = value
      if value != lower { needs.append(.bound(value - lower)) }
      needs += variable.uppers.map { .bound(known($0) - value - 1) }
    }
    let apart = target - known(elements.place)
    if apart != Polynomial(0) { needs += [.bound(apart), .bound(apart * -1)] }
    needs += elements.conditions.map { .bound(known($0)) }
    for side in elements.sides {
      let taken = SideTaken(
        branch: side.branch, isTaken: side.isTaken, rounds: side.around.map { values[$0] ?? .invalid })
      needs.append(.side(taken, others: side.others.map(known)))
    }
    return needs
  }

  /// The part of a place that none of the variables moves.
  func unmoved(_ place: Polynomial, by variables: Set<Symbol>) -> Polynomial? {
    var rest = place
    for symbol in Set(place.parts.flatMap { Polynomial.symbols($0.symbols) }).sorted() {
      guard prover.table.symbols(in: Polynomial(symbol)).contains(where: variables.contains) else { continue }
      guard let (_, others) = rest.split(symbol) else { return nil }
      rest = others
    }
    return rest
  }

  /// How many strides lie between a base and a target.
  private mutating func value(
    _ target: Polynomial, _ base: Polynomial, _ stride: Polynomial, isLast: Bool, readsBlocks: Bool
  ) -> Polynomial? {
    let rest = target - base
    guard rest.isValid else { return nil }
    guard let n = stride.constant else {
      var quotient = rest
      for symbol in Polynomial.symbols(stride.parts[0].symbols) {
        guard let (inside, _) = quotient.split(symbol) else { return nil }
        quotient = inside
      }
      return quotient.divided(by: stride.parts[0].factor).quotient
    }
    guard n > 0 else { return nil }
    if n == 1 { return rest }
    if isLast { return rest.divided(by: n).quotient }
    let (whole, left) = rest.divided(by: n)
    for (more, left) in [(0, left), (1, left - n), (-1, left + n)] {
      if let least = prover.table.least(left), let most = prover.table.most(left), least >= 0, most < n {
        return whole + more
      }
    }
    // Where the target tells its block, a base is in the first one unless it tells another.
    let (block, _) = target.divided(by: n)
    if readsBlocks, block.constant == nil {
      let (first, inside) = base.divided(by: n)
      if first.constant != nil { return block - first }
      if isWithin(base, n) { return block }
      if isWithin(inside, n) { return block - first }
    }
    for (more, left) in [(0, left), (1, left - n), (-1, left + n)] where isWithin(left, n) {
      return whole + more
    }
    return prover.with { $0.floor(rest, by: n) }
  }

  private mutating func isWithin(_ a: Polynomial, _ n: Int) -> Bool {
    isAtLeastZero(a, steps: Self.fewSteps) && isAtLeastZero(a * -1 + (n - 1), steps: Self.fewSteps)
  }

  mutating func isAtLeastZero(_ a: Polynomial, steps: Int) -> Bool {
    if prover.isAtLeastZero(a, steps: steps) { return true }
    if let least = prover.table.leastOfFew(a) { return least >= 0 }
    if let less = prover.table.withLeastOfFew(a), prover.isAtLeastZero(less, steps: steps) { return true }
    // A fact that takes parts away leaves less to prove.
    return prover.facts.suffix(16).contains { fact in
      guard let first = fact.parts.first, first.symbols != 0,
        let own = a.parts.first(where: { $0.symbols == first.symbols }), own.factor % first.factor == 0,
        own.factor / first.factor > 0
      else { return false }
      let rest = a - fact * (own.factor / first.factor)
      return rest.parts.count < a.parts.count && prover.isAtLeastZero(rest, steps: Self.fewSteps)
    }
  }
}

extension Polynomial {
  /// Whether a stride is taken before another: products of a launch's numbers first, then by size.
  fileprivate func isWider(than other: Polynomial) -> Bool {
    let (x, y) = (parts[0], other.parts[0])
    let (a, b) = (Self.symbols(x.symbols).count, Self.symbols(y.symbols).count)
    return a != b ? a > b : x.factor.magnitude > y.factor.magnitude
  }
}
