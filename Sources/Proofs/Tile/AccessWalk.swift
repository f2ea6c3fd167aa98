import TileIR

/// Walks from what an effect needs to everything that is read for it, and obliges each access to name an
/// element that exists, each integer to fit its width and each computed length its declared range.
///
/// As in the reference, nothing is needed that nothing uses: the side of a `select` that is not taken, the
/// value of a store whose condition is false, elements beyond the end of an axis.
struct AccessWalk {
  private let context: TileContext
  /// The effect at hand and the axes of its region.
  private var effect: EffectSite?
  private var parallel: Set<Dimension> = []
  /// Reads of state buffers.
  private(set) var stateLoads: [TileContext.StateLoad] = []
  /// By value: where it is needed, and under which conditions. A value is looked at when all that need it
  /// were, which is in the order of their numbers.
  private var pending: [Int: [TileSite: [[Formula]]]] = [:]
  private var lengths: Set<LengthVisit> = []
  private var program: Program { context.program }
  private var values: TileValues { context.values }

  private struct LengthVisit: Hashable {
    let dimension: Dimension
    let site: TileSite
    let path: [Formula]
  }

  /// Samples of samples are followed exactly up to indices of this size.
  private static let mostFollowed = 7

  init(_ context: TileContext) { self.context = context }

  /// Walks from what `roots` asks for in the name of an effect.
  mutating func walk(_ effect: EffectSite, _ roots: (inout AccessWalk) -> Void) {
    self.effect = effect
    parallel = Set(program.regions[effect.region].axes.map(\.dimension))
    roots(&self)
    while let number = pending.keys.max() {
      let places = pending.removeValue(forKey: number)!
      for site in places.keys.sorted(by: { $0.text < $1.text }) {
        for path in Self.merged(places[site]!) { visit(ValueID(number), at: site, path) }
      }
    }
  }

  /// The same conditions in fewer paths: one that asks for more is covered by one that asks for less, and
  /// two that differ in one condition's truth are one without it.
  private static func merged(_ paths: [[Formula]]) -> [[Formula]] {
    var merged: [[Formula]] = []
    for path in paths {
      var path = path
      var isNew = true
      var next = 0
      while next < merged.count {
        if Set(merged[next]).isSubset(of: path) {
          isNew = false
          break
        }
        if let rest = joined(merged[next], path) {
          path = rest
          merged.remove(at: next)
          next = 0
          continue
        }
        if Set(path).isSubset(of: merged[next]) { merged.remove(at: next) } else { next += 1 }
      }
      if isNew { merged.append(path) }
    }
    return merged
  }

  private static func joined(_ a: [Formula], _ b: [Formula]) -> [Formula]? {
    guard a.count == b.count else { return nil }
    let (only, others) = (a.filter { !b.contains($0) }, b.filter { !a.contains($0) })
    guard only.count == 1, others.count == 1, only[0] == !others[0] else { return nil }
    return a.filter { $0 != only[0] }
  }

  // MARK: Values

  /// Everything that the element of a value at a site needs, where `path` holds.
  mutating func need(_ id: ValueID, at site: TileSite, _ path: [Formula]) {
    let site = site.over(program[id].axes)
    pending[id.number, default: [:]][site, default: []].append(context.relevant(path, to: site))
  }

