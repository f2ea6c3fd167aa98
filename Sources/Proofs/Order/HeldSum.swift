import MachineIR
import TileIR

/// A sum between where it begins and where it is used: what adds to it, and where each addend stands.
struct HeldSum {
  let holder: String
  let nodes: [SumTree.Node]
  let adds: [Add]
  let slice: SumSlice
  let lanes: LaneOrder

  /// How its addends are counted.
  private enum Level {
    /// One by one, by coordinate.
    case whole
    /// The part of a run or block that it is begun for.
    case part
    /// Results of parts, by the number of the part, each of so many coordinates.
    case parts(Int)
  }

  private var isOfDoubles: Bool { adds.allSatisfy { $0.step.addition!.type.scalar == .f64 } }
  /// Other sums that its addends are made of.
  private var parts: Set<String> {
    adds.reduce(into: []) { $0.formUnion(parts(of: $1)) }
  }

  private func parts(of add: Add) -> Set<String> {
    add.step.addition!.addends.reduce(into: Set<String>()) { $0.formUnion(slice.parts(of: $1)) }.subtracting([
      holder
    ])
  }

  /// Why the sum is not as one of the stated ones; nil where it is.
  func fault(
    _ reset: SumTree.Step, _ stated: [SumOrder.Stated], _ joining: inout WrittenRegions,
    _ spans: inout [String: [SumOrder.Span]]
  ) -> String? {
    guard case .reset(isZero: true) = reset.kind else { return "it does not begin at +0" }
    if let why = faultOfUses() { return why }
    var why: String?
    for stated in stated {
      if parts.isEmpty, !isOfDoubles,
        adds.contains(where: { ($0.step.addition!.addends.count == 2) != stated.isFused })
      {
        why = why ?? (stated.isFused ? "its products are rounded" : "its products are not rounded")
        continue
      }
      for level in levels(stated) {
        guard let found = fault(level, stated, &joining, &spans) else { return nil }
        why = why ?? found
      }
    }
    return why
  }

  /// What it may be of a stated sum.
  private func levels(_ stated: SumOrder.Stated) -> [Level] {
    switch stated.rule {
    // Sums of a block are exact in `f64`; in `f32` where products have few bits, unless it adds up rounded blocks.
    case .blocks(let block):
      if isOfDoubles { return [.part] }
      return stated.isExactInSingles && parts.isEmpty ? [.parts(block), .part] : [.parts(block)]
    case .order(.chained(let run)): return [parts.isEmpty ? .part : .parts(run)]
    case .order: return [.whole]
    }
  }

  private func fault(
    _ level: Level, _ stated: SumOrder.Stated, _ joining: inout WrittenRegions,
    _ spans: inout [String: [SumOrder.Span]]
  ) -> String? {
    let fold = LaneFold(holder, nodes, slice, lanes)
    if case .parts(let size) = level {
      // Sides of a branch may have the same additions in loops and one after the other.
      return fault(level, stated, expanding: false, &joining, &spans) { $0.partNumber($1, size, &$2) }
        .flatMap { _ in
          fault(level, stated, expanding: true, &joining, &spans) { $0.partNumber($1, size, &$2) }
        }
    }
    let positions = stated.positions
    func faultByPlaces(
      ofSources: Bool, _ joining: inout WrittenRegions, _ spans: inout [String: [SumOrder.Span]]
    ) -> String? {
      let places = AddendPlaces(
        adds, foldsLanes: fold.foldsLanes, foldsMembers: fold.foldsMembers, ofSources: ofSources, &joining)
      guard let places else { return "where its addends are read from is not followed" }
      return fault(level, stated, expanding: fold.foldsMembers, &joining, &spans) { sum, add, joining in
        places.coordinate(add).flatMap { coordinate in
          sum.keys(add, coordinate, fold, positions: positions, &joining)
        }
      }
    }
    var why = faultByPlaces(ofSources: false, &joining, &spans)
    if why != nil, adds.contains(where: \.readsCopies) { why = faultByPlaces(ofSources: true, &joining, &spans) }
    if let why { return why }
    if case .order(let order) = stated.rule, fold.foldsLanes || fold.foldsMembers {
      return fold.fault(order, lanesOf: adds[0].step)
    }
    return positions > 1 ? "its lanes are not folded" : nil
  }

