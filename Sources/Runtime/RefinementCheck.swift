import TileIR

/// Checks the integers of buffers against what the program declares about them: data from outside is
/// checked where it enters.
extension ArgumentCheck {
  func checkRefinements(_ arguments: [LaunchArgument], _ numbers: LaunchNumbers) throws {
    for (parameter, argument) in zip(program.parameters, arguments) {
      guard !parameter.refinements.isEmpty, case .buffer(let view) = argument,
        parameter.role != .output, parameter.element == .int32
      else { continue }
      let values = integers(of: view)
      for refinement in parameter.refinements {
        try check(values, refinement, parameter, view, numbers)
      }
    }
  }

  /// Every element, row-major.
  private func integers(of view: TensorView) -> [Int] {
    let count = view.shape.reduce(1, *)
    guard count > 0, let base = view.pointer else { return [] }
    var values: [Int] = []
    values.reserveCapacity(count)
    var coordinates = [Int](repeating: 0, count: view.shape.count)
    for _ in 0..<count {
      let offset = zip(coordinates, view.strides).reduce(0) { $0 + $1.0 * $1.1 }
      values.append(Int(base.loadUnaligned(fromByteOffset: 4 * offset, as: Int32.self)))
      for axis in coordinates.indices.reversed() {
        coordinates[axis] += 1
        if coordinates[axis] < view.shape[axis] { break }
        coordinates[axis] = 0
      }
    }
    return values
  }

  private func check(
    _ values: [Int], _ refinement: Refinement, _ parameter: Parameter, _ view: TensorView,
    _ numbers: LaunchNumbers
  ) throws {
    func refuse(_ expected: String, _ found: String) -> Diagnostic {
      Diagnostic("\(parameter.name): \(expected) expected, \(found)", at: [parameter.location])
    }
    // A constant dimension may be named by a refinement alone.
    func extent(_ dimension: Dimension) -> Int {
      dimension.extent ?? numbers.extents[dimensionNumbers[dimension]!]
    }
    switch refinement {
    case .range(let lower, let upper):
      if let at = values.firstIndex(where: { !(lower...upper).contains($0) }) {
        throw refuse("elements in \(lower)...\(upper)", "element \(at) is \(values[at])")
      }
    case .partition(let dimension):
      let total = extent(dimension)
      guard values.first == 0, values.last == total else {
        throw refuse(
          "offsets from 0 to \(total) (the extent of \(dimension.name))",
          "they run from \(values.first.map(String.init) ?? "nothing") to \(values.last.map(String.init) ?? "nothing")")
      }
      if let at = values.indices.dropFirst().first(where: { values[$0] < values[$0 - 1] }) {
        throw refuse("offsets that never decrease", "element \(at) is \(values[at]) after \(values[at - 1])")
      }
    case .permutation(let dimension):
      let total = extent(dimension)
      var seen = [Bool](repeating: false, count: total)
      for (at, value) in values.enumerated() {
        guard (0..<total).contains(value), !seen[value] else {
          throw refuse("each of 0..<\(total) once", "element \(at) is \(value)")
        }
        seen[value] = true
      }
    case .coordinate(let dimension):
      let total = extent(dimension)
      if let at = values.firstIndex(where: { !(0..<total).contains($0) }) {
        throw refuse("coordinates in 0..<\(total)", "element \(at) is \(values[at])")
      }
    case .increasing:
      let row = view.shape.last ?? 1
      for at in values.indices where at % max(row, 1) != 0 && values[at] <= values[at - 1] {
        throw refuse("ascending elements along the last axis", "element \(at) is \(values[at]) after \(values[at - 1])")
      }
    }
  }
}
