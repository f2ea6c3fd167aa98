import TileIR

/// Computes a scalar function element by element: its body is its meaning.
///
/// int32 `add`, `subtract`, `multiply`, `negate` and `absolute` wrap; a bit cast sees a NaN as it is.
/// Lines that a `select` does not take may lack a value (a shift by more than 31 bits).
public struct ScalarInterpreter {
  private enum Line {
    case parameter(Int)
    case constant(UInt32)
    case operation(Elementwise, ElementwiseRules.Rule, Int, Int, Int)
  }
  public let function: ScalarFunction
  private let lines: [Line]

  public init(_ function: ScalarFunction) {
    self.function = function
    lines = function.steps.map { step in
      switch step.operation {
      case .parameter(let position): return .parameter(position)
      case .constant(let bits): return .constant(bits)
      case .elementwise(let operation):
        let types = step.operands.map { function.steps[$0].type }
        let operands = step.operands
        return .operation(
          operation, ElementwiseRules.rule(operation, types, .scalarFunction), operands[0],
          operands.count > 1 ? operands[1] : operands[0],
          operands.count > 2 ? operands[2] : operands[0])
      }
    }
  }

  /// The code of the result for the codes of the parameters, a NaN canonical; nil where the function
  /// has no value.
  public func callAsFunction(_ arguments: [UInt32]) -> UInt32? {
    precondition(arguments.count == function.parameters.count, "one argument for each parameter")
    var values = [UInt32?](repeating: nil, count: lines.count)
    for (number, line) in lines.enumerated() {
      switch line {
      case .parameter(let position): values[number] = arguments[position]
      case .constant(let bits): values[number] = bits
      case .operation(.select, _, let condition, let a, let b):
        if let holds = values[condition] { values[number] = holds != 0 ? values[a] : values[b] }
      case .operation(_, let rule, let a, let b, let c):
        if let x = values[a], let y = values[b], let z = values[c] { values[number] = rule(x, y, z) }
      }
    }
    return values[function.result].map { function.resultType.canonical($0) }
  }

  /// The value of a function of one `float32`; nil where it has none.
  public func callAsFunction(_ x: Float) -> Float? {
    self([x.bitPattern]).map { Float(bitPattern: $0) }
  }
}