  private mutating func visit(_ id: ValueID, at site: TileSite, _ path: [Formula]) {
    let node = program[id]
    switch node.operation {
    case .constant, .coordinate, .scalar, .round, .carried: break
    case .segment(let partition, let dimension):
      let declared = program.parameters[partition]
      // Every coordinate lies in a segment of a partition; of other numbers that is not known.
      guard !declared.refinements.contains(.partition(of: dimension)) else { break }
      context.oblige(
        .withinRefinement, declared.name, at: node.location,
        "\(declared.name) cuts \(dimension.name) into segments", given: path, goal: .any([]))
    case .index(let index):
      need(index, at: site, path, node.location)
      oblige(fits: values.term(index, at: site), "int32", node.location, path)
    case .load(let parameter, let indices):
      for (axis, index) in indices.enumerated() {
        need(index, at: site, path, node.location)
        access(parameter, axis, indices, at: site, path, node.location)
      }
      if program.parameters[parameter].role == .state, let effect {
        stateLoads.append(
          TileContext.StateLoad(
            parameter: parameter, indices: indices, location: node.location, site: site, path: path,
            effect: effect))
      }
    case .elementwise(.select):
      need(node.operands[0], at: site, path)
      let condition = values.formula(node.operands[0], at: site)
      need(node.operands[1], at: site, path + told(condition))
      need(node.operands[2], at: site, path + told(!condition))
    case .elementwise(let operation):
      for operand in node.operands { need(operand, at: site, path) }
      arithmetic(operation, id, node, at: site, path)
    case .call: for operand in node.operands { need(operand, at: site, path) }
    case .reduce(let reduction, let dimension): whole(dimension, node, at: site, path, reduction)
    case .scan(let dimension, _), .sort(let dimension), .stableOrder(let dimension), .topK(let dimension, _):
      whole(dimension, node, at: site, path, nil)
    case .product(let dimension, let productClass, _, _):
      var axes = [dimension]
      if case .fixedPointFolded(_, _, let shared) = productClass { axes.append(shared) }
      product(axes, node, at: site, path)
    case .sample(let dimension, let index):
      need(index, at: site, path, node.location)
      needLength(of: dimension, at: site, path, node.location)
      let (place, length) = (values.term(index, at: site), values.length(of: dimension, at: site))
      context.oblige(
        .inBounds, dimension.name, at: node.location,
        "a tile at \(dimension.name) = \(place): \(place) < \(length), \(dimension.name)'s length",
        given: path,
        goal: place.isCoordinate(of: length))
      if place.size <= Self.mostFollowed {
        need(node.operands[0], at: site.with(dimension, place), path)
      } else {
        // Which element it is no longer matters; that it is one was obliged above.
        let inner = opened(dimension, for: node.operands, at: site, path, node.location)
        need(node.operands[0], at: inner.site, inner.path)
      }
    case .join(let parts, let into): join(parts, into, node, at: site, path)
    case .loopResult(let loop, let position): results(of: loop, position, node, at: site, path)
    }
  }

  /// What a condition tells; nothing where it is of floats, which the logic does not follow.
  private func told(_ condition: Formula) -> [Formula] {
    var hasIntegers = false
    condition.visitVariables { if ($0.lower, $0.upper) != (0, 1) { hasIntegers = true } }
    return hasIntegers ? [condition] : []
  }

  // MARK: Accesses

  mutating func need(_ index: Index, at site: TileSite, _ path: [Formula], _ location: SourceLocation) {
    for id in index.values { need(id, at: site, path) }
    for dimension in index.extents { needLength(of: dimension, at: site, path, location) }
    switch index {
    case .constant, .axis, .extent, .scalar, .value: return
    case .sum, .scaled, .divided, .remainder: break
    }
    // An index is computed in 64 bits, each step of it.
    var steps: [Formula] = []
    index.visit { steps.append(values.term($0, at: site).isIn(-(1 << 62)...1 << 62)) }
    context.oblige(
      .noOverflow, "an index", at: location, "\(index.text(in: program)) fits 64 bits", given: path,
      goal: .all(steps))
  }

  func access(
    _ parameter: Int, _ axis: Int, _ indices: [Index], at site: TileSite, _ path: [Formula],
    _ location: SourceLocation
  ) {
    let declared = program.parameters[parameter]
    let dimension = declared.axes[axis]
    let place = values.term(indices[axis], at: site)
    let extent = values.length(of: dimension, at: TileSite())
    let list = indices.map { $0.text(in: program) }.joined(separator: ", ")
    context.oblige(
      .inBounds, declared.name, at: location,
      "\(declared.name)[\(list)]: \(place) < \(extent), \(dimension.name)'s extent", given: path,
      goal: place.isCoordinate(of: extent))
  }

