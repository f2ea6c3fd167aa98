import MachineIR

extension [PipeStatement] {
  /// The list with vector instructions that follow each other in the order of what they wait for: those that do not wait
  /// for each other stand side by side, and a barrier serves for all of them. What the scalar unit does between them it
  /// does before, or behind where it waits for one of them.
  var sideBySide: [PipeStatement] {
    var run = VectorRun()
    var note: PipeStatement?
    for statement in self {
      switch statement {
      case .vector(let instruction): run.append(instruction)
      // What a function is stands before all that is beside it.
      case .note(_, nil): run.result.append(statement)
      // The same word of the author's once more says nothing new.
      case .note where statement == note: break
      case .read, .copyOut, .define, .declare, .assign: run.append(statement)
      case .branch(_, let then, []) where then.allSatisfy(\.isCopyOut): run.append(statement)
      case .loop(var loop):
        loop.body = loop.body.sideBySide
        run.close(before: .loop(loop))
      case .branch(let condition, let then, let otherwise):
        run.close(before: .branch(condition, then.sideBySide, otherwise.sideBySide))
      default:
        if case .note = statement { note = statement }
        run.close(before: statement)
      }
    }
    run.close()
    return run.result
  }
}

/// Vector instructions without anything between them but what can wait, and that.
private struct VectorRun {
  var result: [PipeStatement] = []
  private var instructions: [VectorInstruction] = []
  private var used: Set<String> = []
  /// Statements of the scalar unit that stand behind, what they set, and the tensors that they read.
  private var later: [PipeStatement] = []
  private var names: Set<String> = []
  private var tensors: Set<String> = []

  mutating func append(_ instruction: VectorInstruction) {
    let own = instruction.scalarNames
    if !own.isDisjoint(with: names) || tensors.contains(instruction.destination.tensor) { close() }
    instructions.append(instruction)
    used.formUnion(own)
  }

  /// A statement of the scalar unit, or a copy out, which may wait for instructions that do not touch what it takes.
  mutating func append(_ statement: PipeStatement) {
    switch statement {
    case .read(let variable, let view):
      tensors.insert(view.tensor)
      names.insert(variable.name)
      later.append(statement)
    case .copyOut(let copy):
      note(copy)
      later.append(statement)
    case .branch(let condition, let copies, []):
      for case .copyOut(let copy) in copies { note(copy) }
      used.formUnion(condition.variables.map(\.name))
      later.append(statement)
    case .define(let variable, let value) where !waits(for: value):
      // It is set once.
      precondition(!used.contains(variable.name))
      result.append(statement)
    case .declare(let variable, let value) where later.isEmpty && !waits(for: value) && !used.contains(variable.name),
      .assign(let variable, let value) where later.isEmpty && !waits(for: value) && !used.contains(variable.name):
      result.append(statement)
    case .define(let variable, _), .declare(let variable, _), .assign(let variable, _):
      names.insert(variable.name)
      later.append(statement)
    default: close(before: statement)
    }
  }

  private mutating func note(_ copy: PipeCopy) {
    tensors.insert(copy.local.tensor)
    used.formUnion(copy.scalarNames)
  }

  private func waits(for value: Expression) -> Bool { value.variables.contains { names.contains($0.name) } }

  mutating func close() {
    result += instructions.levels.map { .vector($0) } + later
    (instructions, used, later, names, tensors) = ([], [], [], [], [])
  }

  mutating func close(before statement: PipeStatement) {
    close()
    result.append(statement)
  }
}

extension PipeStatement {
  fileprivate var isCopyOut: Bool { if case .copyOut = self { true } else { false } }
}

extension PipeCopy {
  /// Variables of the scalar unit that it is handed out with.
  fileprivate var scalarNames: Set<String> {
    let numbers = [offset, local.offset, count] + (rows.map { [$0.lower, $0.upper, $0.stride] } ?? [])
    return Set(numbers.flatMap { $0.variables.map(\.name) })
  }
}

extension VectorInstruction {
  /// Variables of the scalar unit that it is handed out with.
  fileprivate var scalarNames: Set<String> {
    var found: Set<String> = []
    for view in sources + [destination] { found.formUnion(view.offset.variables.map(\.name)) }
    return found.union(scalar?.variables.map(\.name) ?? [])
  }
}

extension [VectorInstruction] {
  /// In the order of how many others each waits for, one after the other.
  fileprivate var levels: [VectorInstruction] {
    guard count > 2 else { return self }
    var touches: [String: [(place: TouchedBytes?, isWrite: Bool, level: Int)]] = [:]
    var levelled: [(level: Int, instruction: VectorInstruction)] = []
    for instruction in self {
      let own =
        zip(instruction.sources, instruction.bytesRead).map { ($0, $0.touched($1), false) }
        + [(instruction.destination, instruction.destination.touched(instruction.bytesWritten), true)]
      var level = 0
      for (view, place, isWrite) in own {
        for other in touches[view.tensor, default: []] where isWrite || other.isWrite {
          let meets = place.flatMap { place in other.place.map { $0.meets(place) } } ?? true
          if meets { level = Swift.max(level, other.level + 1) }
        }
      }
      for (view, place, isWrite) in own { touches[view.tensor, default: []].append((place, isWrite, level)) }
      levelled.append((level, instruction))
    }
    let depth = levelled.map(\.level).max()!
    return (0...depth).flatMap { level in levelled.filter { $0.level == level }.map(\.instruction) }
  }
}

/// Bytes of a tensor from a place on that variables move.
private struct TouchedBytes {
  /// How many bytes it moves with each variable.
  let moves: [Variable: Int]
  let bytes: Range<Int>

  /// Places that variables move alike are a constant apart.
  func meets(_ other: TouchedBytes) -> Bool { moves != other.moves || bytes.overlaps(other.bytes) }
}

extension LocalView {
  /// Its bytes, so many; nil where their place is no sum of variables times constants.
  fileprivate func touched(_ bytes: Int?) -> TouchedBytes? {
    guard let bytes, let place = offset.sum else { return nil }
    let first = place.constant * element.byteCount
    return TouchedBytes(moves: place.factors.mapValues { $0 * element.byteCount }, bytes: first..<first + bytes)
  }
}

extension Expression {
  /// The factor of each variable, and a constant, of which it is the sum; nil where it is none.
  fileprivate var sum: (factors: [Variable: Int], constant: Int)? {
    if let constant = constantValue { return ([:], constant) }
    switch self {
    case .variable(let variable): return ([variable: 1], 0)
    case .apply(.add, let operands, _):
      guard let a = operands[0].sum, let b = operands[1].sum else { return nil }
      return (a.factors.merging(b.factors, uniquingKeysWith: +), a.constant + b.constant)
    case .apply(.multiply, let operands, _):
      guard let a = operands[0].sum, let factor = operands[1].constantValue else { return nil }
      return (a.factors.mapValues { $0 * factor }, a.constant * factor)
    default: return nil
    }
  }
}
