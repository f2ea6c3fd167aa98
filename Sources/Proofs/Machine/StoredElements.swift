import MachineIR
import TileIR

/// Elements that a cell has stored to an array of its own: one for every choice of its variables within their
/// bounds, wherever the sides of branches that it stands on were taken.
struct StoredElements {
  /// A loop's number, a lane, or one of several neighbouring statements.
  struct Variable: Hashable {
    let symbol: Symbol
    let lower: Polynomial
    /// It is below each of these.
    var uppers: [Polynomial]
  }
  /// A side of a branch.
  struct Side: Hashable {
    let branch: Int
    let isTaken: Bool
    /// What holds where another side was taken: polynomials that are at least 0.
    var others: [Polynomial]
    /// Variables of loops around the branch, which may go another way in each round.
    var around: [Symbol] = []
  }

  var place: Polynomial
  let bits: Int
  /// Outermost first: bounds speak of variables before them.
  var variables: [Variable]
  var sides: [Side] = []
  /// What else has to hold of the variables: polynomials that are at least 0.
  var conditions: [Polynomial] = []
  /// The variable that counts neighbouring statements, how far apart their places are, and the first one's place.
  var series: (symbol: Symbol, step: Int, first: Polynomial)?

  /// What says where and how many they are.
  var bounds: [Polynomial] { [place] + variables.flatMap { [$0.lower] + $0.uppers } + conditions }
}

/// What a cell has stored to its arrays so far, by the loops and branches that are open.
struct StoreLog {
  struct Frame {
    fileprivate(set) var stored: [String: [StoredElements]] = [:]
    /// Register arrays that begin anew in it.
    fileprivate var renewed: Set<String> = []
  }
  private var frames = [Frame()]
  private var branches = 0

  /// The latest first.
  func elements(of array: String) -> [StoredElements] {
    frames.reversed().flatMap { $0.stored[array, default: []].reversed() }
  }

  mutating func begin() { frames.append(Frame()) }
  mutating func end() -> Frame { frames.removeLast() }
  mutating func nextBranch() -> Int {
    branches += 1
    return branches
  }

  /// An array's elements are undefined from here on.
  mutating func renew(_ array: String) {
    for position in frames.indices { frames[position].stored[array] = nil }
    frames[frames.count - 1].renewed.insert(array)
  }

  /// Adds elements; where `joins`, those of neighbouring statements become one.
  mutating func add(_ new: StoredElements, to array: String, joins: Bool = true, _ table: inout SymbolTable) {
    var list = frames[frames.count - 1].stored[array, default: []]
    if joins, let last = list.last, let joined = Self.joined(last, new, &table) {
      list[list.count - 1] = joined
    } else {
      list.append(new)
    }
    frames[frames.count - 1].stored[array] = list
  }

  /// Neighbouring statements that store the same way a constant apart.
  private static func joined(
    _ a: StoredElements, _ b: StoredElements, _ table: inout SymbolTable
  ) -> StoredElements? {
    guard a.bits == b.bits, a.sides.isEmpty, b.sides.isEmpty, a.conditions == b.conditions else { return nil }
    var result = a
    if let series = a.series {
      guard Array(a.variables.dropLast()) == b.variables, let last = a.variables.last?.uppers.first?.constant,
        (b.place - series.first).constant == series.step * last
      else { return nil }
      result.variables[a.variables.count - 1].uppers = [Polynomial(last + 1)]
      return result
    }
    guard a.variables == b.variables, let apart = (b.place - a.place).constant, apart >= 0 else { return nil }
    if apart == 0 { return a }
    let number = table.add("statement", lowers: [.init(Polynomial(0))])
    result.place = a.place + Polynomial(number) * apart
    result.variables.append(.init(symbol: number, lower: Polynomial(0), uppers: [Polynomial(2)]))
    result.series = (number, apart, a.place)
    return result
  }

  /// Takes what a side of a branch has stored.
  mutating func take(_ frame: Frame, on side: StoredElements.Side) {
    let last = frames.count - 1
    for (array, list) in frame.stored {
      frames[last].stored[array, default: []] += list.map { elements in
        var elements = elements
        elements.sides.append(side)
        return elements
      }
    }
    frames[last].renewed.formUnion(frame.renewed)
  }

  /// Takes what the rounds of a loop have stored, as `all` makes it of one round's.
  mutating func take(_ frame: Frame, all: (StoredElements) -> StoredElements?) {
    let last = frames.count - 1
    for (array, list) in frame.stored where !frame.renewed.contains(array) {
      frames[last].stored[array, default: []] += list.compactMap(all)
    }
    frames[last].renewed.formUnion(frame.renewed)
  }
}

