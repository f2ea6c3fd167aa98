/// Builds a `Program` step by step and refuses what is not well formed, naming both lines.
///
/// `Tiles` is its only user beside tests: it adds types and operators, never rules.
public final class ProgramBuilder {
  public private(set) var program: Program
  private var dimensionLocations: [String: SourceLocation] = [:]
  private var openRegion: Int?
  private var openLoops: [Int] = []
  /// The region in which each value was made; nil for values made outside of regions.
  private var homes: [Int?] = []

  public init(name: String, location: SourceLocation) {
    program = Program(name: name, location: location)
  }

  // MARK: Declarations

  /// Declares a dimension; the same one may be declared again, another of its name may not.
  public func declare(
    _ dimension: Dimension, length: Length = .buffer, at location: SourceLocation
  ) throws(Diagnostic) {
    if let known = program.dimensions.first(where: { $0.name == dimension.name }) {
      let first = dimensionLocations[dimension.name]!
      guard known == dimension else {
        throw Diagnostic("dimension \(dimension) differs from \(known)", at: [location, first])
      }
      guard program.lengths[known] == length || length == .buffer else {
        throw Diagnostic("dimension \(dimension.name) has two lengths", at: [location, first])
      }
      return
    }
    program.dimensions.append(dimension)
    program.lengths[dimension] = length
    dimensionLocations[dimension.name] = location
  }

  /// Declares a parameter and returns its position.
  public func declare(_ parameter: Parameter) throws(Diagnostic) -> Int {
    if let twin = program.parameters.first(where: { $0.name == parameter.name }) {
      throw Diagnostic(
        "parameter \(parameter.name) is declared twice", at: [parameter.location, twin.location])
    }
    if Set(parameter.axes).count != parameter.axes.count {
      throw Diagnostic(
        "parameter \(parameter.name) has an axis twice; give the second its own dimension",
        at: [parameter.location])
    }
    if parameter.role == .scalar, parameter.element != .int32, parameter.element != .float32 {
      throw Diagnostic(
        "scalar \(parameter.name) is \(parameter.element.rawValue); int32 or float32 expected",
        at: [parameter.location])
    }
    if let last = parameter.axes.last?.extent, parameter.element.bitWidth == 4, last % 2 != 0 {
      throw Diagnostic(
        "parameter \(parameter.name) packs two elements a byte; its last axis has odd extent \(last)",
        at: [parameter.location])
    }
    for axis in parameter.axes { try declare(axis, at: parameter.location) }
    for case .below(let bound) in parameter.refinements {
      guard bound.dimensions.isEmpty, bound.values.isEmpty else {
        throw Diagnostic("\(parameter.name): a bound reads lengths and scalars only", at: [parameter.location])
      }
    }
    program.parameters.append(parameter)
    return program.parameters.count - 1
  }

  /// Declares that every launch satisfies `lower <= upper`.
  public func require(
    _ lower: Index, isAtMost upper: Index, at location: SourceLocation
  ) throws(Diagnostic) {
    for index in [lower, upper] {
      guard index.dimensions.isEmpty, index.values.isEmpty else {
        throw Diagnostic("a launch constraint reads lengths and scalars only", at: [location])
      }
    }
    program.constraints.append(Constraint(lower: lower, upper: upper, location: location))
  }

  /// Declares that some inputs describe runs.
  public func declare(_ runs: Runs) throws(Diagnostic) {
    let axes = program.parameters[runs.key].axes
    for position in runs.parameters {
      let parameter = program.parameters[position]
      guard parameter.role == .input, parameter.element == .int32, parameter.axes == axes, axes.count == 1 else {
        throw Diagnostic(
          "runs are described by int32 inputs over one axis; \(parameter.name) is none",
          at: [runs.location, parameter.location])
      }
    }
    program.runs.append(runs)
  }

  /// Waives the proof of obligations by name.
  public func waive(_ waiver: Waiver) throws(Diagnostic) {
    if let twin = program.waivers.first(where: { $0.name == waiver.name }) {
      throw Diagnostic("\(waiver.name) is waived twice", at: [waiver.location, twin.location])
    }
    guard !waiver.reason.isEmpty else {
      throw Diagnostic("a waiver of \(waiver.name) says why", at: [waiver.location])
    }
    program.waivers.append(waiver)
  }

  // MARK: Values

  /// Whether `dimension` is a parallel axis of the region being built.
  func isParallel(_ dimension: Dimension) -> Bool {
    guard let openRegion else { return false }
    return program.regions[openRegion].axes.contains { $0.dimension == dimension }
  }

  /// Adds a value. Values made in one region cannot be used in another: they meet through buffers.
  public func append(
    _ operation: Operation, _ operands: [ValueID] = [], at location: SourceLocation
  ) throws(Diagnostic) -> ValueID {
    let (axes, type) = try infer(operation, operands, at: location)
    let node = Node(
      operation: operation, operands: operands, axes: axes, type: type, location: location)
    try checkHomes(of: node.dependencies, at: location)
    program.nodes.append(node)
    homes.append(openRegion)
    return ValueID(program.nodes.count - 1)
  }

  // MARK: Loops

  /// Opens a loop and returns its number and the carried values that the body sees.
  public func openLoop(
    count: Index, initial: [ValueID], at location: SourceLocation
  ) throws(Diagnostic) -> (loop: Int, carried: [ValueID]) {
    guard count.dimensions.isEmpty, count.values.isEmpty else {
      throw Diagnostic("a loop's count reads lengths and scalars only", at: [location])
    }
    let loop = program.loops.count
    program.loops.append(
      Loop(count: count, initial: initial, carried: [], next: [], location: location))
    var carried: [ValueID] = []
    for position in initial.indices {
      carried.append(
        try append(.carried(loop: loop, position: position), [initial[position]], at: location))
    }
    program.loops[loop].carried = carried
    openLoops.append(loop)
    return (loop, carried)
  }

