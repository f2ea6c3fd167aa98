import MachineIR
import TileIR

/// A sum whose partial sums are the elements of a register array, which are then added to each other in loops.
struct ElementSum {
  let holder: String
  let nodes: [SumTree.Node]
  let adds: [SumTree.Addend]

  /// Why the sum is not the stated one; nil where it is.
  func fault(_ stated: SumOrder.Stated, _ joining: inout WrittenRegions) -> String? {
    guard case .setElement(let array, _, _) = adds[0].step.statement, array.extents.count == 1 else {
      return "its elements are not followed"
    }
    let count = array.extents[0]
    var trees = SumTrees()
    let expected: Int
    switch stated.rule {
    case .order(.interleaved(count)): expected = trees.halves(count)
    case .order(.tree): expected = trees.pairs(count)
    default: return "its elements are folded, which \(stated.rule.text) does not state"
    }
    if let why = faultOfElements(stated, count, &joining) { return why }
    return faultOfFolds(count, expected, &trees, joining)
  }

  /// Whether each addend goes to its element, in ascending order.
  private func faultOfElements(_ stated: SumOrder.Stated, _ count: Int, _ joining: inout WrittenRegions)
    -> String?
  {
    guard adds.count == 1, let index = adds[0].step.index.first, let loop = adds[0].loops.last,
      loop.numbers.step == 1
    else { return "its elements are not followed" }
    // The element is the coordinate, or its remainder.
    let coordinate = loop.counter - loop.numbers.lower
    let isSingle = stated.rule == .order(.tree)
    let element = isSingle ? coordinate : joining.walk.remainder(of: coordinate, by: count)
    guard joining.isZero(index - element) else { return "its addends are not where they belong" }
    guard adds[0].step.addition!.addends.count == (stated.isFused ? 2 : 1) else {
      return "its products round otherwise"
    }
    guard let length = stated.length, joining.isZero(loop.numbers.upper - loop.numbers.lower - length) else {
      return "it has not all addends"
    }
    return nil
  }

  /// Whether elements are added to each other as the order says. Elements without an addend are +0.
  private func faultOfFolds(_ count: Int, _ expected: Int, _ trees: inout SumTrees, _ joining: WrittenRegions)
    -> String?
  {
    var elements = trees.partials(Array(0..<count))
    var isUsed = false
    let last = nodes.lastIndex { !$0.adds(to: holder).isEmpty }!
    for node in nodes[...last] where node.contains({ isUse($0) || isFold($0) }) {
      return "it is used before all has been added"
    }
    for node in nodes[(last + 1)...] {
      switch node {
      case .loop(let loop, let inner):
        guard inner.contains(where: { $0.contains { isFold($0) || isUse($0) } }) else { continue }
        guard let symbol = loop.numbers.symbol, let first = loop.numbers.lower.constant,
          let end = loop.numbers.upper.constant, loop.numbers.step == 1
        else { return "its elements are folded in a loop that is not followed" }
        for number in first..<max(first, end) {
          for case .step(let step) in inner {
            guard case .fold(let a, let b) = step.kind, step.holder == holder else { continue }
            let places = [step.index[0], a, b].map { $0.replacing(symbol, Polynomial(number)).constant }
            guard let to = places[0], let x = places[1], let y = places[2] else {
              return "its folds are not followed"
            }
            elements[to] = trees.sums([elements[x]], [elements[y]])[0]
          }
        }
      case .step(let step) where isUse(step):
        guard elements[0] == expected, step.statement.expressions.allSatisfy({ readsFirst($0) }) else {
          return "its elements are not folded as is stated"
        }
        isUsed = true
      case .step: break
      case .branch(_, _, let a, let b):
        if (a + b).contains(where: { $0.contains { isFold($0) || isUse($0) } }) {
          return "it is folded in a branch"
        }
      }
    }
    return isUsed ? nil : "its elements are not folded into one"
  }

  private func isFold(_ step: SumTree.Step) -> Bool {
    if case .fold = step.kind { step.holder == holder } else { false }
  }

  private func isUse(_ step: SumTree.Step) -> Bool {
    guard case .use = step.kind else { return false }
    var isFound = false
    for expression in step.statement.expressions {
      expression.forEachName { name, _ in if name == holder { isFound = true } }
    }
    return isFound
  }

  /// Whether no element but the first is read.
  private func readsFirst(_ expression: Expression) -> Bool {
    switch expression {
    case .element(let array, let indices): array.name != holder || indices == [.constant(0)]
    case .apply(_, let operands, _): operands.allSatisfy { readsFirst($0) }
    case .broadcast(let value, _): readsFirst(value)
    case .conditional(let condition, let a, let b): [condition, a, b].allSatisfy { readsFirst($0) }
    default: true
    }
  }
}
