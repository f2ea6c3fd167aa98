import MachineIR

/// Short loops of a vector core, which waits longer for main memory than it works.
extension RegionLowering {
  /// Whether so many rounds stand one behind the other on a vector core: few ones of short vectors, whose copies from main
  /// memory then wait for it together.
  func isWrittenOut(_ statements: [MachineStatement], _ count: Expression) -> Bool {
    guard machine.npu != nil, let count = count.constantValue, (2...Self.fewRounds).contains(count),
      let length = Self.writtenOutLength(statements), count * length <= Self.mostStatements
    else { return false }
    var loads = false
    for statement in statements {
      statement.forEach { loads = loads || !$0.expressions.allSatisfy { $0.reads.isEmpty } }
    }
    return loads
  }
  private static let (fewRounds, mostStatements, shortLanes) = (8, 64, 128)

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
