import MachineIR

/// Short loops of a vector core, which waits longer for main memory than it works, and for each step of a quotient.
extension RegionLowering {
  /// Whether so many rounds stand one behind the other on a vector core: few ones of short vectors, whose copies from main
  /// memory then wait for it together, or the steps of whose functions for each other.
  func isWrittenOut(_ statements: [MachineStatement], _ count: Expression) -> Bool {
    guard machine.npu != nil, let count = count.constantValue, (2...Self.fewRounds).contains(count),
      let length = Self.writtenOutLength(statements), count * length <= Self.mostStatements
    else { return false }
    let fewLanes = Self.fewLanes
    var isWorth = false
    for statement in statements {
      statement.forEach {
        isWorth = isWorth || $0.expressions.contains { !$0.reads.isEmpty || $0.type.lanes <= fewLanes && $0.takesManySteps }
      }
    }
    return isWorth
  }
  private static let (fewRounds, mostStatements, shortLanes, fewLanes) = (8, 64, 128, 16)

  /// How many statements there are where loops in them are written out; nil where one is not, or something else is in them.
  private static func writtenOutLength(_ statements: [MachineStatement]) -> Int? {
    var length = 0
    for statement in statements {
      switch statement {
      case .note: continue
      case .loop(let loop):
        guard loop.isUnrolled, let lower = loop.lower.constantValue, let upper = loop.upper.constantValue,
          let inner = writtenOutLength(loop.body)
        else { return nil }
        // Vectors of which one is a whole row: those of cells that stand beside each other are enough.
        if upper - lower == loop.step, loop.body.contains(where: { $0.mostLanes > fewLanes }) { return nil }
        length += (upper - lower) / loop.step * inner
      case .branch, .multiplySlices, .leave: return nil
      default:
        // Long vectors take the time that copies do, and room.
        guard statement.expressions.allSatisfy({ $0.type.lanes <= shortLanes }) else { return nil }
        length += 1
      }
    }
    return length
  }
}

extension MachineStatement {
  fileprivate var mostLanes: Int { expressions.map(\.type.lanes).max() ?? 0 }
}

extension Expression {
  /// Whether it has a function of many steps, each of which waits for the one before.
  fileprivate var takesManySteps: Bool {
    switch self {
    case .apply(.divide, _, _), .apply(.squareRoot, _, _): true
    case .apply(.call(let function), let operands, _):
      function.operationCount >= 16 || operands.contains(where: \.takesManySteps)
    case .apply(_, let operands, _): operands.contains(where: \.takesManySteps)
    case .broadcast(let value, _): value.takesManySteps
    case .conditional(let condition, let a, let b): [condition, a, b].contains(where: \.takesManySteps)
    default: false
    }
  }
}
