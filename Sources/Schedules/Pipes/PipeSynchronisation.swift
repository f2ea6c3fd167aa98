import MachineIR
import TileIR

/// Events and barriers for a placed program: what one pipe must have done before another goes on.
///
/// In a list of statements a pipe that touches what another has touched waits for an event, raised as early as that
/// other pipe is done with it; one event does for all touches before. From round to round of a loop the events stand
/// raised at the loop's beginning and at its end, and once around the kernel. What `Proofs` checks afterwards, by
/// other means, is that they suffice.
extension PipeKernel {
  /// Whether there are events for all that needs some, but where groups of cells end. `merging`: one event does for as
  /// many touches as it can, so that fewer are needed and pipes wait longer.
  @discardableResult
  mutating func synchronise(merging: Bool = false) -> Bool {
    // Behind the loop over groups all pipes wait for all, and events begin anew.
    let end = groups == nil ? nil : body.firstIndex { if case .loop = $0 { true } else { false } }
    var parts: [[PipeStatement]] = []
    var isEnough = true
    for part in end.map({ [Array(body[...$0]), Array(body[($0 + 1)...])] }) ?? [body] {
      var synchroniser = PipeSynchroniser(self, merging: merging)
      parts.append(synchroniser.run(part))
      if synchroniser.hasRunOut { isEnough = false }
    }
    body = Array(parts.joined(separator: [.barrier(nil)]))
    return isEnough
  }
}

private struct PipeSynchroniser {
  private struct Pair: Hashable {
    let from: Pipe
    let to: Pipe
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
  private(set) var hasRunOut = false

  private let isMerging: Bool

