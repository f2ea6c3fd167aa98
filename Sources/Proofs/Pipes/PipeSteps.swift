import MachineIR
import TileIR

/// A pipe program as its proof walks it: touches, events and tensors by their numbers, made once for many walks.
struct PipeSteps {
  indirect enum Step {
    /// Touches by number; tensors that are read, and one that is written.
    case touch([Int], read: [Int], written: Int?)
    case note(SourceLocation)
    /// With the writes of its rounds that lie apart from each other, and what stands for each behind the loop.
    case loop(hasRound: Bool, apart: [Int: Int], [Step])
    case branch([Step], [Step])
    case leave
    case set(Int)
    case wait(Int)
    /// Of one pipe by number, or of all.
    case barrier(Int?)

    /// The event that it raises or awaits.
    var event: Int? {
      switch self {
      case .set(let event), .wait(let event): event
      default: nil
      }
    }
  }
  /// One touch of memory, as fast to compare as it gets.
  struct Touch {
    let pipe: Int
    let isWrite: Bool
    /// The buffer's number; negative for memory on chip.
    let buffer: Int
    let lower: Int
    let upper: Int

    func conflicts(with other: Touch) -> Bool {
      guard isWrite || other.isWrite, buffer == other.buffer else { return false }
      // No two stores of a kernel meet in main memory: that is proved of the plan.
      return buffer < 0 ? lower < other.upper && other.lower < upper : isWrite != other.isWrite
    }
  }

  static let pipes = Pipe.allCases
  static func number(_ pipe: Pipe) -> Int { pipes.firstIndex(of: pipe)! }
  /// A bit for each pipe of a core.
  static func bits(of core: Pipe.Core) -> UInt16 {
    Pipe.all(of: core).reduce(0) { $0 | 1 << UInt16(number($1)) }
  }

  private(set) var steps: [Step] = []
  private(set) var touches: [Touch] = []
  private(set) var accesses: [PipeAccess] = []
  /// Touches of which no two rounds of the loop around them meet.
  private(set) var apart: Set<Int> = []
  private(set) var events: [PipeEvent] = []
  private(set) var tensors: [String] = []
  /// For each touch, those that conflict with it.
  private(set) var conflicts: [[Int]] = []
  /// For each touch, and behind them for the wait for each event, its pipe, and a bit for each pipe that must know when it is
  /// done: that ever touches what conflicts with it, or raises the event anew.
  private(set) var pipeOfDeed: [Int] = []
  private(set) var concernedByDeed: [UInt16] = []
  /// For each tensor, the others that share bytes with it.
  private(set) var neighbours: [[Int]] = []
  /// Those of them that do not lie on the very same bytes, which an instruction may not read while it writes the tensor.
  private(set) var crossing: [Set<Int>] = []

  private var accessNumbers: [PipeAccess: Int] = [:]
  private var eventNumbers: [PipeEvent: Int] = [:]
  private var tensorNumbers: [String: Int] = [:]
  private var buffers: [BufferSource: Int] = [:]

  init(_ kernel: PipeKernel) {
    tensors = kernel.tensors.keys.sorted()
    for (number, name) in tensors.enumerated() { tensorNumbers[name] = number }
    let bytes = tensors.map { kernel.tensors[$0]!.place }
    neighbours = bytes.indices.map { own in
      bytes.indices.filter { $0 != own && bytes[$0].overlaps(bytes[own]) }
    }
    crossing = bytes.indices.map { own in Set(neighbours[own].filter { bytes[$0] != bytes[own] }) }
    steps = make(kernel.body, kernel)
    conflicts = touches.map { own in touches.indices.filter { touches[$0].conflicts(with: own) } }
    pipeOfDeed = touches.map(\.pipe) + events.map { Self.number($0.to) }
    concernedByDeed =
      conflicts.map { $0.reduce(0) { $0 | 1 << UInt16(touches[$1].pipe) } }
      + events.map { 1 << UInt16(Self.number($0.from)) }
  }

  private mutating func make(_ statements: [PipeStatement], _ kernel: PipeKernel) -> [Step] {
    var result: [Step] = []
    for statement in statements { result += make(statement, kernel) }
    return result
  }

