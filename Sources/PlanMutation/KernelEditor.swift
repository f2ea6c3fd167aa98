import MachineIR
import TileIR

/// Walks a kernel, counts the places where a fault fits, and changes the one that is asked for.
struct KernelEditor {
  let fault: PlanFault
  let target: Int?
  private(set) var sites = 0
  private(set) var place = ""
  /// The array of copies that loses a stage, and how many it has.
  private var shrunk: (array: String, stages: Int)?

  init(_ fault: PlanFault, at target: Int?) {
    self.fault = fault
    self.target = target
  }

  /// Whether this is the place to change; counts it.
  private mutating func isHere(_ text: @autoclosure () -> String) -> Bool {
    defer { sites += 1 }
    guard sites == target else { return false }
    place = text()
    return true
  }

  mutating func edit(_ kernel: MachineKernel) -> MachineKernel {
    var scalars = kernel.scalars
    var scratch = kernel.scratch
    var cells = kernel.cells
    switch fault {
    case .swapStrides:
      for a in scalars.indices {
        for b in scalars.indices where a < b {
          guard case .stride(let p, _) = scalars[a].value, case .stride(let q, _) = scalars[b].value, p == q,
            isHere("\(scalars[a].name) and \(scalars[b].name)")
          else { continue }
          (scalars[a], scalars[b]) = (
            KernelScalar(scalars[a].name, scalars[b].value), KernelScalar(scalars[b].name, scalars[a].value)
          )
        }
      }
    case .shrinkScratch:
      for position in scratch.indices where isHere("on-chip \(scratch[position].name)") {
        let array = scratch[position]
        scratch[position] = ScratchArray(
          array.name, array.type, count: .divided(array.count + .constant(-256), 2), in: array.space)
      }
    case .shrinkRing:
      for position in scratch.indices {
        let array = scratch[position]
        guard let stages = kernel.stages(of: array.name), isHere("ring \(array.name)") else { continue }
        shrunk = (array.name, stages)
        let count = HostExpression.divided(array.count * .constant(stages - 1), stages)
        scratch[position] = ScratchArray(array.name, array.type, count: count, in: array.space)
      }
    case .shrinkWorkspace:
      for _ in kernel.writtenWorkspaces { _ = isHere("") }
    case .dropCells: if isHere("cells") { cells = .sum(cells, .constant(-1)) }
    case .roundDown:
      for position in scalars.indices {
        guard case .divided(.sum(let a, .constant(let b)), let n) = scalars[position].value, b == n - 1,
          isHere(scalars[position].name)
        else { continue }
        let lower = HostExpression.divided(a, n)
        cells = cells.replacing(scalars[position].value, lower)
        scalars[position] = KernelScalar(scalars[position].name, lower)
      }
    default: break
    }
    return MachineKernel(
      name: kernel.name, buffers: kernel.buffers, scalars: scalars, floats: kernel.floats,
      floatNames: kernel.floatNames, scratch: scratch, cells: cells, cell: kernel.cell,
      body: edit(kernel.body))
  }

  private mutating func edit(_ statements: [MachineStatement]) -> [MachineStatement] {
    var statements = statements
    if [.dropWait, .delayWait, .hastenWait].contains(fault) { moveWait(&statements) }
    return statements.flatMap { edit($0) }
  }

  private mutating func moveWait(_ statements: inout [MachineStatement]) {
    for (position, statement) in statements.enumerated() {
      guard case .synchronise = statement else { continue }
      switch fault {
      case .dropWait where isHere("wait \(position)"): statements.remove(at: position)
      case .delayWait where position + 1 < statements.count && isHere("wait \(position)"):
        statements.swapAt(position, position + 1)
      case .hastenWait where position > 0 && isHere("wait \(position)"):
        statements.swapAt(position, position - 1)
      default: continue
      }
      return
    }
  }

  // MARK: Statements