/// What statements of a walk store to arrays of the cell's own.
extension KernelWalk {
  /// Notes elements at `place`, one a lane below `active`.
  mutating func noteStored(
    _ array: String, _ place: Polynomial, bits: Int, lanes: Int, active: Polynomial? = nil
  ) {
    guard isJudged, place.isValid, active?.isValid ?? true else { return }
    var elements = StoredElements(place: place, bits: bits, variables: [])
    if lanes > 1, let lane = lane(of: lanes).top {
      if active == nil, let box = box(place, lane, lanes) {
        elements.place = box.place
        elements.variables = box.variables
        return prover.with { stored.add(elements, to: array, &$0) }
      }
      let uppers = [Polynomial(lanes)] + (active.map { [$0] } ?? [])
      elements.variables = [.init(symbol: lane, lower: Polynomial(0), uppers: uppers)]
    } else if let active {
      elements.conditions = [active - 1]
    }
    prover.with { stored.add(elements, to: array, &$0) }
  }

  /// Places that lanes reach by more than a stride, as those of several variables with a stride each: rows and columns
  /// that the registers of a matrix hold.
  private mutating func box(
    _ place: Polynomial, _ lane: Symbol, _ lanes: Int
  ) -> (place: Polynomial, variables: [StoredElements.Variable])? {
    guard let base = unmoved(place, by: [lane]), let (_, others) = (place - base).split(lane),
      !others.parts.isEmpty
    else {
      return nil
    }
    var left: [Int] = []
    for number in 0..<lanes {
      guard let value = prover.table.value(place - base, lane, number) else { return nil }
      left.append(value)
    }
    left.sort()
    var variables: [StoredElements.Variable] = []
    var result = base + left[0]
    while left.count > 1 {
      let stride = left[1] - left[0]
      let count = left.indices.first { left[$0] != left[0] + $0 * stride } ?? left.count
      guard stride > 0, left.count % count == 0 else { return nil }
      let starts = Swift.stride(from: 0, to: left.count, by: count).map { left[$0] }
      guard left == starts.flatMap({ start in (0..<count).map { start + $0 * stride } }) else { return nil }
      let symbol = prover.with { $0.add("lane", lowers: [.init(Polynomial(0))]) }
      result = result + Polynomial(symbol) * stride
      variables.append(.init(symbol: symbol, lower: Polynomial(0), uppers: [Polynomial(count)]))
      left = starts
    }
    return (result, variables)
  }

  mutating func noteCleared(_ array: String, _ first: Polynomial, _ count: Polynomial, bits: Int) {
    guard isJudged, first.isValid, count.isValid else { return }
    let symbol = prover.with { $0.add("cleared", lowers: [.init(Polynomial(0))], uppers: [.init(count - 1)]) }
    let elements = StoredElements(
      place: first + Polynomial(symbol), bits: bits,
      variables: [.init(symbol: symbol, lower: Polynomial(0), uppers: [count])])
    prover.with { stored.add(elements, to: array, &$0) }
  }

  mutating func noteStored(_ access: Access, _ place: Polynomial, lanes: Int, active: Polynomial?) {
    guard scratchCounts[access.buffer] != nil || isHandedOn(access.buffer) else { return }
    noteStored(access.buffer, place, bits: access.element.bitWidth, lanes: lanes, active: active)
  }

  /// What the sides of a branch have stored, each with what holds where it is not taken. A side that leaves its loop
  /// does not come here.
  mutating func close(_ sides: [(frame: StoreLog.Frame, others: [Polynomial], leaves: Bool)]) {
    let branch = stored.nextBranch()
    for (number, side) in sides.enumerated() where !side.leaves {
      stored.take(side.frame, on: .init(branch: branch, isTaken: number == 0, others: side.others))
    }
  }

  /// What all rounds of a loop have stored, up to the last. `mark` is the last number from before the loop: those that
  /// are found anew in each round are not known after it.
  mutating func closeStored(
    _ loop: CountedLoop, _ lower: Polynomial, _ upper: Polynomial, _ symbol: Symbol?, mark: Int,
    hasEarlier: Bool
  ) {
    let frame = stored.end()
    // What the rounds before the one at hand have copied is part of what all of them have.
    if hasEarlier { _ = stored.end() }
    if isJudged || notesCopies, !copyRings.rings.isEmpty { turnedRings.formUnion(loop.body.copyTargets) }
    guard isJudged || notesCopies, let symbol, !Self.leaves(loop.body) else {
      return stored.take(frame) { _ in nil }
    }
    let variable =
      loop.step == 1
      ? StoredElements.Variable(symbol: symbol, lower: lower, uppers: [upper])
      : StoredElements.Variable(
        symbol: symbol, lower: Polynomial(0),
        uppers: [prover.with { $0.floor(upper - lower + (loop.step - 1), by: loop.step) }])
    var log = stored
    log.take(frame) { overRounds($0, variable, mark: mark) }
    stored = log
  }

