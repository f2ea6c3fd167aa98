import MachineIR

extension MachineKernel {
  /// The kernel with an agent's threads synchronised wherever one may touch what another has written, or write
  /// what another may still read.
  func synchronisingWarps() -> MachineKernel {
    var pass = WarpSynchronisation(self)
    if sharesLoops {
      let waits = BlockWaits(self) { pass.round($0) }
      var touched = BlockWaits.Touched()
      return with(body: waits.rounds(body, &touched))
    }
    // An agent goes from cell to cell: its memory is the same, so the cells are a loop.
    return with(body: pass.loopBody(body, entry: .none).statements)
  }
}

/// Finds where threads of an agent must wait for each other.
///
/// What has been touched since the last synchronisation is followed through the program, by memory and by
/// which thread touched it. A synchronisation goes in as late as it can, right before the touch that needs it,
/// so that one serves every pair it lies between; out of a loop whose rounds do not need it among themselves.
struct WarpSynchronisation {
  /// Which threads touch an element, in ways that agree with themselves.
  struct Threads: OptionSet, Hashable {
    let rawValue: Int
    /// Element e by thread e % t of t.
    static let striped = Threads(rawValue: 1)
    /// By the first thread.
    static let first = Threads(rawValue: 2)
    /// By any, or by all.
    static let any = Threads(rawValue: 4)

    /// Whether an element that these have touched may be another thread's.
    func meets(_ other: Threads) -> Bool {
      if isEmpty || other.isEmpty { return false }
      let both = union(other)
      return both != .striped && both != .first
    }
  }

  /// What has been touched since the last synchronisation.
  struct Touched: Hashable {
    var reads: [String: Threads] = [:]
    var writes: [String: Threads] = [:]
    static let none = Touched()

    func union(_ other: Touched) -> Touched {
      Touched(
        reads: reads.merging(other.reads) { $0.union($1) },
        writes: writes.merging(other.writes) { $0.union($1) })
    }

    func needsWait(read: String, _ threads: Threads) -> Bool { writes[read, default: []].meets(threads) }
    func needsWait(write: String, _ threads: Threads) -> Bool {
      writes[write, default: []].meets(threads) || reads[write, default: []].meets(threads)
    }
  }

  /// Statements with their synchronisations.
  struct Passed {
    var statements: [MachineStatement] = []
    /// What is touched where they end; nil where they always leave.
    var end: Touched?
    /// What is touched where they leave the loop around them.
    var leaving: Touched?
    /// How many synchronisations stand in them.
    var waits = 0
  }

  /// A loop with its synchronisations.
  private struct PassedLoop {
    let loop: MachineStatement
    /// Whether there is one right before it.
    let waitsBefore: Bool
    let waits: Int
    let end: Touched
    var names: Set<String> = []
  }

  /// A loop by where it stands in the statements around it, and what is touched before it.
  private struct Place: Hashable {
    let path: [Int]
    let entry: Touched
  }

  /// The statement at hand: its position in each list of statements around it.
  private var path: [Int] = []
  /// What has been found already: rounds of outer loops come to the same loop with the same touched.
  private var loops: [Place: PassedLoop] = [:]
  /// Names of the memory that is followed: the same name for two that are one.
  private var group: [String: String] = [:]
  /// A power of two up to the number of threads that divides a variable.
  private var divisors: [String: Int] = [:]
  private let threadCount: Int
  private let wait: MachineStatement
  private var names: Set<String> = []

  init(_ kernel: MachineKernel) {
    threadCount = kernel.vectorThreads
    wait = .synchronise(kernel.sharesLoops ? .warp : kernel.agentGroup)
    // Schedules order copies themselves, by stages.
    let copied = Set(kernel.copies.map(\.target))
    for array in kernel.scratch where !copied.contains(array.name) { group[array.name] = array.name }
    // A buffer that is written and never read has each element written once.
    var (read, written): (Set<BufferSource>, Set<BufferSource>) = ([], [])
    let sources = Dictionary(kernel.buffers.map { ($0.name, $0.source) }) { a, _ in a }
    for statement in kernel.body {
      statement.forEach { statement in
        for use in statement.expressions.flatMap(\.reads) {
          if let source = sources[use.memory] { read.insert(source) }
        }
        guard let write = statement.write, let source = sources[write.memory] else { return }
        written.insert(source)
        if write.isPacked { read.insert(source) }
      }
    }
    for buffer in kernel.buffers where read.contains(buffer.source) && written.contains(buffer.source) {
      group[buffer.name] = kernel.buffers.first { $0.source == buffer.source }!.name
    }
    for statement in kernel.body {
      statement.forEach { statement in
        switch statement {
        case .define(let variable, _), .declare(let variable, _): names.insert(variable.name)
        default: break
        }
      }
    }
  }

