import MachineIR
import TileIR

/// Checks a launch's arguments against a program and binds its dimensions. Everything that does not
/// depend on the launch is worked out once, so that a good launch costs well under a microsecond.
struct ArgumentCheck {
  private struct Expected {
    let parameter: Parameter
    let dimensions: [Int]
    let strideBase: Int
    let alignment: Int
    let isPacked: Bool
    /// Declared bounds of an integer scalar.
    let range: ClosedRange<Int>?
  }
  let program: Program
  private let expected: [Expected]
  private let ranges: [ClosedRange<Int>]
  /// Dimensions whose length a buffer gives; the others must agree with what is computed.
  private let computed: [(dimension: Int, length: CompiledNumber)]
  private let constraints: [(lower: CompiledNumber, upper: CompiledNumber, Constraint)]
  let dimensionNumbers: [Dimension: Int]
  let strideBase: [Int]
  private let start: LaunchNumbers

  init(_ program: Program) throws {
    self.program = program
    var numbers: [Dimension: Int] = [:]
    for (number, dimension) in program.dimensions.enumerated() { numbers[dimension] = number }
    dimensionNumbers = numbers
    var base: [Int] = []
    var total = 0
    for parameter in program.parameters {
      base.append(total)
      total += parameter.axes.count
    }
    strideBase = base
    expected = program.parameters.enumerated().map { position, parameter in
      var range: ClosedRange<Int>?
      for case .range(let lower, let upper) in parameter.refinements where parameter.role == .scalar {
        range = lower...upper
      }
      return Expected(
        parameter: parameter, dimensions: parameter.axes.map { numbers[$0]! },
        strideBase: base[position], alignment: max(1, parameter.element.bitWidth / 8),
        isPacked: parameter.element.bitWidth == 4, range: range)
    }
    ranges = program.dimensions.map(\.range)
    computed = try program.dimensions.enumerated().compactMap { number, dimension in
      guard case .computed(let index)? = program.lengths[dimension],
        program.parameters.contains(where: { $0.axes.contains(dimension) })
      else { return nil }
      let host = try HostExpression(index, in: program)
      return (number, CompiledNumber(host, dimensions: numbers, strideBase: base))
    }
    constraints = try program.constraints.map {
      (
        CompiledNumber(
          try HostExpression($0.lower, in: program), dimensions: numbers, strideBase: base),
        CompiledNumber(
          try HostExpression($0.upper, in: program), dimensions: numbers, strideBase: base), $0
      )
    }
    start = LaunchNumbers(
      extents: program.dimensions.map { $0.extent ?? -1 }, strides: [Int](repeating: 0, count: total),
      scalars: [Int](repeating: 0, count: program.parameters.count))
  }

  /// The launch's numbers, or an error that names the argument, what was expected and what came.
  func bind(_ arguments: [LaunchArgument], extents: [Dimension: Int] = [:]) throws -> LaunchNumbers {
    guard arguments.count == expected.count else {
      throw refusal(
        "\(program.name) takes \(expected.count) arguments, \(arguments.count) given", program.location)
    }
    var numbers = start
    for (dimension, extent) in extents {
      if let number = dimensionNumbers[dimension] { numbers.extents[number] = extent }
    }
    for position in expected.indices {
      switch (arguments[position], expected[position].parameter.role == .scalar) {
      case (.buffer(let view), false): try take(view, expected[position], &numbers)
      case (.int(let value), true) where expected[position].parameter.element == .int32:
        if let range = expected[position].range, !range.contains(Int(value)) {
          throw refusal(
            "\(expected[position].parameter.name): \(range.lowerBound)...\(range.upperBound) expected, \(value) came",
            expected[position].parameter.location)
        }
        numbers.scalars[position] = Int(value)
      case (.float, true) where expected[position].parameter.element == .float32: break
      default:
        let parameter = expected[position].parameter
        let kind = parameter.role == .scalar ? "a number" : "a buffer"
        throw refusal(
          "\(parameter.name): \(kind) of \(parameter.element.rawValue) expected, "
            + "\(describe(arguments[position])) came", parameter.location)
      }
    }
    for number in numbers.extents.indices where numbers.extents[number] < 0 {
      if program.lengths[program.dimensions[number]] == .buffer {
        throw refusal("no argument has dimension \(program.dimensions[number].name)", program.location)
      }
    }
    for (number, length) in computed where length.value(numbers) != numbers.extents[number] {
      throw refusal(
        "extent of \(program.dimensions[number].name) is \(numbers.extents[number]), \(length.value(numbers)) expected",
        program.location)
    }
    for (lower, upper, constraint) in constraints where lower.value(numbers) > upper.value(numbers) {
      throw refusal(
        "this launch breaks a declared relation: \(lower.value(numbers)) is above \(upper.value(numbers))",
        constraint.location)
    }
    return numbers
  }

