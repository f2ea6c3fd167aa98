/// What the threads of an agent have touched since they last waited for each other. Between two waits they may
/// run in any order, so a byte that one of them writes must not be another's.
final class WarpRaces {
  /// Which threads have touched a byte.
  private enum Threads: Equatable {
    case none
    case one(Int32)
    case several

    /// Whether one of these is not the thread, or not all of several.
    func meets(_ other: Threads) -> Bool { self != .none && (self == .several || self != other) }
    func union(_ other: Threads) -> Threads { self == .none || self == other ? other : .several }
  }
  /// Touches of a byte.
  private struct Touch {
    var threads = Threads.none
    /// The step that touched it last; lanes of one step are ordered by its printer.
    var step: UInt32 = 0
    /// The round of a shared loop that did.
    var round: Int32 = 0
  }
  /// Touches of a memory's bytes; nothing before the first.
  private final class Touches {
    private(set) var bytes = UnsafeMutableBufferPointer<Touch>(start: nil, count: 0)

    func prepare(_ count: Int) {
      guard bytes.count != count else { return }
      bytes = .allocate(capacity: count)
      bytes.initialize(repeating: Touch())
    }
    deinit { bytes.deallocate() }
  }
  private struct Uses {
    let reads = Touches()
    let writes = Touches()
  }
  private var uses: [ObjectIdentifier: Uses] = [:]
  private var step: UInt32 = 0
  /// The last step before the threads last waited for each other, those of a round alone or all.
  private var lastWait: UInt32 = 0
  private var lastWaitOfAll: UInt32 = 0
  /// The round at hand of a loop that warps share, each of which may do any; 0 outside of one.
  private var round: Int32 = 0
  private var rounds: Int32 = 0

  func beginRound() {
    rounds += 1
    round = rounds
  }
  func endRounds() { round = 0 }

  /// Threads have waited for each other: all of them, except within a round.
  func wait(_ group: AgentGroup) {
    lastWait = step
    if round == 0 { lastWaitOfAll = step }
  }

  /// The next read or write begins.
  func begin() { step += 1 }

  /// Notes that a thread touches an element, every thread where it is nil. One that does not exist is left to
  /// the access.
  func touch(
    _ memory: CheckedMemory, _ element: Int, bits: Int, by thread: Int?, isWrite: Bool
  ) throws(MachineFault.Kind) {
    guard element >= 0, element < memory.count(bits: bits) else { return }
    let key = ObjectIdentifier(memory)
    let uses = self.uses[key] ?? Uses()
    if self.uses[key] == nil { self.uses[key] = uses }
    let own = isWrite ? uses.writes : uses.reads
    own.prepare(memory.byteCount)
    let (step, lastWait, lastWaitOfAll, round) = (step, lastWait, lastWaitOfAll, round)
    let threads = (thread.map { Threads.one(Int32($0)) } ?? .several)
    func isUnordered(_ touches: UnsafeMutableBufferPointer<Touch>, _ byte: Int) -> Bool {
      guard touches.count > 0 else { return false }
      let touch = touches[byte]
      guard touch.step > (touch.round == round ? lastWait : lastWaitOfAll), touch.step != step else { return false }
      return touch.round != round || touch.threads.meets(threads)
    }
    for byte in element * bits / 8...(element * bits + bits - 1) / 8 {
      if isUnordered(uses.writes.bytes, byte) || isWrite && isUnordered(uses.reads.bytes, byte) {
        throw .unordered(memory: memory.name, element: element)
      }
      let touch = own.bytes[byte]
      let isSame = touch.step > lastWait && touch.round == round
      own.bytes[byte] = Touch(threads: isSame ? touch.threads.union(threads) : threads, step: step, round: round)
    }
  }
}
