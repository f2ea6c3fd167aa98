import TileIR

/// One launch against its program: every argument of the right type and rank, every dimension one size.
struct LaunchCheck {
  let program: Program
  let location: SourceLocation
  /// Sizes of the program's dimensions.
  private(set) var extents: [Dimension: Size] = [:]
  private var numbers: [String: Size] = [:]

  init(program: Program, location: SourceLocation) {
    self.program = program
    self.location = location
    for dimension in program.dimensions {
      if let extent = dimension.extent { extents[dimension] = Size(extent) }
    }
  }

  func refusal(_ position: Int, _ expected: String, _ found: String) -> Diagnostic {
    let parameter = program.parameters[position]
    return Diagnostic(
      "\(program.name) takes \(expected) as \(parameter.name), \(found)", at: [location, parameter.location])
  }

  func missing(_ position: Int) -> Diagnostic {
    let parameter = program.parameters[position]
    return refusal(position, "\(parameter.element.rawValue) \(parameter.axes.map(\.name))", "nothing came")
  }

  func refuseStrangers(_ given: Set<String>, _ outputs: Set<String>) throws(Diagnostic) {
    for (names, isOutput) in [(given, false), (outputs, true)] {
      for name in names.sorted() {
        let isKnown = program.parameters.contains { $0.name == name && ($0.role == .output) == isOutput }
        guard isKnown else {
          throw Diagnostic(
            "\(program.name) has no \(isOutput ? "output" : "argument") \(name)", at: [location, program.location])
        }
      }
    }
  }

  /// Binds dimensions from the views' shapes, then the computed lengths of axes.
  mutating func bind(
    _ views: [String: View], _ numbers: [String: Size], _ given: [String: Size]
  ) throws(Diagnostic) {
    self.numbers = numbers
    for (name, size) in given {
      guard let dimension = program.dimensions.first(where: { $0.name == name }) else {
        throw Diagnostic("\(program.name) has no dimension \(name)", at: [location, program.location])
      }
      extents[dimension] = size
    }
    for (position, parameter) in program.parameters.enumerated() {
      if parameter.role == .scalar {
        try checkScalar(position)
        continue
      }
      guard let view = views[parameter.name] else { continue }
      guard view.element == parameter.element, view.shape.count == parameter.axes.count else {
        throw refusal(
          position, "\(parameter.element.rawValue) \(parameter.axes.map(\.name))",
          "\(view.element.rawValue) \(view.shape) came")
      }
      for (axis, size) in zip(parameter.axes, view.shape) { try bind(axis, size, position) }
    }
    for dimension in program.dimensions {
      guard case .computed(let index)? = program.lengths[dimension], let size = size(of: index)
      else { continue }
      guard extents[dimension] == nil || extents[dimension] == size else {
        throw Diagnostic(
          "\(program.name) computes \(size) for the extent of \(dimension.name), \(extents[dimension]!) came",
          at: [location, program.location])
      }
      extents[dimension] = size
    }
  }

  private func checkScalar(_ position: Int) throws(Diagnostic) {
    let parameter = program.parameters[position]
    guard let value = numbers[parameter.name] else { return }
    for case .range(let lower, let upper) in parameter.refinements {
      guard lower <= value.range.lowerBound, value.range.upperBound <= upper else {
        throw refusal(
          position, "a number in \(lower)...\(upper)", "\(value) came, which is in \(value.range)")
      }
    }
  }

  private mutating func bind(_ axis: Dimension, _ size: Size, _ position: Int) throws(Diagnostic) {
    if let known = extents[axis] {
      guard known == size else {
        throw refusal(position, "extent \(known) of \(axis.name)", "\(size) came")
      }
      return
    }
    guard axis.range.lowerBound <= size.range.lowerBound, size.range.upperBound <= axis.range.upperBound else {
      throw refusal(position, "an extent of \(axis) ", "\(size) came, which is in \(size.range)")
    }
    extents[axis] = size
  }

  /// The shape of an output.
  func shape(of position: Int) throws(Diagnostic) -> [Size] {
    var shape: [Size] = []
    for axis in program.parameters[position].axes {
      guard let size = extents[axis] else {
        throw Diagnostic(
          "no argument of \(program.name) has dimension \(axis.name); give its extent",
          at: [location, program.parameters[position].location])
      }
      shape.append(size)
    }
    return shape
  }

  /// An index of lengths, scalars and constants as a size; nil where it is not one.
  private func size(of index: Index) -> Size? {
    switch index {
    case .constant(let value): return Size(value)
    case .extent(let dimension): return extents[dimension]
    case .scalar(let position): return numbers[program.parameters[position].name]
    case .sum(let a, let b):
      guard let a = size(of: a), let b = size(of: b) else { return nil }
      return a + b
    case .scaled(let a, let factor): return size(of: a).map { $0 * factor }
    case .divided(let a, let divisor): return size(of: a)?.dividedExactly(by: divisor)
    case .remainder(let a, let divisor):
      return size(of: a)?.dividedExactly(by: divisor) == nil ? nil : 0
    case .axis, .value: return nil
    }
  }
}
