import MachineIR
import TileIR

/// Events and barriers for a placed program: what one pipe must have done before another goes on.
///
/// In a list of statements a pipe that touches what another has touched waits for an event, raised as early as that
/// other pipe is done with it; one event does for all touches before. From round to round of a loop the events stand
/// raised at the loop's beginning and at its end, and once around the kernel. What `Proofs` checks afterwards, by
/// other means, is that they suffice.
extension PipeKernel {
  /// Which core's pipes have too few events, but where groups of cells end; those of a vector core wait for all others
  /// then. `merging`: of pairs of pipes that have too few one event does for as many touches as it can, so that fewer are
  /// needed and pipes wait longer.
  @discardableResult
  mutating func synchronise(merging: Bool = false) -> Set<Pipe.Core> {
    // Behind the loop over groups all pipes wait for all, and events begin anew.
    let end = groups == nil ? nil : body.firstIndex { if case .loop = $0 { true } else { false } }
    var parts: [[PipeStatement]] = []
    var short: Set<Pipe.Core> = []
    for part in end.map({ [Array(body[...$0]), Array(body[($0 + 1)...])] }) ?? [body] {
      var (synchroniser, ordered) = PipeSynchroniser.ordered(part, of: self, merging: [])
      while merging, !synchroniser.short.isSubset(of: synchroniser.merged) {
        (synchroniser, ordered) = PipeSynchroniser.ordered(
          part, of: self, merging: synchroniser.merged.union(synchroniser.short))
      }
      parts.append(ordered)
      short.formUnion(synchroniser.short.map(\.from.core))
    }
    body = Array(parts.joined(separator: [.barrier(nil)]))
    return short
  }
}

private struct PipeSynchroniser {
  struct Pair: Hashable {
    let from: Pipe
    let to: Pipe
  }
  /// What each statement of a list touches with a pair's one pipe, and with its other; most touch nothing with either.
  private struct Touches {
    let from: [[PipeAccess]]
    let to: [[PipeAccess]]

    init(_ pair: Pair, _ touched: [[Pipe: [PipeAccess]]]) {
      // What the scalar unit has read is done before it hands over its next instruction.
      let isScalar = pair.from == .scalar || pair.from == .cubeScalar
      from = touched.map { ($0[pair.from] ?? []).filter { !isScalar || $0.isWrite } }
      to = touched.map { $0[pair.to] ?? [] }
    }

    /// Whether one statement leaves something on the pair's one pipe that another must wait for on the other.
    func needs(_ first: Int, _ second: Int) -> Bool {
      from[first].contains { left in to[second].contains { $0.conflicts(with: left) } }
    }
  }
  /// An event to be raised after one statement of a list and awaited before another.
  private struct Order {
    let pair: Pair
    var after: Int
    var before: Int
    let isCarried: Bool
  }

  private let kernel: PipeKernel
  private let pairs: [Pair]
  /// Events that stand raised between the rounds of loops, raised before the first and lowered after the last.
  private var carried: [PipeEvent] = []
  private var numbers: [Pair: Int] = [:]
  /// Pairs that have too few events.
  private(set) var short: Set<Pair> = []
  /// Pairs whose events are merged.
  let merged: Set<Pair>
  /// Variables that hold what main memory does.
  private let ofData: Set<String>

  static func ordered(
    _ part: [PipeStatement], of kernel: PipeKernel, merging pairs: Set<Pair>
  ) -> (PipeSynchroniser, [PipeStatement]) {
    var synchroniser = PipeSynchroniser(kernel, merging: pairs)
    let ordered = synchroniser.run(part)
    return (synchroniser, ordered)
  }

  private init(_ kernel: PipeKernel, merging pairs: Set<Pair>) {
    self.kernel = kernel
    var ofData: Set<String> = []
    kernel.forEachStatement {
      if case .define(let variable, let value) = $0, value.isLoaded { ofData.insert(variable.name) }
    }
    self.ofData = ofData
    merged = pairs
    self.pairs = Self.pairs(kernel)
  }

  mutating func run(_ body: [PipeStatement]) -> [PipeStatement] {
    let ordered = order(body, isLoop: false)
    let raised = carried.map { PipeStatement.set($0) }
    let lowered = carried.map { PipeStatement.wait($0) }
    return withBarriers(raised + ordered + lowered)
  }

  // MARK: Events

  /// What a statement touches, with all that is in it.
  private func touches(_ statement: PipeStatement) -> Set<PipeAccess> {
    if isApart(statement) { return [] }
    var found = Set(kernel.accesses(of: statement))
    switch statement {
    case .loop(let loop): found.formUnion(touches(loop.body))
    case .branch(_, let then, let otherwise): found.formUnion(touches(then + otherwise))
    default: break
    }
    return found
  }

  private func touches(_ list: [PipeStatement]) -> Set<PipeAccess> {
    list.reduce(into: []) { $0.formUnion(touches($1)) }
  }

