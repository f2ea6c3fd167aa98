import TileIR

/// Binds arguments to a program's parameters and checks all that a launch must satisfy.
///
/// A refused argument is a `Diagnostic` that names it, what was expected and what came.
struct Binding {
  private var launch: Launch
  /// The argument or option that bound each symbolic dimension, for messages.
  private var binders: [Dimension: String] = [:]

  private init(
    _ program: Program, _ products: ProductMeaning, _ functions: ForeignFunctions, _ arithmetic: FloatArithmetic
  ) {
    let count = program.parameters.count
    launch = Launch(
      program: program, products: products, functions: functions, arithmetic: arithmetic,
      shapes: Array(repeating: [], count: count), codes: Array(repeating: [], count: count), scalars: Array(repeating: 0, count: count))
  }

  /// The checked launch of `program` on `arguments`. `extents` binds dimensions that no input has.
  static func launch(
    _ program: Program, _ arguments: [String: Argument], extents: [Dimension: Int],
    products: ProductMeaning = .asStated, functions: ForeignFunctions = .none,
    arithmetic: FloatArithmetic = .ieee
  ) throws(Diagnostic) -> Launch {
    var binding = Binding(program, products, functions, arithmetic)
    try binding.refuseStrangers(arguments, extents)
    for (dimension, extent) in extents {
      try binding.bind(dimension, extent, by: "the given extent", at: program.location)
    }
    for dimension in program.dimensions where program.lengths[dimension] == .buffer {
      if let extent = dimension.extent { binding.launch.extents[dimension] = extent }
    }
    for position in program.parameters.indices {
      try binding.take(arguments[program.parameters[position].name], for: position)
    }
    try binding.shapeOutputs()
    try binding.checkComputedShapes()
    for position in program.parameters.indices {
      try RefinementCheck(launch: binding.launch, position: position).run()
    }
    try binding.checkConstraints()
    try binding.checkRuns()
    return binding.launch
  }

  private func refuseStrangers(
    _ arguments: [String: Argument], _ extents: [Dimension: Int]
  ) throws(Diagnostic) {
    let program = launch.program
    for name in arguments.keys.sorted() {
      guard let parameter = program.parameters.first(where: { $0.name == name }) else {
        let known = program.parameters.filter { $0.role != .output }.map(\.name)
        throw Diagnostic(
          "\(program.name) takes no argument \(name); it takes \(known.joined(separator: ", "))",
          at: [program.location])
      }
      if parameter.role == .output {
        throw Diagnostic(
          "\(name) is an output: the launch makes it, no argument is passed", at: [parameter.location])
      }
    }
    for dimension in extents.keys where program.lengths[dimension] != .buffer {
      throw Diagnostic(
        "\(dimension.name) is not a dimension that a launch of \(program.name) binds",
        at: [program.location])
    }
  }

  private mutating func bind(
    _ dimension: Dimension, _ extent: Int, by binder: String, at location: SourceLocation
  ) throws(Diagnostic) {
    guard dimension.range.contains(extent) else {
      let range = dimension.range
      throw Diagnostic(
        "\(binder): extent of \(dimension.name) is \(extent), "
          + (dimension.extent.map { "\($0) expected" }
            ?? "declared in \(range.lowerBound)...\(range.upperBound)"), at: [location])
    }
    if let known = launch.extents[dimension], known != extent {
      throw Diagnostic(
        "\(binder): extent of \(dimension.name) is \(extent), but \(known) by "
          + (binders[dimension] ?? "its declaration"), at: [location])
    }
    launch.extents[dimension] = extent
    if binders[dimension] == nil { binders[dimension] = binder }
  }