  private mutating func edit(_ statement: MachineStatement) -> [MachineStatement] {
    switch statement {
    case .define(let variable, let value): return [.define(variable, edit(value))]
    case .declare(let variable, let value): return [.declare(variable, edit(value))]
    case .assign(let variable, let value): return [.assign(variable, edit(value))]
    case .registers, .leave, .note, .prefetch, .synchronise, .closeCopies: return [statement]
    case .setElement(let array, let indices, let value): return [.setElement(array, indices, edit(value))]
    case .store(let access, let value, let active):
      return stored(.store(edit(access), edit(value), active: mask(active, access.buffer)), access.buffer)
    case .stream(let access, let value, let when):
      return stored(.stream(edit(access), edit(value), when: when), access.buffer)
    case .scatter(let access, let lanes, let value, let active):
      return stored(
        .scatter(edit(access), lanes: lanes, edit(value), active: mask(active, access.buffer)), access.buffer)
    case .storeRaw(let buffer, let offset, let value):
      if fault == .dropStaging, isHere("store to on-chip \(buffer)") { return [] }
      return [.storeRaw(buffer: buffer, offset: offset, edit(value))]
    case .clear, .multiplySlices: return [statement]
    case .startCopy(let copy):
      let (source, offset) = (edit(copy.source), inRing(copy.target, edit(copy.offset)))
      if fault == .dropCopy, isHere("copy to \(copy.target)") { return [] }
      let isHalf = fault == .halveCopy && isHere("copy to \(copy.target)")
      let count = isHalf ? copy.count / 2 : copy.count
      return [
        .startCopy(
          AsynchronousCopy(source, to: copy.target, at: offset, count: count, barriers: copy.barriers))
      ]
    case .awaitCopies(let latest):
      if fault == .dropCopyWait, isHere("wait for copies, all but \(latest) groups") { return [] }
      let isWeak = fault == .weakenCopyWait && isHere("wait for copies, all but \(latest) groups")
      return [.awaitCopies(isWeak ? latest + 1 : latest)]
    case .check(let condition, let code): return [.check(edit(condition), code: code)]
    case .loop(let loop): return [.loop(edit(loop))]
    case .branch(let condition, let then, let otherwise):
      if fault == .skipTail, otherwise.isEmpty, Self.stores(then), isHere("if \(condition)") { return [] }
      let condition = edit(condition)
      return [.branch(condition, edit(then), edit(otherwise))]
    }
  }

  private mutating func stored(_ statement: MachineStatement, _ buffer: String) -> [MachineStatement] {
    if fault == .repeatStore, isHere("store to \(buffer)") { return [statement, statement] }
    if fault == .dropStore, isHere("store to \(buffer)") { return [] }
    return [statement]
  }

  private mutating func edit(_ loop: CountedLoop) -> CountedLoop {
    var (lower, upper) = (edit(loop.lower), edit(loop.upper))
    let text = "loop \(loop.counter.name)"
    // Loops that touch buffers; a loop that only fills registers or on-chip arrays is another matter.
    if Self.stores(loop.body), !loop.isUnrolled {
      if fault == .widenLoop, isHere(text) { upper = upper + .constant(loop.step) }
      if fault == .lateLoop, isHere(text) { lower = lower + .constant(loop.step) }
      if fault == .narrowLoop, isHere(text) { upper = upper - .constant(1) }
    }
    if fault == .reverseLoop, loop.step == 1, !loop.isUnrolled, isHere(text) {
      let other = Variable("\(loop.counter.name)_from_end", .index)
      let reversed = lower + upper - .constant(1) - .variable(other)
      return CountedLoop(
        other, from: lower, to: upper, [.define(loop.counter, reversed)] + edit(loop.body))
    }
    return loop.with(from: lower, to: upper, edit(loop.body))
  }

  /// Whether something is stored to a buffer inside.
  private static func stores(_ statements: [MachineStatement]) -> Bool {
    statements.contains { statement in
      switch statement {
      case .store, .stream, .scatter: true
      case .loop(let loop): stores(loop.body)
      case .branch(_, let a, let b): stores(a) || stores(b)
      default: false
      }
    }
  }

  // MARK: Expressions

  /// Products of bytes that are others.
  private mutating func multiplied(
    _ instruction: Instruction, _ operands: [Expression], _ type: MachineType
  ) -> Expression? {
    if fault == .weighSlices, instruction == .fusedMultiplyAdd, case .float(let bits, let type) = operands[1],
      Double(bitPattern: bits) >= 64, isHere("\(operands[1])")
    {
      return .apply(
        instruction, [operands[0], .float((2 * Double(bitPattern: bits)).bitPattern, type), operands[2]], type
      )
    }
    if fault == .weighSlices, instruction == .multiply, case .integer(128, let type) = operands[1],
      type.scalar == .i32,
      type.lanes > 1, isHere("\(operands[0]) * 128")
    {
      return .apply(instruction, [operands[0], .integer(256, type)], type)
    }
    if fault == .weighSlices, instruction == .call(.roundedSlices), isHere("\(operands[0]) and \(operands[1])") {
      return .apply(instruction, [operands[1], operands[0]] + operands[2...], type)
    }
    guard [.dot4, .multiplyBytes, .multiplyDoubles, .multiplyHalves].contains(instruction) else { return nil }
    let place = "\(instruction) of \(operands[1]) and \(operands[2])"
    switch fault {
    case .dropProduct where isHere(place): return operands[0]
    case .repeatProduct where isHere(place):
      return .apply(instruction, [.apply(instruction, operands, type)] + operands[1...], type)
    case .shiftProduct where instruction == .dot4:
      guard case .apply(.bitCast, let cast, let bytes) = operands[2],
        case .broadcast(let word, let lanes) = cast[0],
        case .raw(let array, let offset, let scalar) = word, isHere(place)
      else { return nil }
      let other = Expression.raw(buffer: array, offset: offset + .constant(4), scalar)
      return .apply(
        .dot4, [operands[0], operands[1], .apply(.bitCast, [.broadcast(other, lanes)], bytes)], type)
    default: return nil
    }
  }

