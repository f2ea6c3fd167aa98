import MachineIR
import TileIR

extension Expression {
  /// Whether it takes lanes out of a vector.
  fileprivate var movesLanes: Bool {
    switch self {
    case .apply(.lowHalf, _, _), .apply(.highHalf, _, _), .apply(.lane, _, _), .apply(.evenLanes, _, _),
      .apply(.oddLanes, _, _):
      true
    case .apply(_, let operands, _): operands.contains(where: \.movesLanes)
    default: false
    }
  }
}

/// How the lanes and registers that hold a sum apart are folded into one.
struct LaneFold {
  private let holder: String
  private let nodes: [SumTree.Node]
  private let slice: SumSlice
  private let order: LaneOrder
  let foldsLanes: Bool
  let foldsMembers: Bool

  init(_ holder: String, _ nodes: [SumTree.Node], _ slice: SumSlice, _ order: LaneOrder) {
    (self.holder, self.nodes, self.slice, self.order) = (holder, nodes, slice, order)
    let derived = Self.derived(from: holder, nodes, slice)
    var lanes = false
    var members: Set<Int> = []
    func visit(_ expression: Expression) {
      switch expression {
      case .element(let array, let indices):
        if array.name == holder, indices.count == 1, let index = indices[0].constantValue {
          members.insert(index)
        }
      case .apply(let instruction, let operands, _):
        // Lanes that are moved, but not added, are stored one by one.
        if instruction == .add, slice.isFold(expression),
          !slice.sums(in: expression).isDisjoint(with: derived),
          operands.contains(where: \.movesLanes)
        {
          lanes = true
        }
        operands.forEach(visit)
      case .broadcast(let value, _): visit(value)
      case .conditional(let condition, let a, let b): [condition, a, b].forEach(visit)
      default: break
      }
    }
    Self.forEachUse(nodes) { $0.expressions.forEach(visit) }
    foldsLanes = lanes
    foldsMembers = members.count > 1
  }

  /// The holder and what is folded of it.
  static func derived(from holder: String, _ nodes: [SumTree.Node], _ slice: SumSlice) -> Set<String> {
    var found: Set<String> = [holder]
    forEachUse(nodes) { statement in
      guard case .define(let variable, let value) = statement, slice.folds.contains(variable.name),
        !slice.sums(in: value).isDisjoint(with: found)
      else { return }
      found.insert(variable.name)
    }
    return found
  }

  private static func forEachUse(_ nodes: [SumTree.Node], _ body: (MachineStatement) -> Void) {
    for node in nodes {
      switch node {
      case .step(let step): if case .use = step.kind { body(step.statement) }
      case .loop(_, let inner): forEachUse(inner, body)
      case .branch(_, _, let a, let b): forEachUse(a + b, body)
      }
    }
  }

  /// Why the fold is not the stated one; nil where it is.
  func fault(_ stated: SummationOrder, lanesOf add: SumTree.Step) -> String? {
    guard case .interleaved(let positions) = stated, let addition = add.addition else {
      return "its lanes are folded, which \(stated) does not state"
    }
    let width = addition.type.lanes
    guard let elements = addition.addends.compactMap({ order.elements($0) }).first else {
      return "the elements of its lanes are not followed"
    }
    var trees = SumTrees()
    let expected = trees.halves(positions)
    var known: [String: [Int]] = [:]
    if case .assign = add.statement { known[holder] = trees.partials(elements) }
    var isWhole = false
    var why: String?
    func lanes(_ expression: Expression) -> [Int]? {
      switch expression {
      case .variable(let variable): return known[variable.name]
      case .element(let array, let indices):
        guard array.name == holder, let index = indices[0].constantValue else { return nil }
        return trees.partials(elements.map { $0 + index * width })
      case .apply(let instruction, let operands, _):
        guard let a = lanes(operands[0]) else { return nil }
        switch instruction {
        case .lowHalf: return Array(a[..<(a.count / 2)])
        case .highHalf: return Array(a[(a.count / 2)...])
        case .evenLanes: return stride(from: 0, to: a.count, by: 2).map { a[$0] }
        case .oddLanes: return stride(from: 1, to: a.count, by: 2).map { a[$0] }
        case .lane(let lane): return [a[lane]]
        default: break
        }
        guard operands.count == 2, let b = lanes(operands[1]) else { return nil }
        switch instruction {
        case .add: return trees.sums(a, b)
        case .concatenate: return a + b
        case .interleave: return zip(a, b).flatMap { [$0, $1] }
        default: return nil
        }
      default: return nil
      }
    }
    /// The largest parts of an expression that fold sums.
    func judge(_ expression: Expression) {
      guard !slice.sums(in: expression).isEmpty else { return }
      if slice.isFold(expression) {
        guard let found = lanes(expression) else { return }
        guard found.count == 1, found[0] == expected else {
          why = why ?? "its lanes are not folded as \(stated) states"
          return
        }
        isWhole = true
        return
      }
      switch expression {
      case .apply(_, let operands, _): operands.forEach(judge)
      case .broadcast(let value, _): judge(value)
      case .conditional(let condition, let a, let b): [condition, a, b].forEach(judge)
      default: break
      }
    }
    Self.forEachUse(nodes) { statement in
      if case .define(let variable, let value) = statement, slice.folds.contains(variable.name) {
        guard let found = lanes(value) else { return }
        known[variable.name] = found
        if found.count == 1, found[0] == expected { isWhole = true }
        return
      }
      statement.expressions.forEach(judge)
    }
    if let why { return why }
    return isWhole ? nil : "its lanes are not folded into one"
  }
}