  private mutating func order(_ list: [PipeStatement], isLoop: Bool) -> [PipeStatement] {
    let inner = list.map { statement -> PipeStatement in
      switch statement {
      case .loop(var loop):
        loop.body = order(loop.body, isLoop: true)
        return .loop(loop)
      case .branch(let condition, let then, _) where isApart(statement):
        return .branch(condition, [.barrier(nil)] + order(then, isLoop: isLoop) + [.barrier(nil)], [])
      case .branch(let condition, let then, let otherwise):
        // A side may come again in a later round of a loop around it.
        return .branch(condition, order(then, isLoop: isLoop), order(otherwise, isLoop: isLoop))
      default: return statement
      }
    }
    let touched = list.map { Dictionary(grouping: touches($0), by: \.pipe) }
    var orders: [Order] = []
    for pair in pairs {
      let touches = Touches(pair, touched)
      let within = merged(pair, forward(pair, touches))
      orders += within
      if isLoop { orders += backward(pair, list, touches, within) }
    }
    return insert(orders, into: inner, isLoop: isLoop)
  }

  /// Pairs of pipes that are there.
  private static func pairs(_ kernel: PipeKernel) -> [Pair] {
    let pipes = Pipe.allCases.filter { kernel.usesCubes || $0.core == .vector }
    return pipes.flatMap { from in pipes.filter { $0 != from }.map { Pair(from: from, to: $0) } }
  }

  /// Orders of a pair as they come, neighbours as one where the later event can be raised before the earlier is awaited.
  private func merged(_ pair: Pair, _ orders: [Order]) -> [Order] {
    guard merged.contains(pair) else { return orders }
    return orders.reduce(into: []) { result, order in
      if let last = result.last, order.after < last.before {
        result[result.count - 1].after = order.after
      } else {
        result.append(order)
      }
    }
  }

  private func forward(_ pair: Pair, _ touches: Touches) -> [Order] {
    var orders: [Order] = []
    var covered = -1
    for later in touches.to.indices where !touches.to[later].isEmpty {
      guard let last = (0..<later).last(where: { touches.needs($0, later) }), last > covered else { continue }
      covered = last
      orders.append(Order(pair: pair, after: last, before: later, isCarried: false))
    }
    return orders
  }

  /// The events from one round to the next, where no event within a round does for it: one for each touch that a
  /// later one of the round before stands against, as far as there are numbers, else one for all.
  private func backward(
    _ pair: Pair, _ list: [PipeStatement], _ touches: Touches, _ known: [Order]
  ) -> [Order] {
    let lasting = known.map(\.after).max() ?? -1
    // What each touch that no event within the round comes before waits for, of the round before.
    let needed = list.indices.prefix(known.map(\.before).min() ?? list.count).compactMap { later in
      lastNeeded(pair, list, touches, later).flatMap { $0 > lasting ? (later: later, last: $0) : nil }
    }
    guard let after = needed.map(\.last).max(), let before = needed.map(\.later).min() else { return [] }
    // Where the wait stands behind, an event within the round does.
    let all = [Order(pair: pair, after: after, before: before, isCarried: after >= before)]
    guard !merged.contains(pair), after >= before else { return all }
    var apart: [Order] = []
    for (later, last) in needed where last > apart.last?.after ?? -1 && last >= later {
      apart.append(Order(pair: pair, after: last, before: later, isCarried: true))
    }
    let isWhole = apart.last?.after == after && apart.first?.before == before
    let isAcross = pair.from.core != pair.to.core
    let left =
      (isAcross ? Ascend.flagsPerDirection : Ascend.eventsPerPair) - numbers[counted(pair), default: 0] - known.count
    return isWhole && apart.count <= min(left, Self.mostApart) ? apart : all
  }
  private static let mostApart = 4

  private func lastNeeded(_ pair: Pair, _ list: [PipeStatement], _ touches: Touches, _ later: Int) -> Int? {
    guard !touches.to[later].isEmpty else { return nil }
    return list.indices.last { earlier in
      touches.needs(earlier, later) && !(earlier == later && keepsItsOwnOrder(list[earlier], pair))
    }
  }

  /// Whether the events inside a statement hold from one time that it is carried out to the next.
  private func keepsItsOwnOrder(_ statement: PipeStatement, _ pair: Pair) -> Bool {
    switch statement {
    case .loop: return true
    case .branch(_, let then, let otherwise):
      // Each side orders itself; the other may come in between.
      let sides = Touches(pair, [then, otherwise].map { Dictionary(grouping: touches($0), by: \.pipe) })
      return !sides.needs(0, 1) && !sides.needs(1, 0)
    default: return false
    }
  }

  // MARK: Exceptions

  /// Whether a statement is what the vector core does beside a product in cases that data decide, with loops of its own:
  /// all pipes wait for all before and behind it, so that no event has to stand around it for the rounds without.
  private func isApart(_ statement: PipeStatement) -> Bool {
    guard kernel.usesCubes, case .branch(let condition, let then, []) = statement else { return false }
    return condition.variables.contains { ofData.contains($0.name) }
      && then.contains { if case .loop = $0 { true } else { false } } && !then.contains(where: \.usesCubes)
  }

