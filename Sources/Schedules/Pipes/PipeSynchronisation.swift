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
  /// needed and pipes wait longer. `isLimited`: whether there are no more events than the chip has numbers.
  @discardableResult
  mutating func synchronise(merging: Bool = false, isLimited: Bool = true) -> Set<Pipe.Core> {
    // Behind the loop over groups all pipes wait for all, and events begin anew.
    let end = groups == nil ? nil : body.firstIndex { if case .loop = $0 { true } else { false } }
    var parts: [[PipeStatement]] = []
    var short: Set<Pipe.Core> = []
    for part in end.map({ [Array(body[...$0]), Array(body[($0 + 1)...])] }) ?? [body] {
      // Copies out that follow each other may wait for what all of them take.
      let first = isLimited || !merging ? [:] : [PipeSynchroniser.Pair(from: .vector, to: .copyOut): 4]
      var (synchroniser, ordered) = PipeSynchroniser.ordered(part, of: self, isLimited, merging: first)
      while merging, let merged = synchroniser.mergingMore {
        (synchroniser, ordered) = PipeSynchroniser.ordered(part, of: self, isLimited, merging: merged)
      }
      parts.append(ordered)
      short.formUnion(synchroniser.short.map(\.from.core))
    }
    body = Array(parts.joined(separator: [.barrier(nil)]))
    return short
  }
}

extension PipeKernel {
  /// The program with a barrier of a vector core's pipes before and behind each of a cell's loops of products and copies, so
  /// that all events are free there.
  var withPhases: PipeKernel {
    var phased = self
    phased.body = body.map { statement in
      guard case .loop(var loop) = statement else { return statement }
      loop.body = loop.body.reduce(into: []) { list, statement in
        let isPhase = if case .loop = statement { statement.usesMemory } else { false }
        if isPhase, list.last != .barrier(nil) { list.append(.barrier(nil)) }
        list.append(statement)
        if isPhase { list.append(.barrier(nil)) }
      }
      return .loop(loop)
    }
    return phased
  }
}

struct PipeSynchroniser {
  struct Pair: Hashable {
    let from: Pipe
    let to: Pipe

    /// A cube core has no barrier for all its pipes: every event that it has is worth having.
    var isOfCube: Bool { from.core == .cube && to.core == .cube }
  }
  /// What each statement of a list touches with a pair's one pipe, and with its other; most touch nothing with either.
  struct Touches {
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
  struct Order {
    let pair: Pair
    var after: Int
    var before: Int
    let isCarried: Bool
  }

  /// An event, by the use that it has: where on chip what waits for it begins.
  struct GivenEvent: Hashable {
    let pair: Pair
    let isCarried: Bool
    let waiting: Set<Int>
    let number: Int

    func isUsed(as order: Order, _ waiting: Set<Int>) -> Bool {
      pair == order.pair && isCarried == order.isCarried && self.waiting == waiting
    }
  }

  let kernel: PipeKernel
  private let pairs: [Pair]
  /// Events that stand raised between the rounds of loops, raised before the first and lowered after the last.
  private var carried: [PipeEvent] = []
  private(set) var numbers: [Pair: Int] = [:]
  private let isLimited: Bool
  /// What stands in the list at hand, and of the other side of a branch what this one may have in its place.
  private var given: [GivenEvent] = []
  private(set) var spare: [GivenEvent] = []
  /// Pairs that have too few events.
  private(set) var short: Set<Pair> = []
  /// Of pairs whose events are merged, how many may be one.
  let merged: [Pair: Int]
  static let mostMerged = 16

  /// The same where more of those that are short are merged; nil where that is done.
  var mergingMore: [Pair: Int]? {
    let more = short.filter { merged[$0, default: 1] < Self.mostMerged }
    guard !more.isEmpty else { return nil }
    return merged.merging(more.map { ($0, $0.isOfCube ? 2 * merged[$0, default: 1] : Self.mostMerged) }) { $1 }
  }
  /// Variables that hold what main memory does.
  private let ofData: Set<String>

