import TileIR

/// The effects of a launch: what it has written, and what it prints.
///
/// An effect happens once for every coordinate of its region's axes and of the axes of all values and
/// indices that it names.
struct Effects {
  private let launch: Launch
  /// By parameter position: the codes, and which statement wrote each element (0 is none).
  private var codes: [[UInt32]]
  private var writers: [[Int32]]
  /// Every store met, by its number - 1.
  private var stores: [SourceLocation] = []

  init(_ launch: Launch) {
    self.launch = launch
    codes = launch.codes
    writers = Array(repeating: [], count: codes.count)
    for (position, parameter) in launch.program.parameters.enumerated() {
      let isWritten = parameter.role == .output || parameter.role == .state
      guard isWritten else { continue }
      let count = launch.shapes[position].reduce(1, *)
      if parameter.role == .output { codes[position] = Array(repeating: 0, count: count) }
      writers[position] = Array(repeating: 0, count: count)
    }
  }

  // MARK: Performing

  /// Performs one statement for one block.
  mutating func perform(
    _ statement: Statement, _ region: Region, in evaluator: BlockEvaluator, _ printout: inout Printout
  ) throws(Diagnostic) {
    switch statement.effect {
    case .store(let parameter, let indices, let value, let condition):
      try store(parameter, indices, value, condition, statement, region, evaluator)
    case .assert(let value, let message):
      try check(value, message, statement, region, evaluator)
    case .print(_, let value):
      try collect(value, statement, region, evaluator, &printout)
    }
  }

  private mutating func store(
    _ parameter: Int, _ indices: [Index], _ value: ValueID, _ condition: ValueID?,
    _ statement: Statement, _ region: Region, _ evaluator: BlockEvaluator
  ) throws(Diagnostic) {
    var places: [Grid<Int>] = []
    for index in indices { places.append(try evaluator.grid(of: index)) }
    let source = try evaluator.grid(of: value)
    let guardGrid = try condition.map(evaluator.grid(of:))
    let sites = try Sites(
      region, places.map(\.axes) + [source.axes, guardGrid?.axes ?? []], statement, evaluator)
    let axes = sites.axes
    let values = source.broadcast(to: axes)
    let conditions = guardGrid?.broadcast(to: axes)
    places = places.map { $0.broadcast(to: axes) }
    stores.append(statement.location)
    let declared = launch.program.parameters[parameter]
    let (shape, strides) = (launch.shapes[parameter], launch.strides(of: parameter))
    let keepsBits = launch.program.keepsBits(value)
    for position in sites.positions {
      if let conditions {
        try sites.require(conditions.fault(at: position))
        if conditions.elements[position] == 0 { continue }
      }
      try sites.require(values.fault(at: position))
      var place = 0
      for (number, coordinates) in places.enumerated() {
        try sites.require(coordinates.fault(at: position))
        let coordinate = coordinates.elements[position]
        guard coordinate >= 0, coordinate < shape[number] else {
          throw Diagnostic(
            "\(declared.name) is written at \(coordinate) along \(declared.axes[number].name), "
              + "whose extent is \(shape[number])" + Axis.place(of: position, over: axes),
            at: [statement.location, declared.location])
        }
        place += coordinate * strides[number]
      }
      let earlier = Int(writers[parameter][place])
      guard earlier == 0 else {
        throw Diagnostic(
          "\(element(place, of: parameter)) is written twice" + Axis.place(of: position, over: axes),
          at: [statement.location, stores[earlier - 1]])
      }
      writers[parameter][place] = Int32(stores.count)
      let code = values.elements[position]
      codes[parameter][place] = keepsBits ? code : declared.element.canonical(code)
    }
  }

