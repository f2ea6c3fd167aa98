import MachineIR
import TileIR

/// Whether threads of a warp wait for each other wherever one touches what another has written, or writes what
/// another may still read.
///
/// What has been touched since the last wait is followed through the kernel. A warp goes from cell to cell and
/// its memory stays the same, so the cells are a loop too. That schedules place waits in a like manner is not
/// relied upon: what a place leaves when it is divided by a warp comes from the numbers of the proof.
struct WarpOrder: TouchFlow {
  private(set) var findings: [MachineFinding] = []
  private let kernel: String
  /// One name for all that name the same memory; memory whose touches cannot conflict has none.
  private var group: [String: String] = [:]
  private var conflicts: [String: (message: String, location: SourceLocation)] = [:]
  private var unevenWait = false

  /// What has been touched since the last wait.
  struct State: TouchState {
    var reads: [String: Set<SharedTouches.Threads>] = [:]
    var writes: [String: Set<SharedTouches.Threads>] = [:]
    /// What other warps may have touched since all of a block waited, where they share rounds of loops.
    var readElsewhere: Set<String> = []
    var writtenElsewhere: Set<String> = []

    func union(_ other: State) -> State {
      State(
        reads: reads.merging(other.reads) { $0.union($1) },
        writes: writes.merging(other.writes) { $0.union($1) },
        readElsewhere: readElsewhere.union(other.readElsewhere),
        writtenElsewhere: writtenElsewhere.union(other.writtenElsewhere))
    }
  }
  private let sharesLoops: Bool
  /// Whether a loop that warps share is at hand.
  private var isInRound = false

  init(_ walk: KernelWalk) {
    kernel = walk.kernel.name
    sharesLoops = walk.kernel.sharesLoops
    let sources = Dictionary(walk.kernel.buffers.map { ($0.name, $0.source) }) { a, _ in a }
    var names: [BufferSource: String] = [:]
    for buffer in walk.kernel.buffers where names[buffer.source] == nil { names[buffer.source] = buffer.name }
    var (read, written): (Set<String>, Set<String>) = ([], [])
    walk.touches.nodes.visit { node in
      guard case .touch(let touch) = node else { return }
      group[touch.memory] = sources[touch.memory].flatMap { names[$0] } ?? touch.memory
      if touch.isWrite { written.insert(group[touch.memory]!) }
      if touch.isRead { read.insert(group[touch.memory]!) }
    }
    // Of a buffer that is only written each element is written once, which is an obligation of its own.
    let buffers = Set(names.values)
    let followed = written.filter { read.contains($0) || !buffers.contains($0) }
    group = group.filter { followed.contains($0.value) }
    // A cell is a round.
    _ = follow(rounds: walk.touches.nodes, State(), isUniform: true)
    for memory in followed.sorted() {
      let conflict = conflicts[memory]
      findings.append(
        MachineFinding(
          kind: .ordered, kernel: kernel, location: conflict?.location ?? walk.plan.program.location,
          sentence: "threads wait for each other before they share \(memory)",
          verdict: conflict.map { .unknown($0.message) } ?? .proved(.divisibility), open: nil))
    }
    if unevenWait {
      findings.append(
        MachineFinding(
          kind: .ordered, kernel: kernel, location: walk.plan.program.location,
          sentence: "every thread reaches each wait", verdict: .unknown("some may not take its side"),
          open: nil))
    }
  }

  mutating func take(_ node: SharedTouches.Node, _ now: inout State, isUniform: Bool) {
    switch node {
    case .touch(let touch): take(touch, &now)
    case .wait(let group):
      if !isUniform || group == .block && isInRound { unevenWait = true }
      guard sharesLoops, group == .warp else {
        now = State()
        return
      }
      (now.reads, now.writes) = ([:], [:])
    case .copies, .leave, .loop, .branch: break
    }
  }

  mutating func follow(
    _ body: [SharedTouches.Node], _ counter: SharedTouches.Counter, _ entry: State, isUniform: Bool
  ) -> State {
    guard sharesLoops, counter.isSharedOut else { return follow(rounds: body, entry, isUniform: isUniform) }
    // Rounds are apart from each other, which is an obligation of its own.
    isInRound = true
    _ = follow(body, entry, isUniform: isUniform)
    isInRound = false
    var after = entry
    body.visit { node in
      guard case .touch(let touch) = node, let memory = group[touch.memory] else { return }
      if touch.isWrite { after.writtenElsewhere.insert(memory) }
      if touch.isRead { after.readElsewhere.insert(memory) }
    }
    return after
  }

  /// What is pending after a loop: each round begins with what is pending before the loop or after a round.
  private mutating func follow(rounds: [SharedTouches.Node], _ entry: State, isUniform: Bool) -> State {
    var now = entry
    while true {
      let round = follow(rounds, now, isUniform: isUniform)
      let next = [round.end, round.leaving].reduce(now) { $0.union($1 ?? State()) }
      if next == now { return now }
      now = next
    }
  }

  private mutating func take(_ touch: SharedTouches.Touch, _ now: inout State) {
    guard let memory = group[touch.memory] else { return }
    func meets(_ others: Set<SharedTouches.Threads>?) -> Bool {
      others?.contains { $0.meets(touch.threads) } ?? false
    }
    if meets(now.writes[memory]) {
      let done = touch.isWrite ? "write what another has written" : "read what another writes"
      complain(memory, touch, "a thread may \(done)")
    }
    if touch.isWrite, meets(now.reads[memory]) {
      complain(memory, touch, "a thread may write what another still reads")
    }
    if now.writtenElsewhere.contains(memory) || touch.isWrite && now.readElsewhere.contains(memory) {
      complain(memory, touch, "another warp may not be done with it")
    }
    if sharesLoops, !isInRound {
      // Each warp does what stands outside of rounds.
      if touch.isRead { now.readElsewhere.insert(memory) }
      return
    }
    if touch.isWrite { now.writes[memory, default: []].insert(touch.threads) }
    if touch.isRead { now.reads[memory, default: []].insert(touch.threads) }
  }

  private mutating func complain(_ memory: String, _ touch: SharedTouches.Touch, _ message: String) {
    if conflicts[memory] == nil { conflicts[memory] = (message, touch.location) }
  }
}