  private func take(
    _ view: TensorView, _ expected: Expected, _ numbers: inout LaunchNumbers
  ) throws {
    let parameter = expected.parameter
    guard view.element == parameter.element else {
      throw refusal(
        "\(parameter.name): \(parameter.element.rawValue) expected, \(view.element.rawValue) came",
        parameter.location)
    }
    guard view.shape.count == expected.dimensions.count, view.strides.count == view.shape.count else {
      throw refusal(
        "\(parameter.name): \(expected.dimensions.count) axes expected, \(view.shape.count) came",
        parameter.location)
    }
    var count = 1
    for axis in view.shape.indices {
      let extent = view.shape[axis]
      let number = expected.dimensions[axis]
      let known = numbers.extents[number]
      if known < 0 {
        guard ranges[number].contains(extent) else {
          throw refusal(
            "\(parameter.name): extent of \(parameter.axes[axis].name) in \(ranges[number].lowerBound)...\(ranges[number].upperBound) expected, \(extent) came",
            parameter.location)
        }
        numbers.extents[number] = extent
      } else if known != extent {
        throw refusal(
          "\(parameter.name): extent \(known) of \(parameter.axes[axis].name) expected, \(extent) came",
          parameter.location)
      }
      count *= extent
      numbers.strides[expected.strideBase + axis] = view.strides[axis]
    }
    guard count > 0 else { return }
    try checkMemory(view, expected)
  }

  private func checkMemory(_ view: TensorView, _ expected: Expected) throws {
    let parameter = expected.parameter
    guard let pointer = view.pointer else {
      throw refusal("\(parameter.name): memory expected, null came", parameter.location)
    }
    guard Int(bitPattern: pointer) % expected.alignment == 0 else {
      throw refusal(
        "\(parameter.name): an address divisible by \(expected.alignment) expected, \(pointer) came",
        parameter.location)
    }
    var least = 1
    for axis in view.shape.indices.reversed() {
      let stride = view.strides[axis]
      if axis == view.shape.count - 1 {
        guard stride == 1 else {
          throw refusal(
            "\(parameter.name): stride 1 of the last axis expected, \(stride) came", parameter.location)
        }
        least = view.shape[axis]
      } else {
        // Rows of packed elements begin at whole bytes; rows of written buffers do not overlap.
        let isWritten = parameter.role == .output || parameter.role == .state
        let minimum = isWritten && view.shape[axis] > 1 ? least : 0
        guard stride >= minimum, !expected.isPacked || stride % 2 == 0 else {
          throw refusal(
            "\(parameter.name): stride of \(parameter.axes[axis].name) of at least \(minimum)\(expected.isPacked ? ", even," : "") expected, \(stride) came",
            parameter.location)
        }
        least = max(least, stride * view.shape[axis])
      }
    }
  }

  private func describe(_ argument: LaunchArgument) -> String {
    switch argument {
    case .buffer(let view): "a buffer of \(view.element.rawValue) \(view.shape)"
    case .int(let value): "the integer \(value)"
    case .float(let value): "the float \(value)"
    }
  }

  private func refusal(_ message: String, _ location: SourceLocation) -> Diagnostic {
    Diagnostic(message, at: [location])
  }
}
