import MachineIR
import TileIR

/// One walk through a kernel with numbers for its counters and coordinates: what every register is as far as
/// proofs go, what holds where, and each access on the way.
///
/// Offsets are taken as mathematical integers: the argument check bounds what a buffer spans, so an offset
/// whose every coordinate is in bounds fits 64 bits, and so do its parts, none of which is negative.
struct KernelWalk {
  let plan: Plan
  let kernel: MachineKernel
  var prover: BoundElimination
  let numbers: LaunchNumbers
  /// Register values by name.
  var values: [String: AbstractValue] = [:]
  var laneSymbols: [Int: Symbol] = [:]
  var laneNumbers = LaneNumbers()
  var loads: [LoadKey: Symbol] = [:]
  /// The parameter, or none for an on-chip array, and the place of what was loaded.
  var loadPlaces: [Symbol: (parameter: Int?, offset: Polynomial)] = [:]
  var maskedLoads: [Symbol: MaskedLoad] = [:]
  var truths: [Symbol: Condition] = [:]
  /// Quotients and remainders by launch numbers.
  var quotients: [Quotient: (quotient: Polynomial, remainder: Polynomial)] = [:]
  /// The number that each remainder was made of, where that was one; what a divisor divides leaves no trace.
  var wholes: [Polynomial: Polynomial?] = [:]
  private(set) var location: SourceLocation
  /// Whether accesses are judged: not while a loop's invariants are looked for.
  private(set) var isJudged = true
  /// Whether what is copied to rings is noted all the same.
  private(set) var notesCopies = false
  /// Values that left the loops being walked, innermost last.
  private var exits: [[Exit]] = []
  /// Where a loop is left: values, and what holds there.
  struct Exit {
    let values: [String: AbstractValue]
    let facts: [Polynomial]
  }
  /// Parameters that are gathered with 32-bit offsets: they must span less than 2^31 elements.
  var narrowSpans: Set<Int> = []
  /// Loops that found the segment of a block.
  var searches: [SegmentSearch] = []
  /// How often loops run at most, by counter, where a constant bounds it.
  private(set) var trips: [String: Int] = [:]
  /// What the cell has stored to on-chip and register arrays.
  var stored = StoreLog()
  /// What is done to partial sums.
  var sums: SumRecord
  /// What arrays on chip hold copies of.
  var copied = CopiedRows()
  /// Places of buffers that are read, and buffers that are read after a write to them.
  private(set) var reads: [String: [Polynomial]] = [:]
  private(set) var readAfterWrite: Set<String> = []
  private var writtenBuffers: Set<String> = []
  /// Whether what is judged is kept as obligations, and those.
  var certifies = false
  var obligations: [(obligation: Obligation, verdict: Verdict)] = []
  /// What has been found.
  var findings: [MachineFinding] = []
  var writes = WriteTree()
  /// Touches of memory that threads share, where a cell is worked on by several.
  var touches = SharedTouches()
  var isOfWarps: Bool { plan.machine.gpu != nil }
  /// The loop at hand whose rounds warps share.
  var sharedRounds: SharedRounds?
  /// Arrays that asynchronous copies fill, and those to which a loop has copied that is over.
  let copyRings: CopyRings
  var turnedRings: Set<String> = []
  /// What checks of this kernel say, and what those of earlier kernels have established.
  var checks: [AssertedFact] = []
  let asserted: [AssertedFact]
  /// What earlier kernels have written of workspaces, and that in this kernel's numbers.
  let written: WorkspaceContents
  var writtenElements: [Int: (searches: Int, elements: [StoredElements])] = [:]
  let scratchCounts: [String: Polynomial]
  /// What has been stored to on-chip arrays of integers, and what loads of them are known to give.
  var contents: ScratchContents
  /// Where lanes lie, and which kinds of matrix products have been met.
  var layouts = LaneLayouts()
  var judgedMatrices: Set<String> = []
  /// Decides what bounds alone do not.
  let solver: Prover

  let cell: Symbol
  /// The last symbol that stands for a number of the launch, the same in every kernel of a plan.
  let launchNumbers: Symbol
  /// How many facts hold of every launch, one without cells included.
  let launchFacts: Int

  struct LoadKey: Hashable {
    let buffer: String
    let offset: Polynomial
  }