  // MARK: Statements

  private mutating func block(_ statements: [MachineStatement], _ entry: Touched) -> Passed {
    var passed = Passed(end: entry)
    for (position, statement) in statements.enumerated() {
      guard let now = passed.end else { break }
      path.append(position)
      pass(statement, now, into: &passed)
      path.removeLast()
    }
    return passed
  }

  private mutating func pass(_ statement: MachineStatement, _ entry: Touched, into passed: inout Passed) {
    var now = entry
    func wait() {
      passed.statements.append(self.wait)
      passed.waits += 1
      now = .none
    }
    let reads = uses(statement.expressions.flatMap(\.reads))
    if reads.contains(where: { now.needsWait(read: $0.memory, $0.threads) }) { wait() }
    for use in reads { now.reads[use.memory, default: []].formUnion(use.threads) }
    var statement = statement
    switch statement {
    case .define(let variable, let value): divisors[variable.name] = divisor(value)
    case .synchronise: now = .none
    case .loop(let loop):
      let inside = self.loop(loop, now)
      if inside.waitsBefore { wait() }
      passed.statements.append(inside.loop)
      passed.waits += inside.waits
      passed.end = inside.end
      return
    case .branch(let condition, let then, let otherwise):
      let a = block(then, now)
      // Places of the other side are told from this one's.
      path.append(-1)
      let b = block(otherwise, now)
      path.removeLast()
      passed.statements.append(.branch(condition, a.statements, b.statements))
      passed.waits += a.waits + b.waits
      passed.leaving = Self.either(passed.leaving, Self.either(a.leaving, b.leaving))
      passed.end = Self.either(a.end, b.end)
      return
    case .leave:
      passed.statements.append(statement)
      passed.leaving = Self.either(passed.leaving, now)
      passed.end = nil
      return
    default: break
    }
    if let write = statement.write.flatMap(use) {
      let isRead = reads.contains { $0.memory == write.memory && $0.threads.meets(write.threads) }
      if isRead {
        // Every thread has read before any writes.
        let (values, later) = readingFirst(statement)
        passed.statements += values
        statement = later
      }
      if now.needsWait(write: write.memory, write.threads) { wait() }
      now.writes[write.memory, default: []].formUnion(write.threads)
      if write.isPacked { now.reads[write.memory, default: []].formUnion(write.threads) }
    }
    passed.statements.append(statement)
    passed.end = now
  }

  private static func either(_ a: Touched?, _ b: Touched?) -> Touched? {
    guard let a, let b else { return a ?? b }
    return a.union(b)
  }

  // MARK: Loops

  private mutating func loop(_ loop: CountedLoop, _ entry: Touched) -> PassedLoop {
    let place = Place(path: path, entry: entry)
    if let known = loops[place] {
      names.formUnion(known.names)
      return known
    }
    var found = passLoop(loop, entry)
    found.names = names
    loops[place] = found
    return found
  }

  private mutating func passLoop(_ loop: CountedLoop, _ entry: Touched) -> PassedLoop {
    divisors[loop.counter.name] = min(divisor(loop.lower), loop.step.powerOfTwo(upTo: threadCount))
    let alone = loopBody(loop.body, entry: .none, bound: loop.upper)
    var (body, waitsBefore) = (alone, false)
    if entry != .none {
      let after = loopBody(loop.body, entry: entry, bound: loop.upper)
      // What only the first round needs is done before it.
      waitsBefore = after.waits > alone.waits
      if !waitsBefore { body = after }
    }
    let before = waitsBefore ? Touched.none : entry
    let end = [body.end, body.leaving].reduce(before) { $0.union($1 ?? .none) }
    let whole = loop.with(body.statements)
    return PassedLoop(loop: .loop(whole), waitsBefore: waitsBefore, waits: body.waits, end: end)
  }

