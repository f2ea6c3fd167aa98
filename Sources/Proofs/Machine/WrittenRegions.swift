import MachineIR
import TileIR

/// Joins what the lanes, statements, loops and cells of a kernel write into regions, from the inside out. A
/// loop's rounds make one region where each begins where the one before it ends; what cannot be joined, or
/// is written again, is a complaint.
struct WrittenRegions {
  private(set) var complaints: [(message: String, buffer: String, location: SourceLocation, region: String)] = []
  /// The kernel's walk, with the numbers that joining brings in.
  var walk: KernelWalk
  /// What joining has relied on, where the walk keeps obligations.
  var obligations: [(obligation: Obligation, verdict: Verdict)] = []

  /// Whether the last axis is one along which elements have to be met in ascending order.
  let isOrdered: Bool
  /// Whether elements may be met again, as what is read may be.
  var isOfReads = false

  init(_ walk: KernelWalk, isOrdered: Bool = false) {
    self.walk = walk
    self.isOrdered = isOrdered
  }

  /// The regions of the whole kernel.
  mutating func regions() -> [WrittenRegion] {
    var regions = regions(walk.writes.nodes)
    // Cells are counted from here on, and there may be none.
    walk.prover.pop(to: walk.launchFacts)
    for (symbol, count) in walk.cellNumbers(of: regions) {
      let counter = Polynomial(symbol)
      regions = regions.compactMap { region in
        return repeated(region, symbol, from: Polynomial(0), count: count, counter)
      }
      regions = merged(regions)
    }
    return regions
  }

  private mutating func complain(_ message: String, _ region: WrittenRegion) {
    complaints.append((message, region.buffer, region.location, walk.text(region)))
  }

  // MARK: Statements

  /// The regions of one cell's statements.
  mutating func regions(_ nodes: [WriteTree.Node]) -> [WrittenRegion] {
    var found: [WrittenRegion] = []
    for node in joinedLanes(nodes) {
      switch node {
      case .write(let write): if let region = region(write) { found.append(region) }
      case .branch(let holds, let fails, let inner): found += branch(holds, fails, inner)
      case .either(let holds, let fails, let a, let b): found += either(holds, fails, a, b)
      case .loop(let loop, let inner):
        let count = walk.prover.facts.count
        walk.prover.push(loop.upper - loop.lower - 1)
        let body = regions(inner)
        walk.prover.pop(to: count)
        guard let symbol = loop.symbol else { continue }
        let (from, trips) = rounds(loop)
        for var region in body {
          if loop.isLeft { region.isConditional = true }
          if let joined = repeated(region, symbol, from: from, count: trips, Polynomial(symbol)) { found.append(joined) }
        }
      }
    }
    return merged(found)
  }

  /// The first value of a loop's number and how many it takes.
  private mutating func rounds(_ loop: WriteTree.Loop) -> (from: Polynomial, count: Polynomial) {
    if loop.step == 1 { return (loop.lower, loop.upper - loop.lower) }
    return (Polynomial(0), walk.prover.with { $0.floor(loop.upper - loop.lower + (loop.step - 1), by: loop.step) })
  }

  private mutating func region(_ write: WriteTree.Write) -> WrittenRegion? {
    // The lane's number has to be there before places are written with it.
    let lane = write.lanes > 1 ? walk.lane(of: write.lanes).top : nil
    guard let coordinates = walk.keys(write) else {
      complaints.append(("its place is not followed", write.buffer, write.location, ""))
      return nil
    }
    var region = WrittenRegion(
      buffer: write.buffer,
      axes: coordinates.map { Progression(first: $0, step: 1, count: Polynomial(1)) }, location: write.location)
    region.isConditional = write.isConditional
    guard let lane else { return region }
    let count = write.active.map { active in
      if isOrdered, isAtLeastZero(active), isAtLeastZero(active * -1 + write.lanes) { return active }
      return walk.prover.with {
        $0.extremum($0.extremum(active, Polynomial(0), isMinimum: false), Polynomial(write.lanes), isMinimum: true)
      }
    } ?? Polynomial(write.lanes)
    guard let joined = repeated(region, lane, from: Polynomial(0), count: count, Polynomial(lane)) else { return nil }
    region = joined
    return region
  }

  // MARK: Joining

