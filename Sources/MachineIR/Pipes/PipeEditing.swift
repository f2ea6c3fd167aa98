import TileIR

/// Walks over and changes of pipe programs.
extension PipeKernel {
  /// Every statement, each before those inside it.
  public func forEachStatement(_ body: (PipeStatement) -> Void) {
    func walk(_ statements: [PipeStatement]) {
      for statement in statements {
        body(statement)
        switch statement {
        case .loop(let loop): walk(loop.body)
        case .branch(_, let then, let otherwise):
          walk(then)
          walk(otherwise)
        default: break
        }
      }
    }
    walk(self.body)
  }

  /// The program with each statement, numbered in the order of `forEachStatement`, replaced by what `change` gives;
  /// loops and branches keep their kind and are asked for first with what they hold.
  public func mapping(_ change: (Int, PipeStatement) -> [PipeStatement]) -> PipeKernel {
    var number = 0
    func map(_ statements: [PipeStatement]) -> [PipeStatement] {
      statements.flatMap { statement -> [PipeStatement] in
        let changed = change(number, statement)
        number += 1
        switch statement {
        case .loop(var loop):
          loop.body = map(loop.body)
          return changed.map { $0 == statement ? .loop(loop) : $0 }
        case .branch(let condition, let then, let otherwise):
          let (first, second) = (map(then), map(otherwise))
          return changed.map { $0 == statement ? .branch(condition, first, second) : $0 }
        default: return changed
        }
      }
    }
    var changed = self
    changed.body = map(body)
    return changed
  }
}