  private func check(
    _ value: ValueID, _ message: String, _ statement: Statement, _ region: Region,
    _ evaluator: BlockEvaluator
  ) throws(Diagnostic) {
    let grid = try evaluator.grid(of: value)
    let sites = try Sites(region, [grid.axes], statement, evaluator)
    let values = grid.broadcast(to: sites.axes)
    for position in sites.positions {
      try sites.require(values.fault(at: position))
      if values.elements[position] == 0 {
        throw Diagnostic(
          message + Axis.place(of: position, over: sites.axes), at: [statement.location])
      }
    }
  }

  private func collect(
    _ value: ValueID, _ statement: Statement, _ region: Region, _ evaluator: BlockEvaluator,
    _ printout: inout Printout
  ) throws(Diagnostic) {
    let grid = try evaluator.grid(of: value)
    let sites = try Sites(region, [grid.axes], statement, evaluator)
    let values = grid.broadcast(to: sites.axes)
    for position in sites.positions {
      try sites.require(values.fault(at: position))
      printout.note(
        statement, Axis.coordinates(of: position, over: sites.axes), values.elements[position])
    }
  }

  // MARK: Results

  private func element(_ place: Int, of parameter: Int) -> String {
    let declared = launch.program.parameters[parameter]
    let axes = zip(declared.axes, launch.shapes[parameter]).map { Axis(dimension: $0, range: 0..<$1) }
    return "\(declared.name) \(Axis.coordinates(of: place, over: axes))"
  }

  /// Outputs and state buffers after the launch; every element of an output must have been written.
  func results() throws(Diagnostic) -> [String: HostTensor] {
    var results: [String: HostTensor] = [:]
    for (position, parameter) in launch.program.parameters.enumerated() {
      guard parameter.role == .output || parameter.role == .state else { continue }
      if parameter.role == .output, let place = writers[position].firstIndex(of: 0) {
        let lines = launch.program.regions.flatMap(\.statements).filter {
          if case .store(position, _, _, _) = $0.effect { true } else { false }
        }
        throw Diagnostic(
          "\(element(place, of: position)) is not written",
          at: [parameter.location] + lines.map(\.location))
      }
      try RefinementCheck(launch: launch, position: position).run(on: codes[position])
      results[parameter.name] = HostTensor(
        parameter.element, launch.shapes[position], codes: codes[position])
    }
    return results
  }
}

/// The coordinates at which an effect happens in one block.
private struct Sites {
  let axes: [Axis]
  /// Row-major positions over `axes` of the coordinates that exist.
  private(set) var positions: [Int]
  private let statement: Statement
  private let evaluator: BlockEvaluator

  init(
    _ region: Region, _ named: [[Axis]], _ statement: Statement, _ evaluator: BlockEvaluator
  ) throws(Diagnostic) {
    var axes = try evaluator.axes(region.axes.map(\.dimension))
    for others in named { axes = axes.union(others) }
    // Lengths may differ along further axes; those have lengths too.
    var next = 0
    while next < axes.count {
      axes = axes.union(try evaluator.lengths(of: axes[next].dimension).axes)
      next += 1
    }
    var exists = [Bool](repeating: true, count: axes.elementCount)
    var faults = FaultMap(count: exists.count)
    for axis in axes {
      let lengths = try evaluator.lengths(of: axis.dimension)
      if lengths.axes.isEmpty, lengths.faults.isEmpty { continue }
      let length = lengths.broadcast(to: axes)
      let coordinate = Grid([axis], Array(axis.range)).broadcast(to: axes)
      for position in exists.indices {
        faults.mark(position, length.fault(at: position))
        if coordinate.elements[position] >= length.elements[position] { exists[position] = false }
      }
    }
    self.axes = axes
    self.statement = statement
    self.evaluator = evaluator
    positions = exists.indices.filter { exists[$0] }
    for fault in faults.numbers where fault != 0 { try require(fault) }
  }

  /// Throws the fault of an element that the effect needs; 0 is none.
  func require(_ fault: FaultNumber) throws(Diagnostic) {
    if fault != 0 {
      throw evaluator.faults.diagnostic(fault, in: evaluator.launch, usedAt: statement.location)
    }
  }
}
