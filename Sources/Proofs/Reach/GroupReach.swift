import MachineIR

/// That a loop over groups of cells does for each cell what the loop over single cells does.
///
/// A group's statements are parted by the names of each cell; with the names put back, each part has to be the other
/// loop's body, statement by statement, but for events and barriers, which `PipeWalk` follows. Both loops together have
/// each of a core's cells once. What the loop over single cells touches of main memory is compared with the plan.
extension PipeKernel {
  /// The variable that the loop over single cells begins at.
  var firstCell: MachineIR.Variable { groups == nil ? Self.block : CellGroups.firstLeft }

  /// Whether a statement is of the groups: their number, and their loop.
  func isOfGroups(_ statement: PipeStatement) -> Bool {
    guard groups != nil else { return false }
    return switch statement {
    case .define(let variable, _): [CellGroups.groups, CellGroups.firstLeft].contains(variable)
    case .loop(let loop): loop.counter == CellGroups.group
    default: false
    }
  }

  /// What of the groups is not as the loop over single cells has it.
  var groupFault: String? {
    guard let groups else { return nil }
    let found = body.filter(isOfGroups).map(\.withoutOrder)
    let single = body.compactMap { statement -> PipeLoop? in
      if case .loop(let loop) = statement, loop.counter == source.cell { loop } else { nil }
    }
    guard single.count == 1, groups.count > 0, groups.names.allSatisfy({ $0[source.cell.name] != nil }) else {
      return "there is no loop over single cells beside that over groups"
    }
    for (name, other) in groups.names.flatMap({ $0 }) {
      guard let tensor = tensors[name] else { continue }
      // What the scalar unit computes is within a single cell's tensor.
      guard let copy = tensors[other], copy.element == tensor.element, copy.count >= tensor.count else {
        return "\(other) of a cell of a group has not the size of \(name)"
      }
    }
    let own = Set(groups.names[0].keys)
    let others = groups.names.flatMap(\.values)
    guard groups.names.allSatisfy({ Set($0.keys) == own }), Set(others).count == others.count,
      own.isDisjoint(with: others), single[0].body.mentioned.isDisjoint(with: others)
    else { return "cells of a group have names in common" }
    guard found.count == 3, case .loop(let loop)? = found.last else { return "there is no loop over groups" }
    let rest = Array(loop.body.dropFirst(groups.count))
    guard found == Array(groups.loops(source.cell, rest, []).prefix(3)) else {
      return "groups of cells are not each core's cells"
    }
    let body = single[0].body.map(\.withoutOrder).filter(\.isKept)
    guard body.sharedVariables(except: own) == body.defined.subtracting(own), body.written.isSubset(of: own) else {
      return "cells of a group share what is their own"
    }
    for names in groups.names {
      let back = Dictionary(uniqueKeysWithValues: names.map { ($1, $0) })
      let foreign = Set(others).subtracting(names.values)
      let part = rest.compactMap { $0.part(without: foreign) }
      guard part.map({ $0.renamed { back[$0] ?? $0 } }) == body else {
        return "a cell of a group does not do what a single one does"
      }
    }
    return nil
  }
}

extension PipeStatement {
  /// Without events, barriers and notes in it.
  fileprivate var withoutOrder: PipeStatement {
    changingLists { $0.map(\.withoutOrder).filter(\.isKept) }
  }

  /// The statement with the lists in it changed.
  private func changingLists(_ change: ([PipeStatement]) -> [PipeStatement]) -> PipeStatement {
    switch self {
    case .loop(var loop):
      loop.body = change(loop.body)
      return .loop(loop)
    case .branch(let condition, let then, let otherwise): return .branch(condition, change(then), change(otherwise))
    default: return self
    }
  }

  fileprivate var isKept: Bool {
    switch self {
    case .set, .wait, .barrier, .note: false
    default: true
    }
  }