  /// The region of all rounds `from ..< from + count` of a number.
  private mutating func repeated(
    _ region: WrittenRegion, _ symbol: Symbol, from: Polynomial, count: Polynomial, _ counter: Polynomial
  ) -> WrittenRegion? {
    let moving = region.axes.indices.filter { walk.depends(region.axes[$0], on: symbol) }
    guard let axis = moving.first, moving.count == 1 else {
      if moving.isEmpty, isOfReads { return region }
      if moving.isEmpty, isAtLeastZero(count * -1 + 1) {
        if happens(region, count) { return region }
        complain("a round of \(walk.prover.table[symbol].name) may be missing", region)
        return nil
      }
      let name = walk.prover.table[symbol].name
      complain(
        moving.isEmpty ? "each round of \(name) writes the same" : "several axes move with \(name)", region)
      return nil
    }
    var result = region
    let part = region.axes[axis]
    let inOrder = isOrdered && axis == region.axes.count - 1
    func at(_ a: Polynomial, _ value: Polynomial) -> Polynomial {
      walk.prover.with { $0.replacing(a, symbol, value) }
    }
    let last = from + count - 1
    let (first, end) = (at(part.first, from), part.end)
    if part.count == Polynomial(1) {
      // One element a round: any constant distance will do.
      guard let (apart, _) = part.first.split(symbol), let step = apart.constant, step > 0,
        !walk.depends(part.first - apart * counter, on: symbol)
      else {
        complain("rounds do not follow one another", region)
        return nil
      }
      return checked(region, axis, Progression(first: first, step: step, count: count, radix: part.radix))
    }
    if !inOrder, let (apart, _) = part.first.split(symbol), let small = apart.constant, small > 0, part.step > 1,
      !walk.depends(part.count, on: symbol), !walk.depends(part.first - apart * counter, on: symbol),
      isZero(count * small - part.step)
    {
      // Rounds fill the gaps between the elements.
      return checked(
        region, axis, Progression(first: first, step: small, count: part.count * count, radix: part.radix))
    }
    if let search = walk.searches.first(where: { $0.block == symbol && $0.lower == part.first }), part.step == 1,
      part.count == search.upper - search.lower
    {
      result.axes[axis] = Progression(first: Polynomial(0), step: 1, count: walk.numbers.extent(search.rows))
      return result
    }
    let isWorkspace = walk.isWorkspace(region.buffer)
    if isWorkspace, let spread = spread(region, axis) {
      return repeated(spread, symbol, from: from, count: count, counter)
    }
    /// A workspace need not be whole.
    func refused(_ message: String) -> WrittenRegion? {
      if isWorkspace { return apart(region, axis, symbol, from: from, count: count, counter) }
      complain(message, region)
      return nil
    }
    if isOrdered, !inOrder, let digits = digits(region, axis, symbol, from: from, count: count) { return digits }
    // Each round but the last ends where the next begins.
    let facts = walk.prover.facts.count
    walk.prover.push(last - 1 - counter)
    walk.prover.push(counter - from)
    let isAdjacent = isZero(end - at(part.first, counter + 1)) || isUnreachable()
    walk.prover.pop(to: facts)
    if !isAdjacent, !isWorkspace {
      if !isOrdered, let digits = digits(region, axis, symbol, from: from, count: count) { return digits }
      if !inOrder, let spread = spread(region, axis) {
        return repeated(spread, symbol, from: from, count: count, counter)
      }
    }
    if !isAdjacent, isOrdered, !inOrder { return apart(region, axis, symbol, from: from, count: count, counter) }
    guard isAdjacent else { return refused("rounds do not follow one another") }
    let whole = at(end, last)
    walk.prover.push(count - 1)
    var reached: Polynomial?
    for candidate in candidates(end, whole, symbol) where isZero(whole - candidate) {
      reached = candidate
      break
    }
    walk.prover.pop(to: facts)
    guard let reached else { return refused("where the last round ends is not known") }
    // No round at all: then the region is empty. Elements of a sum need not be whole.
    walk.prover.push(count * -1)
    let isEmptyAtNone = isOrdered && !inOrder || isZero(reached - first) || isUnreachable()
    walk.prover.pop(to: facts)
    guard isEmptyAtNone else { return refused("no round writes what is left") }
    let (length, rest) = (reached - first).divided(by: part.step)
    guard rest.constant == 0 else { return refused("its length is no multiple of its step") }
    return checked(region, axis, Progression(first: first, step: part.step, count: length, radix: part.radix))
  }

