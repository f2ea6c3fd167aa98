import MachineIR

/// Where the addends of a sum stand along its axis.
///
/// A coordinate is guessed, by the places that addends are read from or by the loops around them. It is the right one
/// where every place that is read is a function of it, the same for each statement that adds: an addend that another
/// statement would have read elsewhere is no member of the sum. Arrays on chip that are filled anew in the midst of a sum
/// may be looked through, to the sources of what they hold.
struct AddendPlaces {
  private let coordinates: [Polynomial]
  private let adds: [SumTree.Addend]

  init?(
    _ own: [SumTree.Addend], foldsLanes: Bool, foldsMembers: Bool, ofSources: Bool, _ joining: inout WrittenRegions
  ) {
    self.adds = own
    let adds = ofSources ? own.map(\.readingSources) : own
    guard
      let found = Self.coordinates(adds, foldsLanes: foldsLanes, foldsMembers: foldsMembers, &joining)
    else { return nil }
    coordinates = found
  }

  private static func coordinates(
    _ adds: [SumTree.Addend], foldsLanes: Bool, foldsMembers: Bool, _ joining: inout WrittenRegions
  ) -> [Polynomial]? {
    // Each statement's loops over registers have names of their own for what are the same elements.
    let adds = foldsMembers ? adds : adds.map { $0.named(as: adds[0], &joining) }
    let guesses = Guesses(adds, foldsLanes: foldsLanes, foldsMembers: foldsMembers, &joining)
    let number = Polynomial(joining.walk.prover.with { $0.add("addend", MachineScalar.i64.values!) })
    func isRight(_ guess: [Polynomial], byVector: Bool) -> Bool {
      var functions: [(elements: Set<Symbol>, reads: Set<SumTree.Read>)] = []
      for (add, coordinate) in zip(adds, guess) {
        let moving = add.moving(foldsLanes, foldsMembers, &joining)
        let width = foldsLanes ? add.step.addition!.type.lanes : 1
        let found =
          byVector
          ? Self.reads(of: add, vectors: width, at: coordinate, moving, as: number, &joining)
          : Self.reads(of: add, at: coordinate, moving, as: number, &joining).map { ($0, nil) }
        guard let (reads, value) = found else { return false }
        let elements = (add.isNamed ? adds[0] : add).elements(joining).subtracting(moving)
        if let before = functions.first(where: { $0.elements == elements }) {
          guard Self.isSame(before.reads, reads, number, at: value, &joining) else { return false }
        } else if value != nil {
          continue
        }
        functions.append((elements, reads))
      }
      return true
    }
    return guesses.all(joining).first {
      isRight($0, byVector: false) || foldsLanes && isRight($0, byVector: true)
        || adds.count == 1 && Self.countsUp(adds[0], $0[0], foldsLanes, foldsMembers, &joining)
    }
  }

  /// Whether two statements read the same functions of the coordinate, but for numbers that each finds for itself, such
  /// as the segment of a row.
  private static func isSame(
    _ a: Set<SumTree.Read>, _ b: Set<SumTree.Read>, _ number: Polynomial, at value: Polynomial?,
    _ joining: inout WrittenRegions
  ) -> Bool {
    guard a.count == b.count, let symbol = number.top else { return false }
    return a.allSatisfy { read in
      let place =
        value.map { value in joining.walk.prover.with { $0.replacing(read.place, symbol, value) } }
        ?? read.place
      let table = joining.walk.prover.table
      return b.contains { other in
        guard read.memory == other.memory else { return false }
        let apart = other.place - place
        return apart.isValid && apart.constantTerm == 0 && !table.symbols(in: apart).contains(symbol)
      }
    }
  }

  func coordinate(_ add: SumTree.Addend) -> Polynomial? {
    adds.firstIndex {
      $0.step.index == add.step.index && $0.step.reads == add.step.reads && $0.loops.count == add.loops.count
    }
    .map { coordinates[$0] }
  }