  /// What of it names no foreign tensor or variable; loops and branches of foreign cells are theirs.
  fileprivate func part(without foreign: Set<String>) -> PipeStatement? {
    guard foreign.isDisjoint(with: names) else { return nil }
    return changingLists { $0.compactMap { $0.part(without: foreign) } }
  }

  /// Names in the statement itself, not in those inside it.
  fileprivate var names: Set<String> {
    func of(_ expression: Expression) -> [String] { expression.variables.map(\.name) }
    func of(_ view: LocalView) -> [String] { [view.tensor] + of(view.offset) }
    func of(_ copy: PipeCopy) -> [String] { [copy.local.tensor] + copy.operands.flatMap { of($0) } }
    switch self {
    case .vector(let instruction):
      var found = (instruction.sources + [instruction.destination]).flatMap { of($0) }
      if let scalar = instruction.scalar { found += of(scalar) }
      return Set(found)
    case .copyIn(let copy), .copyOut(let copy): return Set(of(copy))
    case .define(let variable, let value), .declare(let variable, let value), .assign(let variable, let value):
      return Set([variable.name] + of(value))
    case .read(let variable, let view): return Set([variable.name] + of(view))
    case .write(let view, let value): return Set(of(view) + of(value))
    case .loop(let loop): return Set([loop.counter.name] + of(loop.lower) + of(loop.upper) + of(loop.step))
    case .branch(let condition, _, _): return Set(of(condition))
    case .cube, .leave, .set, .wait, .barrier, .note: return []
    }
  }

  /// The lists in it.
  fileprivate var inner: [PipeStatement] {
    switch self {
    case .loop(let loop): loop.body
    case .branch(_, let then, let otherwise): then + otherwise
    default: []
    }
  }
}

extension [PipeStatement] {
  /// Names of all statements.
  fileprivate var mentioned: Set<String> {
    reduce(into: []) { $0.formUnion($1.names.union($1.inner.mentioned)) }
  }

  /// Variables that statements set.
  fileprivate var defined: Set<String> {
    reduce(into: []) { found, statement in
      switch statement {
      case .define(let variable, _), .declare(let variable, _), .assign(let variable, _), .read(let variable, _):
        found.insert(variable.name)
      case .loop(let loop): found.insert(loop.counter.name)
      default: break
      }
      found.formUnion(statement.inner.defined)
    }
  }

  /// Tensors that statements write.
  fileprivate var written: Set<String> {
    reduce(into: []) { found, statement in
      switch statement {
      case .vector(let instruction): found.insert(instruction.destination.tensor)
      case .copyIn(let copy): found.insert(copy.local.tensor)
      case .write(let view, _): found.insert(view.tensor)
      default: break
      }
      found.formUnion(statement.inner.written)
    }
  }

  /// Variables that are set by what all cells have in common: no name of their `own`, no memory.
  fileprivate func sharedVariables(except own: Set<String>) -> Set<String> {
    func isCommon(_ values: [Expression]) -> Bool {
      values.allSatisfy { !$0.readsMemory && own.isDisjoint(with: $0.variables.map(\.name)) }
    }
    return reduce(into: []) { found, statement in
      switch statement {
      case .define(let variable, let value):
        if !own.contains(variable.name), isCommon([value]) { found.insert(variable.name) }
      case .loop(let loop):
        if !own.contains(loop.counter.name), isCommon([loop.lower, loop.upper, loop.step]) {
          found.insert(loop.counter.name)
        }
      default: break
      }
      found.formUnion(statement.inner.sharedVariables(except: own))
    }
  }
}

extension Expression {
  fileprivate var readsMemory: Bool {
    switch self {
    case .load, .gather, .raw, .gatherRaw: true
    case .apply(_, let operands, _): operands.contains(where: \.readsMemory)
    case .conditional(let condition, let a, let b): [condition, a, b].contains(where: \.readsMemory)
    case .broadcast(let value, _): value.readsMemory
    default: false
    }
  }
}
