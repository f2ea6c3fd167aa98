/// What keeps the rounds of a loop from being done by several warps.
extension CountedLoop {
  /// Whether a round sets registers that were there before it, or leaves the loop.
  public var handsOn: Bool {
    var own: Set<String> = []
    var found = false
    func visit(_ statements: [MachineStatement], isInner: Bool) {
      for statement in statements {
        switch statement {
        case .define(let variable, _), .declare(let variable, _): own.insert(variable.name)
        case .registers(let array): own.insert(array.name)
        case .assign(let variable, _): if !own.contains(variable.name) { found = true }
        case .setElement(let array, _, _): if !own.contains(array.name) { found = true }
        case .leave: if !isInner { found = true }
        case .startCopy, .closeCopies, .awaitCopies, .multiplySlices: found = true
        case .loop(let loop): visit(loop.body, isInner: true)
        case .branch(_, let a, let b):
          visit(a, isInner: isInner)
          visit(b, isInner: isInner)
        default: break
        }
      }
    }
    visit(body, isInner: false)
    return found
  }
}