  init(
    _ plan: Plan, _ kernel: MachineKernel, guards: [HostExpression],
    contents: ScratchContents = ScratchContents(),
    asserted: [AssertedFact] = [], written: WorkspaceContents = WorkspaceContents(), solver: Prover
  ) {
    self.contents = contents
    self.asserted = asserted
    self.written = written
    self.solver = solver
    self.plan = plan
    self.kernel = kernel
    copyRings = CopyRings(kernel)
    sums = SumRecord(kernel)
    location = plan.program.location
    var prover = BoundElimination()
    let numbers = LaunchNumbers(plan.program, &prover)
    self.numbers = numbers
    launchNumbers = Symbol(prover.table.count)
    for condition in guards { prover.push(numbers.value(condition, &prover)) }
    for scalar in kernel.scalars { values[scalar.name] = .integer(numbers.value(scalar.value, &prover)) }
    var counts: [String: Polynomial] = [:]
    for array in kernel.scratch { counts[array.name] = numbers.value(array.count, &prover) }
    scratchCounts = counts
    let cells = numbers.value(kernel.cells, &prover)
    let cell = prover.with { table -> Symbol in
      let symbol = table.add(
        kernel.cell.name, lowers: [.init(Polynomial(0))], uppers: [.init(cells - 1)])
      table.setCount(symbol, cells)
      return symbol
    }
    launchFacts = prover.facts.count
    prover.push(cells - 1)
    self.cell = cell
    values[kernel.cell.name] = .integer(Polynomial(cell))
    self.prover = prover
  }

  mutating func walk() {
    block(kernel.body)
  }

  // MARK: Statements

  private mutating func block(_ statements: [MachineStatement]) {
    let outer = location
    for statement in statements {
      sums.beginStatement()
      step(statement)
      noteCopied(statement)
      noteSums(statement)
    }
    location = outer
  }

  private mutating func step(_ statement: MachineStatement) {
    switch statement {
    case .define(let variable, let value), .declare(let variable, let value),
      .assign(let variable, let value):
      values[variable.name] = self.value(value)
      if case .define = statement { layouts.define(variable, value) }
    // A warp of a block that waits for itself alone has waited for nobody else.
    case .synchronise(let group):
      if isJudged, group == kernel.agentGroup || kernel.sharesLoops { touches.add(.wait(group)) }
    case .registers(let array): if isJudged { stored.renew(array.name) }
    case .setElement(let array, let indices, let value):
      _ = self.value(value)
      noteStored(array.name, judgeElement(array, indices), bits: 0, lanes: 1)
    case .store(let access, let value, let active):
      contents.store(self.value(value), to: access.buffer, lanes: value.type.lanes)
      let place = touch(access, value.type.lanes, active, isWrite: true)
      let below = active.map { integer($0) }
      writes.add(access.buffer, place, lanes: value.type.lanes, active: below, location)
      noteStored(access, place, lanes: value.type.lanes, active: below)
    case .stream(let access, let value, let when):
      _ = self.value(value)
      _ = self.value(when)
      let place = touch(access, value.type.lanes, nil, isWrite: true)
      writes.add(access.buffer, place, lanes: value.type.lanes, active: nil, location)
      noteStored(access, place, lanes: value.type.lanes, active: nil)
    case .scatter(let access, let lanes, let value, let active):
      contents.store(self.value(value), to: access.buffer, lanes: value.type.lanes)
      let place = touchApart(access, lanes, value.type.lanes, active, isWrite: true)
      let below = active.map { integer($0) }
      noteStored(access, place, lanes: value.type.lanes, active: below)
      guard scratchCounts[access.buffer] == nil else { return judgeDistinct(access.buffer, lanes) }
      writes.add(access.buffer, place, lanes: value.type.lanes, active: below, location, isScattered: true)
    case .storeRaw(let buffer, let offset, let value):
      let stored = self.value(value)
      contents.store(stored, to: buffer, lanes: value.type.lanes)
      let first = integer(offset)
      touchRaw(buffer, first, value.type, isWrite: true)
      let place = value.type.lanes > 1 ? first + lane(of: value.type.lanes) : first
      noteStored(buffer, place, bits: 8 * value.type.scalar.byteCount, lanes: value.type.lanes)
    case .clear(let buffer, let offset, let count):
      let (first, count) = (integer(offset), integer(count))
      guard let array = kernel.scratch.first(where: { $0.name == buffer }) else { return }
      contents.store(.integer(Polynomial(0)), to: buffer, lanes: 1)
      share(buffer, first, lanes: .max, bits: 8 * array.type.byteCount, isWrite: true)
      judge(
        .inBounds, "clear \(buffer)", [first, count, scratchCounts[array.name]! - first - count])
      noteCleared(buffer, first, count, bits: 8 * array.type.byteCount)
    case .prefetch(_, let offset): _ = value(offset)
    case .startCopy, .closeCopies, .awaitCopies: step(copy: statement)
    case .multiplySlices(let product): multiply(product)
    case .loop(let loop): walk(loop)
    case .leave:
      if isJudged { touches.add(.leave) }
      if !exits.isEmpty { exits[exits.count - 1].append(Exit(values: values, facts: prover.facts)) }
    case .branch(let condition, let then, let otherwise): branch(condition, then, otherwise)
    case .check(let condition, _): check(condition)
    case .note(_, let place): if let place { location = place }
    }
  }

