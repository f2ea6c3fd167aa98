import MachineIR
import TileIR

/// Whether asynchronous copies are waited for before their places are read or copied to again.
///
/// Copies are followed through the kernel by their stage and by how many groups have been closed since they began: a wait
/// for all but the latest n covers those of more than n groups ago. Threads know of each other's pieces after the wait
/// that follows. Rounds of a loop are told apart by its counter: what a round leaves behind is, for the next one, of a
/// round less. A warp goes from cell to cell, so the cells are a loop too, and no copy may outlive its cell.
struct CopyOrder: TouchFlow {
  private(set) var findings: [MachineFinding] = []
  private let rings: CopyRings
  /// Groups after which all waits cover a copy.
  private let oldest: Int
  private var conflicts: [String: (message: String, location: SourceLocation)] = [:]
  private var location: SourceLocation
  /// The barriers of bulk copies; nil where threads copy.
  private var barriers: Int?

  typealias Stage = CopyEvent.Stage
  struct Copy: Hashable {
    let stage: Stage
    /// Groups closed since it began, its own included.
    let age: Int
  }

  struct State: TouchState {
    /// Copies under way, and those that each thread has waited for, by itself.
    var flying: Set<Copy> = []
    var landed: Set<Stage> = []
    /// What threads have read since they last waited for each other.
    var read: Set<Stage> = []
    /// At most how many closed groups of bulk copies each thread has yet to wait for, and how many not all threads
    /// are known to have waited for.
    var open = 0
    var unmet = 0

    func union(_ other: State) -> State {
      State(
        flying: flying.union(other.flying), landed: landed.union(other.landed), read: read.union(other.read),
        open: max(open, other.open), unmet: max(unmet, other.unmet))
    }

    /// With other rounds.
    func with(_ round: (Polynomial) -> Polynomial?) -> State {
      func changed(_ stage: Stage) -> Stage {
        Stage(ring: stage.ring, round: stage.round.flatMap(round), part: stage.part)
      }
      return State(
        flying: Set(flying.map { Copy(stage: changed($0.stage), age: $0.age) }),
        landed: Set(landed.map(changed)),
        read: Set(read.map(changed)), open: open, unmet: unmet)
    }
  }

  init(_ walk: KernelWalk) {
    rings = walk.copyRings
    location = walk.plan.program.location
    oldest = Self.mostLeft(walk.touches.nodes) + 1
    guard !rings.rings.isEmpty else { return }
    let place = location
    readBarriers(walk.kernel)
    _ = fixed(State()) { order, before in
      let end = order.follow(walk.touches.nodes, before, isUniform: true).end ?? State()
      for copy in end.flying { order.complain(copy.stage.ring, "a copy may outlive its cell", place) }
      return end.with { $0.constant == nil ? nil : $0 }
    }
    for ring in rings.rings.keys.sorted() {
      refuseStores(to: ring, walk.kernel)
      let conflict = conflicts[ring]
      findings.append(
        MachineFinding(
          kind: .inFlight, kernel: walk.kernel.name, location: conflict?.location ?? place,
          sentence: "copies to \(ring) are waited for before their places are touched",
          verdict: conflict.map { .unknown($0.message) } ?? .proved(.divisibility), open: nil))
    }
  }

  /// How many barriers there are: copies are of one kind, and nothing else touches their barriers.
  private mutating func readBarriers(_ kernel: MachineKernel) {
    guard kernel.copyBarriers != [nil] else { return }
    func refuse(_ message: String) { for ring in rings.rings.keys { complain(ring, message, location) } }
    guard kernel.copyBarriers.count == 1, let array = kernel.copies[0].barriers else {
      return refuse("copies arrive at different barriers, or at none")
    }
    guard let count = kernel.barrierCount(array) else { return refuse("\(array) is no array of barriers") }
    barriers = count
    var isTouched = rings.isRing(array)
    for statement in kernel.body {
      statement.forEach {
        let touched = [$0.write].compactMap { $0 } + $0.expressions.flatMap(\.reads)
        if touched.contains(where: { $0.memory == array }) { isTouched = true }
      }
    }
    if isTouched { refuse("\(array), the barriers of copies, is touched by something else") }
  }

  /// Nothing but copies fills a ring, and nothing changes what they read.
  private mutating func refuseStores(to ring: String, _ kernel: MachineKernel) {
    for statement in kernel.body {
      statement.forEach {
        if $0.write?.memory == ring { complain(ring, "something else is stored to it", location) }
      }
    }
    if !kernel.scratch.contains(where: { $0.name == ring && $0.space == .onChip }) {
      complain(ring, "it is not on chip", location)
    }
    for copy in kernel.copies where copy.target == ring {
      let source = kernel.buffers.first { $0.name == copy.source.buffer }?.source
      if kernel.buffers.contains(where: { $0.source == source && $0.isWritten }) {
        complain(ring, "what is copied, \(copy.source.buffer), is written by the same kernel", location)
      }
    }
  }

  private static func mostLeft(_ nodes: [SharedTouches.Node]) -> Int {
    var most = 0
    nodes.visit { if case .copies(.await(let latest, _)) = $0 { most = max(most, latest) } }
    return most
  }

  // MARK: The kernel

  mutating func take(_ node: SharedTouches.Node, _ now: inout State, isUniform: Bool) {
    switch node {
    case .copies(let event): take(event, &now, isUniform: isUniform)
    case .wait:
      now.landed = []
      now.read = []
      now.unmet = now.open
    case .touch, .leave, .loop, .branch: break
    }
  }

