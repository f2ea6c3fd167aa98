import MachineIR
import TileIR

/// Counts what the cells of a kernel ask of a GPU at given launch numbers, without running it.
///
/// Loops that count the same in every round are counted once and multiplied; of others up to `samples` rounds
/// are looked at, spread evenly. Integers that are read from buffers are what `LaunchSizes.integers` takes them to be.
/// What else only the data decide is counted from below: of two branches the cheaper one, of a loop one round.
struct WorkCounter {
  private static let samples = 16

  private let kernel: MachineKernel
  private let convertsE4M3: Bool
  private let elements: [String: ElementType]
  private let arrays: [String: ScratchArray]
  /// The integers that buffers are taken to hold.
  private let entries: [String: DataIntegers]
  /// Variables that are made of what is read from buffers.
  private let readVariables: Set<Variable>
  /// Variables that decide which statements run, or how often.
  private let deciding: Set<Variable>
  private var values: [Variable: Int] = [:]
  private var places = LanePlaces(boundedBy: .max)
  /// The same with the launch's numbers.
  private var boundPlaces = LanePlaces(boundedBy: .max)
  private(set) var dependsOnData = false
  /// Whether the round at hand is written out behind another: its places are that one's and a constant.
  private var isLaterRound = false

  init(_ kernel: MachineKernel, _ sizes: LaunchSizes, convertsE4M3: Bool) {
    self.kernel = kernel
    self.convertsE4M3 = convertsE4M3
    elements = Dictionary(kernel.buffers.map { ($0.name, $0.element) }) { a, _ in a }
    arrays = Dictionary(kernel.scratch.map { ($0.name, $0) }) { a, _ in a }
    entries = sizes.integers(of: kernel)
    deciding = Self.deciding(kernel.body)
    readVariables = Self.readVariables(kernel.body)
    for scalar in kernel.scalars { values[Variable(scalar.name, .index)] = sizes.value(scalar.value) }
  }

  /// The work of an average cell of `count`.
  mutating func cell(of count: Int) -> Work {
    average(kernel.cell, Self.spread(0, count, 1), kernel.body)
  }

  private var noWork: Work {
    Work(agentWarps: kernel.vectorThreads / GPU.warp, convertsE4M3: convertsE4M3)
  }

  // MARK: Statements

  private mutating func average(_ counter: Variable, _ rounds: [Int], _ body: [MachineStatement]) -> Work {
    var sum = noWork
    for round in rounds {
      values[counter] = round
      sum += count(body)
    }
    values[counter] = nil
    return rounds.isEmpty ? sum : sum * (1 / Double(rounds.count))
  }

  private static func spread(_ lower: Int, _ count: Int, _ step: Int) -> [Int] {
    let few = min(count, samples)
    return (0..<few).map { lower + step * (few == 1 ? 0 : $0 * (count - 1) / (few - 1)) }
  }

  private mutating func count(_ statements: [MachineStatement]) -> Work {
    statements.reduce(into: noWork) { $0 += count($1) }
  }

  private mutating func count(_ statement: MachineStatement) -> Work {
    var work = noWork
    switch statement {
    case .define(let variable, let value):
      work += count(value)
      values[variable] = self.value(value)
      places.define(variable, value)
      // Taken out, not copied: what is known grows with each variable.
      var known = LanePlaces(boundedBy: .max)
      swap(&known, &boundPlaces)
      known.define(variable, value) { self.value($0) }
      boundPlaces = known
    // What is set again has no value that holds for every round of a loop.
    case .declare(_, let value), .assign(_, let value): work += count(value)
    case .setElement(_, _, let value): work += count(value)
    case .store(let access, let value, _), .stream(let access, let value, _):
      work += count(value)
      work += stored(consecutive(access.buffer, value.type.lanes, access.element.bitWidth))
    case .scatter(let access, let lanes, let value, _):
      work += count(value)
      work += stored(scattered(access.buffer, lanes, value.type.lanes, access.element.bitWidth))
    case .storeRaw(let buffer, _, let value):
      work += count(value)
      work += stored(consecutive(buffer, value.type.lanes, 8 * value.type.scalar.byteCount))
    case .clear(let buffer, _, let count):
      let lanes = self.value(count) ?? 1
      work += stored(consecutive(buffer, lanes, 8 * (arrays[buffer]?.type.byteCount ?? 4)))
    case .loop(let loop): work += count(loop)
    case .branch(let condition, let then, let otherwise):
      work += count(condition)
      switch value(condition) {
      case 0?: work += count(otherwise)
      case _?: work += count(then)
      case nil:
        let (a, b) = (count(then), count(otherwise))
        if a != b { dependsOnData = true }
        work += a.total < b.total ? a : b
      }
    case .synchronise(let group):
      work.add(.wait, group == .block ? Double(kernel.agentWarps) : 1)
      if group == .block { work.blockWaits += 1 }
    case .check(let condition, _): work += count(condition)
    case .startCopy(let copy): work += count(copy)
    case .awaitCopies(let latest):
      work.add(.wait, 1)
      work.copyTimes += 1 / Double(latest + 1)
    case .closeCopies: work.add(.wait, 1)
    // Of chips that the roofline does not know yet.
    case .multiplySlices: break
    case .registers, .prefetch, .leave, .note: break
    }
    return work
  }