  // MARK: Numbers

  /// The pair whose numbers an event takes: those of flags are a direction's.
  private func counted(_ pair: Pair) -> Pair {
    guard pair.from.core != pair.to.core else { return pair }
    return pair.from.core == .cube ? Pair(from: .drain, to: .copyIn) : Pair(from: .copyIn, to: .drain)
  }

  private mutating func insert(_ orders: [Order], into list: [PipeStatement], isLoop: Bool) -> [PipeStatement]
  {
    var before: [Int: [PipeStatement]] = [:]
    var after: [Int: [PipeStatement]] = [:]
    var needsBarrier = false
    for order in orders {
      let isAcross = order.pair.from.core != order.pair.to.core
      let counted = counted(order.pair)
      let number = numbers[counted, default: 0]
      let isOfCube = !isAcross && order.pair.from.core == .cube
      guard number < (isAcross ? Ascend.flagsPerDirection : Ascend.eventsPerPair) - (isOfCube ? 1 : 0) else {
        if isOfCube {
          // The last ones of both directions are raised and awaited at one place, again and again, always in this order:
          // each is raised anew by a pipe that has waited for the other since.
          let pipes = [order.pair.from, order.pair.to].sorted { $0.rawValue < $1.rawValue }
          let events = [(0, 1), (1, 0)].map { PipeEvent(pipes[$0.0], pipes[$0.1], Ascend.eventsPerPair - 1) }
          let meeting = events.flatMap { [PipeStatement.set($0), .wait($0)] }
          short.insert(order.pair)
          if !before[order.before, default: []].contains(meeting[0]) {
            before[order.before, default: []].append(contentsOf: meeting)
          }
          continue
        }
        // No event is left: all pipes wait for all, in each round.
        needsBarrier = true
        short.insert(order.pair)
        before[order.before, default: []].insert(.barrier(nil), at: 0)
        continue
      }
      numbers[counted] = number + 1
      let event = PipeEvent(order.pair.from, order.pair.to, number)
      if order.isCarried { carried.append(event) }
      after[order.after, default: []].append(.set(event))
      before[order.before, default: []].append(.wait(event))
    }
    var result: [PipeStatement] = needsBarrier && isLoop ? [.barrier(nil)] : []
    for (position, statement) in list.enumerated() {
      result += before[position] ?? []
      result.append(statement)
      result += after[position] ?? []
    }
    return result
  }

  // MARK: Barriers

  /// Barriers of a pipe where an instruction touches what an earlier one of the same pipe may still be at.
  private func withBarriers(_ body: [PipeStatement]) -> [PipeStatement] {
    var pending: Set<PipeAccess> = []
    return withBarriers(body, &pending)
  }

  private func withBarriers(_ list: [PipeStatement], _ pending: inout Set<PipeAccess>) -> [PipeStatement] {
    var result: [PipeStatement] = []
    for statement in list {
      switch statement {
      case .loop(var loop):
        // What a round leaves behind, the next finds; with more behind it, it has no fewer barriers and leaves no more.
        let before = pending
        _ = withBarriers(loop.body, &pending)
        pending.formUnion(before)
        loop.body = withBarriers(loop.body, &pending)
        result.append(.loop(loop))
        // There may have been no round.
        pending.formUnion(before)
      case .branch(let condition, let then, let otherwise):
        var other = pending
        let first = withBarriers(then, &pending)
        let second = withBarriers(otherwise, &other)
        pending.formUnion(other)
        result.append(.branch(condition, first, second))
      case .barrier(nil):
        pending = []
        result.append(statement)
      case .vector, .cube(.multiply):
        let pipe = statement.pipe
        let own = kernel.accesses(of: statement).filter { $0.pipe == pipe }
        let earlier = pending.filter { $0.pipe == pipe }
        if own.contains(where: { access in earlier.contains { $0.conflicts(with: access) } }) {
          result.append(.barrier(pipe))
          pending.subtract(earlier)
        }
        pending.formUnion(own)
        result.append(statement)
      default: result.append(statement)
      }
    }
    return result
  }
}

extension Expression {
  /// Whether it is a number from main memory.
  fileprivate var isLoaded: Bool {
    switch self {
    case .load: true
    case .apply(.convert, let operands, _): operands[0].isLoaded
    default: false
    }
  }
}

extension PipeStatement {
  fileprivate var usesCubes: Bool {
    switch self {
    case .cube: true
    case .loop(let loop): loop.body.contains(where: \.usesCubes)
    case .branch(_, let then, let otherwise): (then + otherwise).contains(where: \.usesCubes)
    default: false
    }
  }

  /// The pipe of an instruction of the vector unit or of the cube core.
  fileprivate var pipe: Pipe { if case .cube(let instruction) = self { instruction.pipe } else { .vector } }
}