  /// The body of a loop, each of whose rounds begins with what is touched before it or by the round before.
  mutating func loopBody(
    _ body: [MachineStatement], entry: Touched, bound: Expression = .constant(0)
  ) -> Passed {
    var begin = entry
    let outer = names
    while true {
      names = outer
      var passed = block(body, begin)
      // The bound is read again before the next round.
      let reads = uses(bound.reads)
      if let end = passed.end, reads.contains(where: { end.needsWait(read: $0.memory, $0.threads) }) {
        passed.statements.append(wait)
        passed.waits += 1
        passed.end = Touched.none
      }
      for use in reads { passed.end?.reads[use.memory, default: []].formUnion(use.threads) }
      let next = begin.union(passed.end ?? .none)
      if next == begin { return passed }
      begin = next
    }
  }

  /// The body of a loop whose rounds warps share: they are apart from each other.
  mutating func round(_ loop: CountedLoop) -> [MachineStatement] {
    divisors[loop.counter.name] = min(divisor(loop.lower), loop.step.powerOfTwo(upTo: threadCount))
    loops = [:]
    path = []
    return block(loop.body, .none).statements
  }

  // MARK: Touches

  private struct Use {
    let memory: String
    let threads: Threads
    let isPacked: Bool
  }

  private func uses(_ found: [MemoryUse]) -> [Use] {
    // A scalar is read by every thread.
    found.compactMap { use in
      group[use.memory].map {
        Use(memory: $0, threads: use.lanes == 1 ? .any : threads(use), isPacked: use.isPacked)
      }
    }
  }

  private func use(_ write: MemoryUse) -> Use? {
    group[write.memory].map {
      Use(memory: $0, threads: write.lanes == 1 ? .first : threads(write), isPacked: write.isPacked)
    }
  }

  private func threads(_ use: MemoryUse) -> Threads {
    guard let offset = use.offset, !use.isPacked else { return .any }
    return divisor(offset) == threadCount ? .striped : .any
  }

  /// A power of two up to the number of threads that divides an integer.
  private func divisor(_ expression: Expression) -> Int {
    switch expression {
    case .integer(let value, .index): return Int(value).powerOfTwo(upTo: threadCount)
    case .variable(let variable): return divisors[variable.name] ?? 1
    case .apply(let instruction, let operands, .index):
      switch instruction {
      case .subtract where operands[1].wholes(of: operands[0]) != nil:
        // x - x % n: the whole vectors of a length.
        return operands[1].wholes(of: operands[0])!.powerOfTwo(upTo: threadCount)
      case .add, .subtract, .minimum, .maximum:
        return min(divisor(operands[0]), divisor(operands[1]))
      case .multiply: return min(threadCount, divisor(operands[0]) * divisor(operands[1]))
      case .remainderFloor(let n): return min(divisor(operands[0]), n.powerOfTwo(upTo: threadCount))
      default: return 1
      }
    default: return 1
    }
  }

  /// The statement as definitions of what it reads, and a write of those.
  private mutating func readingFirst(_ statement: MachineStatement) -> ([MachineStatement], MachineStatement)
  {
    var values: [MachineStatement] = []
    func first(_ expression: Expression) -> Expression {
      if expression.reads.isEmpty { return expression }
      var number = 1
      while names.contains("read_\(number)") { number += 1 }
      names.insert("read_\(number)")
      let variable = Variable("read_\(number)", expression.type)
      values.append(.define(variable, expression))
      return .variable(variable)
    }
    let later: MachineStatement
    switch statement {
    case .store(let access, let value, let active):
      let place = Access(access.buffer, access.element, first(access.offset))
      later = .store(place, first(value), active: active.map(first))
    case .scatter(let access, let lanes, let value, let active):
      let place = Access(access.buffer, access.element, first(access.offset))
      later = .scatter(place, lanes: first(lanes), first(value), active: active.map(first))
    case .storeRaw(let buffer, let offset, let value):
      later = .storeRaw(buffer: buffer, offset: first(offset), first(value))
    case .clear(let buffer, let offset, let count):
      later = .clear(buffer: buffer, offset: first(offset), count: first(count))
    default: later = statement
    }
    return (values, later)
  }
}

extension Expression {
  /// n where this is the remainder of `value` by n.
  fileprivate func wholes(of value: Expression) -> Int? {
    if case .apply(.remainderFloor(let n), let operands, _) = self, operands == [value] { n } else { nil }
  }
}