  private mutating func count(_ loop: CountedLoop) -> Work {
    if !readVariables.isDisjoint(with: loop.lower.variables.union(loop.upper.variables)) { dependsOnData = true }
    guard let lower = value(loop.lower), let upper = value(loop.upper) else {
      dependsOnData = true
      return count(loop.body)
    }
    let rounds = max(0, (upper - lower + loop.step - 1) / loop.step)
    guard rounds > 0 else { return noWork }
    if loop.isSharedOut {
      // The warp with the most rounds does them one after the other.
      let round = average(loop.counter, Self.spread(lower, rounds, loop.step), loop.body)
      var all = round * Double(rounds)
      let own = round * (Double(rounds) / Double(kernel.agentWarps)).rounded(.up)
      (all.ownInstructions, all.ownReadBytes) = (own.ownInstructions, own.ownReadBytes)
      return all
    }
    if loop.isUnrolled, !isLaterRound, rounds > 1 {
      let first = average(loop.counter, [lower], loop.body)
      isLaterRound = true
      defer { isLaterRound = false }
      let rest = Self.spread(lower + loop.step, rounds - 1, loop.step)
      let later = average(loop.counter, deciding.contains(loop.counter) ? rest : [rest[0]], loop.body)
      return first + later * Double(rounds - 1)
    }
    if deciding.contains(loop.counter) {
      return average(loop.counter, Self.spread(lower, rounds, loop.step), loop.body) * Double(rounds)
    }
    return average(loop.counter, [lower], loop.body) * Double(rounds)
  }

  /// A copy is one access a piece of each thread, a bulk copy one, and is written to shared memory.
  private func count(_ copy: AsynchronousCopy) -> Work {
    var work = noWork
    let bytes = Double(copy.byteCount)
    let isBulk = copy.barriers != nil
    work.add(.access, isBulk ? 1 : (bytes / Double(GPU.warp * (copy.pieceBytes ?? 4))).rounded(.up))
    work.add(.integer, 2)
    work.sharedTurns += max(1, (bytes / 128).rounded(.up))
    work.bytes[copy.source.buffer, default: 0] += bytes
    work.copiedBytes += bytes
    return work
  }

  // MARK: Expressions

  private func count(_ expression: Expression) -> Work {
    var work = noWork
    switch expression {
    case .variable, .integer, .float, .laneNumbers, .table, .element: break
    case .apply(let instruction, let operands, let type):
      // What the lanes' numbers alone decide is there before all loops.
      if type.scalar == .i32, type.lanes > 1, places.values(expression)?.isShifted == false { break }
      for operand in operands { work += count(operand) }
      // Places in memory are computed once and stepped; their accesses count for that.
      if type != .index {
        let share = type.scalar == .i64 ? instruction.words(with: operands.last!) / 2 : 1
        var own = noWork
        own.add(instruction, operands[0].type, type)
        work += own * share
      }
    case .broadcast(let value, _): work += count(value)
    case .load(let access, let type, _):
      work += consecutive(access.buffer, type.lanes, access.element.bitWidth)
    case .gather(let access, let lanes, let type, _):
      work += scattered(access.buffer, lanes, type.lanes, access.element.bitWidth)
    case .raw(let buffer, _, let type):
      work += consecutive(buffer, type.lanes, 8 * type.scalar.byteCount)
    case .gatherRaw(let buffer, _, let lanes, let type):
      work += scattered(buffer, lanes, type.lanes, 8 * type.scalar.byteCount)
    case .conditional(let condition, let a, let b):
      work += count(condition)
      switch value(condition) {
      case 0?: work += count(b)
      case _?: work += count(a)
      case nil:
        let (a, b) = (count(a), count(b))
        work += a.total < b.total ? a : b
      }
    }
    return work
  }

  // MARK: Memory

  private func stored(_ access: Work) -> Work {
    var work = access
    work.storedBytes = access.globalBytes
    work.ownReadBytes = 0
    return work
  }

  private func isShared(_ buffer: String) -> Bool { arrays[buffer]?.space == .onChip }