  private func oblige(fits term: Term, _ type: String, _ location: SourceLocation, _ path: [Formula]) {
    context.oblige(
      .noOverflow, type, at: location, "\(term) fits \(type)", given: path,
      goal: term.isIn(Int(Int32.min)...Int(Int32.max)))
  }

  private func arithmetic(
    _ operation: Elementwise, _ id: ValueID, _ node: Node, at site: TileSite, _ path: [Formula]
  ) {
    guard node.type == .int32 else { return }
    switch operation {
    case .add, .subtract, .multiply, .negate, .absolute:
      guard program[node.operands[0]].type == .int32 else { return }
      oblige(fits: values.term(id, at: site), "int32", node.location, path)
    case .shiftLeft, .shiftRightLogical, .shiftRightArithmetic:
      let bits = values.term(node.operands[1], at: site)
      context.oblige(
        .defined, "a shift", at: node.location, "a shift by \(bits) bits, 0 to 31", given: path,
        goal: bits.isIn(0...31))
    default: break
    }
  }

  // MARK: Axes

  /// The length of a dimension where it is computed: what it reads, and its declared range.
  mutating func needLength(
    of dimension: Dimension, at site: TileSite, _ path: [Formula], _ location: SourceLocation
  ) {
    guard case .computed(let index)? = program.lengths[dimension],
      index != .constant(dimension.range.upperBound)
    else { return }
    let length = values.term(index, at: site)
    let visit = LengthVisit(dimension: dimension, site: site.over(context.axes(of: index)), path: path)
    guard lengths.insert(visit).inserted else { return }
    need(index, at: site, path, location)
    context.oblige(
      .withinRefinement, dimension.name, at: location,
      "the length \(length) of \(dimension.name) is in \(dimension.range.lowerBound)...\(dimension.range.upperBound)",
      given: path, goal: length.isIn(dimension.range))
  }

  /// The site at a coordinate of its own along a whole axis, and that it exists.
  private mutating func opened(
    _ dimension: Dimension, for operands: [ValueID], at site: TileSite, _ path: [Formula],
    _ location: SourceLocation
  ) -> (site: TileSite, path: [Formula]) {
    needLength(of: dimension, at: site, path, location)
    var rest = site.over(operands.flatMap { program[$0].axes })
    rest.coordinates[dimension] = nil
    let path = context.relevant(path, to: rest)
    var taken = rest.names
    for formula in path { formula.visitVariables { taken.insert($0.name) } }
    let place = values.coordinate(dimension, avoiding: taken)
    let exists = place.isCoordinate(of: values.length(of: dimension, at: site))
    return (site.with(dimension, place), path + [exists])
  }

  private mutating func whole(
    _ dimension: Dimension, _ node: Node, at site: TileSite, _ path: [Formula], _ reduction: Reduction?
  ) {
    let inner = opened(dimension, for: node.operands, at: site, path, node.location)
    need(node.operands[0], at: inner.site, inner.path)
    let length = values.length(of: dimension, at: site)
    context.oblige(
      .countedOnce, dimension.name, at: node.location, "each element along \(dimension.name) is taken once",
      given: path,
      goal: .constant(0) .<= length, lemma: "a whole axis is every coordinate from 0 to its length, once")
    var isRanking = reduction == .argmax
    var isScan = false
    switch node.operation {
    case .topK, .sort, .stableOrder: isRanking = true
    case .scan: isScan = true
    default: break
    }
    if isRanking {
      context.oblige(
        .totalOrder, dimension.name, at: node.location,
        "equal elements along \(dimension.name) are told apart", given: [],
        goal: .truth(true), lemma: "of equal elements the one at the lower coordinate comes first")
    }
    if node.type == .int32, reduction == .sum(nil) || isScan { partialSums(dimension, node, at: site, path) }
  }

