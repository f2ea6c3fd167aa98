import MachineIR
import TileIR

/// Makes the body of a loop over groups of cells of that over single cells: each instruction stands there once for each
/// cell of the group, side by side, so that a pipe waits for one cell's while others' are under way.
struct CellGrouping {
  /// Cells of a group, the most first.
  static let counts = [8, 4, 2]
  /// Statements of a group beyond which its text is too long.
  private static let mostStatements = 3200

  private let cell: Variable
  private let body: [PipeStatement]
  private let tensors: [String: LocalTensor]
  private let constants: Set<String>
  /// Tensors and variables that a cell has of its own.
  private var names: Set<String> = []
  /// Variables that are the same for all cells.
  private var shared: Set<String> = []
  private var statements = 0
  private var instructions = 0
  private var isGroupable = true

  init(
    _ cell: Variable, _ body: [PipeStatement], _ tensors: [String: LocalTensor], except constants: Set<String>
  ) {
    (self.cell, self.body, self.tensors, self.constants) = (cell, body, tensors, constants)
    names = [cell.name]
    find(in: body, isShared: true)
  }

  /// Whether groups of so many cells are of use: not of what the scalar unit computes, which does one thing at a time.
  func isWorthwhile(_ count: Int) -> Bool { isGroupable && statements * count <= Self.mostStatements }

  /// Whether the vector unit has enough to do for copies to wait for each other.
  var isOfWork: Bool { instructions >= 8 }

  /// The loops over groups and single cells, what groups call their names, and their tensors; nil where cells cannot
  /// stand side by side.
  func grouped(
    by count: Int, _ unique: (String) -> String
  ) -> (loops: [PipeStatement], groups: CellGroups, tensors: [String: LocalTensor])? {
    let own = names.subtracting(shared).sorted()
    let maps = (0..<count).map { _ in
      Dictionary(uniqueKeysWithValues: own.map { ($0, unique($0)) })
    }
    var copies: [String: LocalTensor] = [:]
    for map in maps {
      for (name, other) in map {
        guard let tensor = tensors[name] else { continue }
        copies[other] = LocalTensor(other, tensor.element, count: tensor.count, byteAddress: 0)
      }
    }
    let bodies = maps.map { map in body.map { $0.renamed { map[$0] ?? $0 } } }
    let groups = CellGroups(names: maps)
    return (groups.loops(cell, sideBySide(bodies, of: body), body), groups, copies)
  }

  /// Lists of the same statements as one, with the names that those of single cells have in `own`.
  private func sideBySide(_ lists: [[PipeStatement]], of own: [PipeStatement]) -> [PipeStatement] {
    own.indices.flatMap { position -> [PipeStatement] in
      let all = lists.map { $0[position] }
      switch own[position] {
      case .note, .barrier: return [all[0]]
      case .define(let variable, _) where shared.contains(variable.name): return [all[0]]
      case .loop(var loop) where shared.contains(loop.counter.name):
        loop.body = sideBySide(all.map { if case .loop(let other) = $0 { other.body } else { [] } }, of: loop.body)
        return [.loop(loop)]
      case .branch(let condition, let first, let second) where isShared(condition):
        var sides: (then: [[PipeStatement]], otherwise: [[PipeStatement]]) = ([], [])
        for case .branch(_, let then, let otherwise) in all {
          sides.then.append(then)
          sides.otherwise.append(otherwise)
        }
        return [
          .branch(condition, sideBySide(sides.then, of: first), sideBySide(sides.otherwise, of: second))
        ]
      default: return all
      }
    }
  }

  // MARK: Names

  private func isShared(_ expression: Expression) -> Bool {
    switch expression {
    case .variable(let variable): !names.contains(variable.name) || shared.contains(variable.name)
    case .integer, .float: true
    case .apply(_, let operands, _): operands.allSatisfy(isShared)
    case .conditional(let condition, let a, let b): [condition, a, b].allSatisfy(isShared)
    default: false
    }
  }

  /// Notes the names of statements; `isShared`: whether the lists around them are those of all cells.
  private mutating func find(in list: [PipeStatement], isShared isCommon: Bool) {
    for statement in list {
      statements += 1
      switch statement {
      case .vector(let instruction):
        instructions += 1
        add(instruction.destination, instruction.sources)
      case .copyIn(let copy), .copyOut(let copy): add(copy.local, [])
      case .define(let variable, let value):
        names.insert(variable.name)
        if isCommon, isShared(value) { shared.insert(variable.name) }
      case .declare(let variable, _): names.insert(variable.name)
      case .assign(let variable, _): if !names.contains(variable.name) { isGroupable = false }
      case .read(let variable, let view):
        names.insert(variable.name)
        add(view, [])
      case .loop(let loop):
        let isOfAll = isCommon && [loop.lower, loop.upper, loop.step].allSatisfy(isShared)
        // A counter that comes again has to be of all cells there as well.
        if names.contains(loop.counter.name), isOfAll != shared.contains(loop.counter.name) { isGroupable = false }
        names.insert(loop.counter.name)
        if isOfAll { shared.insert(loop.counter.name) }
        find(in: loop.body, isShared: isOfAll)
      case .branch(let condition, let then, let otherwise):
        let isOfAll = isCommon && isShared(condition)
        find(in: then + otherwise, isShared: isOfAll)
      // A loop that is left is one cell's; what the scalar unit computes lane by lane takes its time.
      case .leave, .write, .cube: isGroupable = false
      case .set, .wait, .barrier, .note: statements -= 1
      }
    }
  }

  private mutating func add(_ view: LocalView, _ others: [LocalView]) {
    for name in ([view] + others).map(\.tensor) where !constants.contains(name) { names.insert(name) }
  }
}