  /// What all rounds of a number have stored, of what one has. Other numbers are those up to `mark`, and `outer`
  /// ones.
  mutating func overRounds(
    _ elements: StoredElements, _ variable: StoredElements.Variable, mark: Int, outer: Set<Symbol> = []
  ) -> StoredElements? {
    let own = Set(elements.variables.map(\.symbol) + [variable.symbol]).union(outer)
    func isKnown(_ a: Polynomial) -> Bool {
      prover.table.symbols(in: a).allSatisfy { symbol in
        if Int(symbol) <= mark || own.contains(symbol) { return true }
        switch prover.table[symbol].meaning {
        case .floor, .minimum, .maximum: return true
        case .number, .choice:
          // An element of a parameter is the same in every round where its place is.
          guard let (parameter, offset) = loadPlaces[symbol], parameter != nil else { return false }
          return prover.table.symbols(in: offset).allSatisfy { Int($0) <= mark }
        }
      }
    }
    guard elements.bounds.allSatisfy(isKnown) else { return nil }
    var result = elements
    if variable.uppers.contains(variable.lower + 1) {
      return replacing(result, variable.symbol, variable.lower)
    }
    if isSingle(variable) {
      // One round at most moves nothing, however wide its stride; that there is one is still to be proved.
      result = replacing(result, variable.symbol, variable.lower)
      result.conditions += variable.uppers.map { $0 - variable.lower - 1 }
      return result
    }
    for position in result.sides.indices {
      result.sides[position].around.append(variable.symbol)
      result.sides[position].others.removeAll { !isKnown($0) }
    }
    result.series = nil
    if variable.lower != Polynomial(0) {
      // Rounds are counted from 0.
      let round = prover.with { $0.add("round", lowers: [.init(Polynomial(0))]) }
      result = replacing(result, variable.symbol, variable.lower + Polynomial(round))
      for position in result.sides.indices {
        result.sides[position].around[result.sides[position].around.count - 1] = round
      }
      let uppers = variable.uppers.map { $0 - variable.lower }
      result.variables.insert(.init(symbol: round, lower: Polynomial(0), uppers: uppers), at: 0)
      return result
    }
    guard let n = divisor(of: variable, in: result) else {
      result.variables.insert(variable, at: 0)
      return result
    }
    // Blocks of rounds and the rounds of a block, each with a variable of its own.
    let (a, b) = prover.with {
      ($0.add("block_of_rounds", lowers: [.init(Polynomial(0))]), $0.add("round_of_block", 0...n - 1))
    }
    let both = Polynomial(a) * n + Polynomial(b)
    result = replacing(result, variable.symbol, both)
    let blocks = variable.uppers.map { upper in prover.with { $0.floor(upper + (n - 1), by: n) } }
    result.conditions += variable.uppers.map { $0 - both - 1 }
    result.variables.insert(.init(symbol: b, lower: Polynomial(0), uppers: [Polynomial(n)]), at: 0)
    result.variables.insert(.init(symbol: a, lower: Polynomial(0), uppers: blocks), at: 0)
    return result
  }

  mutating func replacing(
    _ elements: StoredElements, _ symbol: Symbol, _ value: Polynomial
  ) -> StoredElements {
    var result = elements
    prover.with { table in
      func replaced(_ a: Polynomial) -> Polynomial { table.replacing(a, symbol, value) }
      result.place = replaced(result.place)
      result.conditions = result.conditions.map(replaced)
      result.variables = result.variables.map {
        .init(symbol: $0.symbol, lower: replaced($0.lower), uppers: $0.uppers.map(replaced))
      }
      for position in result.sides.indices {
        result.sides[position].others = result.sides[position].others.map(replaced)
      }
    }
    return result
  }

  /// Whether a variable whose bound counts blocks has one value at most.
  private mutating func isSingle(_ variable: StoredElements.Variable) -> Bool {
    variable.uppers.contains { upper in
      let blocks = upper - variable.lower - 1
      guard let top = blocks.top, blocks == Polynomial(top),
        case .floor(let all, let size) = prover.table[top].meaning
      else { return false }
      return isAtLeastZero(all * -1 + (size - 1), steps: Self.fewSteps)
    }
  }

  /// The constant by which places divide a loop's number, where it counts from 0 and nothing else depends on it.
  private func divisor(of variable: StoredElements.Variable, in elements: StoredElements) -> Int? {
    guard variable.lower == Polynomial(0), elements.sides.isEmpty, elements.conditions.isEmpty,
      !elements.variables.contains(where: { $0.lower.contains(variable.symbol) })
    else { return nil }
    for symbol in prover.table.symbols(in: elements.place) {
      if case .floor(let a, let n) = prover.table[symbol].meaning, a == Polynomial(variable.symbol) {
        return n
      }
    }
    return nil
  }
}
