import MachineIR

/// Barriers within a pipe.
extension PipeSynchroniser {
  /// Barriers of a pipe where an instruction touches what an earlier one of the same pipe may still be at.
  func withBarriers(_ body: [PipeStatement]) -> [PipeStatement] {
    var pending: Set<PipeAccess> = []
    return withBarriers(body, &pending)
  }

  private func withBarriers(_ list: [PipeStatement], _ pending: inout Set<PipeAccess>) -> [PipeStatement] {
    var result: [PipeStatement] = []
    for statement in list {
      switch statement {
      case .loop(var loop):
        // What a round leaves behind, the next finds; with more behind it, it has no fewer barriers and leaves no more.
        let before = pending
        _ = withBarriers(loop.body, &pending)
        pending.formUnion(before)
        loop.body = withBarriers(loop.body, &pending)
        result.append(.loop(loop))
        // There may have been no round.
        pending.formUnion(before)
      case .branch(let condition, let then, let otherwise):
        var other = pending
        let first = withBarriers(then, &pending)
        let second = withBarriers(otherwise, &other)
        pending.formUnion(other)
        result.append(.branch(condition, first, second))
      case .barrier(nil):
        // Those of a vector core.
        pending = pending.filter { $0.pipe.core == .cube }
        result.append(statement)
      case .vector, .cube(.multiply):
        let pipe = statement.pipe
        let own = kernel.accesses(of: statement).filter { $0.pipe == pipe }
        let earlier = pending.filter { $0.pipe == pipe }
        if own.contains(where: { access in earlier.contains { $0.conflicts(with: access) } }) {
          result.append(.barrier(pipe))
          pending.subtract(earlier)
        }
        pending.formUnion(own)
        result.append(statement)
      default: result.append(statement)
      }
    }
    return result
  }
}

extension PipeStatement {
  /// The pipe of an instruction of the vector unit or of the cube core.
  fileprivate var pipe: Pipe { if case .cube(let instruction) = self { instruction.pipe } else { .vector } }
}
