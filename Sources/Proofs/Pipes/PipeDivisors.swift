import MachineIR

/// Powers of two that divide what the scalar unit computes, whatever the launch.
struct PipeDivisors {
  /// Of what is always 0.
  private static let most = 1 << 30
  private var known: [String: Int] = [:]

  mutating func define(_ variable: MachineIR.Variable, _ value: Expression) { known[variable.name] = of(value) }

  /// Of a loop's counter in each round.
  mutating func count(_ loop: PipeLoop) {
    known[loop.counter.name] = Self.common(of(loop.lower), of(loop.step))
  }

  func of(_ expression: Expression) -> Int {
    switch expression {
    case .integer(let value, _): value == 0 ? Self.most : min(Self.most, Int(value & -value))
    case .variable(let variable): known[variable.name] ?? 1
    case .conditional(_, let a, let b): Self.common(of(a), of(b))
    case .apply(.subtract, let operands, _) where operands[1].isRemainder(of: operands[0]) != nil:
      of(.constant(operands[1].isRemainder(of: operands[0])!))
    case .apply(.add, let operands, _), .apply(.subtract, let operands, _), .apply(.minimum, let operands, _),
      .apply(.maximum, let operands, _):
      operands.map(of).reduce(Self.most, Self.common)
    case .apply(.multiply, let operands, _): operands.map(of).reduce(1) { min(Self.most, $0 * $1) }
    case .apply(.divideFloor(let n), let operands, _):
      of(operands[0]) % n == 0 ? of(.constant(of(operands[0]) / n)) : 1
    default: 1
    }
  }

  /// The largest power of two that divides two of them.
  private static func common(_ a: Int, _ b: Int) -> Int { min(a, b) }
}

extension Expression {
  /// The constant by which it is the remainder of `whole`; nil where it is none.
  fileprivate func isRemainder(of whole: Expression) -> Int? {
    if case .apply(.remainderFloor(let n), let operands, _) = self, operands[0] == whole { n } else { nil }
  }
}
