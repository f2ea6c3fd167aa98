import MachineIR
import TileIR

/// Where a touch of main memory stands: the loops around it and what has been asked on the way, outermost first.
enum ReachCircumstance: Hashable {
  /// A loop, by the number of its rounds that are done.
  case loop(Symbol)
  case fact(ReachFact)
}

/// Elements of main memory that a plan or a pipe program reads or writes at once, in bytes.
struct ReachTouch {
  let buffer: String
  let isWrite: Bool
  let first: Polynomial
  let count: Polynomial
  /// How many stores to the buffer, and how many ends of loops, stand before it.
  let epoch: Int
  let leaves: Int
  let context: [ReachCircumstance]
  let location: SourceLocation?
  /// A copy of a pipe program's, and where conditions stand that it has something to copy, which a plan need not ask.
  let isCopy: Bool
  let conditions: [Int]
  /// The loop over the rows of a copy, which stand in it alone.
  var rows: Symbol?
}

/// One walk through a plan's kernel or its pipe program, with each touch of main memory on the way.
struct ReachWalk {
  /// What a loop does to the numbers that go from round to round, by the names that they have in the plan.
  struct Loop {
    var start: [String: Polynomial] = [:]
    var end: [String: Polynomial] = [:]
    /// Where it is left: what has been asked there, and the numbers.
    var exits: [(context: [ReachCircumstance], values: [String: Polynomial])] = []
  }

  let kernel: PipeKernel
  var numbers: ReachNumbers
  var touches: [ReachTouch] = []
  var loops: [Symbol: Loop] = [:]
  var faults: [PipeProof.Fault] = []
  var location: SourceLocation?
  var context: [ReachCircumstance] = []
  /// Names of the plan's variables that change.
  var changing: Set<String>
  /// Bytes that each core has of a buffer through which sums go.
  var exchanges: [String: Int] = [:]
  private(set) var leaves = 0
  private var open: [(round: Symbol, depth: Int, names: [String])] = []
  private var occurrences: [String: Int] = [:]
  private let sources: Set<String>
  /// The part of main memory that stands for an array on chip, by the array's name.
  let spills: [String: PipeKernel.Spill]

  init(_ kernel: PipeKernel, _ numbers: ReachNumbers, ofPipes: Bool, changing: Set<String> = []) {
    self.kernel = kernel
    self.numbers = numbers
    self.changing = changing
    sources = Set(kernel.source.buffers.map(\.name))
    var spills: [String: PipeKernel.Spill] = [:]
    for array in kernel.source.scratch {
      let size = array.type.byteCount == 8 ? array.count * .constant(2) : array.count
      let own = kernel.spills.filter { $0.buffer.name.hasPrefix("\(array.name)_spilled") }
      if own.count == 1, own[0].count.value == size { spills[array.name] = own[0] }
    }
    self.spills = spills
    self.numbers.isOfPipes = ofPipes
    self.numbers.epochs = [:]
    self.numbers.values = [:]
    let cores = [
      PipeKernel.block, PipeKernel.blocks, PipeKernel.cells, PipeKernel.pair, PipeKernel.firstPair,
      PipeKernel.pairStep, PipeKernel.subCore, kernel.source.cell,
    ]
    for name in cores.map(\.name) { self.numbers.values[name] = given(name) }
    if kernel.vectorCoresOfCube == 2, kernel.source.cells.isEven {
      let names = [kernel.source.cell.name, PipeKernel.pair.name] + (0..<2).map(kernel.cell(of:))
      self.numbers.cellsOfPair = names.map { given($0) }
    }
    let even = kernel.source.scalars.filter(\.value.isEven)
    self.numbers.evenNumbers = Set(even.map { given($0.name) })
    for scalar in kernel.source.scalars {
      self.numbers.values[scalar.name] = given(scalar.name) * (kernel.source.isTwice(scalar) ? 2 : 1)
    }
  }

  mutating func given(_ name: String) -> Polynomial { numbers.make(.given(name)) }

  mutating func fail(_ message: String) {
    faults.append(PipeProof.Fault(message: message, location: location))
  }

  // MARK: Touches

