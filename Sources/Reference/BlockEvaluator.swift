import TileIR

/// Computes the values of one block: for every node, a grid over the node's axes.
///
/// Parallel axes cover the block's coordinates, all others their whole length. A node is computed when
/// first asked for, after everything that it reads, and kept until the block ends or, in a loop's
/// body, until the round does. Elements that cannot be computed are faults (`FaultKind`).
final class BlockEvaluator {
  let launch: Launch
  let cutter: Cutter
  let faults: FaultLog
  /// The coordinates of the block along each parallel axis.
  private let block: [Dimension: Range<Int>]
  private let dependence: Dependence

  private var grids: [Grid<UInt32>?]
  private var lengthGrids: [Dimension: Grid<Int>] = [:]
  /// The grid of each node with one parallel axis taken whole, for values made outside of the region.
  private var widened: [Dimension: BlockEvaluator] = [:]
  /// Rounds done, by loop.
  private var rounds: [Int: Int] = [:]
  private var loopResults: [Int: [Grid<UInt32>]] = [:]

  var program: Program { launch.program }

  init(
    _ launch: Launch, block: [Dimension: Range<Int>] = [:], cutter: Cutter,
    dependence: Dependence? = nil, faults: FaultLog = FaultLog()
  ) {
    self.launch = launch
    self.block = block
    self.cutter = cutter
    self.faults = faults
    self.dependence = dependence ?? Dependence(launch.program)
    grids = Array(repeating: nil, count: launch.program.nodes.count)
  }

  // MARK: Axes and lengths

  /// The length of `dimension` over the axes along which it differs.
  func lengths(of dimension: Dimension) throws(Diagnostic) -> Grid<Int> {
    if let known = lengthGrids[dimension] { return known }
    var result: Grid<Int>
    if case .computed(let index)? = program.lengths[dimension] {
      result = try grid(of: index)
      var marks = FaultMap(result.faults, count: result.elements.count)
      for (position, length) in result.elements.enumerated()
      where !marks.isFaulty(position) && !dimension.range.contains(length) {
        let kind = FaultKind.length(dimension, length)
        marks.mark(position, faults.record(kind, node: nil, over: result.axes, at: position))
        result.elements[position] = 0
      }
      result.faults = marks.numbers
    } else {
      guard let extent = launch.extents[dimension] ?? dimension.extent else {
        throw Diagnostic("dimension \(dimension.name) has no length", at: [program.location])
      }
      result = Grid(scalar: extent)
    }
    lengthGrids[dimension] = result
    return result
  }

  /// What a grid of this block covers of `dimension`.
  func axis(_ dimension: Dimension) throws(Diagnostic) -> Axis {
    if let range = block[dimension] { return Axis(dimension: dimension, range: range) }
    let longest = try lengths(of: dimension).elements.max() ?? 0
    return Axis(dimension: dimension, range: 0..<max(longest, 0))
  }

  func axes(_ dimensions: [Dimension]) throws(Diagnostic) -> [Axis] {
    var axes: [Axis] = []
    for dimension in dimensions { axes.append(try axis(dimension)) }
    return axes
  }

  /// The value of an index that is the same everywhere.
  func uniform(
    _ index: Index, for use: String, at location: SourceLocation
  ) throws(Diagnostic) -> Int {
    let grid = try grid(of: index)
    guard grid.axes.isEmpty else {
      let names = grid.axes.map(\.dimension.name).joined(separator: ", ")
      throw Diagnostic("\(use) differs along \(names)", at: [location])
    }
    if grid.fault(at: 0) != 0 {
      throw faults.diagnostic(grid.fault(at: 0), in: launch, usedAt: location)
    }
    return grid.elements[0]
  }

  // MARK: Values

  /// The grid of a node over its axes.
  func grid(of id: ValueID) throws(Diagnostic) -> Grid<UInt32> {
    if let known = grids[id.number] { return known }
    // Operands have lower numbers, so ascending order needs no deep recursion. What belongs to the
    // body of a loop is left to the loop.
    for number in dependence.before(id, isKnown: { grids[$0] != nil }) {
      let node = program.nodes[number]
      grids[number] = try compute(ValueID(number), node)
    }
    return grids[id.number]!
  }

