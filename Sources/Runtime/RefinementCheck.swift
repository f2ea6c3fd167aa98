import TileIR

/// Checks the integers of buffers against what the program declares about them: data from outside is
/// checked where it enters.
extension ArgumentCheck {
  /// Reads every integer buffer with a declared refinement. Only permutations need memory of their own.
  func checkRefinements(_ arguments: [LaunchArgument], _ numbers: borrowing LaunchNumbers) throws {
    for position in program.parameters.indices {
      guard case .buffer(let view) = arguments[position],
        !numbers.memory[position].isEmpty || view.shape.contains(0)
      else { continue }
      let parameter = program.parameters[position]
      guard !parameter.refinements.isEmpty, parameter.role != .output, parameter.element.isInteger
      else { continue }
      for refinement in parameter.refinements { try check(view, refinement, parameter, numbers) }
    }
    for runs in program.runs { try check(runs, arguments) }
  }

  private func check(_ runs: Runs, _ arguments: [LaunchArgument]) throws {
    func integers(_ position: Int) -> Integers? {
      if case .buffer(let view) = arguments[position] { Integers(view) } else { nil }
    }
    guard let key = integers(runs.key), let first = integers(runs.first), let counter = integers(runs.counter)
    else { return }
    let count = runs.count.flatMap(integers)
    func element(_ parameter: Int, _ row: Int) -> Int {
      switch parameter {
      case runs.key: key[row]
      case runs.first: first[row]
      case runs.counter: counter[row]
      default: count![row]
      }
    }
    if let violation = runs.violation(rows: key.count, element) {
      let parameter = program.parameters[violation.parameter]
      throw Diagnostic(
        "\(parameter.name): \(violation.expected) expected, element [\(violation.row)] is "
          + "\(element(violation.parameter, violation.row))", at: [parameter.location, runs.location])
    }
  }

  private func check(
    _ view: TensorView, _ refinement: Refinement, _ parameter: Parameter, _ numbers: borrowing LaunchNumbers
  ) throws {
    func refuse(_ expected: String, _ found: String) -> Diagnostic {
      Diagnostic("\(parameter.name): \(expected) expected, \(found)", at: [parameter.location])
    }
    let integers = Integers(view)
    switch refinement {
    case .range(let lower, let upper):
      try integers.visit { at, value, _ in
        guard value >= lower, value <= upper else {
          throw refuse("integers in \(lower)...\(upper)", "element \(integers.place(at)) is \(value)")
        }
      }
    case .coordinate(let dimension):
      let total = extent(dimension, numbers)
      try integers.visit { at, value, _ in
        guard value >= 0, value < total else {
          throw refuse(
            "coordinates of \(dimension.name), 0..<\(total),", "element \(integers.place(at)) is \(value)")
        }
      }
    case .below(let bound):
      let bound = bounds[bound]!.value(numbers)
      try integers.visit { at, value, _ in
        guard value >= 0, value < bound else {
          throw refuse("integers in 0..<\(bound)", "element \(integers.place(at)) is \(value)")
        }
      }
    case .partition(let dimension):
      let total = extent(dimension, numbers)
      let what = "offsets from 0 to \(total), the extent of \(dimension.name), that never decrease"
      guard integers.count > 0 else { throw refuse(what, "there are none") }
      var previous = 0
      try integers.visit { at, value, _ in
        if at == 0, value != 0 { throw refuse(what, "the first is \(value)") }
        if value < previous {
          throw refuse(what, "element \(integers.place(at)) is \(value) after \(previous)")
        }
        previous = value
      }
      if previous != total { throw refuse(what, "the last is \(previous)") }
    case .permutation(let dimension):
      let total = extent(dimension, numbers)
      var seen = [Bool](repeating: false, count: total)
      try integers.visit { at, value, _ in
        guard value >= 0, value < total, !seen[value] else {
          let again = value >= 0 && value < total ? " once more" : ""
          throw refuse("each of 0..<\(total) once", "element \(integers.place(at)) is \(value)\(again)")
        }
        seen[value] = true
      }
      if integers.count != total {
        throw refuse("each of 0..<\(total) once", "there are \(integers.count)")
      }
    case .increasing:
      var previous = 0
      try integers.visit { at, value, isFirstOfRow in
        if !isFirstOfRow, value <= previous {
          throw refuse(
            "strictly ascending rows", "element \(integers.place(at)) is \(value) after \(previous)")
        }
        previous = value
      }
    }
  }

  private func extent(_ dimension: Dimension, _ numbers: borrowing LaunchNumbers) -> Int {
    // A constant dimension may be named by a refinement alone.
    dimension.extent ?? numbers.extents[dimensionNumbers[dimension]!]
  }
}

/// The integers of a buffer, walked in row-major order without copying them.
private struct Integers {
  let view: TensorView
  let count: Int
  /// Elements along the last axis.
  let row: Int

  init(_ view: TensorView) {
    self.view = view
    count = view.shape.reduce(1, *)
    row = view.shape.last ?? 1
  }

  /// Calls `body` with each element's row-major position, its value, and whether a row begins with it.
  func visit(_ body: (Int, Int, Bool) throws -> Void) rethrows {
    guard count > 0, let base = view.pointer else { return }
    for start in stride(from: 0, to: count, by: row) {
      var rest = start / row
      var offset = 0
      for axis in view.shape.indices.dropLast().reversed() {
        offset += rest % view.shape[axis] * view.strides[axis]
        rest /= view.shape[axis]
      }
      for column in 0..<row { try body(start + column, value(base, offset + column), column == 0) }
    }
  }

  /// The element at a position along the only axis.
  subscript(position: Int) -> Int { value(view.pointer!, position * view.strides[0]) }

  private func value(_ base: UnsafeMutableRawPointer, _ offset: Int) -> Int {
    switch view.element {
    case .int32: return Int(base.load(fromByteOffset: 4 * offset, as: Int32.self))
    case .int8: return Int(base.load(fromByteOffset: offset, as: Int8.self))
    case .int4:
      let byte = base.load(fromByteOffset: offset / 2, as: UInt8.self)
      return view.element.integer(UInt32(byte >> UInt8(offset % 2 * 4)) & 15)
    default: return Int(base.load(fromByteOffset: offset, as: UInt8.self))
    }
  }

  /// Coordinates of a row-major position.
  func place(_ position: Int) -> String {
    var rest = position
    var coordinates: [Int] = []
    for extent in view.shape.reversed() {
      coordinates.insert(rest % extent, at: 0)
      rest /= extent
    }
    return "\(coordinates)"
  }
}
