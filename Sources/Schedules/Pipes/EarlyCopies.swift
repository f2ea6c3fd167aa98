import MachineIR

extension [PipeStatement] {
  /// The list with each copy from main memory as early as what it needs is there, so that one event does for several
  /// and the copies of what comes next begin before the work on what is here. The order of copies stays.
  var withEarlyCopies: [PipeStatement] {
    var result: [PipeStatement] = []
    // Copies stay behind this place: what ends a loop, or another copy.
    var earliest = 0
    for statement in self {
      switch statement {
      case .loop(var loop):
        loop.body = loop.body.withEarlyCopies
        result.append(.loop(loop))
      case .branch(let condition, let then, let otherwise):
        result.append(.branch(condition, then.withEarlyCopies, otherwise.withEarlyCopies))
        if statement.mayLeave { earliest = result.count }
      case .copyIn(let copy):
        var place = result.count
        while place > earliest, !result[place - 1].isNeeded(for: copy) { place -= 1 }
        result.insert(statement, at: place)
        earliest = place + 1
      case .leave, .barrier:
        result.append(statement)
        earliest = result.count
      default: result.append(statement)
      }
    }
    return result
  }
}

extension PipeStatement {
  fileprivate var mayLeave: Bool {
    switch self {
    case .leave: true
    case .branch(_, let then, let otherwise): (then + otherwise).contains(where: \.mayLeave)
    default: false
    }
  }

  /// Whether a copy has to come behind: of what it is told by, of what touches its place, or of a store to its buffer.
  fileprivate func isNeeded(for copy: PipeCopy) -> Bool {
    let names = Set(copy.operands.flatMap(\.variables).map(\.name))
    switch self {
    case .define(let variable, _), .declare(let variable, _), .assign(let variable, _), .read(let variable, _):
      return names.contains(variable.name)
    case .vector(let instruction):
      return ([instruction.destination] + instruction.sources).contains { $0.tensor == copy.local.tensor }
    case .copyIn(let other): return other.local.tensor == copy.local.tensor
    case .copyOut(let other): return other.local.tensor == copy.local.tensor || other.buffer == copy.buffer
    case .write(let view, _): return view.tensor == copy.local.tensor
    case .loop(let loop): return loop.body.contains { $0.isNeeded(for: copy) }
    case .branch(_, let then, let otherwise): return (then + otherwise).contains { $0.isNeeded(for: copy) }
    case .note: return false
    case .cube, .leave, .set, .wait, .barrier: return true
    }
  }
}
