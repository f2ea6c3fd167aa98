import TileIR

/// Cells that a vector core takes together, so that none waits for itself alone: in a loop over groups the
/// instructions of all cells of a group stand side by side, each with tensors and variables of its own. The cells that
/// are left come one by one, in a loop of their own behind a barrier of all pipes.
public struct CellGroups: Hashable, Sendable {
  /// What a name of the loop over single cells is in each cell of a group. What is the same in all cells, such as the
  /// counter of a loop that they share, is not here.
  public let names: [[String: String]]

  public init(names: [[String: String]]) { self.names = names }

  public var count: Int { names.count }

  /// How many groups a core has, the group at hand, and the first of the core's cells that is in none.
  public static let groups = Variable("groups", .index)
  public static let group = Variable("group", .index)
  public static let firstLeft = Variable("first_left", .index)

  /// The core's whole groups: of its cells, which lie as far apart as there are cores.
  public var groupCount: Expression {
    let own = .variable(PipeKernel.cells) - .variable(PipeKernel.block) + .variable(PipeKernel.blocks) - .constant(1)
    return .apply(.quotient, [own, .variable(PipeKernel.blocks) * .constant(count)], .index)
  }

  /// A cell of the group at hand.
  public func cell(_ member: Int) -> Expression {
    let turn = .variable(Self.group) * .constant(count) + .constant(member)
    return .variable(PipeKernel.block) + turn * .variable(PipeKernel.blocks)
  }

  public var firstLeft: Expression {
    let taken = .variable(Self.groups) * .constant(count)
    return .variable(PipeKernel.block) + taken * .variable(PipeKernel.blocks)
  }

  /// The loops over groups and over what is left of `cell`s.
  public func loops(_ cell: Variable, _ ofGroup: [PipeStatement], _ ofCell: [PipeStatement]) -> [PipeStatement] {
    let members = names.indices.map {
      PipeStatement.define(Variable(names[$0][cell.name]!, .index), self.cell($0))
    }
    return [
      .define(Self.groups, groupCount), .define(Self.firstLeft, firstLeft),
      .loop(PipeLoop(Self.group, from: .constant(0), to: .variable(Self.groups), members + ofGroup)),
      .loop(
        PipeLoop(
          cell, from: .variable(Self.firstLeft), to: .variable(PipeKernel.cells), step: .variable(PipeKernel.blocks),
          ofCell)),
    ]
  }
}

extension PipeStatement {
  /// The statement with other names for tensors and variables; events and barriers name none.
  public func renamed(_ name: (String) -> String) -> PipeStatement {
    func own(_ expression: Expression) -> Expression { expression.renamed(name) }
    func own(_ variable: Variable) -> Variable { Variable(name(variable.name), variable.type) }
    func own(_ view: LocalView) -> LocalView { LocalView(name(view.tensor), view.element, offset: own(view.offset)) }
    func own(_ copy: PipeCopy) -> PipeCopy {
      PipeCopy(
        buffer: copy.buffer, copy.element, offset: own(copy.offset), local: own(copy.local), count: own(copy.count),
        most: copy.most,
        rows: copy.rows.map {
          PipeCopy.Rows(
            own($0.counter), from: own($0.lower), to: own($0.upper), most: $0.most, stride: own($0.stride),
            pitch: $0.pitch)
        })
    }
    switch self {
    case .vector(let instruction):
      return .vector(
        VectorInstruction(
          instruction.operation, own(instruction.destination), instruction.sources.map { own($0) },
          count: instruction.count, scalar: instruction.scalar.map { own($0) }, spread: instruction.spread))
    case .copyIn(let copy): return .copyIn(own(copy))
    case .copyOut(let copy): return .copyOut(own(copy))
    case .define(let variable, let value): return .define(own(variable), own(value))
    case .declare(let variable, let value): return .declare(own(variable), own(value))
    case .assign(let variable, let value): return .assign(own(variable), own(value))
    case .read(let variable, let view): return .read(own(variable), own(view))
    case .write(let view, let value): return .write(own(view), own(value))
    case .loop(let loop):
      return .loop(
        PipeLoop(
          own(loop.counter), from: own(loop.lower), to: own(loop.upper), step: own(loop.step),
          loop.body.map { $0.renamed(name) }))
    case .branch(let condition, let then, let otherwise):
      return .branch(own(condition), then.map { $0.renamed(name) }, otherwise.map { $0.renamed(name) })
    case .cube, .leave, .set, .wait, .barrier, .note: return self
    }
  }
}

extension Expression {
  /// The scalar unit's expression with other names for its variables.
  func renamed(_ name: (String) -> String) -> Expression {
    switch self {
    case .variable(let variable): .variable(Variable(name(variable.name), variable.type))
    case .apply(let instruction, let operands, let type): .apply(instruction, operands.map { $0.renamed(name) }, type)
    case .load(let access, let type, let active):
      .load(
        Access(access.buffer, access.element, access.offset.renamed(name)), type,
        active: active.map { $0.renamed(name) })
    case .conditional(let condition, let a, let b):
      .conditional(condition.renamed(name), a.renamed(name), b.renamed(name))
    case .broadcast(let value, let lanes): .broadcast(value.renamed(name), lanes)
    default: self
    }
  }
}