  /// The places that an addend is read from as functions of its coordinate; nil where one is none.
  private static func reads(
    of add: SumTree.Addend, at coordinate: Polynomial, _ moving: [Symbol], as number: Polynomial,
    _ joining: inout WrittenRegions
  ) -> Set<SumTree.Read>? {
    guard coordinate.isValid else { return nil }
    let table = joining.walk.prover.table
    // One of the numbers that move is what the others leave of the coordinate.
    let solved = moving.first { symbol in coordinate.split(symbol)?.quotient == Polynomial(1) }
    var found: Set<SumTree.Read> = []
    for read in add.step.reads where read.place.isValid {
      guard table.symbols(in: read.place).contains(where: moving.contains) else { continue }
      guard let solved, let (_, rest) = coordinate.split(solved) else { return nil }
      let whole = wholeQuotients(in: read.place, of: coordinate, moving, &joining)
      let place = joining.walk.prover.with { $0.replacing(whole, solved, number - rest) }
      guard place.isValid, !joining.walk.prover.table.symbols(in: place).contains(where: moving.contains)
      else { return nil }
      // Coordinates count upwards what memory holds.
      guard let (step, _) = number.top.map({ place.split($0) }) ?? nil,
        step.parts.allSatisfy({ $0.factor > 0 })
      else {
        return nil
      }
      found.insert(SumTree.Read(memory: read.memory, place: place))
    }
    return found
  }
}

/// Places by the digits of a coordinate.
extension AddendPlaces {
  /// Whether a coordinate's digits, the round of one loop, the register and the lane, each move all places upwards, and
  /// none has another value for the same coordinate: then places are functions of it.
  private static func countsUp(
    _ add: SumTree.Addend, _ coordinate: Polynomial, _ foldsLanes: Bool, _ foldsMembers: Bool,
    _ joining: inout WrittenRegions
  ) -> Bool {
    let moving = add.moving(foldsLanes, foldsMembers, &joining)
    let reads = add.step.reads.filter { read in
      joining.walk.prover.table.symbols(in: read.place).contains(where: moving.contains)
    }
    var weight = 1
    let digits = moving.compactMap { symbol in
      coordinate.split(symbol)?.quotient.constant.map { (symbol: symbol, weight: $0) }
    }.sorted { $0.weight < $1.weight }
    guard digits.count == moving.count, !reads.isEmpty else { return false }
    for (position, digit) in digits.enumerated() {
      let entry = joining.walk.prover.table[digit.symbol]
      guard digit.weight == weight, entry.least == 0 else { return false }
      if position < digits.count - 1 {
        guard let most = entry.most else { return false }
        weight *= most + 1
      }
    }
    return reads.allSatisfy { read in
      read.place.isValid
        && moving.allSatisfy { symbol in
          guard let step = read.place.split(symbol)?.quotient, !step.parts.isEmpty else { return false }
          return step.parts.allSatisfy { $0.factor > 0 }
        }
    }
  }
}

/// Places by the number of a vector.
extension AddendPlaces {
  /// The places that an addend is read from as functions of its vector's number and its lane, and that number where it is
  /// one for all: what a vector's first coordinate tells, such as which row it is in, is the same for all its lanes.
  private static func reads(
    of add: SumTree.Addend, vectors width: Int, at coordinate: Polynomial, _ moving: [Symbol],
    as number: Polynomial,
    _ joining: inout WrittenRegions
  ) -> (reads: Set<SumTree.Read>, value: Polynomial?)? {
    guard coordinate.isValid, width > 1 else { return nil }
    let lane = joining.walk.lane(of: width)
    let (vector, rest) = (coordinate - lane).divided(by: width)
    guard rest.constant == 0 else { return nil }
    let others = moving.filter { lane.top != $0 }
    let solved = others.first { vector.split($0)?.quotient == Polynomial(1) }
    guard solved != nil || !joining.walk.prover.table.symbols(in: vector).contains(where: others.contains)
    else { return nil }
    var found: Set<SumTree.Read> = []
    for read in add.step.reads where read.place.isValid {
      guard joining.walk.prover.table.symbols(in: read.place).contains(where: moving.contains) else {
        continue
      }
      var place = read.place
      if let solved, let (_, rest) = vector.split(solved) {
        place = joining.walk.prover.with { $0.replacing(place, solved, number - rest) }
        guard let step = number.top.flatMap({ place.split($0)?.quotient }),
          step.parts.allSatisfy({ $0.factor > 0 })
        else {
          return nil
        }
      }
      guard place.isValid, !joining.walk.prover.table.symbols(in: place).contains(where: others.contains),
        let step = lane.top.flatMap({ place.split($0)?.quotient }), step.parts.allSatisfy({ $0.factor > 0 })
      else { return nil }
      found.insert(SumTree.Read(memory: read.memory, place: place))
    }
    return (found, solved == nil ? vector : nil)
  }
}