  private func fault(
    _ level: Level, _ stated: SumOrder.Stated, expanding: Bool, _ joining: inout WrittenRegions,
    _ spans: inout [String: [SumOrder.Span]], _ keys: (HeldSum, Add, inout WrittenRegions) -> Keys?
  ) -> String? {
    let ghosts = ghost(&joining, expanding: expanding, keys)
    guard !ghosts.isEmpty || stated.length == Polynomial(0) else {
      return "the coordinates of its addends are not followed"
    }
    let complaints = joining.complaints.count
    let regions = joining.regions(ghosts)
    if joining.complaints.count > complaints {
      let complaint = joining.complaints[complaints]
      return "\(complaint.message) (\(complaint.region))"
    }
    return fault(of: regions, level, stated, &joining, &spans).map {
      "\($0) (\(regions.map { joining.walk.text($0) }.joined(separator: "; ")))"
    }
  }

  /// Why the elements and addends of a sum's statements are not those of the stated one.
  private func fault(
    of all: [WrittenRegion], _ level: Level, _ stated: SumOrder.Stated, _ joining: inout WrittenRegions,
    _ spans: inout [String: [SumOrder.Span]]
  ) -> String? {
    let regions = all.filter { !$0.axes.contains { $0.count == Polynomial(0) } }
    if regions.contains(where: \.isConditional) { return "it is added to under a condition" }
    if regions.isEmpty {
      if case .part = level, let run = all.first?.axes.last {
        spans[holder, default: []].append(SumOrder.Span(first: run.first, end: run.first))
        return nil
      }
      return stated.length == Polynomial(0) ? nil : "nothing is added"
    }
    if stated.positions > 1 { return interleavedFault(of: regions, stated, &joining) }
    guard let run = regions[0].axes.last, regions.allSatisfy({ $0.axes.last == run }) else {
      return "its addends are not one run"
    }
    let complaints = joining.complaints.count
    joining.judgeDisjoint(regions)
    guard joining.complaints.count == complaints else { return "an element may be added to twice" }
    guard run.step == 1 || run.count == Polynomial(1) else { return "its addends lie apart" }
    if let why = faultOfElements(regions, &joining) { return why }
    switch level {
    case .part: spans[holder, default: []].append(SumOrder.Span(first: run.first, end: run.end))
    case .whole:
      guard joining.isZero(run.first) else { return "its first addend is not at 0" }
      if !isWhole(run.count, stated, &joining) { return "it has not all addends" }
    case .parts(let size):
      guard joining.isZero(run.first) else { return "its first part is not the first" }
      if !isWhole(run.count, inParts: size, stated, &joining) { return "it has not all parts" }
      return faultOfParts(size, stated, &joining, spans)
    }
    return nil
  }

  /// Whether each part that is added has the addends that its number says.
  private func faultOfParts(
    _ size: Int, _ stated: SumOrder.Stated, _ joining: inout WrittenRegions,
    _ spans: [String: [SumOrder.Span]]
  ) -> String? {
    for add in adds {
      guard let number = partNumber(add, size, &joining)?.keys.last else { continue }
      let facts = joining.walk.prover.facts.count
      for loop in add.chain(joining) { for fact in loop.facts { joining.walk.prover.push(fact) } }
      defer { joining.walk.prover.pop(to: facts) }
      let parts = parts(of: add).sorted()
      guard !parts.isEmpty else { continue }
      if let unknown = parts.first(where: { spans[$0] == nil }) { return "what \(unknown) adds is not known" }
      let isWhole = parts.contains { first in
        spans[first]!.contains {
          isPart(number, of: size, from: $0, parts.filter { $0 != first }, spans, stated, &joining)
        }
      }
      if !isWhole {
        let text = parts.flatMap { part in
          spans[part]!.map {
            "\(part) \(joining.walk.prover.text($0.first)) to \(joining.walk.prover.text($0.end))"
          }
        }
        return "part \(joining.walk.prover.text(number)) is not \(text.joined(separator: ", "))"
      }
    }
    return nil
  }

  /// Whether a span and others that follow it are the part of a number.
  private func isPart(
    _ number: Polynomial, of size: Int, from first: SumOrder.Span, _ others: [String],
    _ spans: [String: [SumOrder.Span]], _ stated: SumOrder.Stated, _ joining: inout WrittenRegions
  ) -> Bool {
    var end = first.end
    var others = others
    while !others.isEmpty {
      var next: (position: Int, end: Polynomial)?
      for (position, name) in others.enumerated() {
        for span in spans[name]! where joining.isZero(span.first - end) {
          next = next ?? (position, span.end)
        }
      }
      guard let next else { return false }
      end = next.end
      others.remove(at: next.position)
    }
    let offset = number * size - first.first
    return lengths(stated, joining).contains { length in
      let last = joining.walk.prover.with { $0.extremum((number + 1) * size, length, isMinimum: true) }
      return joining.isZero(end + offset - last)
    }
  }

