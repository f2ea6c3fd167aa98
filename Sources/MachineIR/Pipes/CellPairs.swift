import TileIR

/// What the two cells of a pair, those of numbers 2p and 2p + 1, have in common where a cube core works for two vector
/// cores at once.
extension MachineKernel {
  /// Whether an expression is the quotient of the cell's number by an even number, of cells that are even in number: 2p
  /// and 2p + 1 have the same one, which is 2p's, and no pair has but one cell.
  public func isOfPair(_ expression: Expression) -> Bool {
    guard cells.isEven, case .apply(.quotient, let operands, _) = expression, operands[0] == .variable(cell) else {
      return false
    }
    if let divisor = operands[1].constantValue { return divisor > 0 && divisor % 2 == 0 }
    return scalars.contains { $0.value.isEven && operands[1] == .variable(Variable($0.name, .index)) }
  }
}

extension HostExpression {
  /// Whether it is even for every launch, as far as its factors say.
  public var isEven: Bool {
    switch self {
    case .constant(let value): value % 2 == 0
    case .product(let a, let b): a.isEven || b.isEven
    case .sum(let a, let b): a.isEven && b.isEven
    default: false
    }
  }
}
