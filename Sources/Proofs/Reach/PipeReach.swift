import MachineIR
import TileIR

/// What a pipe program touches of main memory.
extension ReachWalk {
  /// The whole program: what it does once, around the one loop over cells.
  mutating func walkProgram() {
    var (cellLoops, codes) = (0, 0)
    if let fault = kernel.groupFault { fail(fault) }
    for statement in kernel.body where !kernel.isOfGroups(statement) {
      if case .loop(let loop) = statement, isOfCells(loop) {
        cellLoops += 1
        // What goes from cell to cell is no number of the plan's.
        for name in Self.assigned(loop.body) { numbers.values[name] = numbers.read() }
        walk(loop.body)
        for name in Self.assigned(loop.body) { numbers.values[name] = numbers.read() }
        continue
      }
      let before = touches.count
      walk([statement])
      for touch in touches[before...] {
        codes += 1
        if !isStatus(touch) { fail("\(touch.buffer) is touched outside of the loop over cells") }
      }
      touches.removeLast(touches.count - before)
    }
    if cellLoops != 1 { fail("there is no loop over each cell once") }
    if codes != (kernel.status == nil ? 0 : 1) { fail("the code of a check that failed is not left once") }
  }

  /// Whether it is the loop that takes each cell once: a core's own, or a pair's.
  private func isOfCells(_ loop: PipeLoop) -> Bool {
    let isOfPairs = kernel.vectorCoresOfCube == 2
    return loop.counter == (isOfPairs ? PipeKernel.pair : kernel.source.cell)
      && loop.lower == .variable(isOfPairs ? PipeKernel.firstPair : kernel.firstCell)
      && loop.upper == .variable(PipeKernel.cells)
      && loop.step == .variable(isOfPairs ? PipeKernel.pairStep : PipeKernel.blocks)
  }

  /// Whether a core leaves the code of a check that failed where it has its own place.
  private func isStatus(_ touch: ReachTouch) -> Bool {
    var numbers = numbers
    return touch.isWrite && touch.buffer == kernel.status && touch.count == Polynomial(4)
      && touch.first == numbers.make(.given(PipeKernel.block.name)) * 4
  }

  mutating func walk(_ statements: [PipeStatement]) {
    for statement in statements {
      numbers.statement += 1
      walk(statement)
    }
  }

  private mutating func walk(_ statement: PipeStatement) {
    switch statement {
    case .note(_, let place): if let place { location = place }
    case .define(let variable, let value) where isCell(variable):
      if value != cellOfPair(variable) { fail("\(variable.name) is no cell of the pair") }
      numbers.values[variable.name] = given(variable.name)
    case .define(let variable, let value), .declare(let variable, let value),
      .assign(let variable, let value):
      set(variable, value)
    case .vector(let instruction):
      for view in [instruction.destination] + instruction.sources { note(view.offset) }
      if let scalar = instruction.scalar { note(scalar) }
    case .copyIn(let copy): self.copy(copy, isWrite: false)
    case .copyOut(let copy): self.copy(copy, isWrite: true)
    case .cube(let instruction): touch(instruction)
    case .read(let variable, let view):
      note(view.offset)
      numbers.values[variable.name] = numbers.read()
    case .write(let view, let value): for part in [view.offset, value] { note(part) }
    case .loop(let loop):
      for bound in [loop.lower, loop.upper] { note(bound) }
      let bounds = [loop.lower, loop.upper, loop.step].map { numbers.number($0) }
      self.loop(
        loop.counter, bounds[0], bounds[1], bounds[2], assigning: Self.assigned(loop.body)
      ) { $0.walk(loop.body) }
    case .branch(let condition, let then, let otherwise):
      branch(
        condition, { $0.walk(then) }, { $0.walk(otherwise) },
        leaves: (then.last == .leave, otherwise.last == .leave))
    case .leave: leave()
    case .set, .wait, .barrier: break
    }
  }