  /// Notes elements of main memory; those of a byte in halves as the bytes that hold them.
  mutating func touch(
    _ access: Access, _ count: Polynomial, isWrite: Bool, isCopy: Bool = false, conditions: [Int] = []
  ) {
    let place = numbers.number(access.offset)
    // Pipe programs count in elements of the buffer, or in bytes where two share one.
    if numbers.isOfPipes, let own = kernel.source.buffers.first(where: { $0.name == access.buffer }),
      max(8, own.element.bitWidth) != access.element.bitWidth
    {
      fail("elements of \(access.buffer) have another size")
    }
    guard access.element.bitWidth == 4 else {
      let bytes = access.element.bitWidth / 8
      return touch(
        access.buffer, first: place * bytes, count: count * bytes, isWrite: isWrite, isCopy: isCopy,
        conditions: conditions)
    }
    let byte = numbers.make(.floor(2), [place])
    let bytes = numbers.make(.floor(2), [place - byte * 2 + count + 1])
    touch(access.buffer, first: byte, count: bytes, isWrite: isWrite)
  }

  mutating func touch(
    _ buffer: String, first: Polynomial, count: Polynomial, isWrite: Bool, isCopy: Bool = false,
    conditions: [Int] = [], of core: Polynomial? = nil
  ) {
    // A plan's masks may leave no lane; that no copy is of nothing is asked elsewhere.
    if let most = numbers.prover.table.most(count), most <= 0 { return }
    var (buffer, first) = (buffer, first)
    if !sources.contains(buffer) {
      // What is on chip is not followed.
      guard let spill = spills[buffer] else { return }
      let place = (core ?? given(PipeKernel.block.name)) * given(spill.count.name)
      (buffer, first) = (spill.buffer.name, first + place * (spill.buffer.element.bitWidth / 8))
    }
    guard first.isValid, count.isValid else { return fail("where \(buffer) is touched is not followed") }
    touches.append(
      ReachTouch(
        buffer: buffer, isWrite: isWrite, first: first, count: count,
        epoch: numbers.epochs[buffer, default: 0], leaves: leaves, context: context, location: location,
        isCopy: isCopy, conditions: conditions))
    if isWrite { numbers.epochs[buffer, default: 0] += 1 }
  }

  /// Notes an element for each lane, at the offset and the lane's own place.
  mutating func touchEach(
    _ count: Polynomial, of places: Expression, _ buffer: String, _ offset: Expression, _ bytes: Int,
    isWrite: Bool
  ) {
    let lane = numbers.make(.lane, [count])
    guard let symbol = lane.top else { return fail("lanes of \(buffer) are not followed") }
    let place = numbers.number(offset) + numbers.number(places, in: lane)
    context.append(.loop(symbol))
    touch(buffer, first: place * bytes, count: Polynomial(bytes), isWrite: isWrite)
    context.removeLast()
  }

  /// Notes what an expression loads.
  mutating func note(_ expression: Expression) {
    switch expression {
    case .load(let access, let type, let active):
      note(access.offset)
      touch(access, count(type.lanes, active), isWrite: false)
    case .gather(let access, let lanes, let type, let active):
      for part in [access.offset, lanes] { note(part) }
      let count = count(type.lanes, active)
      touchEach(count, of: lanes, access.buffer, access.offset, access.element.bitWidth / 8, isWrite: false)
    case .raw(let array, let offset, let type):
      note(offset)
      let bytes = type.scalar.byteCount
      touch(
        array, first: numbers.number(offset) * bytes, count: Polynomial(type.lanes * bytes), isWrite: false)
    case .gatherRaw(let array, let offset, let lanes, let type):
      for part in [offset, lanes] { note(part) }
      let bytes = type.scalar.byteCount
      touchEach(Polynomial(type.lanes), of: lanes, array, offset, bytes, isWrite: false)
    case .apply(_, let operands, _): for operand in operands { note(operand) }
    case .broadcast(let value, _): note(value)
    case .element(_, let indices): for index in indices { note(index) }
    case .conditional(let condition, let a, let b):
      branch(condition, { $0.note(a) }, { $0.note(b) })
    case .variable, .integer, .float, .laneNumbers, .table: break
    }
  }