  private mutating func take(_ argument: Argument?, for position: Int) throws(Diagnostic) {
    let parameter = launch.program.parameters[position]
    if parameter.role == .output { return }
    let expected =
      parameter.role == .scalar
      ? "a number of \(parameter.element.rawValue)"
      : "\(parameter.element.rawValue) [\(parameter.axes.map(\.name).joined(separator: ", "))]"
    func mismatch(_ found: String) -> Diagnostic {
      Diagnostic("\(parameter.name): \(expected) expected, \(found)", at: [parameter.location])
    }
    guard let argument else { throw mismatch("no argument given") }
    switch (argument, parameter.role == .scalar, parameter.element) {
    case (.int(let value), true, .int32): launch.scalars[position] = UInt32(bitPattern: value)
    case (.float(let value), true, .float32): launch.scalars[position] = value.bitPattern
    case (.tensor(let tensor), false, let element):
      guard tensor.element == element, tensor.shape.count == parameter.axes.count else {
        throw mismatch("\(argument.description) came")
      }
      for (axis, extent) in zip(parameter.axes, tensor.shape)
      where launch.program.lengths[axis] == .buffer {
        try bind(axis, extent, by: parameter.name, at: parameter.location)
      }
      launch.shapes[position] = tensor.shape
      launch.codes[position] = tensor.codes
      if element == .bool, let strange = tensor.codes.first(where: { $0 > 1 }) {
        throw mismatch("a byte is \(strange), neither 0 nor 1")
      }
    default: throw mismatch("\(argument.description) came")
    }
  }

  /// Every dimension is bound now, or the launch lacks an extent.
  private mutating func shapeOutputs() throws(Diagnostic) {
    let program = launch.program
    for dimension in program.dimensions where program.lengths[dimension] == .buffer {
      guard launch.extents[dimension] != nil else {
        throw Diagnostic(
          "no argument has dimension \(dimension.name); give its extent", at: [program.location])
      }
    }
    for (position, parameter) in program.parameters.enumerated() where parameter.role == .output {
      launch.shapes[position] = parameter.axes.map { launch.extents[$0] ?? 0 }
    }
  }

  /// Axes of buffers whose length is computed: outputs take it, arguments must have it.
  private mutating func checkComputedShapes() throws(Diagnostic) {
    for (position, parameter) in launch.program.parameters.enumerated() {
      for (number, axis) in parameter.axes.enumerated()
      where launch.program.lengths[axis] != .buffer {
        let evaluator = BlockEvaluator(launch, cutter: Cutter(.whole))
        let length = try evaluator.uniform(
          .extent(axis), for: "the extent of \(axis.name) in \(parameter.name)", at: parameter.location)
        if parameter.role == .output {
          launch.shapes[position][number] = length
        } else if launch.shapes[position][number] != length {
          throw Diagnostic(
            "\(parameter.name): extent of \(axis.name) is \(launch.shapes[position][number]), "
              + "\(length) expected", at: [parameter.location])
        }
      }
    }
  }

  private func checkConstraints() throws(Diagnostic) {
    for constraint in launch.program.constraints {
      let evaluator = BlockEvaluator(launch, cutter: Cutter(.whole))
      let lower = try evaluator.uniform(constraint.lower, for: "a constraint", at: constraint.location)
      let upper = try evaluator.uniform(constraint.upper, for: "a constraint", at: constraint.location)
      guard lower <= upper else {
        throw Diagnostic(
          "this launch breaks \(describe(constraint.lower)) <= \(describe(constraint.upper)): "
            + "\(lower) and \(upper) came", at: [constraint.location])
      }
    }
  }

  private func checkRuns() throws(Diagnostic) {
    for runs in launch.program.runs {
      let rows = launch.shapes[runs.key][0]
      let violation = runs.violation(rows: rows) { parameter, row in
        Int(Int32(bitPattern: launch.codes[parameter][row]))
      }
      if let violation {
        let parameter = launch.program.parameters[violation.parameter]
        let found = Int32(bitPattern: launch.codes[violation.parameter][violation.row])
        throw Diagnostic(
          "\(parameter.name): \(violation.expected) expected, element [\(violation.row)] is \(found)",
          at: [parameter.location, runs.location])
      }
    }
  }

  private func describe(_ index: Index) -> String {
    switch index {
    case .constant(let value): "\(value)"
    case .axis(let dimension): dimension.name
    case .extent(let dimension): "length of \(dimension.name)"
    case .scalar(let position): launch.program.parameters[position].name
    case .value(let id): "value \(id.number)"
    case .sum(let a, .constant(let value)) where value < 0: "\(describe(a)) - \(-value)"
    case .sum(let a, .scaled(let b, -1)): "\(describe(a)) - \(describe(b))"
    case .sum(let a, let b): "\(describe(a)) + \(describe(b))"
    case .scaled(let a, let factor): "(\(describe(a))) * \(factor)"
    case .divided(let a, let divisor): "(\(describe(a))) / \(divisor)"
    case .remainder(let a, let divisor): "(\(describe(a))) % \(divisor)"
    }
  }
}