/// Quotients of a vector's first coordinate as quotients of each lane's.
extension AddendPlaces {
  /// A place with quotients of the coordinate itself for those of a number that is less than it, where both are the
  /// same: a vector's lanes do not reach over a multiple of the divisor.
  private static func wholeQuotients(
    in place: Polynomial, of coordinate: Polynomial, _ moving: [Symbol], _ joining: inout WrittenRegions
  ) -> Polynomial {
    var result = place
    for symbol in Set(place.parts.flatMap { Polynomial.symbols($0.symbols) }).sorted()
    where !moving.contains(symbol) {
      let table = joining.walk.prover.table
      guard case .floor(let inner, let divisor) = table[symbol].meaning,
        table.symbols(in: inner).contains(where: moving.contains)
      else { continue }
      // The quotient of what is left where common factors are taken out has the narrower bounds.
      let factor = inner.parts.reduce(divisor) { $0.greatestDivisor(with: $1.factor) }
      let (part, rest) = inner.divided(by: factor)
      guard factor > 1, rest.constant == 0 else { continue }
      let quotient = joining.walk.prover.with { $0.floor(part, by: divisor / factor) }
      let offset =
        coordinate.divided(by: divisor).rest.filtered { $0.contains(where: moving.contains) }
        - inner.filtered { $0.contains(where: moving.contains) }
      let left = inner + offset - quotient * divisor
      guard joining.walk.prover.isAtLeastZero(left),
        joining.walk.prover.isAtLeastZero(left * -1 + (divisor - 1))
      else {
        continue
      }
      let whole = joining.walk.prover.with { $0.floor(inner + offset, by: divisor) }
      result = result.replacing(symbol, whole)
    }
    return result
  }
}

/// Coordinates that the addends of a sum may have, one for each statement.
private struct Guesses {
  private let adds: [SumTree.Addend]
  private let moving: [[Symbol]]
  private let byLoops: [Polynomial]

  init(_ adds: [SumTree.Addend], foldsLanes: Bool, foldsMembers: Bool, _ joining: inout WrittenRegions) {
    self.adds = adds
    var moving: [[Symbol]] = []
    var byLoops: [Polynomial] = []
    // What no loop counts comes after what the loop before it has.
    var end: Polynomial?
    for add in adds {
      moving.append(add.moving(foldsLanes, foldsMembers, &joining))
      let width = foldsLanes ? add.step.addition!.type.lanes : 1
      let loop = add.chain(joining).last
      guard var coordinate = loop?.counter ?? end else { continue }
      end = loop?.numbers.upper
      if width > 1 { coordinate = coordinate + joining.walk.lane(of: width) }
      if foldsMembers, let member = add.step.index.first { coordinate = coordinate + member * width }
      byLoops.append(coordinate)
    }
    self.moving = moving
    self.byLoops = byLoops
  }

  func all(_ joining: WrittenRegions) -> [[Polynomial]] {
    let byPlaces = adds[0].step.reads.compactMap { coordinates(by: $0, joining) }
    return byPlaces + (byLoops.count == adds.count ? [byLoops] : [])
  }