  /// How many lanes an access has.
  mutating func count(_ lanes: Int, _ active: Expression?) -> Polynomial {
    guard let active else { return Polynomial(lanes) }
    note(active)
    return numbers.number(active)
  }

  // MARK: What both sides share

  mutating func set(_ variable: MachineIR.Variable, _ value: Expression) {
    note(value)
    numbers.values[variable.name] =
      ReachNumbers.isFollowed(variable.type) ? numbers.number(value) : nil
  }

  /// The sides of a branch, each with what is so there; a number that they make differ is one of two.
  mutating func branch(
    _ condition: Expression, _ then: (inout ReachWalk) -> Void, _ otherwise: (inout ReachWalk) -> Void,
    leaves: (Bool, Bool) = (false, false)
  ) {
    note(condition)
    let before = numbers.values
    func taking(_ walk: inout ReachWalk, _ facts: [ReachFact]?, _ side: (inout ReachWalk) -> Void)
      -> [String: Polynomial]?
    {
      guard let facts else { return nil }
      walk.context += facts.map { .fact($0) }
      side(&walk)
      walk.context.removeLast(facts.count)
      defer { walk.numbers.values = before }
      return walk.numbers.values
    }
    let facts = numbers.facts(condition, true)
    let a = taking(&self, facts, then)
    let b = taking(&self, numbers.facts(condition, false), otherwise)
    guard let a, let b, !leaves.0, !leaves.1 else {
      let only = b == nil || (leaves.1 && a != nil) ? a : b
      for name in before.keys { numbers.values[name] = only?[name] }
      return
    }
    for name in before.keys.sorted() where a[name] != b[name] {
      numbers.values[name] = a[name].flatMap { x in b[name].map { numbers.chosen(facts!, x, $0) } }
    }
  }

  mutating func loop(
    _ counter: MachineIR.Variable, _ lower: Polynomial, _ upper: Polynomial, _ step: Polynomial,
    assigning assigned: Set<String>, _ body: (inout ReachWalk) -> Void
  ) {
    let occurrence = occurrences[counter.name, default: 0]
    occurrences[counter.name] = occurrence + 1
    let rounds = numbers.make(.round(counter.name, occurrence: occurrence), [lower, upper, step])
    guard let round = rounds.top, rounds == Polynomial(round) else {
      return fail("a loop that is not followed")
    }
    let outer = numbers.values
    let names = assigned.filter { outer[$0] != nil }.sorted()
    var own = Loop()
    numbers.values[counter.name] = lower + rounds * step
    for name in names {
      own.start[original(name)] = outer[name]
      numbers.values[name] = numbers.make(.carried(original(name)), [rounds])
    }
    loops[round] = own
    open.append((round, context.count, names))
    context.append(.loop(round))
    body(&self)
    context.removeLast()
    open.removeLast()
    for name in names { loops[round]!.end[original(name)] = numbers.values[name] }
    numbers.values = outer
    for name in names { numbers.values[name] = numbers.make(.left(original(name)), [rounds]) }
  }

  mutating func leave() {
    leaves += 1
    guard let inner = open.last else { return fail("no loop is there to be left") }
    var values: [String: Polynomial] = [:]
    for name in inner.names { values[original(name)] = numbers.values[name] }
    loops[inner.round]!.exits.append((Array(context[(inner.depth + 1)...]), values))
  }

  /// The name in the plan of a variable that changes: a lowering that makes it more than once counts them.
  private func original(_ name: String) -> String {
    guard !changing.contains(name), let last = name.lastIndex(of: "_") else { return name }
    let plain = String(name[..<last])
    return changing.contains(plain) ? plain : name
  }
}

extension MachineKernel {
  /// Whether a number is the distance of rows of half bytes, which begin at whole bytes: a launch sees to that.
  fileprivate func isTwice(_ scalar: KernelScalar) -> Bool {
    guard case .stride(let parameter, _) = scalar.value else { return false }
    return buffers.contains { $0.source == .parameter(parameter) && $0.element.bitWidth < 8 }
  }
}