  static func ordered(
    _ part: [PipeStatement], of kernel: PipeKernel, _ isLimited: Bool, merging pairs: [Pair: Int]
  ) -> (PipeSynchroniser, [PipeStatement]) {
    var synchroniser = PipeSynchroniser(kernel, isLimited, merging: pairs)
    let ordered = synchroniser.run(part)
    return (synchroniser, ordered)
  }

  private init(_ kernel: PipeKernel, _ isLimited: Bool, merging pairs: [Pair: Int]) {
    (self.kernel, self.isLimited) = (kernel, isLimited)
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
  func touches(_ statement: PipeStatement) -> Set<PipeAccess> {
    if isApart(statement) { return [] }
    var found = Set(kernel.accesses(of: statement))
    switch statement {
    case .loop(let loop): found.formUnion(touches(loop.body))
    case .branch(_, let then, let otherwise): found.formUnion(touches(then + otherwise))
    default: break
    }
    return found
  }

  func touches(_ list: [PipeStatement]) -> Set<PipeAccess> {
    list.reduce(into: []) { $0.formUnion(touches($1)) }
  }

  private mutating func order(_ list: [PipeStatement], isLoop: Bool) -> [PipeStatement] {
    let inner = list.map { statement -> PipeStatement in
      switch statement {
      case .loop(var loop):
        loop.body = order(loop.body, isLoop: true)
        return .loop(loop)
      case .branch where isApart(statement): return statement
      case .branch(let condition, let then, let otherwise) where isEither(statement):
        return orderEither(condition, then, otherwise, isLoop: isLoop)
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
    // What stands apart has the events that are left.
    return insert(orders, into: inner, isLoop: isLoop).map { statement in
      guard isApart(statement), case .branch(let condition, let then, _) = statement else { return statement }
      let outer = given
      let inner = order(then, isLoop: isLoop)
      given = outer
      return .branch(condition, [.barrier(nil)] + inner + [.barrier(nil)], [])
    }
  }

  /// Two sides of which one is taken have the same events in turns. Where they do not raise the same ones and wait for
  /// them alike, a side's vector core begins when all its pipes have ended what was before.
  private mutating func orderEither(
    _ condition: Expression, _ then: [PipeStatement], _ otherwise: [PipeStatement], isLoop: Bool
  ) -> PipeStatement {
    let outer = (given, spare)
    func carried(_ given: [GivenEvent]) -> Set<GivenEvent> {
      Set(given.filter { $0.isCarried && $0.pair.from.core == .vector && $0.pair.to.core == .vector })
    }
    (given, spare) = ([], [])
    let first = order(then, isLoop: isLoop)
    let ofFirst = given
    (given, spare) = ([], ofFirst)
    let second = order(otherwise, isLoop: isLoop)
    let ends: [PipeStatement] = carried(ofFirst) == carried(given) ? [] : [.barrier(nil)]
    (given, spare) = (outer.0 + ofFirst + given, outer.1)
    return .branch(condition, ends + first, ends + second)
  }

  /// Pairs of pipes that are there.
  private static func pairs(_ kernel: PipeKernel) -> [Pair] {
    let pipes = Pipe.allCases.filter { kernel.usesCubes || $0.core == .vector }
    return pipes.flatMap { from in pipes.filter { $0 != from }.map { Pair(from: from, to: $0) } }
  }

  // MARK: Exceptions

  /// Whether a statement is what the vector core does beside a product in cases that data decide, with loops of its own:
  /// all pipes wait for all before and behind it, so that no event has to stand around it for the rounds without.
  private func isApart(_ statement: PipeStatement) -> Bool {
    guard kernel.usesCubes, case .branch(let condition, let then, []) = statement else { return false }
    return condition.variables.contains { ofData.contains($0.name) }
      && then.contains { if case .loop = $0 { true } else { false } } && !then.contains(where: \.usesCubes)
  }

  /// Whether a statement is one of two loops of products, which touch the same in the same order and have the same events.
  func isEither(_ statement: PipeStatement) -> Bool {
    guard case .branch(_, let then, let otherwise) = statement else { return false }
    return [then, otherwise].allSatisfy { $0.contains(where: \.usesCubes) }
  }

  /// Where on chip a touch begins, of a cube core's memories the tensor.
  private func begin(of access: PipeAccess) -> Int? {
    guard case .local(let bytes) = access.place else { return nil }
    let tensor = kernel.tensors.values.first { $0.memory != .unifiedBuffer && $0.place.contains(bytes.lowerBound) }
    return tensor?.place.lowerBound ?? bytes.lowerBound
  }

  // MARK: Numbers

  /// The pair whose numbers an event takes: those of flags are a direction's.
  func counted(_ pair: Pair) -> Pair {
    guard pair.from.core != pair.to.core else { return pair }
    return pair.from.core == .cube ? Pair(from: .drain, to: .copyIn) : Pair(from: .copyIn, to: .drain)
  }

  /// How many numbers an event of a pair may have.
  func limit(_ pair: Pair) -> Int {
    if !isLimited { return .max }
    return pair.from.core != pair.to.core ? Ascend.flagsPerDirection : Ascend.eventsPerPair
  }

  /// A branch with an event raised on each side as soon as it has done all that the event's other pipe may wait for in the
  /// list; nil for another statement.
  private func raising(_ event: PipeEvent, in statement: PipeStatement, of list: [PipeStatement]) -> PipeStatement? {
    guard case .branch(let condition, let then, let otherwise) = statement, !isApart(statement), !isEither(statement),
      event.from != .scalar, event.from != .cubeScalar, !(then + otherwise).contains(where: \.leaves)
    else { return nil }
    let others = touches(list).filter { $0.pipe == event.to }
    func side(_ statements: [PipeStatement]) -> [PipeStatement] {
      let last = statements.lastIndex { statement in
        touches(statement).contains { own in own.pipe == event.from && others.contains { $0.conflicts(with: own) } }
      }
      var side = statements
      side.insert(.set(event), at: last.map { $0 + 1 } ?? 0)
      return side
    }
    return .branch(condition, side(then), side(otherwise))
  }

  private mutating func insert(_ orders: [Order], into list: [PipeStatement], isLoop: Bool) -> [PipeStatement]
  {
    var list = list
    var before: [Int: [PipeStatement]] = [:]
    var after: [Int: [PipeStatement]] = [:]
    var needsBarrier = false
    for order in orders {
      let isAcross = order.pair.from.core != order.pair.to.core
      let counted = counted(order.pair)
      let number = numbers[counted, default: 0]
      let isOfCube = !isAcross && order.pair.from.core == .cube
      let waiting = Set(touches(list[order.before]).compactMap { $0.pipe == order.pair.to ? begin(of: $0) : nil })
      func give(_ number: Int) -> PipeEvent {
        given.append(GivenEvent(pair: order.pair, isCarried: order.isCarried, waiting: waiting, number: number))
        let event = PipeEvent(order.pair.from, order.pair.to, number)
        if let raising = raising(event, in: list[order.after], of: list) {
          list[order.after] = raising
        } else {
          after[order.after, default: []].append(.set(event))
        }
        before[order.before, default: []].append(.wait(event))
        return event
      }
      let same = spare.firstIndex { $0.isUsed(as: order, waiting) }
      if let index = same ?? spare.firstIndex(where: { $0.pair == order.pair && $0.isCarried == order.isCarried }) {
        _ = give(spare.remove(at: index).number)
        continue
      }
      guard number < limit(order.pair) - (isOfCube ? 1 : 0) else {
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
      let event = give(number)
      if order.isCarried { carried.append(event) }
    }
    var result: [PipeStatement] = needsBarrier && isLoop ? [.barrier(nil)] : []
    for (position, statement) in list.enumerated() {
      result += before[position] ?? []
      result.append(statement)
      result += after[position] ?? []
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

  fileprivate var usesMemory: Bool {
    switch self {
    case .cube, .copyIn, .copyOut: true
    case .loop(let loop): loop.body.contains(where: \.usesMemory)
    case .branch(_, let then, let otherwise): (then + otherwise).contains(where: \.usesMemory)
    default: false
    }
  }

  fileprivate var leaves: Bool {
    switch self {
    case .leave: true
    case .branch(_, let then, let otherwise): (then + otherwise).contains(where: \.leaves)
    default: false
    }
  }
}