  /// A region with all rounds along an axis: places within a block stay there.
  private mutating func checked(
    _ region: WrittenRegion, _ axis: Int, _ whole: Progression
  ) -> WrittenRegion? {
    if let radix = whole.radix, !isAtLeastZero(whole.first) || !isAtLeastZero(whole.last * -1 + (radix - 1)) {
      complain("rounds leave their block", region)
      return nil
    }
    var result = region
    result.axes[axis] = whole
    return result
  }

  /// Elements a constant apart, as one place in each of as many blocks: other places may come between them.
  private mutating func spread(_ region: WrittenRegion, _ axis: Int) -> WrittenRegion? {
    let part = region.axes[axis]
    guard part.radix == nil, part.step > 1 else { return nil }
    let (block, place) = part.first.divided(by: part.step)
    guard isAtLeastZero(place), isAtLeastZero(place * -1 + (part.step - 1)) else { return nil }
    var result = region
    result.axes[axis] = Progression(first: block, step: 1, count: part.count)
    let inner = Progression(first: place, step: 1, count: Polynomial(1), radix: part.step)
    result.axes.insert(inner, at: axis + 1)
    return result
  }

  /// Whether the one round that writes a region happens wherever the region has an element.
  private mutating func happens(_ region: WrittenRegion, _ count: Polynomial) -> Bool {
    if isAtLeastZero(count - 1) { return true }
    let facts = walk.prover.facts.count
    walk.prover.push(count * -1)
    defer { walk.prover.pop(to: facts) }
    return region.axes.contains { isAtLeastZero($0.count * -1) } || isUnreachable()
  }

  /// The region of rounds that lie a constant apart and leave room between them, which other stores may
  /// fill: two axes in place of one, the round and the place within it.
  private mutating func digits(
    _ region: WrittenRegion, _ axis: Int, _ symbol: Symbol, from: Polynomial, count: Polynomial
  ) -> WrittenRegion? {
    let part = region.axes[axis]
    guard part.radix == nil, !walk.depends(part.count, on: symbol), let (apart, _) = part.first.split(symbol),
      let radix = apart.constant, radix > 1
    else { return nil }
    let (round, place) = part.first.divided(by: radix)
    let inner = Progression(first: place, step: part.step, count: part.count, radix: radix)
    guard !walk.depends(place, on: symbol), !walk.depends(round - Polynomial(symbol), on: symbol),
      isAtLeastZero(place), isAtLeastZero(inner.last * -1 + (radix - 1))
    else { return nil }
    var result = region
    let first = walk.prover.with { $0.replacing(round, symbol, from) }
    result.axes[axis] = Progression(first: first, step: 1, count: count)
    result.axes.insert(inner, at: axis + 1)
    return result
  }

  /// A region whose places within rounds are all there, as one axis again.
  private mutating func collapsed(_ region: WrittenRegion) -> WrittenRegion {
    for (position, inner) in region.axes.enumerated() {
      guard let radix = inner.radix, inner.step == 1, isZero(inner.first),
        isZero(inner.count - radix)
      else { continue }
      var result = region
      let outer = region.axes[position - 1]
      result.axes[position - 1] = Progression(
        first: outer.first * radix, step: 1, count: outer.count * radix, radix: outer.radix)
      result.axes.remove(at: position)
      return collapsed(result)
    }
    return region
  }

  /// The region of rounds that may leave gaps between them: workspaces need not be whole, only each element
  /// written once. It spans from the first element to the last.
  private mutating func apart(
    _ region: WrittenRegion, _ axis: Int, _ symbol: Symbol, from: Polynomial, count: Polynomial, _ counter: Polynomial
  ) -> WrittenRegion? {
    let part = region.axes[axis]
    let (first, next, end) = walk.prover.with { table in
      (
        table.replacing(part.first, symbol, from), table.replacing(part.first, symbol, counter + 1),
        table.replacing(part.end, symbol, from + count - 1)
      )
    }
    let facts = walk.prover.facts.count
    walk.prover.push(from + count - 2 - counter)
    walk.prover.push(counter - from)
    let isApart = part.step == 1 && isAtLeastZero(next - part.end) || isUnreachable()
    walk.prover.pop(to: facts)
    guard isApart else {
      complain("rounds may overlap", region)
      return nil
    }
    var result = region
    // Where each round ends as the next begins, whatever its number, no round at all writes nothing.
    if next != part.end || part.step > 1 { result.hasGaps = true }
    return checked(result, axis, Progression(first: first, step: 1, count: end - first, radix: part.radix))
  }