  /// Neighbouring elements for neighbouring lanes.
  private func consecutive(_ buffer: String, _ lanes: Int, _ bits: Int) -> Work {
    var work = noWork
    let registers = work.registers(lanes)
    work.add(.access, registers)
    if !isLaterRound { work.add(.integer, 2 * work.registers(1)) }
    let bytes = Double(lanes * bits) / 8
    if isShared(buffer) {
      work.sharedTurns += max(1, (bytes / 128).rounded(.up))
    } else {
      work.ask(buffer, bytes)
    }
    return work
  }

  /// A place of its own for each lane: as many turns as lines are touched.
  private func scattered(_ buffer: String, _ offsets: Expression, _ lanes: Int, _ bits: Int) -> Work {
    var work = count(offsets)
    let registers = work.registers(lanes)
    work.add(.access, registers)
    work.add(.integer, 2 * registers)
    let bytes = Double(lanes * bits) / 8
    let places = boundPlaces.values(offsets) { value($0) }?.values
    guard isShared(buffer) else {
      work.ask(buffer, bytes)
      guard let places else {
        work.sharedTurns += registers * Double(min(lanes, GPU.warp))
        return work
      }
      for first in Swift.stride(from: 0, to: places.count, by: GPU.warp) {
        let lines = Set(places[first..<min(first + GPU.warp, places.count)].map { $0 * bits >> 10 })
        work.sharedTurns += Double(lines.count)
      }
      return work
    }
    var degree = 1
    if let places, case .degree(let found) = BankConflicts.of(places, bytes: max(1, bits / 8)) { degree = found }
    work.sharedTurns += registers * Double(degree)
    return work
  }

  // MARK: Numbers

  /// The value of an expression that a launch's numbers and the counters around it decide; nil of another.
  private func value(_ expression: Expression) -> Int? {
    switch expression {
    case .variable(let variable): return values[variable]
    case .integer(let value, _): return Int(value)
    case .broadcast(let value, _): return self.value(value)
    case .conditional(let condition, let a, let b):
      return value(condition).flatMap { $0 != 0 ? value(a) : value(b) }
    case .apply(let instruction, let operands, _):
      var numbers: [Int] = []
      for operand in operands {
        guard let number = value(operand) else { return nil }
        numbers.append(number)
      }
      return instruction.value(numbers)
    case .load(let access, let type, nil) where type.lanes == 1:
      switch entries[access.buffer] {
      case nil: return nil
      case .largest(let largest): return largest
      case .even(let rows, let segments): return value(access.offset).map { $0 * rows / segments }
      }
    default: return nil
    }
  }

  private static func readVariables(_ body: [MachineStatement]) -> Set<Variable> {
    var found: Set<Variable> = []
    for statement in body {
      statement.forEach {
        guard case .define(let variable, let value) = $0, variable.type.lanes == 1 else { return }
        if !value.reads.isEmpty || !found.isDisjoint(with: value.variables) { found.insert(variable) }
      }
    }
    return found
  }

  private static func deciding(_ body: [MachineStatement]) -> Set<Variable> {
    var found: Set<Variable> = []
    var sources: [Variable: Set<Variable>] = [:]
    func visit(_ statement: MachineStatement) {
      switch statement {
      case .define(let variable, let value), .declare(let variable, let value),
        .assign(let variable, let value):
        if variable.type.lanes == 1 { sources[variable, default: []].formUnion(value.variables) }
      case .loop(let loop): found.formUnion(loop.lower.variables.union(loop.upper.variables))
      case .branch(let condition, _, _): found.formUnion(condition.variables)
      case .clear(_, _, let count): found.formUnion(count.variables)
      default: break
      }
    }
    for statement in body { statement.forEach(visit) }
    return found.closed(under: sources)
  }
}

extension Set {
  /// With what its elements are made of, and what that is made of.
  func closed(under sources: [Element: Set]) -> Set {
    var found = self
    var open = Array(self)
    while let next = open.popLast() {
      for source in sources[next] ?? [] where found.insert(source).inserted { open.append(source) }
    }
    return found
  }
}

extension Instruction {
  /// On how many of the two words of 64 bits it does something, where its last operand is a constant.
  fileprivate func words(with operand: Expression) -> Double {
    guard case .integer(let value, _) = operand else { return 2 }
    let words = [value & 0xFFFF_FFFF, value >> 32 & 0xFFFF_FFFF]
    switch self {
    case .and, .or: return Double(words.count { $0 != 0 && $0 != 0xFFFF_FFFF })
    case .xor: return Double(words.count { $0 != 0 })
    case .shiftLeft, .shiftRightLogical, .shiftRightArithmetic: return value >= 32 ? 1 : 2
    default: return 2
    }
  }
}