  private func compute(_ id: ValueID, _ node: Node) throws(Diagnostic) -> Grid<UInt32> {
    for dimension in dependence.wholeAxes(of: id) where block[dimension] != nil {
      let whole = try widening(dimension).grid(of: id)
      return whole.broadcast(to: try axes(node.axes))
    }
    let axes = try axes(node.axes)
    if let foreign = launch.functions.substitute(for: node.operation, node.operands.map { program[$0].type }) {
      return try grid(of: node.operands[0]).broadcast(to: axes).map {
        foreign(Float(bitPattern: $0)).canonical.bitPattern
      }
    }
    switch node.operation {
    case .constant(let bits, _):
      return Grid(scalar: bits)
    case .coordinate(let dimension):
      return int32(try grid(of: .axis(dimension)), node: id)
    case .index(let index):
      return int32(try grid(of: index).broadcast(to: axes), node: id)
    case .scalar(let position):
      return Grid(scalar: launch.scalars[position])
    case .load(let parameter, let indices):
      return try load(parameter, indices, over: axes, node: id)
    case .segment(let partition, _):
      return segment(partition, over: axes)
    case .elementwise(let operation):
      return try elementwise(operation, node, over: axes, id: id)
    case .call(let function):
      return try call(function, node, over: axes, id: id)
    case .reduce(let reduction, let dimension):
      return try reduce(reduction, along: dimension, node, over: axes, id: id)
    case .product(let dimension, let productClass, let scaledLeft, let scaledRight):
      return try product(
        along: dimension, productClass, node, scaledLeft: scaledLeft, scaledRight: scaledRight,
        over: axes)
    case .scan(let dimension, let inclusive):
      return try scan(along: dimension, inclusive: inclusive, node, over: axes, id: id)
    case .topK(let dimension, let into):
      return try topK(along: dimension, into: into, node, over: axes)
    case .sort(let dimension):
      return try sort(along: dimension, node, over: axes, positions: false)
    case .stableOrder(let dimension):
      return try sort(along: dimension, node, over: axes, positions: true)
    case .sample(let dimension, let index):
      return try sample(dimension, at: index, node, over: axes, id: id)
    case .join(let parts, let into):
      return try join(parts, into: into, node, over: axes, id: id)
    case .carried:
      throw Diagnostic("a carried value is used outside of its loop", at: [node.location])
    case .round(let loop):
      guard let round = rounds[loop] else {
        throw Diagnostic("the round of a loop is used outside of it", at: [node.location])
      }
      return Grid(scalar: UInt32(round))
    case .loopResult(let loop, let position):
      if loopResults[loop] == nil { try run(loop) }
      return loopResults[loop]![position].broadcast(to: axes)
    }
  }

  /// This block with one parallel axis whole.
  private func widening(_ dimension: Dimension) -> BlockEvaluator {
    if let known = widened[dimension] { return known }
    var wider = block
    wider[dimension] = nil
    let evaluator = BlockEvaluator(
      launch, block: wider, cutter: cutter, dependence: dependence, faults: faults)
    widened[dimension] = evaluator
    return evaluator
  }

  // MARK: Loops

  /// Runs a loop's rounds. Where the count differs from place to place, an element keeps its value
  /// from its own last round on.
  private func run(_ number: Int) throws(Diagnostic) {
    let loop = program.loops[number]
    let counts = try grid(of: loop.count)
    var values: [Grid<UInt32>] = []
    for (initial, carried) in zip(loop.initial, loop.carried) {
      values.append(try grid(of: initial).broadcast(to: try axes(program[carried].axes)))
    }
    for (position, count) in counts.elements.enumerated() where counts.fault(at: position) != 0 || count < 0 {
      if counts.fault(at: position) != 0 {
        throw faults.diagnostic(counts.fault(at: position), in: launch, usedAt: loop.location)
      }
      throw Diagnostic("a loop of \(count) rounds", at: [loop.location])
    }
    for round in 0..<(counts.elements.max() ?? 0) {
      forget(dependence.bodies[number])
      rounds[number] = round
      for (carried, value) in zip(loop.carried, values) { grids[carried.number] = value }
      var next: [Grid<UInt32>] = []
      for id in loop.next { next.append(try grid(of: id)) }
      for position in values.indices {
        let new = next[position].broadcast(to: values[position].axes)
        values[position] = try merge(values[position], new, where: counts, exceed: round, loop)
      }
    }
    forget(dependence.bodies[number])
    rounds[number] = nil
    loopResults[number] = values
  }

  private func merge(
    _ old: Grid<UInt32>, _ new: Grid<UInt32>, where counts: Grid<Int>, exceed round: Int, _ loop: Loop
  ) throws(Diagnostic) -> Grid<UInt32> {
    if counts.axes.isEmpty { return new }
    guard counts.axes.allSatisfy({ old.axes.contains($0) }) else {
      throw Diagnostic(
        "the loop's count differs along an axis that a carried value lacks", at: [loop.location])
    }
    let count = counts.broadcast(to: old.axes)
    var merged = old
    var marks = FaultMap(count: old.elements.count)
    for position in old.elements.indices {
      let source = count.elements[position] > round ? new : old
      merged.elements[position] = source.elements[position]
      marks.mark(position, source.fault(at: position))
    }
    merged.faults = marks.numbers
    return merged
  }

  /// Drops what a loop's body computed, so that the next round computes it anew.
  private func forget(_ body: Dependence.Body) {
    for node in body.nodes { grids[node] = nil }
    for dimension in body.lengths { lengthGrids[dimension] = nil }
    for inner in body.loops { loopResults[inner] = nil }
  }
}