  /// Numbers that the last round may end at.
  private func candidates(_ end: Polynomial, _ whole: Polynomial, _ symbol: Symbol) -> [Polynomial] {
    var found: [Polynomial] = []
    func add(_ a: Polynomial, depth: Int) {
      if !walk.depends(a, on: symbol) { found.append(a) }
      guard depth > 0 else { return }
      for part in a.parts {
        for other in Polynomial.symbols(part.symbols) {
          switch walk.prover.table[other].meaning {
          case .minimum(let x, let y), .maximum(let x, let y):
            add(a.replacing(other, x), depth: depth - 1)
            add(a.replacing(other, y), depth: depth - 1)
          default: break
          }
        }
      }
    }
    add(end, depth: 3)
    add(whole, depth: 3)
    return found
  }

  /// Complains about regions of one buffer that may share an element.
  mutating func judgeDisjoint(_ regions: [WrittenRegion]) {
    for (number, a) in regions.enumerated() {
      for b in regions[(number + 1)...] where a.buffer == b.buffer {
        guard a.axes.count == b.axes.count else {
          complain("another store may write the same", a)
          continue
        }
        let isApart = a.axes.indices.contains { axis in
          let (x, y) = (a.axes[axis], b.axes[axis])
          if x.step == y.step, x.step > 1, let apart = (y.first - x.first).constant, apart % x.step != 0 { return true }
          return isAtLeastZero(y.first - x.end) || isAtLeastZero(x.first - y.end)
        }
        if !isApart { complain("another store may write the same", a) }
      }
    }
  }

  /// Regions that touch along one axis as one.
  mutating func merged(_ regions: [WrittenRegion]) -> [WrittenRegion] {
    var result: [WrittenRegion] = []
    for var new in regions {
      // A single element is next to its neighbours, whatever was to come after it.
      for axis in new.axes.indices where new.axes[axis].count == Polynomial(1) { new.axes[axis].step = 1 }
      new = collapsed(new)
      var isJoined = true
      while isJoined {
        isJoined = false
        for (position, other) in result.enumerated() {
          guard let joined = joined(other, new) ?? (isOrdered ? joinedBefore(other, new) : joined(new, other)) else {
            continue
          }
          result.remove(at: position)
          new = collapsed(joined)
          isJoined = true
          break
        }
      }
      result.append(new)
    }
    return result
  }

  /// A later region that comes first along an axis without an order.
  private mutating func joinedBefore(_ earlier: WrittenRegion, _ later: WrittenRegion) -> WrittenRegion? {
    guard earlier.axes.last == later.axes.last else { return nil }
    return joined(later, earlier)
  }

  private mutating func joined(_ a: WrittenRegion, _ b: WrittenRegion) -> WrittenRegion? {
    guard a.buffer == b.buffer, a.axes.count == b.axes.count, a.isConditional == b.isConditional else { return nil }
    var apart: Int?
    for axis in a.axes.indices where a.axes[axis] != b.axes[axis] {
      if isZero(a.axes[axis].first - b.axes[axis].first), isZero(a.axes[axis].count - b.axes[axis].count),
        a.axes[axis].step == b.axes[axis].step
      { continue }
      guard apart == nil else { return nil }
      apart = axis
    }
    guard let axis = apart else { return nil }
    var result = a
    result.hasGaps = a.hasGaps || b.hasGaps
    let (x, y) = (a.axes[axis], b.axes[axis])
    guard x.radix == y.radix else { return nil }
    if x.step == y.step, isZero(x.end - y.first) {
      result.axes[axis] = Progression(first: x.first, step: x.step, count: x.count + y.count, radix: x.radix)
    } else if x.step == y.step, x.step == 2, (y.first - x.first).constant == 1, x.count == y.count {
      // Even and odd places.
      result.axes[axis] = Progression(first: x.first, step: 1, count: x.count * 2, radix: x.radix)
    } else {
      return nil
    }
    return result
  }
}