  private mutating func copy(_ copy: PipeCopy, isWrite: Bool) {
    for part in copy.operands { note(part) }
    guard copy.local.element.byteCount * 8 == copy.element.bitWidth else {
      return fail("a copy of \(copy.local.tensor) has elements of another size in \(copy.buffer)")
    }
    let outer = context
    defer { context = outer }
    if isWrite, kernel.vectorCoresOfCube == 2, !ofCores.contains(copy.buffer) {
      // Of a pair's two cores that have the last cell, the first stores it.
      guard let index = context.lastIndex(of: isThere) else {
        return fail("both cores of a pair may store to \(copy.buffer)")
      }
      context.remove(at: index)
    }
    let (count, ofElements) = counted(copy.count, most: copy.most, copy)
    let local = numbers.number(copy.local.offset)
    if local.constant == nil, let tensor = kernel.tensors[copy.local.tensor] {
      let room = tensor.byteCount - copy.byteCount(isWhole: !isWrite)
      require(local, "a copy may begin before \(tensor.name)")
      require(
        Polynomial(room / copy.local.element.byteCount) - local, "a copy may end behind \(tensor.name)")
    }
    guard let rows = copy.rows else {
      let access = Access(copy.buffer, copy.element, copy.offset)
      return touch(access, count, isWrite: isWrite, isCopy: true, conditions: ofElements)
    }
    if !hasStride(rows, copy) { fail("rows of \(copy.buffer) may lie over each other, or too far apart") }
    let conditions = ofElements + counted(rows.count, most: rows.most, copy).conditions
    let (lower, upper) = (numbers.number(rows.lower), numbers.number(rows.upper))
    loop(rows.counter, lower, upper, Polynomial(1), assigning: []) { walk in
      let place = copy.offset + (.variable(rows.counter) - rows.lower) * rows.stride
      let before = walk.touches.count
      walk.touch(
        Access(copy.buffer, copy.element, place), count, isWrite: isWrite, isCopy: true,
        conditions: conditions)
      if walk.touches.count > before, case .loop(let symbol)? = walk.context.last { walk.touches[before].rows = symbol }
    }
  }

  /// A number of elements or rows, which is not 0 nor more than `most`; and where the condition stands that says so.
  private mutating func counted(_ expression: Expression, most: Int, _ copy: PipeCopy) -> (
    Polynomial, conditions: [Int]
  ) {
    let count = numbers.number(expression)
    var conditions: [Int] = []
    if count.constant == nil {
      let something = ReachFact(kind: .atLeastZero, number: count - 1)
      conditions = [context.lastIndex(of: .fact(something))].compactMap { $0 }
    }
    require(count - 1, "a copy between \(copy.buffer) and \(copy.local.tensor) may be of nothing")
    require(Polynomial(most) - count, "a copy of \(copy.buffer) may not fit \(copy.local.tensor)")
    return (count, conditions)
  }

  /// Whether rows end before the next begins, no further away than the field of a copy says. A launch sees to that where
  /// they lie along an axis of the buffer: its stride is no less than what it steps over, and the kernel limits it.
  private func hasStride(_ rows: PipeCopy.Rows, _ copy: PipeCopy) -> Bool {
    let most = PipeCopy.mostStep / copy.local.element.byteCount
    if let known = rows.stride.constantValue { return known >= copy.most && known <= most }
    guard case .variable(let variable) = rows.stride,
      let scalar = kernel.source.scalars.first(where: { $0.name == variable.name }),
      case .stride(let parameter, _) = scalar.value,
      kernel.source.buffers.contains(where: { $0.name == copy.buffer && $0.source == .parameter(parameter) })
    else { return false }
    return kernel.limits.contains { $0.count == scalar.value && $0.most <= most }
  }

  /// That a number is at least 0 here.
  private mutating func require(_ number: Polynomial, _ message: String) {
    if let least = numbers.prover.table.least(number), least >= 0 { return }
    let count = numbers.prover.facts.count
    for case .fact(let fact) in context { for bound in fact.bounds { numbers.prover.push(bound) } }
    if !numbers.prover.isAtLeastZero(number) { fail(message) }
    numbers.prover.pop(to: count)
  }

  // MARK: Cells of pairs

  /// Buffers that are each core's own.
  private var ofCores: [String] { kernel.spills.map(\.buffer.name) + [kernel.status].compactMap { $0 } }

  /// That the pair has a cell for the core at hand.
  private var isThere: ReachCircumstance {
    mutating get {
      let (cells, own) = (given(PipeKernel.cells.name), given(PipeKernel.subCore.name))
      return .fact(
        ReachFact(kind: .atLeastZero, number: cells - given(PipeKernel.pair.name) - own - 1))
    }
  }

  private func isCell(_ variable: MachineIR.Variable) -> Bool {
    kernel.vectorCoresOfCube == 2
      && ([kernel.source.cell.name] + (0..<2).map(kernel.cell(of:))).contains(variable.name)
  }

  /// The cell of a pair that a name stands for, the last one where there is no other.
  private func cellOfPair(_ variable: MachineIR.Variable) -> Expression {
    let member = (0..<2).first { kernel.cell(of: $0) == variable.name }
    let number = member.map { Expression.constant($0) } ?? .variable(PipeKernel.subCore)
    return (.variable(PipeKernel.pair) + number).minimum(.variable(PipeKernel.cells) - .constant(1))
  }

  /// Names that statements assign to.
  private static func assigned(_ statements: [PipeStatement]) -> Set<String> {
    statements.reduce(into: []) { names, statement in
      switch statement {
      case .assign(let variable, _): names.insert(variable.name)
      case .loop(let loop): names.formUnion(assigned(loop.body))
      case .branch(_, let then, let otherwise): names.formUnion(assigned(then + otherwise))
      default: break
      }
    }
  }
}

extension PipeKernel {
  /// The name of the cell of a pair's vector core.
  func cell(of member: Int) -> String { "\(source.cell.name)_of_\(member)" }
}