  /// The first statement's place at the beginning of its loops is where the loop begins; another place is as many
  /// coordinates on as it is steps away.
  private func coordinates(by read: SumTree.Read, _ joining: WrittenRegions) -> [Polynomial]? {
    let first = adds[0]
    let loops = first.chain(joining)
    var start = read.place
    guard start.isValid else { return nil }
    var stride: Polynomial?
    var offset = Polynomial(0)
    if let loop = loops.last(where: { $0.numbers.symbol.map(start.contains) ?? false }),
      let symbol = loop.numbers.symbol, let (factor, _) = start.split(symbol)
    {
      stride = loop.numbers.step > 1 ? factor.exactQuotient(by: Polynomial(loop.numbers.step)) : factor
      if loops.count == 1 { offset = loop.numbers.lower }
    } else if let symbol = moving[0].first(where: start.contains), let (factor, _) = start.split(symbol) {
      stride = factor
    }
    guard let stride, !stride.parts.isEmpty else { return nil }
    for symbol in moving[0] where start.contains(symbol) {
      let loop = loops.first { $0.numbers.symbol == symbol }
      let lower = loop.map { $0.numbers.step > 1 ? Polynomial(0) : $0.numbers.lower } ?? Polynomial(0)
      start = start.replacing(symbol, lower)
    }
    let base = start.withoutQuotients(of: moving[0], joining)
    let found = zip(adds, moving).map { add, moving -> Polynomial? in
      add.step.reads.lazy.filter { $0.memory == read.memory && $0.place.isValid }.compactMap { other in
        (other.place.withoutQuotients(of: moving, joining) - base).exactQuotient(by: stride).map {
          $0 + offset
        }
      }.first
    }
    return found.contains(nil) ? nil : found.map { $0! }
  }
}

extension Polynomial {
  /// The polynomial without the parts in which something is made of what moves.
  fileprivate func withoutQuotients(of moving: [Symbol], _ joining: WrittenRegions) -> Polynomial {
    let table = joining.walk.prover.table
    return filtered { symbols in
      !symbols.contains { symbol in
        !moving.contains(symbol) && table.symbols(in: Polynomial(symbol)).contains(where: moving.contains)
      }
    }
  }
}

extension HeldSum {
  typealias Add = SumTree.Addend
}

extension SumTree {
  /// A statement that adds to a sum, with the loops around it, outermost first.
  struct Addend {
    let step: Step
    let loops: [Loop]
    /// Whether its reads have the names that another statement gives elements.
    var isNamed = false

    /// With places in the names that `first` gives the elements that are added to, where both count them by names alone.
    func named(as first: Addend, _ joining: inout WrittenRegions) -> Addend {
      guard step.index != first.step.index, step.index.count == first.step.index.count else { return self }
      var places = step.reads.map(\.place)
      for (own, other) in zip(step.index, first.step.index) where own != other {
        guard let symbol = own.top, own == Polynomial(symbol), let new = other.top, other == Polynomial(new),
          !places.contains(where: { joining.walk.prover.table.symbols(in: $0).contains(new) })
        else { return self }
        places = places.map { place in
          joining.walk.prover.with { $0.replacing(place, symbol, Polynomial(new)) }
        }
      }
      let reads = zip(step.reads, places).map { Read(memory: $0.memory, place: $1) }
      let named = Step(
        kind: step.kind, holder: step.holder, index: step.index, reads: reads, uses: step.uses,
        statement: step.statement, location: step.location)
      return Addend(step: named, loops: loops, isNamed: true)
    }

    /// Whether it reads arrays on chip that hold copies.
    var readsCopies: Bool { step.reads.contains { $0.source != nil } }

    /// With what copies are of in their place.
    var readingSources: Addend {
      let reads = step.reads.map { read in
        read.source.map { Read(memory: $0.memory, place: $0.place) } ?? read
      }
      let own = Step(
        kind: step.kind, holder: step.holder, index: step.index, reads: reads, uses: step.uses,
        statement: step.statement, location: step.location)
      return Addend(step: own, loops: loops, isNamed: isNamed)
    }

    /// The numbers that tell elements apart.
    func elements(_ joining: WrittenRegions) -> Set<Symbol> {
      let table = joining.walk.prover.table
      return Set(step.index.flatMap { table.symbols(in: $0) })
    }

    /// Loops whose rounds add to the same element.
    func chain(_ joining: WrittenRegions) -> [Loop] {
      let elements = elements(joining)
      return loops.filter { loop in loop.numbers.symbol.map { !elements.contains($0) } ?? true }
    }

    /// The numbers that tell the addends of one sum apart.
    func moving(_ foldsLanes: Bool, _ foldsMembers: Bool, _ joining: inout WrittenRegions) -> [Symbol] {
      var found = chain(joining).compactMap(\.numbers.symbol)
      if foldsLanes, let lanes = step.addition?.type.lanes, lanes > 1,
        let lane = joining.walk.lane(of: lanes).top
      {
        found.append(lane)
      }
      if foldsMembers { found += elements(joining) }
      return found
    }
  }
}