  private mutating func branch(
    _ condition: Expression, _ then: [MachineStatement], _ otherwise: [MachineStatement]
  ) {
    let isUniform = condition.type.lanes == 1
    let condition = self.condition(condition)
    let (before, copiedBefore) = (values, copied)
    let count = prover.facts.count
    func taking(
      _ walk: inout KernelWalk, _ facts: [Polynomial], _ others: [Polynomial],
      _ statements: [MachineStatement]
    )
      -> (values: [String: AbstractValue], leaves: Bool)
    {
      (walk.values, walk.copied) = (before, copiedBefore)
      for fact in facts { walk.prover.push(fact) }
      walk.writes.open(.branch(facts, others))
      walk.touches.begin()
      walk.stored.begin()
      walk.sums.begin()
      walk.block(statements)
      walk.writes.close()
      walk.prover.pop(to: count)
      if case .leave? = statements.last { return (walk.values, true) }
      return (walk.values, false)
    }
    let a = taking(&self, condition.whenTrue, condition.whenFalse, then)
    let whenTrue = touches.end()
    let copiedWhenTrue = copied
    let storedWhenTrue = stored.end()
    let sumsWhenTrue = sums.end()
    let b = taking(&self, condition.whenFalse, condition.whenTrue, otherwise)
    let whenFalse = touches.end()
    let sumsWhenFalse = sums.end()
    if !sumsWhenTrue.isEmpty || !sumsWhenFalse.isEmpty {
      sums.add(.branch(condition.whenTrue, condition.whenFalse, sumsWhenTrue, sumsWhenFalse))
    }
    close([(storedWhenTrue, condition.whenFalse, a.leaves), (stored.end(), condition.whenTrue, b.leaves)])
    if isJudged { touches.add(.branch(whenTrue, whenFalse, isUniform: isUniform)) }
    if a.leaves || b.leaves {
      // What follows is reached from one side only.
      values = a.leaves ? b.values : a.values
      if b.leaves { copied = copiedWhenTrue }
      for fact in a.leaves ? condition.whenFalse : condition.whenTrue { prover.push(fact) }
      return
    }
    values = before
    copied.join(copiedWhenTrue, &prover)
    // Numbers that a branch changes together take the same side.
    var side: Polynomial?
    for name in before.keys.sorted() {
      guard case .integer(let x)? = a.values[name], case .integer(let y)? = b.values[name], x != y else {
        if case .integer? = before[name] {} else { values[name] = a.values[name] }
        continue
      }
      let taken = side ?? Polynomial(prover.with { $0.add("side", 0...1) })
      side = taken
      let alternatives = [
        SymbolTable.Alternative(value: x, facts: condition.whenTrue + [taken - 1]),
        SymbolTable.Alternative(value: y, facts: condition.whenFalse + [taken * -1]),
      ]
      values[name] = .integer(
        Polynomial(prover.with { $0.add(name, meaning: .choice, alternatives: alternatives) }))
    }
  }

  // MARK: Loops

