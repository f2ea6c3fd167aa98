import MachineIR

/// What a loop's body does to the loop and to registers.
extension KernelWalk {
  /// Whether statements may leave the loop that they stand in.
  static func leaves(_ statements: [MachineStatement]) -> Bool {
    statements.contains { statement in
      switch statement {
      case .leave: true
      case .branch(_, let a, let b): leaves(a) || leaves(b)
      default: false
      }
    }
  }

  /// What statements assign.
  static func assigned(_ statements: [MachineStatement]) -> [MachineIR.Variable] {
    var found: [MachineIR.Variable] = []
    func visit(_ statements: [MachineStatement]) {
      for statement in statements {
        switch statement {
        case .assign(let variable, _): if !found.contains(variable) { found.append(variable) }
        case .loop(let loop): visit(loop.body)
        case .branch(_, let a, let b):
          visit(a)
          visit(b)
        default: break
        }
      }
    }
    visit(statements)
    return found
  }
}
