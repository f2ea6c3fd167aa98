import MachineIR

/// Cells of a warp as cells of a block, whose warps share the rounds of the loops in them.
///
/// Of a cell that is a list of loops over heads, keys, channels, each loop whose rounds have nothing to do with each
/// other is shared out; the block waits where one needs what another has done. What stands outside of loops, lengths
/// and places, each warp computes for itself.
extension MachineKernel {
  /// The kernel for blocks of `warps` warps; nil where something is stored outside of such loops.
  func sharingLoops(warps: Int) -> MachineKernel? {
    var sharing = LoopSharing(self)
    guard let body = sharing.block(body) else { return nil }
    return sharingLoops(body, warps: warps)
  }
}

private struct LoopSharing {
  private let arrays: Set<String>

  init(_ kernel: MachineKernel) { arrays = Set(kernel.scratch.map(\.name)) }

  mutating func block(_ statements: [MachineStatement]) -> [MachineStatement]? {
    var found: [MachineStatement] = []
    for statement in statements {
      switch statement {
      case .define, .note, .check: found.append(statement)
      case .loop(let loop):
        if isShareable(loop) {
          found.append(.loop(loop.with(sharedOut: true, loop.body)))
        } else {
          guard let body = block(loop.body) else { return nil }
          found.append(.loop(loop.with(body)))
        }
      case .branch(let condition, let then, let otherwise):
        guard let then = block(then), let otherwise = block(otherwise) else { return nil }
        found.append(.branch(condition, then, otherwise))
      default: return nil
      }
    }
    return found
  }

  /// Whether a loop has several rounds, each with elements of its own: what it stores on chip lies a vector further
  /// apart at least in each round, and it reads nothing that it stores. The proof has the last word.
  private func isShareable(_ loop: CountedLoop) -> Bool {
    if let first = loop.lower.constantValue, let end = loop.upper.constantValue, end - first <= loop.step {
      return false
    }
    guard !loop.handsOn else { return false }
    var (read, written): (Set<String>, Set<String>) = ([], [])
    var definitions: [Variable: Expression] = [:]
    var isApart = true
    for statement in loop.body {
      statement.forEach { statement in
        read.formUnion(statement.expressions.flatMap(\.reads).map(\.memory))
        if case .define(let variable, let value) = statement, variable.type == .index { definitions[variable] = value }
        guard let place = statement.place, arrays.contains(place.memory) else { return }
        written.insert(place.memory)
        let apart = Self.factor(of: loop.counter, in: place.offset, definitions).map { $0 * loop.step } ?? 0
        if apart < place.lanes { isApart = false }
      }
    }
    return isApart && read.isDisjoint(with: written)
  }

  /// What an integer grows by with a variable; nil where that is not one number.
  private static func factor(of variable: Variable, in value: Expression, _ definitions: [Variable: Expression])
    -> Int?
  {
    switch value {
    case .variable(variable): return 1
    case .variable(let other):
      return definitions[other].map { factor(of: variable, in: $0, definitions) } ?? 0
    case .apply(.add, let operands, _), .apply(.subtract, let operands, _):
      guard let a = factor(of: variable, in: operands[0], definitions),
        let b = factor(of: variable, in: operands[1], definitions)
      else { return nil }
      if case .apply(.add, _, _) = value { return a + b }
      return a - b
    case .apply(.multiply, let operands, _):
      guard let n = operands[1].constantValue ?? operands[0].constantValue else { break }
      return factor(of: variable, in: operands[operands[1].constantValue == nil ? 1 : 0], definitions).map { $0 * n }
    default: break
    }
    return value.variables.contains(variable) ? nil : 0
  }
}

extension MachineStatement {
  /// Where it stores to, and how many elements stand together there.
  fileprivate var place: (memory: String, offset: Expression, lanes: Int)? {
    switch self {
    case .store(let access, let value, _), .stream(let access, let value, _):
      (access.buffer, access.offset, value.type.lanes)
    case .scatter(let access, _, _, _): (access.buffer, access.offset, 1)
    case .storeRaw(let buffer, let offset, let value): (buffer, offset, value.type.lanes)
    case .clear(let buffer, let offset, let count): (buffer, offset, count.constantValue ?? .max)
    default: nil
    }
  }
}
