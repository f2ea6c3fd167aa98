import TileIR

/// Checks the contents of one buffer against what its parameter declares about them.
struct RefinementCheck {
  let launch: Launch
  let position: Int

  private var parameter: Parameter { launch.program.parameters[position] }

  /// Checks an argument. What a launch makes is checked after it, by `run(on:)`.
  func run() throws(Diagnostic) {
    switch parameter.role {
    case .output: break
    case .scalar: try run(on: [launch.scalars[position]])
    case .input, .weight, .state: try run(on: launch.codes[position])
    }
  }

  func run(on codes: [UInt32]) throws(Diagnostic) {
    if parameter.refinements.isEmpty { return }
    guard parameter.element.isInteger else {
      throw Diagnostic(
        "\(parameter.name): refinements hold for integers, not \(parameter.element.rawValue)",
        at: [parameter.location])
    }
    let values = codes.map { parameter.element.integer($0) }
    for refinement in parameter.refinements {
      switch refinement {
      case .range(let lower, let upper): try checkRange(values, lower, upper)
      case .partition(let dimension): try checkPartition(values, of: dimension)
      case .permutation(let dimension): try checkPermutation(values, of: dimension)
      case .increasing: try checkIncreasing(values)
      case .coordinate(let dimension):
        let extent = try self.extent(of: dimension)
        for (number, value) in values.enumerated() where value < 0 || value >= extent {
          throw refuse(
            "coordinates of \(dimension.name), 0..<\(extent)", "\(element(number)) is \(value)")
        }
      case .below(let bound):
        let bound = try BlockEvaluator(launch, cutter: Cutter(.whole)).uniform(
          bound, for: "a refinement", at: parameter.location)
        for (number, value) in values.enumerated() where value < 0 || value >= bound {
          throw refuse("integers in 0..<\(bound)", "\(element(number)) is \(value)")
        }
      }
    }
  }

  private func refuse(_ expected: String, _ found: String) -> Diagnostic {
    Diagnostic("\(parameter.name): \(expected) expected, \(found)", at: [parameter.location])
  }

  private func extent(of dimension: Dimension) throws(Diagnostic) -> Int {
    try BlockEvaluator(launch, cutter: Cutter(.whole)).uniform(
      .extent(dimension), for: "a refinement", at: parameter.location)
  }

  private func element(_ number: Int) -> String {
    if parameter.role == .scalar { return "it" }
    let shape = launch.shapes[position]
    let axes = zip(parameter.axes, shape).map { Axis(dimension: $0, range: 0..<$1) }
    return "element \(Axis.coordinates(of: number, over: axes))"
  }

  private func checkRange(_ values: [Int], _ lower: Int, _ upper: Int) throws(Diagnostic) {
    for (number, value) in values.enumerated() where value < lower || value > upper {
      throw refuse("integers in \(lower)...\(upper)", "\(element(number)) is \(value)")
    }
  }

  private func checkPartition(_ values: [Int], of dimension: Dimension) throws(Diagnostic) {
    let extent = try self.extent(of: dimension)
    let what = "offsets from 0 to \(extent) that never decrease"
    guard let first = values.first, let last = values.last else {
      throw refuse(what, "it is empty")
    }
    guard first == 0 else { throw refuse(what, "the first is \(first)") }
    guard last == extent else { throw refuse(what, "the last is \(last)") }
    for number in values.indices.dropFirst() where values[number] < values[number - 1] {
      throw refuse(what, "\(element(number)) is \(values[number]) after \(values[number - 1])")
    }
  }

  private func checkPermutation(_ values: [Int], of dimension: Dimension) throws(Diagnostic) {
    let extent = try self.extent(of: dimension)
    let what = "each of 0..<\(extent) once"
    guard values.count == extent else { throw refuse(what, "it has \(values.count) elements") }
    var seen = [Bool](repeating: false, count: extent)
    for (number, value) in values.enumerated() {
      guard value >= 0, value < extent else {
        throw refuse(what, "\(element(number)) is \(value)")
      }
      if seen[value] { throw refuse(what, "\(element(number)) is \(value) once more") }
      seen[value] = true
    }
  }

  private func checkIncreasing(_ values: [Int]) throws(Diagnostic) {
    let row = launch.shapes[position].last ?? 1
    for number in values.indices where row > 0 && number % row != 0 {
      if values[number] <= values[number - 1] {
        throw refuse(
          "strictly ascending rows",
          "\(element(number)) is \(values[number]) after \(values[number - 1])")
      }
    }
  }
}