  private mutating func walk(_ loop: CountedLoop) {
    let lower = integer(loop.lower)
    touches.begin()
    let upper = integer(loop.upper)
    let bound = touches.end()
    touches.add(bound)
    let outer = values
    let changed = Self.assigned(loop.body).filter {
      if case .integer? = outer[$0.name] { true } else { false }
    }
    let factCount = prover.facts.count
    if isJudged {
      let rounds = prover.with { $0.floor(upper - lower + (loop.step - 1), by: loop.step) }
      trips[loop.counter.name] = prover.table.most(rounds).map { max(0, $0) }
    }
    prover.push(upper - lower - 1)
    let mark = prover.table.count
    let (counter, round) = count(loop, lower, upper)
    values[loop.counter.name] = .integer(counter)
    let symbol = loop.step > 1 ? round.top : counter.top
    let numbered = WriteTree.Loop(
      symbol: symbol, lower: lower, upper: upper, step: loop.step, isLeft: Self.leaves(loop.body))
    let filled = followsCopies ? loop.body.writtenMemories : []
    copied.open(numbered)
    var after: [String: AbstractValue] = [:]
    var afterFacts: [Polynomial] = []
    if !changed.isEmpty {
      let invariants = LoopInvariants(&self, loop, changed, outer, round, lower, upper)
      for (name, value) in invariants.inside { values[name] = value }
      for fact in invariants.facts { prover.push(fact) }
      after = invariants.after
      afterFacts = invariants.factsAfter
    }
    exits.append([])
    copied.forget(filled)
    writes.open(.loop(numbered))
    touches.begin()
    let hasEarlier = openEarlierCopies(loop, loop.step > 1 ? Polynomial(0) : lower, symbol!, mark: mark)
    stored.begin()
    sums.begin()
    let facts = Array(prover.facts[factCount...])
    if loop.isSharedOut { openRounds(loop, symbol!) }
    block(loop.body)
    if loop.isSharedOut { closeRounds() }
    let summed = sums.end()
    if !summed.isEmpty {
      let loop = SumTree.Loop(numbers: numbered, counter: counter, isUnrolled: loop.isUnrolled, facts: facts)
      sums.add(.loop(loop, summed))
    }
    // The bound is read again before the next round.
    touches.add(bound)
    let touched = touches.end()
    if isJudged {
      let isUniform = loop.lower.type.lanes == 1 && loop.upper.type.lanes == 1
      var counter =
        loop.step > 1
        ? SharedTouches.Counter(symbol: symbol!, lower: Polynomial(0), end: nil)
        : SharedTouches.Counter(symbol: symbol!, lower: lower, end: upper)
      counter.isSharedOut = loop.isSharedOut
      touches.add(.loop(touched, isUniform: isUniform, counter))
    }
    copied.close(storing: filled)
    writes.close()
    exits.removeLast()
    prover.pop(to: factCount)
    closeStored(loop, lower, upper, symbol, mark: mark, hasEarlier: hasEarlier)
    values = outer
    for (name, value) in after { values[name] = value }
    for fact in afterFacts { prover.push(fact) }
    noteSearch(loop, outer, upper)
  }

  /// The counter of a loop and how many rounds are done.
  private mutating func count(
    _ loop: CountedLoop, _ lower: Polynomial, _ upper: Polynomial
  ) -> (counter: Polynomial, round: Polynomial) {
    let name = loop.counter.name
    guard loop.step > 1 else {
      let symbol = prover.with { $0.add(name, lowers: [.init(lower)], uppers: [.init(upper - 1)]) }
      return (Polynomial(symbol), Polynomial(symbol) - lower)
    }
    let (quotient, rest) = (upper - lower).divided(by: loop.step)
    // Whole steps fit: the last round begins a step before the end.
    let most =
      rest.constant == 0
      ? SymbolTable.Bound(quotient - 1) : SymbolTable.Bound(upper - lower - 1, factor: loop.step)
    let symbol = prover.with { $0.add("\(name)_round", lowers: [.init(Polynomial(0))], uppers: [most]) }
    return (lower + Polynomial(symbol) * loop.step, Polynomial(symbol))
  }

  /// What a walk through a body changes, without judging it: the values after it, and those at each place
  /// that leaves the loop.
  mutating func rehearse(_ body: [MachineStatement], notesCopies notes: Bool = false) -> (
    end: Exit, exits: [Exit]
  ) {
    let (judged, noting, outer, kept) = (isJudged, notesCopies, values, writes)
    let count = prover.facts.count
    isJudged = false
    notesCopies = notes
    exits.append([])
    block(body)
    let left = exits.removeLast().map { Exit(values: $0.values, facts: Array($0.facts.dropFirst(count))) }
    let result = (Exit(values: values, facts: Array(prover.facts.dropFirst(count))), left)
    isJudged = judged
    notesCopies = noting
    values = outer
    writes = kept
    prover.pop(to: count)
    return result
  }

  // MARK: Buffers that are read and written

  mutating func note(_ buffer: String, _ place: Polynomial, isWrite: Bool) {
    guard isJudged else { return }
    if isWrite {
      writtenBuffers.insert(buffer)
    } else {
      sums.read(buffer, place, from: copiedSource(of: buffer, place))
      reads[buffer, default: []].append(place)
      if writtenBuffers.contains(buffer) { readAfterWrite.insert(buffer) }
    }
  }

  /// Whether each element that is read of a buffer is the one that the same round writes afterwards, so that no
  /// other round or cell writes it.
  func readsOwnElements(_ buffer: String) -> Bool {
    func places(_ nodes: [WriteTree.Node]) -> [Polynomial] {
      nodes.flatMap { node -> [Polynomial] in
        switch node {
        case .loop(_, let inner), .branch(_, _, let inner): places(inner)
        case .either(_, _, let a, let b): places(a + b)
        case .write(let write): write.buffer == buffer ? [write.place] : []
        }
      }
    }
    let written = places(writes.nodes)
    return !readAfterWrite.contains(buffer)
      && reads[buffer, default: []].allSatisfy { $0.isValid && written.contains($0) }
  }
}
