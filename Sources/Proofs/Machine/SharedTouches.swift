import MachineIR
import TileIR

/// The touches of memory that the threads of an agent share, with the loops, branches and waits around them, in
/// order.
struct SharedTouches {
  /// Which thread touches an element.
  enum Threads: Hashable {
    /// Element e, of this many bits, by thread (e - residue) % t of an agent's t threads.
    case striped(bits: Int, residue: Int)
    /// The first alone.
    case first
    /// Any of them, or all.
    case any

    /// Whether an element that these have touched may be touched by another thread of `other`.
    func meets(_ other: Threads) -> Bool { self == .any || self != other }
  }

  struct Touch {
    let memory: String
    let threads: Threads
    let isWrite: Bool
    /// A store of half a byte reads the other half.
    let isRead: Bool
    let location: SourceLocation
  }

  indirect enum Node {
    case touch(Touch)
    /// All threads wait for each other: of a warp, or of the block that is the agent.
    case wait(AgentGroup)
    case leave
    /// Asynchronous copies, which `CopyOrder` follows.
    case copies(CopyEvent)
    /// Whether every thread runs as many rounds, or takes the same side.
    case loop([Node], isUniform: Bool, Counter)
    case branch([Node], [Node], isUniform: Bool)
  }

  /// The counter of a loop, which grows by one each round, and its value after the last; nil where that is not known.
  struct Counter {
    let symbol: Symbol
    let lower: Polynomial
    let end: Polynomial?
    /// Whether warps share its rounds.
    var isSharedOut = false
  }

  private var open: [[Node]] = [[]]

  var nodes: [Node] { open[0] }

  mutating func add(_ node: Node) { open[open.count - 1].append(node) }
  mutating func add(_ nodes: [Node]) { open[open.count - 1] += nodes }
  /// Begins a list of its own.
  mutating func begin() { open.append([]) }
  mutating func end() -> [Node] { open.removeLast() }
}

extension KernelWalk {
  /// Notes that the lanes of a value touch consecutive elements from `first` on.
  mutating func share(_ memory: String, _ first: Polynomial, lanes: Int, bits: Int, isWrite: Bool) {
    guard isJudged, isOfWarps else { return }
    shareRound(memory, first, lanes: lanes == .max ? nil : lanes, isWrite: isWrite)
    var threads = SharedTouches.Threads.any
    if lanes == 1 {
      // A scalar is read by every thread and written by one.
      if isWrite { threads = .first }
    } else if bits >= 8, let residue = residue(first) {
      threads = .striped(bits: bits, residue: residue)
    }
    share(memory, threads, isPacked: bits < 8, isWrite: isWrite)
  }

  /// Notes that lanes touch elements of their own, of which `place` is that of the lane at hand.
  mutating func shareApart(_ memory: String, _ place: Polynomial, lanes: Int, bits: Int, isWrite: Bool) {
    guard isJudged, isOfWarps else { return }
    shareRound(memory, place, lanes: 1, isWrite: isWrite)
    share(memory, isWrite && lanes == 1 ? .first : .any, isPacked: bits < 8, isWrite: isWrite)
  }

  private mutating func share(
    _ memory: String, _ threads: SharedTouches.Threads, isPacked: Bool, isWrite: Bool
  ) {
    touches.add(
      .touch(
        .init(
          memory: memory, threads: isPacked && threads != .first ? .any : threads, isWrite: isWrite,
          isRead: !isWrite || isPacked, location: location)))
  }

  /// What a place leaves when it is divided by the threads of an agent; nil where that may differ.
  private func residue(_ place: Polynomial) -> Int? {
    guard place.isValid else { return nil }
    let constant = place.constantTerm
    let threads = kernel.vectorThreads
    guard divisor(place - constant) == threads else { return nil }
    return (constant % threads + threads) % threads
  }

  /// The largest power of two up to an agent's threads that surely divides a number.
  func divisor(_ a: Polynomial) -> Int {
    guard a.isValid else { return 1 }
    let threads = kernel.vectorThreads
    return a.parts.reduce(threads) { common, part in
      var own = part.factor.powerOfTwo(upTo: threads)
      for symbol in Polynomial.symbols(part.symbols) where own < threads { own *= divisor(symbol) }
      return min(common, own)
    }
  }

  private func divisor(_ symbol: Symbol) -> Int {
    let entry = prover.table[symbol]
    return switch entry.meaning {
    case .minimum(let a, let b), .maximum(let a, let b): min(divisor(a), divisor(b))
    case .choice: entry.alternatives.map { divisor($0.value) }.min() ?? 1
    case .number, .floor: 1
    }
  }
}