  /// The same where `positions` sums each take every `positions`-th addend: whole rounds, then what is left.
  private func interleavedFault(
    of regions: [WrittenRegion], _ stated: SumOrder.Stated, _ joining: inout WrittenRegions
  ) -> String? {
    let positions = stated.positions
    var rounds = Polynomial(0)
    var left: [Progression] = []
    for region in regions {
      guard region.axes.count == 2, region.axes.allSatisfy({ $0.step == 1 || $0.count == Polynomial(1) })
      else {
        return "its addends lie apart"
      }
      let (position, round) = (region.axes[0], region.axes[1])
      guard joining.isZero(round.first - rounds) else { return "its rounds do not follow one another" }
      guard !left.isEmpty || !joining.isZero(position.first) || !joining.isZero(position.count - positions)
      else {
        rounds = rounds + round.count
        continue
      }
      guard round.count == Polynomial(1) else { return "its lanes are not \(positions)" }
      left.append(position)
    }
    let lengths = lengths(stated, joining)
    let isWhole = lengths.contains { length in
      isTaken(length - rounds * positions, by: left, of: positions, &joining)
    }
    return isWhole ? nil : "it has not all addends"
  }

  /// Whether positions from 0 on take so many addends of a round, one each: registers next to each other as many of
  /// their lanes as are left for them.
  private func isTaken(
    _ rest: Polynomial, by parts: [Progression], of positions: Int, _ joining: inout WrittenRegions
  ) -> Bool {
    if parts.isEmpty { return joining.isZero(rest) }
    if parts.count == 1, joining.isZero(parts[0].first), joining.isZero(parts[0].count - rest) { return true }
    for (number, part) in parts.enumerated() {
      let end = number + 1 < parts.count ? parts[number + 1].first : Polynomial(positions)
      guard number > 0 || joining.isZero(part.first), let width = (end - part.first).constant, width > 0
      else { return false }
      let own = joining.walk.prover.with { table in
        table.extremum(
          table.extremum(rest - part.first, Polynomial(0), isMinimum: false), Polynomial(width),
          isMinimum: true)
      }
      guard joining.isZero(part.count - own) else { return false }
    }
    return joining.isAtLeastZero(rest) && joining.isAtLeastZero(rest * -1 + positions)
  }

  /// What the axis' length may be written as.
  private func lengths(_ stated: SumOrder.Stated, _ joining: WrittenRegions) -> [Polynomial] {
    stated.length.map { [$0] } ?? joining.walk.sums.lengths[stated.dimension.name] ?? []
  }

  /// Whether so many addends, or parts of so many, are all.
  private func isWhole(
    _ count: Polynomial, inParts size: Int = 1, _ stated: SumOrder.Stated, _ joining: inout WrittenRegions
  ) -> Bool {
    lengths(stated, joining).contains { length in
      let parts = size == 1 ? length : joining.walk.prover.with { $0.floor(length + (size - 1), by: size) }
      return joining.isZero(count - parts)
    }
  }

  /// Whether it is read before all has been added.
  private func faultOfUses() -> String? {
    let derived = LaneFold.derived(from: holder, nodes, slice)
    func uses(_ step: SumTree.Step) -> Bool {
      guard case .use = step.kind else { return false }
      return step.statement.expressions.contains { !slice.sums(in: $0).isDisjoint(with: derived) }
    }
    let last = nodes.lastIndex { !$0.adds(to: holder).isEmpty }!
    for node in nodes[...last] where node.contains(uses) { return "it is used before all has been added" }
    return nil
  }

  // MARK: Writes that stand for additions

  fileprivate typealias Keys = (keys: [Polynomial], lanes: Int, active: Polynomial?)