  private mutating func make(_ statement: PipeStatement, _ kernel: PipeKernel) -> [Step] {
    switch statement {
    case .note(_, let place): return place.map { [.note($0)] } ?? []
    case .loop(let loop):
      let own = touch(statement, kernel)
      var (body, twins): ([Step], [Int: Int]) = ([], [:])
      for statement in loop.body {
        guard case .copyIn(let copy) = statement, copy.liesApart(in: loop) else {
          body += make(statement, kernel)
          continue
        }
        let first = touches.count
        body += touch(statement, kernel, isApart: true)
        for number in first..<touches.count where apart.contains(number) {
          twins[number] = touches.count
          append(accesses[number])
        }
      }
      return own + [.loop(hasRound: loop.hasRound, apart: twins, body)]
    case .branch(_, let then, let otherwise):
      let own = touch(statement, kernel)
      let first = make(then, kernel)
      return own + [.branch(first, make(otherwise, kernel))]
    case .leave: return [.leave]
    case .set(let event): return [.set(number(event))]
    case .wait(let event): return [.wait(number(event))]
    case .barrier(let pipe): return [.barrier(pipe.map(Self.number))]
    default: return touch(statement, kernel)
    }
  }

  private mutating func touch(_ statement: PipeStatement, _ kernel: PipeKernel, isApart: Bool = false) -> [Step] {
    let own = kernel.accesses(of: statement).map { access in
      guard isApart, access.isWrite, case .local = access.place else { return number(access) }
      apart.insert(touches.count)
      append(access)
      return touches.count - 1
    }
    let (read, written): ([String], String?) =
      switch statement {
      case .vector(let instruction): (instruction.sources.map(\.tensor), instruction.destination.tensor)
      case .copyIn(let copy): ([], copy.local.tensor)
      case .copyOut(let copy): ([copy.local.tensor], nil)
      case .cube(let instruction): (instruction.reads.map(\.view.tensor), instruction.write?.view.tensor)
      case .read(_, let view): ([view.tensor], nil)
      case .write(let view, _): ([], view.tensor)
      default: ([], nil)
      }
    if own.isEmpty, read.isEmpty, written == nil { return [] }
    return [.touch(own, read: read.map { tensorNumbers[$0]! }, written: written.map { tensorNumbers[$0]! })]
  }

  private mutating func number(_ event: PipeEvent) -> Int {
    if let known = eventNumbers[event] { return known }
    eventNumbers[event] = events.count
    events.append(event)
    return events.count - 1
  }

  private mutating func number(_ access: PipeAccess) -> Int {
    if let known = accessNumbers[access] { return known }
    accessNumbers[access] = touches.count
    append(access)
    return touches.count - 1
  }

  private mutating func append(_ access: PipeAccess) {
    let touch: Touch
    switch access.place {
    case .local(let bytes):
      touch = Touch(
        pipe: Self.number(access.pipe), isWrite: access.isWrite, buffer: -1, lower: bytes.lowerBound,
        upper: bytes.upperBound)
    case .buffer(let source):
      let buffer = buffers[source] ?? buffers.count
      buffers[source] = buffer
      touch = Touch(
        pipe: Self.number(access.pipe), isWrite: access.isWrite, buffer: buffer, lower: 0, upper: 0)
    }
    touches.append(touch)
    accesses.append(access)
  }
}

extension PipeCopy {
  /// Whether what it fills on chip in one round of a loop, whose statement it is, no other round fills.
  fileprivate func liesApart(in loop: PipeLoop) -> Bool {
    guard case .apply(.multiply, let factors, _) = local.offset, factors[0] == .variable(loop.counter),
      let step = factors[1].constantValue, let rounds = loop.step.constantValue, rounds > 0
    else { return false }
    return step * rounds * local.element.byteCount >= byteCount(isWhole: true)
  }
}

/// Events by their numbers, of which there are at most so many.
struct EventSet: Equatable {
  static let most = 256
  private var words = SIMD4<UInt64>()

  func contains(_ number: Int) -> Bool { words[number >> 6] >> UInt64(number & 63) & 1 != 0 }
  mutating func insert(_ number: Int) { words[number >> 6] |= 1 << UInt64(number & 63) }
  mutating func remove(_ number: Int) { words[number >> 6] &= ~(1 << UInt64(number & 63)) }
  mutating func formIntersection(_ other: EventSet) { words &= other.words }
  mutating func formUnion(_ other: EventSet) { words |= other.words }
  func symmetricDifference(_ other: EventSet) -> EventSet {
    var result = self
    result.words ^= other.words
    return result
  }
}
