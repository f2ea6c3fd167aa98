import TileIR

/// A touch of memory by the lanes of one value.
public struct MemoryUse: Hashable, Sendable {
  /// The name of the buffer or on-chip array.
  public let memory: String
  /// The first element, in elements; nil where every lane has a place of its own.
  public let offset: Expression?
  public let lanes: Int
  /// Elements that share bytes with their neighbours: a store of one reads the other.
  public let isPacked: Bool
}

extension Expression {
  /// What is read of memory to compute it.
  public var reads: [MemoryUse] {
    var found: [MemoryUse] = []
    addReads(to: &found)
    return found
  }

  private func addReads(to found: inout [MemoryUse]) {
    switch self {
    case .variable, .integer, .float, .laneNumbers, .table: break
    case .apply(_, let operands, _): for operand in operands { operand.addReads(to: &found) }
    case .broadcast(let value, _): value.addReads(to: &found)
    case .element(_, let indices): for index in indices { index.addReads(to: &found) }
    case .conditional(let condition, let a, let b):
      for part in [condition, a, b] { part.addReads(to: &found) }
    case .load(let access, let type, let active):
      access.offset.addReads(to: &found)
      active?.addReads(to: &found)
      found.append(
        MemoryUse(
          memory: access.buffer, offset: access.offset, lanes: type.lanes,
          isPacked: access.element.bitWidth < 8))
    case .gather(let access, let lanes, let type, let active):
      access.offset.addReads(to: &found)
      lanes.addReads(to: &found)
      active?.addReads(to: &found)
      found.append(
        MemoryUse(
          memory: access.buffer, offset: type.lanes == 1 ? access.offset : nil, lanes: type.lanes,
          isPacked: access.element.bitWidth < 8))
    case .raw(let buffer, let offset, let type):
      offset.addReads(to: &found)
      found.append(MemoryUse(memory: buffer, offset: offset, lanes: type.lanes, isPacked: false))
    case .gatherRaw(let buffer, let offset, let lanes, let type):
      offset.addReads(to: &found)
      lanes.addReads(to: &found)
      found.append(
        MemoryUse(memory: buffer, offset: type.lanes == 1 ? offset : nil, lanes: type.lanes, isPacked: false))
    }
  }
}

extension Expression {
  /// Whether an instruction of which something holds, given with the type that it makes, is among those that compute
  /// the value; places of memory are left aside.
  public func applies(_ holds: (Instruction, MachineType) -> Bool) -> Bool {
    switch self {
    case .apply(let instruction, let operands, let type):
      holds(instruction, type) || operands.contains { $0.applies(holds) }
    case .conditional(let condition, let a, let b): [condition, a, b].contains { $0.applies(holds) }
    case .broadcast(let value, _): value.applies(holds)
    default: false
    }
  }
}

extension MachineStatement {
  /// The expressions of the statement itself; not those of statements inside it.
  public var expressions: [Expression] {
    switch self {
    case .define(_, let value), .declare(_, let value), .assign(_, let value): [value]
    case .registers, .leave, .note, .synchronise, .closeCopies, .awaitCopies: []
    case .setElement(_, let indices, let value): indices + [value]
    case .store(let access, let value, let active): [access.offset, value] + (active.map { [$0] } ?? [])
    case .stream(let access, let value, let when): [access.offset, value, when]
    case .scatter(let access, let lanes, let value, let active):
      [access.offset, lanes, value] + (active.map { [$0] } ?? [])
    case .storeRaw(_, let offset, let value): [offset, value]
    case .clear(_, let offset, let count): [offset, count]
    case .prefetch(_, let offset): [offset]
    case .startCopy(let copy): [copy.source.offset, copy.offset]
    case .multiplySlices(let product): [product.left.offset, product.right.offset]
    case .loop(let loop): [loop.lower, loop.upper]
    case .branch(let condition, _, _), .check(let condition, _): [condition]
    }
  }

  /// What the statement itself writes before the next one; not what it starts a copy to.
  public var write: MemoryUse? {
    switch self {
    case .store(let access, let value, _), .stream(let access, let value, _):
      MemoryUse(
        memory: access.buffer, offset: access.offset, lanes: value.type.lanes,
        isPacked: access.element.bitWidth < 8)
    case .scatter(let access, _, let value, _):
      MemoryUse(
        memory: access.buffer, offset: value.type.lanes == 1 ? access.offset : nil, lanes: value.type.lanes,
        isPacked: access.element.bitWidth < 8)
    case .storeRaw(let buffer, let offset, let value):
      MemoryUse(memory: buffer, offset: offset, lanes: value.type.lanes, isPacked: false)
    case .clear(let buffer, let offset, _):
      MemoryUse(memory: buffer, offset: offset, lanes: .max, isPacked: false)
    case .multiplySlices(let product):
      MemoryUse(memory: product.target, offset: .constant(0), lanes: .max, isPacked: false)
    default: nil
    }
  }

  /// The statement and all inside it.
  public func forEach(_ body: (MachineStatement) -> Void) {
    body(self)
    switch self {
    case .loop(let loop): for statement in loop.body { statement.forEach(body) }
    case .branch(_, let then, let otherwise):
      for statement in then + otherwise { statement.forEach(body) }
    default: break
    }
  }
}

extension [MachineStatement] {
  /// Names of the buffers and arrays on chip that they write, or start a copy to.
  public var writtenMemories: Set<String> {
    reduce(into: []) { found, statement in
      statement.forEach {
        if let write = $0.write { found.insert(write.memory) }
        if case .startCopy(let copy) = $0 { found.insert(copy.target) }
      }
    }
  }
}

extension Expression {
  /// The variables that it reads.
  public var variables: Set<Variable> {
    switch self {
    case .variable(let variable): [variable]
    case .integer, .float, .laneNumbers, .table: []
    case .apply(_, let operands, _): operands.reduce(into: []) { $0.formUnion($1.variables) }
    case .broadcast(let value, _): value.variables
    case .load(let access, _, let active), .gather(let access, _, _, let active):
      access.offset.variables.union(active?.variables ?? [])
    case .element(_, let indices): indices.reduce(into: []) { $0.formUnion($1.variables) }
    case .raw(_, let offset, _), .gatherRaw(_, let offset, _, _): offset.variables
    case .conditional(let a, let b, let c): a.variables.union(b.variables).union(c.variables)
    }
  }
}