  /// What its statements add, as writes. Loops over registers that are folded are unrolled.
  private func ghost(
    _ joining: inout WrittenRegions, expanding: Bool = false,
    _ keys: (HeldSum, Add, inout WrittenRegions) -> Keys?
  ) -> [WriteTree.Node] {
    var isFollowed = true
    func nodes(_ list: [SumTree.Node], _ loops: [SumTree.Loop], _ fixed: [(Symbol, Int)]) -> [WriteTree.Node]
    {
      list.flatMap { node -> [WriteTree.Node] in
        guard !node.adds(to: holder).isEmpty else { return [] }
        switch node {
        case .step(let step):
          guard let found = keys(self, Add(step: step, loops: loops), &joining) else {
            isFollowed = false
            return []
          }
          func at(_ a: Polynomial) -> Polynomial {
            fixed.reduce(a) { a, pair in
              joining.walk.prover.with { $0.replacing(a, pair.0, Polynomial(pair.1)) }
            }
          }
          let active = found.active.map(at)
          if let active = active?.constant, active <= 0 { return [] }
          return [
            .write(
              WriteTree.Write(
                buffer: holder, place: Polynomial(0), lanes: found.lanes, active: active,
                location: step.location, isScattered: false, keys: found.keys.map(at)))
          ]
        case .loop(let loop, let inner):
          if expanding, loop.isUnrolled, let symbol = loop.numbers.symbol,
            let first = loop.numbers.lower.constant,
            let end = loop.numbers.upper.constant, loop.numbers.step == 1
          {
            return (first..<end).flatMap { nodes(inner, loops + [loop], fixed + [(symbol, $0)]) }
          }
          return [.loop(loop.numbers, nodes(inner, loops + [loop], fixed))]
        case .branch(let holds, let fails, let a, let b):
          let (x, y) = (nodes(a, loops, fixed), nodes(b, loops, fixed))
          if y.isEmpty { return [.branch(holds, fails, x)] }
          return x.isEmpty ? [.branch(fails, holds, y)] : [.either(holds, fails, x, y)]
        }
      }
    }
    let found = nodes(self.nodes, [], [])
    return isFollowed ? found : []
  }

  /// The element and the addend of a statement.
  private func keys(
    _ add: Add, _ coordinate: Polynomial, _ fold: LaneFold, positions: Int, _ joining: inout WrittenRegions
  ) -> Keys? {
    let step = add.step
    guard case .add(let addition, let active) = step.kind else { return nil }
    guard fold.foldsLanes || fold.foldsMembers else {
      // Lanes are sums of their own, all alike but for the element.
      let hasLanes = !step.index.isEmpty && addition.type.lanes > 1 && isOnChip
      return (step.index + [coordinate], hasLanes ? addition.type.lanes : 1, nil)
    }
    let count = fold.foldsLanes ? addition.type.lanes : 1
    guard positions > 1 else { return ((fold.foldsMembers ? [] : step.index) + [coordinate], count, active) }
    var position = fold.foldsLanes && count > 1 ? joining.walk.lane(of: count) : Polynomial(0)
    if fold.foldsMembers, let member = step.index.first { position = position + member * count }
    let (round, rest) = (coordinate - position).divided(by: positions)
    guard rest.constant == 0 else { return nil }
    return ([position, round], count, active)
  }

  /// What the body of a loop adds, one statement after the other.
  private func additions(in loop: SumTree.Loop, _ nodes: [SumTree.Node]) -> [MachineStatement] {
    for node in nodes {
      let found: [MachineStatement]
      switch node {
      case .loop(let own, let inner) where own.numbers.symbol == loop.numbers.symbol:
        return inner.compactMap { node in
          guard case .step(let step) = node, step.holder == holder, step.addition != nil else { return nil }
          return step.statement
        }
      case .loop(_, let inner): found = additions(in: loop, inner)
      case .branch(_, _, let a, let b): found = additions(in: loop, a + b)
      case .step: continue
      }
      if !found.isEmpty { return found }
    }
    return []
  }

  private var isOnChip: Bool { if case .storeRaw = adds[0].step.statement { true } else { false } }

  /// The number of the part that a statement adds: of loops that step by whole parts, and of those that count them.
  private func partNumber(_ add: Add, _ size: Int, _ joining: inout WrittenRegions) -> Keys? {
    guard case .add(let addition, _) = add.step.kind else { return nil }
    var number = Polynomial(0)
    for loop in add.chain(joining) {
      guard let symbol = loop.numbers.symbol else { continue }
      guard loop.numbers.step > 1 else {
        number = number + loop.counter
        continue
      }
      guard loop.numbers.lower == Polynomial(0) else { return nil }
      if loop.numbers.step % size == 0 {
        number = number + Polynomial(symbol) * (loop.numbers.step / size)
      } else {
        // Neighbouring parts in turns; that they are neighbours `ByteWalk` sees.
        let turns = additions(in: loop, nodes)
        guard turns.count == loop.numbers.step, let turn = turns.firstIndex(of: add.step.statement) else { return nil }
        number = number + Polynomial(symbol) * loop.numbers.step + Polynomial(turn)
      }
    }
    return (add.step.index + [number], isOnChip ? addition.type.lanes : 1, nil)
  }
}

extension SumTree.Step {
  var addition: Addition? { if case .add(let addition, _) = kind { addition } else { nil } }
}
