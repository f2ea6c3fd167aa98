import TileIR

/// What each core carries out of the program of a vector core and its cube core.
extension PipeKernel {
  /// The statements of one core, in order: its instructions, its halves of events, and what its scalar unit needs of
  /// the rest. The vector core's are all where there is no cube core.
  ///
  /// Nil where the cube core would need what the vector core computes.
  public func part(of core: Pipe.Core) -> [PipeStatement]? {
    guard usesCubes else { return core == .vector ? body : [] }
    var needed: Set<String> = []
    // What no core but a vector core has.
    let ofVectorCores = core == .cube ? [Self.subCore.name] : []
    var reached = CorePart(core: core, needed: needed)
    var part: [PipeStatement] = []
    repeat {
      needed = reached.needed
      reached = CorePart(core: core, needed: needed)
      part = reached.take(body)
    } while reached.needed != needed
    return reached.lacks || !needed.isDisjoint(with: ofVectorCores) ? nil : part
  }
}

/// One pass: what is kept, given the variables that are known to be needed.
private struct CorePart {
  let core: Pipe.Core
  var needed: Set<String>
  /// Whether something is needed that only the vector core has.
  var lacks = false

  init(core: Pipe.Core, needed: Set<String>) {
    self.core = core
    self.needed = needed
  }

  mutating func take(_ statements: [PipeStatement]) -> [PipeStatement] { statements.compactMap { take($0) } }

  private mutating func take(_ statement: PipeStatement) -> PipeStatement? {
    switch statement {
    case .vector(let instruction):
      guard core == .vector else { return nil }
      need(
        (instruction.sources + [instruction.destination]).map(\.offset)
          + [instruction.scalar].compactMap { $0 })
    case .copyIn(let copy), .copyOut(let copy):
      guard core == .vector else { return nil }
      need(copy.operands)
    case .cube(let instruction):
      guard core == .cube else { return nil }
      need([instruction.buffer?.offset].compactMap { $0 })
    case .read(let variable, let view):
      guard core == .vector else {
        if needed.contains(variable.name) { lacks = true }
        return nil
      }
      need([view.offset])
    case .write(let view, let value):
      guard core == .vector else { return nil }
      need([view.offset, value])
    case .define(let variable, let value), .declare(let variable, let value),
      .assign(let variable, let value):
      guard needed.contains(variable.name) else { return nil }
      need([value])
    case .loop(var loop):
      let before = self
      loop.body = take(loop.body)
      guard loop.body.contains(where: { $0.works(for: before.needed) }) else {
        self = before
        return nil
      }
      need([loop.lower, loop.upper, loop.step])
      return .loop(loop)
    case .branch(let condition, let then, let otherwise):
      let (first, second) = (take(then), take(otherwise))
      guard (first + second).contains(where: \.isKept) else { return nil }
      need([condition])
      return .branch(condition, first, second)
    case .set(let event): return event.from.core == core ? statement : nil
    case .wait(let event): return event.to.core == core ? statement : nil
    case .barrier(let pipe): return (pipe?.core ?? .vector) == core ? statement : nil
    case .leave, .note: return statement
    }
    return statement
  }

  private mutating func need(_ expressions: [Expression]) {
    for expression in expressions { needed.formUnion(expression.scalarNames) }
  }
}

extension PipeStatement {
  fileprivate var isKept: Bool { if case .note = self { false } else { true } }

  /// Whether something is done in it besides ending a loop: of variables, those that are `needed` outside of it.
  fileprivate func works(for needed: Set<String>) -> Bool {
    switch self {
    case .leave, .note: false
    case .define(let variable, _), .declare(let variable, _), .assign(let variable, _):
      needed.contains(variable.name)
    case .branch(_, let then, let otherwise): (then + otherwise).contains { $0.works(for: needed) }
    case .loop(let loop): loop.body.contains { $0.works(for: needed) }
    default: true
    }
  }
}

extension Expression {
  /// Names of the variables in it.
  fileprivate var scalarNames: Set<String> {
    switch self {
    case .variable(let variable): [variable.name]
    case .apply(_, let operands, _): operands.reduce(into: []) { $0.formUnion($1.scalarNames) }
    case .load(let access, _, let active): access.offset.scalarNames.union(active?.scalarNames ?? [])
    case .conditional(let condition, let a, let b): condition.scalarNames.union(a.scalarNames).union(b.scalarNames)
    case .broadcast(let value, _): value.scalarNames
    default: []
    }
  }
}