  /// A sum of integers in any order: no partial sum leaves int32.
  private func partialSums(_ dimension: Dimension, _ node: Node, at site: TileSite, _ path: [Formula]) {
    let length = values.length(of: dimension, at: site)
    if let (counted, along) = values.countedBins(node.operands[0], dimension) {
      let all = values.length(of: along, at: site)
      _ = counted
      return context.oblige(
        .exactAccumulator, dimension.name, at: node.location,
        "counts along \(dimension.name) add up to \(all) at most",
        given: path, goal: all .<= .constant(Int(Int32.max)),
        lemma: "every element falls into one bin at most")
    }
    let bounds = values.elementBounds(node, dimension, at: site)
    let (lower, upper) = (min(0, bounds.lower ?? .min / 2), max(0, bounds.upper ?? .max / 2))
    context.oblige(
      .exactAccumulator, dimension.name, at: node.location,
      "sums of \(length) integers in \(lower)...\(upper) along \(dimension.name) fit int32", given: path,
      goal: (length * upper .<= .constant(Int(Int32.max))) && (.constant(Int(Int32.min)) .<= length * lower))
  }

  private mutating func product(_ axes: [Dimension], _ node: Node, at site: TileSite, _ path: [Formula]) {
    var (inner, deeper) = (site, path)
    for axis in axes { (inner, deeper) = opened(axis, for: node.operands, at: inner, deeper, node.location) }
    for operand in node.operands { need(operand, at: inner, deeper) }
    context.oblige(
      .countedOnce, axes[0].name, at: node.location, "each element along \(axes[0].name) is taken once",
      given: path,
      goal: .constant(0) .<= values.length(of: axes[0], at: site),
      lemma: "a whole axis is every coordinate from 0 to its length, once")
  }

  private mutating func join(
    _ parts: [Dimension], _ into: Dimension, _ node: Node, at site: TileSite, _ path: [Formula]
  ) {
    var rest = site.coordinates[into] ?? values.coordinate(into)
    let place = rest
    var before: [Formula] = []
    for (part, operand) in zip(parts, node.operands) {
      needLength(of: part, at: site, path + before, node.location)
      let length = values.length(of: part, at: site)
      need(operand, at: site.with(part, rest), path + before + [rest .< length])
      before = [length .<= rest]
      rest = rest - length
    }
    context.oblige(
      .inBounds, into.name, at: node.location, "coordinate \(place) of \(into.name) lies in one of its parts",
      given: path,
      goal: rest .< .constant(0))
  }

  // MARK: Loops

  /// A value after a loop: what it was before, and what a round computes at any element that later rounds
  /// may read.
  private mutating func results(
    of number: Int, _ position: Int, _ node: Node, at site: TileSite, _ path: [Formula]
  ) {
    let loop = program.loops[number]
    need(loop.count, at: site, path, loop.location)
    let count = values.term(loop.count, at: site)
    context.oblige(
      .defined, "a loop", at: loop.location, "a loop of \(count) rounds, 0 or more", given: path,
      goal: .constant(0) .<= count)
    let round = values.round(number)
    for position in loop.carried.indices {
      var (inner, deeper) = (site, path)
      for axis in program[loop.carried[position]].axes {
        // A parallel axis is never read at another coordinate than the cell's own.
        if parallel.contains(axis) { continue }
        let taken = inner.names
        let place = values.coordinate(axis, avoiding: taken)
        deeper.append(place.isCoordinate(of: values.length(of: axis, at: inner)))
        inner = inner.with(axis, place)
      }
      need(loop.initial[position], at: inner, deeper)
      inner.rounds[number] = round
      need(loop.next[position], at: inner, deeper + [round.isCoordinate(of: count)])
    }
  }

}