  init(_ kernel: PipeKernel, merging: Bool) {
    self.kernel = kernel
    isMerging = merging
    pairs = Self.pairs(kernel)
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
      case .branch(let condition, let then, let otherwise):
        // A side may come again in a later round of a loop around it.
        return .branch(condition, order(then, isLoop: isLoop), order(otherwise, isLoop: isLoop))
      default: return statement
      }
    }
    let touched = list.map(touches)
    var orders: [Order] = []
    for pair in pairs {
      orders += merged(forward(pair, touched))
      if isLoop { orders += backward(pair, list, touched, orders.filter { $0.pair == pair }) }
    }
    return insert(orders, into: inner, isLoop: isLoop)
  }

  /// Pairs of pipes that are there.
  private static func pairs(_ kernel: PipeKernel) -> [Pair] {
    let pipes = Pipe.allCases.filter { kernel.usesCubes || $0.core == .vector }
    return pipes.flatMap { from in pipes.filter { $0 != from }.map { Pair(from: from, to: $0) } }
  }

  /// Whether `first` leaves something on the pair's one pipe that `second` must wait for on the other.
  private func needs(_ pair: Pair, _ first: Set<PipeAccess>, _ second: Set<PipeAccess>) -> Bool {
    first.contains { a in
      // What the scalar unit has read is done before it hands over its next instruction.
      a.pipe == pair.from && (a.pipe != .scalar && a.pipe != .cubeScalar || a.isWrite)
        && second.contains { $0.pipe == pair.to && $0.conflicts(with: a) }
    }
  }

  /// Orders of a pair as they come, neighbours as one where the later event can be raised before the earlier is awaited.
  private func merged(_ orders: [Order]) -> [Order] {
    guard isMerging else { return orders }
    return orders.reduce(into: []) { result, order in
      if let last = result.last, order.after < last.before {
        result[result.count - 1].after = order.after
      } else {
        result.append(order)
      }
    }
  }

  private func forward(_ pair: Pair, _ touched: [Set<PipeAccess>]) -> [Order] {
    var orders: [Order] = []
    let earlier = touched.indices.filter { touched[$0].contains { $0.pipe == pair.from } }
    guard !earlier.isEmpty else { return [] }
    for later in touched.indices where touched[later].contains(where: { $0.pipe == pair.to }) {
      let covered = orders.map(\.after).max() ?? -1
      let last = earlier.last { $0 < later && $0 > covered && needs(pair, touched[$0], touched[later]) }
      guard let last else { continue }
      orders.append(Order(pair: pair, after: last, before: later, isCarried: false))
    }
    return orders
  }

  /// The events from one round to the next, where no event within a round does for it: one for each touch that a
  /// later one of the round before stands against, as far as there are numbers, else one for all.
  private func backward(
    _ pair: Pair, _ list: [PipeStatement], _ touched: [Set<PipeAccess>], _ known: [Order]
  ) -> [Order] {
    let all = joined(pair, list, touched, known)
    guard !isMerging, all.count == 1, all[0].isCarried else { return all }
    var apart: [Order] = []
    for later in touched.indices {
      guard !known.contains(where: { $0.before <= later }) else { break }
      let lasting = (known + apart).map(\.after).max() ?? -1
      guard let last = lastNeeded(pair, list, touched, later), last > lasting, last >= later else { continue }
      apart.append(Order(pair: pair, after: last, before: later, isCarried: true))
    }
    let isWhole = apart.map(\.after).max() == all[0].after && apart.map(\.before).min() == all[0].before
    let left = (pair.from.core != pair.to.core ? 0 : Ascend.eventsPerPair) - numbers[pair, default: 0] - known.count
    return isWhole && apart.count <= min(left, Self.mostApart) ? apart : all
  }
  private static let mostApart = 4

  private func lastNeeded(
    _ pair: Pair, _ list: [PipeStatement], _ touched: [Set<PipeAccess>], _ later: Int
  ) -> Int? {
    guard touched[later].contains(where: { $0.pipe == pair.to }) else { return nil }
    return touched.indices.last { earlier in
      if earlier == later, keepsItsOwnOrder(list[earlier], pair) { return false }
      return needs(pair, touched[earlier], touched[later])
    }
  }

  /// The one event from one round to the next, where no event within a round does for it.
  private func joined(
    _ pair: Pair, _ list: [PipeStatement], _ touched: [Set<PipeAccess>], _ known: [Order]
  ) -> [Order] {
    var (after, before): (Int?, Int?) = (nil, nil)
    for later in touched.indices {
      guard !known.contains(where: { $0.before <= later }) else { break }
      let lasting = known.map(\.after).max() ?? -1
      guard let last = lastNeeded(pair, list, touched, later), last > lasting else { continue }
      after = max(after ?? last, last)
      before = min(before ?? later, later)
    }
    guard let after, let before else { return [] }
    // Where the wait stands behind, an event within the round does.
    return [Order(pair: pair, after: after, before: before, isCarried: after >= before)]
  }

  /// Whether the events inside a statement hold from one time that it is carried out to the next.
  private func keepsItsOwnOrder(_ statement: PipeStatement, _ pair: Pair) -> Bool {
    switch statement {
    case .loop: return true
    case .branch(_, let then, let otherwise):
      // Each side orders itself; the other may come in between.
      let (first, second) = (touches(then), touches(otherwise))
      return !needs(pair, first, second) && !needs(pair, second, first)
    default: return false
    }
  }

  // MARK: Numbers

  private mutating func insert(_ orders: [Order], into list: [PipeStatement], isLoop: Bool) -> [PipeStatement]
  {
    var before: [Int: [PipeStatement]] = [:]
    var after: [Int: [PipeStatement]] = [:]
    var needsBarrier = false
    for order in orders {
      let number = numbers[order.pair, default: 0]
      let isAcross = order.pair.from.core != order.pair.to.core
      guard number < (isAcross ? Ascend.flagsPerDirection : Ascend.eventsPerPair) else {
        // No event is left: all pipes wait for all, in each round.
        needsBarrier = true
        hasRunOut = true
        before[order.before, default: []].insert(.barrier(nil), at: 0)
        continue
      }
      numbers[order.pair] = number + 1
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

extension PipeStatement {
  /// The pipe of an instruction of the vector unit or of the cube core.
  fileprivate var pipe: Pipe { if case .cube(let instruction) = self { instruction.pipe } else { .vector } }
}
