/// A named function of single elements, defined by a straight-line body: its body is its meaning.
///
/// The elementary functions of the numeric contract are such bodies. Bodies use `Elementwise`
/// operations on `float32`, `int32` and `bool` and constants; nothing else, so every target can
/// compute them.
public struct ScalarFunction: Hashable, Sendable {
  /// One line of the body. Operands are line numbers; the parameters are lines 0..<parameters.count.
  public struct Step: Hashable, Sendable {
    public enum Operation: Hashable, Sendable {
      case parameter(Int)
      /// A constant by its bits: those of a `float32`, or of an `int32`.
      case constant(UInt32)
      case elementwise(Elementwise)
    }
    public let operation: Operation
    public let operands: [Int]
    public let type: ElementType
  }

  public let name: String
  public let parameters: [ElementType]
  public let steps: [Step]
  /// The line that the function returns.
  public let result: Int

  public var resultType: ElementType { steps[result].type }
  /// Operations in the body, constants and parameters not counted.
  public var operationCount: Int {
    steps.count { if case .elementwise = $0.operation { true } else { false } }
  }

  /// Builds a function of one element, a `float32` unless said otherwise.
  public init(
    _ name: String, of parameter: ElementType = .float32, _ body: (ScalarValue) -> ScalarValue
  ) {
    let builder = ScalarBuilder()
    let x = builder.append(.parameter(0), [], parameter)
    let result = body(x)
    self.name = name
    parameters = [parameter]
    steps = builder.steps
    self.result = result.line
  }

  /// Builds a function of two `float32`.
  public init(_ name: String, _ body: (ScalarValue, ScalarValue) -> ScalarValue) {
    let builder = ScalarBuilder()
    let x = builder.append(.parameter(0), [], .float32)
    let result = body(x, builder.append(.parameter(1), [], .float32))
    self.name = name
    parameters = [.float32, .float32]
    steps = builder.steps
    self.result = result.line
  }

  /// Builds a function of as many `int32`.
  public init(_ name: String, ofIntegers count: Int, _ body: ([ScalarValue]) -> ScalarValue) {
    let builder = ScalarBuilder()
    let result = body((0..<count).map { builder.append(.parameter($0), [], .int32) })
    self.name = name
    parameters = Array(repeating: .int32, count: count)
    steps = builder.steps
    self.result = result.line
  }

  /// Two functions are the same when their bodies are; the name is for people.
  public static func == (a: ScalarFunction, b: ScalarFunction) -> Bool {
    a.name == b.name && a.steps == b.steps && a.result == b.result
  }
  public func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(steps.count)
  }
}

/// Collects the lines of one scalar function while its body runs; equal lines are written once.
public final class ScalarBuilder {
  fileprivate(set) var steps: [ScalarFunction.Step] = []
  private var known: [ScalarFunction.Step: Int] = [:]

  fileprivate func append(
    _ operation: ScalarFunction.Step.Operation, _ operands: [Int], _ type: ElementType
  ) -> ScalarValue {
    let step = ScalarFunction.Step(operation: operation, operands: operands, type: type)
    if let line = known[step] { return ScalarValue(builder: self, line: line, type: type) }
    steps.append(step)
    known[step] = steps.count - 1
    return ScalarValue(builder: self, line: steps.count - 1, type: type)
  }
}

/// A value inside the body of a scalar function.
public struct ScalarValue {
  let builder: ScalarBuilder
  let line: Int
  public let type: ElementType

  private func apply(_ operation: Elementwise, _ others: ScalarValue...) -> ScalarValue {
    let operands = [self] + others
    guard let type = operation.resultType(operands.map(\.type)) else {
      preconditionFailure("\(operation.name) is not defined on \(operands.map(\.type.rawValue))")
    }
    return builder.append(.elementwise(operation), operands.map(\.line), type)
  }

  /// A `float32` constant beside this value.
  public func float(_ value: Float) -> ScalarValue {
    builder.append(.constant(value.bitPattern), [], .float32)
  }
  /// An `int32` constant beside this value.
  public func int(_ value: Int32) -> ScalarValue {
    builder.append(.constant(UInt32(bitPattern: value)), [], .int32)
  }

  public static func + (a: ScalarValue, b: ScalarValue) -> ScalarValue { a.apply(.add, b) }
  public static func - (a: ScalarValue, b: ScalarValue) -> ScalarValue { a.apply(.subtract, b) }
  public static func * (a: ScalarValue, b: ScalarValue) -> ScalarValue { a.apply(.multiply, b) }
  public static func / (a: ScalarValue, b: ScalarValue) -> ScalarValue { a.apply(.divide, b) }
  public static prefix func - (a: ScalarValue) -> ScalarValue { a.apply(.negate) }
  public var magnitude: ScalarValue { apply(.absolute) }

  public func compared(_ comparison: Comparison, _ b: ScalarValue) -> ScalarValue {
    apply(.compare(comparison), b)
  }
  /// For a `bool` value: `a` where it is true, else `b`.
  public func select(_ a: ScalarValue, _ b: ScalarValue) -> ScalarValue { apply(.select, a, b) }
  public func and(_ b: ScalarValue) -> ScalarValue { apply(.and, b) }
  public func or(_ b: ScalarValue) -> ScalarValue { apply(.or, b) }
  public func xor(_ b: ScalarValue) -> ScalarValue { apply(.xor, b) }
  public func shiftedLeft(_ b: ScalarValue) -> ScalarValue { apply(.shiftLeft, b) }
  public func shiftedRightLogical(_ b: ScalarValue) -> ScalarValue { apply(.shiftRightLogical, b) }
  public func shiftedRight(_ b: ScalarValue) -> ScalarValue { apply(.shiftRightArithmetic, b) }
  /// The `int32` with the bits of this `float32`, as they are: a body must not let the payload of a
  /// NaN reach its result, and `check-elementary` feeds it every payload.
  public var bits: ScalarValue { apply(.bitCast(.int32)) }
  /// The `float32` with the bits of this `int32`.
  public var floatFromBits: ScalarValue { apply(.bitCast(.float32)) }
  /// The `float32` nearest to this `int32`.
  public var toFloat: ScalarValue { apply(.convert(.float32)) }
  /// The `int32` nearest to this `float32`, saturating; 0 for NaN.
  public var toInt: ScalarValue { apply(.convert(.int32)) }
}