  /// Closes the innermost loop; `next` are the carried values after a round.
  public func closeLoop(
    _ loop: Int, next: [ValueID], at location: SourceLocation
  ) throws(Diagnostic) -> [ValueID] {
    precondition(openLoops.popLast() == loop, "loops close in the order that they open")
    let carried = program.loops[loop].carried
    guard next.count == carried.count else {
      throw Diagnostic(
        "the loop carries \(carried.count) values, its body returns \(next.count)",
        at: [location, program.loops[loop].location])
    }
    for (position, value) in next.enumerated() {
      let (before, after) = (program[carried[position]], program[value])
      guard before.type == after.type, Set(before.axes) == Set(after.axes) else {
        throw Diagnostic(
          "carried value \(position) enters as \(describe(before)) and leaves as \(describe(after))",
          at: [after.location, before.location])
      }
    }
    program.loops[loop].next = next
    var results: [ValueID] = []
    for position in next.indices {
      results.append(
        try append(.loopResult(loop: loop, position: position), [next[position]], at: location))
    }
    return results
  }

  // MARK: Regions

  public func openRegion(_ axes: [ParallelAxis], at location: SourceLocation) throws(Diagnostic) {
    if let open = openRegion {
      throw Diagnostic(
        "a parallel region cannot contain another", at: [location, program.regions[open].location])
    }
    for axis in axes {
      guard program.dimensions.contains(axis.dimension) else {
        throw Diagnostic("no parameter has dimension \(axis.dimension.name)", at: [location])
      }
      for index in [axis.bounds?.lower, axis.bounds?.upper].compactMap({ $0 }) {
        guard index.dimensions.isEmpty, index.values.isEmpty else {
          throw Diagnostic("the bounds of a parallel axis read lengths and scalars only", at: [location])
        }
      }
    }
    program.regions.append(Region(axes: axes, statements: [], location: location))
    openRegion = program.regions.count - 1
  }

  public func closeRegion() { openRegion = nil }

  /// Adds an effect to the open region.
  public func perform(_ effect: Effect, at location: SourceLocation) throws(Diagnostic) {
    guard let region = openRegion else {
      throw Diagnostic("stores, asserts and prints stand inside a parallel region", at: [location])
    }
    guard openLoops.isEmpty else {
      throw Diagnostic("a loop's body computes values; effects stand after it", at: [location])
    }
    if case .store(let parameter, let indices, let value, let condition) = effect {
      try checkStore(
        program.parameters[parameter], indices, value, condition, region: program.regions[region],
        at: location)
    }
    if case .assert(let value, _) = effect, program[value].type != .bool {
      throw Diagnostic("assert takes a bool tile, found \(describe(program[value]))", at: [location])
    }
    let statement = Statement(effect: effect, location: location)
    try checkHomes(of: statement.dependencies, at: location)
    program.regions[region].statements.append(statement)
  }

  private func checkHomes(of values: [ValueID], at location: SourceLocation) throws(Diagnostic) {
    for id in values {
      if let home = homes[id.number], home != openRegion {
        throw Diagnostic(
          "this value belongs to another parallel region; pass it through a buffer",
          at: [location, program[id].location])
      }
    }
  }

  private func checkStore(
    _ parameter: Parameter, _ indices: [Index], _ value: ValueID, _ condition: ValueID?,
    region: Region, at location: SourceLocation
  ) throws(Diagnostic) {
    let node = program[value]
    guard parameter.role == .output || parameter.role == .state else {
      throw Diagnostic(
        "\(parameter.name) is \(parameter.role.rawValue) and cannot be written",
        at: [location, parameter.location])
    }
    guard indices.count == parameter.axes.count else {
      throw Diagnostic(
        "\(parameter.name) has \(parameter.axes.count) axes, the store gives \(indices.count)",
        at: [location, parameter.location])
    }
    guard node.type == parameter.element else {
      throw Diagnostic(
        "\(parameter.name) holds \(parameter.element.rawValue), the value is \(describe(node))",
        at: [location, parameter.location])
    }
    if let condition, program[condition].type != .bool {
      throw Diagnostic("the condition of a store is a bool tile", at: [location])
    }
    var reached = Set(indices.flatMap(\.dimensions))
    for id in indices.flatMap(\.values) { reached.formUnion(program[id].axes) }
    let parallel = Set(region.axes.map(\.dimension))
    let free = Set(node.axes).subtracting(reached).subtracting(parallel)
    guard free.isEmpty else {
      let names = free.map(\.name).sorted().joined(separator: ", ")
      throw Diagnostic(
        "the value has axis \(names), which no index of \(parameter.name) names",
        at: [location, node.location])
    }
  }

  /// The finished program.
  public func finish() throws(Diagnostic) -> Program {
    guard !program.regions.isEmpty else {
      throw Diagnostic("kernel \(program.name) computes nothing", at: [program.location])
    }
    for (position, parameter) in program.parameters.enumerated() where parameter.role == .output {
      let written = program.regions.contains { region in
        region.statements.contains {
          if case .store(position, _, _, _) = $0.effect { true } else { false }
        }
      }
      guard written else {
        throw Diagnostic("output \(parameter.name) is never written", at: [parameter.location])
      }
    }
    return program
  }

  func describe(_ node: Node) -> String {
    "\(node.type.rawValue) [\(node.axes.map(\.name).joined(separator: ", "))]"
  }
}
