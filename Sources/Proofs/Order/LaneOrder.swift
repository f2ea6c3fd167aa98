import MachineIR

/// Which of a load's consecutive elements each lane of a value is made of.
struct LaneOrder {
  private let definitions: [String: Expression]

  init(_ kernel: MachineKernel) {
    var found: [String: Expression] = [:]
    for statement in kernel.body {
      statement.forEach { if case .define(let variable, let value) = $0 { found[variable.name] = value } }
    }
    definitions = found
  }

  /// The elements of each lane: one, or the two halves of a word; none in lanes that are all alike.
  private enum Order: Equatable {
    case alike
    case elements([[Int]])
  }

  /// The element of each lane; nil where lanes have several, or operands disagree.
  func elements(_ expression: Expression) -> [Int]? {
    switch order(expression) {
    case .elements(let elements)? where elements.allSatisfy({ $0.count == 1 }): elements.map { $0[0] }
    case .alike?: Array(0..<expression.type.lanes)
    default: nil
    }
  }

  private func order(_ expression: Expression) -> Order? {
    let lanes = expression.type.lanes
    if lanes == 1 { return .alike }
    switch expression {
    case .integer, .float, .broadcast, .table: return .alike
    case .laneNumbers, .load, .gather, .raw, .gatherRaw: return .elements((0..<lanes).map { [$0] })
    case .variable(let variable):
      guard let value = definitions[variable.name] else { return .elements((0..<lanes).map { [$0] }) }
      return order(value)
    case .element: return .elements((0..<lanes).map { [$0] })
    case .conditional(_, let a, let b): return joined([a, b])
    case .apply(let instruction, let operands, _): return apply(instruction, operands, lanes)
    }
  }

  private func apply(_ instruction: Instruction, _ operands: [Expression], _ lanes: Int) -> Order? {
    func moved(_ pick: ([[Int]]) -> [[Int]]) -> Order? {
      guard let order = order(operands[0]) else { return nil }
      guard case .elements(let elements) = order else { return .alike }
      return .elements(pick(elements))
    }
    func halved(_ keepsLow: Bool) -> Order? {
      guard let order = order(operands[0]) else { return nil }
      guard case .elements(let elements) = order, elements.allSatisfy({ $0.count == 2 }) else {
        return joined(operands)
      }
      return .elements(elements.map { [keepsLow ? $0[0] : $0[1]] })
    }
    switch instruction {
    case .lowHalf: return moved { Array($0[..<($0.count / 2)]) }
    case .highHalf: return moved { Array($0[($0.count / 2)...]) }
    case .evenLanes: return moved { all in stride(from: 0, to: all.count, by: 2).map { all[$0] } }
    case .oddLanes: return moved { all in stride(from: 1, to: all.count, by: 2).map { all[$0] } }
    case .concatenate, .interleave:
      guard case .elements(let a)? = order(operands[0]), case .elements(let b)? = order(operands[1]) else {
        return nil
      }
      return .elements(instruction == .concatenate ? a + b : zip(a, b).flatMap { [$0, $1] })
    case .bitCast:
      let from = operands[0].type.lanes
      if from == lanes { return order(operands[0]) }
      guard from == 2 * lanes else { return nil }
      return moved { all in stride(from: 0, to: from, by: 2).map { all[$0] + all[$0 + 1] } }
    case .and where operands[1].isWord(0xFFFF): return halved(true)
    case .and where operands[1].isWord(0xFFFF_0000): return halved(false)
    case .shiftRightLogical where operands[1].isWord(16): return halved(false)
    case .shiftLeft where operands[1].isWord(16): return halved(true)
    case .select: return joined(Array(operands[1...]))
    case .dot4, .multiplyBytes, .multiplyDoubles, .multiplyHalves, .halvesOfE4M3, .halvesOfE2M1, .lookup16,
      .lookup128:
      return nil
    default: return joined(operands)
    }
  }

  private func joined(_ operands: [Expression]) -> Order? {
    var result = Order.alike
    for operand in operands {
      guard let other = order(operand) else { return nil }
      if other == .alike { continue }
      if result == .alike { result = other } else if result != other { return nil }
    }
    return result
  }
}

extension Expression {
  fileprivate func isWord(_ word: UInt32) -> Bool {
    if case .integer(let value, _) = self { UInt32(truncatingIfNeeded: value) == word } else { false }
  }
}

/// Sums of partial sums as trees, the same where the same partial sums meet in the same order.
struct SumTrees {
  private var numbers: [Node: Int] = [:]
  enum Node: Hashable {
    /// The partial sum that lane or register `position` holds.
    case partial(Int)
    case sum(Int, Int)
  }

  mutating func number(_ node: Node) -> Int {
    if let known = numbers[node] { return known }
    numbers[node] = numbers.count
    return numbers.count - 1
  }

  mutating func partials(_ positions: [Int]) -> [Int] { positions.map { number(.partial($0)) } }

  mutating func sums(_ a: [Int], _ b: [Int]) -> [Int] { zip(a, b).map { number(.sum($0, $1)) } }

  /// Halves folded onto each other until one is left.
  mutating func halves(_ count: Int) -> Int {
    var all = partials(Array(0..<count))
    while all.count > 1 {
      let half = all.count / 2
      all = sums(Array(all[..<half]), Array(all[half...]))
    }
    return all[0]
  }

  /// Neighbours in pairs until one is left.
  mutating func pairs(_ count: Int) -> Int {
    var all = partials(Array(0..<count))
    while all.count > 1 {
      all = stride(from: 0, to: all.count, by: 2).map { number(.sum(all[$0], all[$0 + 1])) }
    }
    return all[0]
  }
}