  /// A sum of floats that rounds elsewhere.
  private mutating func rounded(
    _ instruction: Instruction, _ operands: [Expression], _ type: MachineType
  ) -> Expression? {
    guard instruction == .add, type.scalar == .f32 else { return nil }
    if fault == .regroup, case .apply(.add, let inner, _) = operands[0],
      isHere("\(operands[0]) + \(operands[1])")
    {
      return .apply(.add, [inner[0], .apply(.add, [inner[1], operands[1]], type)], type)
    }
    if fault == .regroup, case .apply(.lowHalf, let whole, let half) = operands[0],
      case .apply(.highHalf, whole, half) = operands[1], half.lanes > 1,
      isHere("\(operands[0]) + \(operands[1])")
    {
      return .apply(.add, [.apply(.evenLanes, whole, half), .apply(.oddLanes, whole, half)], type)
    }
    for (product, other) in [(operands[1], operands[0]), (operands[0], operands[1])] {
      if fault == .contract, case .apply(.multiply, let factors, _) = product, isHere("\(product) + \(other)")
      {
        return .apply(.fusedMultiplyAdd, factors + [other], type)
      }
    }
    return nil
  }

  private mutating func mask(_ active: Expression?, _ buffer: String) -> Expression? {
    guard let active else { return nil }
    return fault == .dropMask && isHere("lanes of \(buffer)") ? nil : edit(active)
  }

  /// A place in a ring that may have lost a stage.
  private func inRing(_ array: String, _ offset: Expression) -> Expression {
    guard let shrunk, shrunk.array == array else { return offset }
    return offset.remainders(by: shrunk.stages - 1)
  }

  private mutating func edit(_ access: Access) -> Access {
    var offset = inRing(access.buffer, edit(access.offset))
    if fault == .shiftOffset, isHere("place in \(access.buffer)") { offset = offset + .constant(1) }
    if fault == .narrowIndex, isHere("place in \(access.buffer)") {
      offset = offset.converted(to: .i16).converted(to: .i64)
    }
    return Access(access.buffer, access.element, offset)
  }

  private mutating func edit(_ expression: Expression) -> Expression {
    switch expression {
    case .variable, .integer, .float, .laneNumbers, .table, .element: return expression
    case .apply(let instruction, let operands, let type):
      if fault == .dropBound, type == .index, instruction == .minimum || instruction == .maximum,
        isHere("\(expression)")
      {
        return operands[0]
      }
      if let changed = rounded(instruction, operands, type) ?? multiplied(instruction, operands, type) {
        return changed
      }
      return .apply(instruction, operands.map { edit($0) }, type)
    case .broadcast(let value, let lanes): return .broadcast(edit(value), lanes)
    case .load(let access, let type, let active):
      // Reading all lanes of what is masked later is seen by its bounds.
      return .load(edit(access), type, active: mask(active, access.buffer))
    case .gather(let access, let lanes, let type, let active):
      return .gather(edit(access), lanes: lanes, type, active: mask(active, access.buffer))
    case .raw, .gatherRaw: return expression
    case .conditional(let condition, let a, let b): return .conditional(edit(condition), edit(a), edit(b))
    }
  }
}

extension MachineKernel {
  /// How many stages of an array asynchronous copies fill in turns; nil for others.
  fileprivate func stages(of array: String) -> Int? {
    copies.filter { $0.target == array }.compactMap(\.offset.divisor).first
  }
}

extension Expression {
  /// What the first remainder in it is by.
  fileprivate var divisor: Int? {
    guard case .apply(let instruction, let operands, _) = self else { return nil }
    if case .remainderFloor(let n) = instruction { return n }
    return operands.lazy.compactMap(\.divisor).first
  }

  /// With other divisors of remainders.
  fileprivate func remainders(by n: Int) -> Expression {
    guard case .apply(let instruction, let operands, let type) = self else { return self }
    let changed = operands.map { $0.remainders(by: n) }
    if case .remainderFloor = instruction { return .apply(.remainderFloor(n), changed, type) }
    return .apply(instruction, changed, type)
  }
}

extension HostExpression {
  /// The expression with another in place of a part.
  fileprivate func replacing(_ part: HostExpression, _ other: HostExpression) -> HostExpression {
    if self == part { return other }
    switch self {
    case .constant, .extent, .stride, .scalar: return self
    case .sum(let a, let b): return .sum(a.replacing(part, other), b.replacing(part, other))
    case .product(let a, let b): return .product(a.replacing(part, other), b.replacing(part, other))
    case .divided(let a, let n): return .divided(a.replacing(part, other), n)
    case .remainder(let a, let n): return .remainder(a.replacing(part, other), n)
    case .maximum(let a, let b): return .maximum(a.replacing(part, other), b.replacing(part, other))
    case .minimum(let a, let b): return .minimum(a.replacing(part, other), b.replacing(part, other))
    }
  }
}