  mutating func follow(
    _ body: [SharedTouches.Node], _ counter: SharedTouches.Counter, _ entry: State, isUniform: Bool
  ) -> State {
    let own = Polynomial(counter.symbol)
    // Numbers that a round makes are others in the next.
    func isKept(_ round: Polynomial) -> Bool {
      round.parts.allSatisfy { part in Polynomial.symbols(part.symbols).allSatisfy { $0 <= counter.symbol } }
    }
    // Where rounds of the loop are rounds of a ring, what comes from before it is as many rounds back as it has made.
    let isRounds = Self.rounds(body).contains { $0.contains(counter.symbol) }
    var before = entry
    if isRounds { before = entry.with { reduced($0 + own - counter.lower) } }
    var left = State()
    before = fixed(before) { order, before in
      let (end, leaving) = order.follow(body, before, isUniform: isUniform)
      left = left.union(leaving ?? State())
      return (end ?? State()).with { isKept($0) ? order.reduced($0.replacing(counter.symbol, own - 1)) : nil }
    }
    let after = before.with { round in
      guard let end = counter.end, isKept(round) else { return nil }
      return reduced(round.replacing(counter.symbol, end))
    }
    return entry.union(after).union(left.with { isKept($0) && !$0.contains(counter.symbol) ? $0 : nil })
  }

  /// What may be at the start of every round, where `round` says what one leaves to the next.
  private mutating func fixed(_ first: State, _ round: (inout CopyOrder, State) -> State) -> State {
    var before = first
    for number in 0... {
      var next = before.union(round(&self, before))
      // Numbers that grow from round to round are given up.
      if number == 64 { next = next.with { _ in nil } }
      if next == before { break }
      before = next
    }
    return before
  }

  /// A round by a number that is the same for all rings' stages: so that there are finitely many.
  private func reduced(_ round: Polynomial) -> Polynomial? {
    guard round.isValid else { return nil }
    let common = rings.rings.values.reduce(1) { Self.leastCommonMultiple($0, $1?.stages ?? 1) }
    let constant = round.constantTerm
    return round - constant + ((constant % common + common) % common)
  }

  private static func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
    var (x, y) = (a, b)
    while y != 0 { (x, y) = (y, x % y) }
    return a / x * b
  }

  private static func rounds(_ nodes: [SharedTouches.Node]) -> [Polynomial] {
    var found: [Polynomial] = []
    nodes.visit { node in
      switch node {
      case .copies(.start(let stage, _)), .copies(.read(let stage, _)):
        found += stage.round.map { [$0] } ?? []
      default: break
      }
    }
    return found
  }

  // MARK: Events

  private mutating func take(_ event: CopyEvent, _ now: inout State, isUniform: Bool) {
    switch event {
    case .start(let stage, let place):
      judgeBarrier(now, isUniform: isUniform)
      if !isUniform { complain(stage.ring, "only some threads may start a copy", place) }
      if now.flying.contains(where: { meets($0.stage, stage) }) {
        complain(stage.ring, "a copy may begin while another to the same stage is in flight", place)
      }
      if now.landed.contains(where: { meets($0, stage) }) || now.read.contains(where: { meets($0, stage) }) {
        complain(stage.ring, "a copy may begin while another thread still reads its stage", place)
      }
      now.flying.insert(Copy(stage: stage, age: 0))
    case .close:
      now.flying = Set(now.flying.map { Copy(stage: $0.stage, age: min(oldest, $0.age + 1)) })
      guard let barriers else { return }
      judgeBarrier(now, isUniform: isUniform)
      // One too many is as bad as more.
      now.open = min(now.open + 1, barriers + 1)
      now.unmet = min(now.unmet + 1, barriers + 1)
    case .await(let latest, let place):
      if !isUniform {
        for ring in rings.rings.keys { complain(ring, "only some threads may wait for copies", place) }
      }
      for copy in now.flying where copy.age > latest {
        now.flying.remove(copy)
        now.landed.insert(copy.stage)
      }
      now.open = min(now.open, latest)
    case .read(let stage, let place):
      if now.flying.contains(where: { meets($0.stage, stage) }) {
        complain(stage.ring, "a stage may be read while a copy to it is in flight", place)
      }
      if now.landed.contains(where: { meets($0, stage) }) {
        complain(
          stage.ring, "a thread may read what another has copied before they wait for each other", place)
      }
      now.read.insert(stage)
    }
  }

  /// A copy or the end of a group comes to the barrier of the group at hand.
  private mutating func judgeBarrier(_ now: State, isUniform: Bool) {
    guard let barriers, now.unmet >= barriers || !isUniform else { return }
    for ring in rings.rings.keys {
      complain(
        ring,
        isUniform
          ? "a group may begin at a barrier before all threads have waited for the group before it"
          : "only some threads may begin or close a group", location)
    }
  }

  /// Whether two rounds may have the same stage, and parts of it that overlap.
  private func meets(_ a: Stage, _ b: Stage) -> Bool {
    guard a.ring == b.ring else { return false }
    // Stages have one size, so that parts apart are apart in any two.
    if let x = a.part, let y = b.part, !x.overlaps(y) { return false }
    guard let x = a.round, let y = b.round, let apart = (x - y).constant,
      case .some(.some(let ring)) = rings.rings[a.ring]
    else { return true }
    return apart % ring.stages == 0
  }

  private mutating func complain(_ ring: String, _ message: String, _ place: SourceLocation) {
    if conflicts[ring] == nil { conflicts[ring] = (message, place) }
  }
}
