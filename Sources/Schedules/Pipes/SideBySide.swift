import MachineIR

extension [PipeStatement] {
  /// The list with vector instructions that follow each other in the order of what they wait for: those that do not wait
  /// for each other stand side by side, and a barrier serves for all of them. What the scalar unit does between them it
  /// does before, or behind where it waits for one of them.
  var sideBySide: [PipeStatement] {
    var run = VectorRun()
    for statement in self {
      switch statement {
      case .vector(let instruction): run.append(instruction)
      // What a function is stands before all that is beside it.
      case .note(_, nil): run.result.append(statement)
      case .read, .define, .declare, .assign: run.append(statement)
      case .loop(var loop):
        loop.body = loop.body.sideBySide
        run.close(before: .loop(loop))
      case .branch(let condition, let then, let otherwise):
        run.close(before: .branch(condition, then.sideBySide, otherwise.sideBySide))
      default: run.close(before: statement)
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

  /// A statement of the scalar unit.
  mutating func append(_ statement: PipeStatement) {
    switch statement {
    case .read(let variable, let view):
      tensors.insert(view.tensor)
      names.insert(variable.name)
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
    var touches: [String: [(bytes: Range<Int>?, isWrite: Bool, level: Int)]] = [:]
    var levelled: [(level: Int, instruction: VectorInstruction)] = []
    for instruction in self {
      let own =
        zip(instruction.sources, instruction.bytesRead).map { ($0, $1, false) }
        + [(instruction.destination, instruction.bytesWritten, true)]
      var level = 0
      for (view, bytes, isWrite) in own {
        let range = view.range(bytes)
        for other in touches[view.tensor, default: []] where isWrite || other.isWrite {
          let meets = range.flatMap { range in other.bytes.map { $0.overlaps(range) } } ?? true
          if meets { level = Swift.max(level, other.level + 1) }
        }
      }
      for (view, bytes, isWrite) in own {
        touches[view.tensor, default: []].append((view.range(bytes), isWrite, level))
      }
      levelled.append((level, instruction))
    }
    let depth = levelled.map(\.level).max()!
    return (0...depth).flatMap { level in levelled.filter { $0.level == level }.map(\.instruction) }
  }
}

extension LocalView {
  /// The bytes of its tensor from it on; nil where the scalar unit finds them.
  fileprivate func range(_ bytes: Int?) -> Range<Int>? {
    guard let bytes, let first = offset.constantValue else { return nil }
    return first * element.byteCount..<first * element.byteCount + bytes
  }
}
