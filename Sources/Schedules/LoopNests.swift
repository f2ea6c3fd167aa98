import MachineIR
import TileIR

/// Loops over the inner axes of items: neighbouring items with the same loops share them.
extension RegionLowering {
  /// What one pass over some axes computes.
  struct Nest {
    enum Work {
      case keep(ValueID)
      case reduce(ValueID)
      case statement(Int)
    }
    /// Loop axes, outermost first.
    let loops: [Dimension]
    /// The axis that lanes run along, and lanes of a value.
    let vector: Dimension?
    let lanes: Int
    /// How many values of `lanes` lanes a step takes: the accumulators of a reduction along `vector`.
    let group: Int
    var work: [Work]

    func hasLoops(of other: Nest) -> Bool {
      loops == other.loops && vector == other.vector && lanes == other.lanes && group == other.group
    }
  }

  func lower(items: [RegionAnalysis.Item]) throws {
    var open: Nest?
    func flush() throws {
      if let nest = open { try emit(nest) }
      open = nil
    }
    for item in items {
      let nest: Nest?
      switch item {
      case .anchor(let id): nest = try plan(anchor: id)
      case .statement(let position): nest = try plan(statement: position)
      case .loop: nest = nil
      }
      guard let nest else {
        try flush()
        switch item {
        case .anchor(let id): try lower(special: id)
        case .loop(let loop): try lower(loop: loop)
        case .statement: break
        }
        continue
      }
      if schedule.fusesLoops, var current = open, current.hasLoops(of: nest),
        !nest.work.contains(where: { depends($0, on: current) })
      {
        current.work += nest.work
        open = current
      } else {
        try flush()
        open = nest
      }
    }
    try flush()
  }

  /// Whether `work` needs something that `nest` has only when its loops are done.
  private func depends(_ work: Nest.Work, on nest: Nest) -> Bool {
    var reductions: Set<ValueID> = []
    var kept: Set<ValueID> = []
    for done in nest.work {
      switch done {
      case .reduce(let id): reductions.insert(id)
      case .keep(let id): kept.insert(id)
      case .statement: break
      }
    }
    var pending: [(id: ValueID, moved: Bool)]
    switch work {
    case .keep(let id), .reduce(let id):
      pending = analysis.dependencies(of: id).map { ($0, false) }
    case .statement(let position):
      pending = region.statements[position].dependencies.map { ($0, false) }
    }
    var seen: Set<ValueID> = []
    while let (id, moved) = pending.popLast() {
      if reductions.contains(id) || (moved && kept.contains(id)) { return true }
      if storage[id] != nil || kept.contains(id) { continue }
      if !moved, !seen.insert(id).inserted { continue }
      let moves: Bool
      switch program[id].operation {
      case .sample, .join: moves = true
      default: moves = moved
      }
      pending += analysis.dependencies(of: id).map { ($0, moves) }
    }
    return false
  }

  // MARK: Planning

  private func plan(anchor id: ValueID) throws -> Nest? {
    let node = program[id]
    switch node.operation {
    case .reduce(let reduction, let dimension):
      return histogram(id) == nil ? planReduction(id, reduction, dimension) : nil
    case .product, .scan, .topK, .sort, .stableOrder, .carried, .loopResult: return nil
    default:
      return planPointwise(.keep(id), analysis.innerAxes(id), roots: [id])
    }
  }

  private func plan(statement position: Int) throws -> Nest? {
    let statement = region.statements[position]
    var axes: [Dimension] = []
    func add(_ dimension: Dimension) {
      if !analysis.fixed.contains(dimension), !axes.contains(dimension) { axes.append(dimension) }
    }
    if case .store(_, let indices, _, _) = statement.effect {
      for index in indices { index.dimensions.forEach(add) }
    }
    for id in statement.dependencies { program[id].axes.forEach(add) }
    // A block of a parallel axis is stored whole even where the value is the same along it.
    for axis in region.axes where !analysis.fixed.contains(axis.dimension) { add(axis.dimension) }
    return planPointwise(.statement(position), axes, roots: statement.dependencies)
  }

  private func planPointwise(_ work: Nest.Work, _ axes: [Dimension], roots: [ValueID]) -> Nest {
    let vector = chooseVector(axes, roots: roots, work: work)
    let loops = axes.filter { $0 != vector } + (vector.map { [$0] } ?? [])
    let lanes = vector.map { self.lanes(along: $0, limit: nil) } ?? 1
    let group = vector.map { written(along: $0, lanes: lanes) } ?? 1
    return Nest(loops: loops, vector: lanes > 1 ? vector : nil, lanes: lanes, group: group, work: [work])
  }

  private func planReduction(_ id: ValueID, _ reduction: Reduction, _ dimension: Dimension) -> Nest? {
    let operand = program[id].operands[0]
    let outer = analysis.innerAxes(id)
    var limit: Int?
    var alongVector = true
    if case .sum(let order?) = reduction, program[operand].type == .float32 {
      if case .interleaved(let lanes) = order { limit = lanes } else { alongVector = false }
    }
    if reduction == .argmax { return nil }
    if case .sum(.tree?) = reduction, program[operand].type == .float32 { return nil }
    let candidates = outer + (alongVector ? [dimension] : [])
    let vector = chooseVector(candidates, roots: [operand], work: nil)
    let others = outer.filter { $0 != vector }
    if vector == dimension {
      let lanes = lanes(along: dimension, limit: limit)
      let group = limit.map { $0 / lanes } ?? 1
      return Nest(
        loops: others + [dimension], vector: dimension, lanes: lanes, group: group,
        work: [.reduce(id)])
    }
    if limit != nil { return nil }
    if case .sum(.chained?) = reduction { return nil }
    let lanes = vector.map { self.lanes(along: $0, limit: nil) } ?? 1
    return Nest(
      loops: others + (vector.map { [$0] } ?? []) + [dimension], vector: lanes > 1 ? vector : nil,
      lanes: lanes, group: 1, work: [.reduce(id)])
  }

  /// Lanes of a value along an axis: the schedule's width, or less where the axis is short.
  func lanes(along dimension: Dimension, limit: Int?) -> Int {
    var lanes = machine.lanes(of: .f32) * schedule.registersPerVector
    if let limit { lanes = min(lanes, limit) }
    if let extent = dimension.extent ?? (machine.npu == nil ? nil : most(dimension).constantValue) {
      var least = Self.powerOfTwo(extent)
      // An agent's threads are there, whether they have a lane or not.
      if machine.gpu != nil { least = max(least, machine.lanes(of: .f32)) }
      lanes = min(lanes, least)
      // A vector core works on all lanes of a tail: no more than an eighth of all are to be idle.
      while machine.npu != nil, lanes > 256, (extent + lanes - 1) / lanes * lanes * 8 > extent * 9 { lanes /= 2 }
    }
    // Lists of listed rows are stored by tiles of columns: longer vectors than there are rows would never be whole.
    while multipliesCubes, dimension.extent == nil, lanes > max(SharedCube.columns, dimension.range.upperBound) {
      lanes /= 2
    }
    return lanes
  }

  /// The axis along which most memory is contiguous; nil where lanes cannot be used.
  func chooseVector(_ axes: [Dimension], roots: [ValueID], work: Nest.Work?) -> Dimension? {
    var score: [Dimension: Int] = [:]
    var barred: Set<Dimension> = []
    var seen: Set<ValueID> = []
    var pending = roots
    func credit(_ indices: [Index], _ weight: Int) {
      guard let last = indices.last else { return }
      let contiguous = last.contiguousDimensions
      for dimension in last.dimensions {
        score[dimension, default: 0] += contiguous.contains(dimension) ? weight * 4 : weight
      }
    }
    if case .statement(let position)? = work,
      case .store(_, let indices, _, _) = region.statements[position].effect
    {
      credit(indices, 2)
      for id in indices.flatMap(\.values) {
        barred.formUnion(program[id].axes.filter { $0 == indices.last?.dimensions.last })
      }
    }
    while let id = pending.popLast() {
      guard seen.insert(id).inserted else { continue }
      let node = program[id]
      switch node.operation {
      case _ where storage[id] != nil || analysis.anchors.contains(id):
        if let last = analysis.innerAxes(id).last { score[last, default: 0] += 3 }
        if case .keep(id)? = work { break }
        if roots.contains(id), work != nil { break }
        continue
      case .load(_, let indices): credit(indices, 1)
      case .join(_, let into): barred.insert(into)
      case .segment(_, let dimension): barred.insert(dimension)
      case .elementwise(.select):
        // Lanes that disagree about a guard would touch what it guards.
        if node.operands.dropFirst().contains(where: analysis.readsFreely) {
          barred.formUnion(program[node.operands[0]].axes)
        }
      default: break
      }
      if !analysis.anchors.contains(id) || roots.contains(id) {
        pending += analysis.dependencies(of: id)
      }
    }
    let usable = axes.filter {
      !barred.contains($0) && ($0.extent ?? 2) > 1 && isRagged($0, within: axes) == false
    }
    return usable.max { a, b in
      let (x, y) = (score[a, default: 0], score[b, default: 0])
      return x != y ? x < y : axes.firstIndex(of: a)! < axes.firstIndex(of: b)!
    }
  }

  /// Whether other axes' lengths depend on the coordinate along `dimension`, so that lanes would have
  /// lengths of their own.
  private func isRagged(_ dimension: Dimension, within axes: [Dimension]) -> Bool {
    program.dimensions.contains { other in
      analysis.lengthValues(other).contains { program[$0].axes.contains(dimension) }
    }
  }

  // MARK: Emission

  func emit(_ nest: Nest) throws {
    if let rows = rowsTogether(nest) { return try emit(nest, rows: rows) }
    let innermost = nest.loops.last
    try open(nest.loops.dropLast(), nest) {
      var accumulators: [(ValueID, Accumulator)] = []
      for case .reduce(let id) in nest.work {
        accumulators.append((id, try openAccumulator(id, nest)))
      }
      guard let innermost else {
        return try self.work(nest, accumulators)
      }
      try loop(innermost, nest) { try self.work(nest, accumulators) }
      for (id, accumulator) in accumulators { try finish(accumulator, id, nest) }
    }
  }

  func work(_ nest: Nest, _ accumulators: [(ValueID, Accumulator)]) throws {
    var accumulators = accumulators[...]
    var rest = nest.work[...]
    while let work = rest.popFirst() {
      if case .statement(let even) = work, case .statement(let odd)? = rest.first,
        try lowerNeighbours(region.statements[even], region.statements[odd])
      {
        rest.removeFirst()
        continue
      }
      switch work {
      case .keep(let id):
        // The loop's tail computes the value anew, though the loop before it has stored its own part.
        let known = storage.removeValue(forKey: id)
        let value = try emitWide(id, environment)
        storage[id] = known
        let named = stack.define(name(of: id), value)
        try keep(named, id)
        stack.remember(id, named, at: stack.depth)
      case .reduce:
        let (id, accumulator) = accumulators.removeFirst()
        try accumulate(accumulator, id, nest)
      case .statement(let position): try lower(region.statements[position])
      }
    }
  }

  /// Opens loops over `dimensions` around `body`.
  func open(_ dimensions: ArraySlice<Dimension>, _ nest: Nest, _ body: () throws -> Void) throws {
    guard let dimension = dimensions.first else { return try body() }
    try loop(dimension, nest) { try open(dimensions.dropFirst(), nest, body) }
  }

  /// A loop over one dimension: by lanes where it is the nest's vector axis, with a tail for the lanes
  /// that are left; else one coordinate at a time.
  func loop(_ dimension: Dimension, _ nest: Nest, _ body: () throws -> Void) throws {
    guard dimension == nest.vector else {
      return try scalarLoop(dimension, body)
    }
    try vectorLoop(dimension, lanes: nest.lanes, group: nest.group, paired: pairsLanes(nest)) {
      if nest.loops.count == 1 { try prefetchRow() }
      try body()
    }
  }

  func scalarLoop(_ dimension: Dimension, _ body: () throws -> Void) throws {
    let count = try length(dimension)
    let outer = environment
    let counter = stack.variable(dimension.name, .index)
    let lower = domains[dimension]?.lower ?? .constant(0)
    environment.bind(dimension, LaneCoordinate(lower + .variable(counter)))
    stack.open(binding: [dimension])
    try body()
    let statements = stack.close()
    environment = outer
    stack.append(
      .loop(CountedLoop(counter, from: .constant(0), to: count, unrolled: isWrittenOut(statements, count), statements)))
  }

  func vectorLoop(
    _ dimension: Dimension, lanes: Int, group: Int, paired: Bool = false, _ body: () throws -> Void
  ) throws {
    let count = try length(dimension)
    let lower = domains[dimension]?.lower ?? .constant(0)
    let step = lanes * group
    vectorLoops += 1
    let outer = environment
    defer { environment = outer }
    // A cell of a matrix unit has one vector of columns, perhaps not all of it.
    let isOneVector = dimension == cubeColumns && group == 1 && domains[dimension]?.most.constantValue == lanes
    let whole =
      count.constantValue.map { Expression.constant($0 / step * step) }
      ?? (isOneVector
        ? .constant(0) : stack.define("\(dimension.name)_whole", count - count.remainder(by: step)))

    func bodyAt(_ base: Expression, _ active: Expression?) throws {
      let order: LaneCoordinate.Lanes = paired ? .paired : .strided(1)
      let alignment = lower.constantValue == 0 ? lanes : 1
      environment.bind(dimension, LaneCoordinate(lower + base, lanes: order, alignment: alignment))
      environment.lanes = lanes
      environment.active = active
      guard group > 1 else { return try body() }
      let member = stack.variable("register", .index)
      groupMember = .variable(member)
      defer { groupMember = nil }
      stack.open(binding: [dimension])
      let shifted = base + .variable(member) * .constant(lanes)
      environment.bind(dimension, LaneCoordinate(lower + shifted, lanes: order, alignment: alignment))
      if active != nil {
        let left = (count - shifted).maximum(.constant(0)).minimum(.constant(lanes))
        environment.active = stack.define("active", left)
      }
      try body()
      let statements = stack.close()
      stack.append(
        .loop(
          CountedLoop(
            member, from: .constant(0), to: .constant(group), unrolled: true, statements)))
    }

    if isOneVector {
      guard nibbles?.isOfPairs ?? false else {
        return try bodyAt(.constant(0), count.constantValue == lanes ? nil : count)
      }
      stack.open(binding: [dimension])
      try bodyAt(.constant(0), count)
      return stack.append(.branch(count.compared(.greater, .constant(0)), stack.close(), []))
    }
    if whole.constantValue != 0 {
      let counter = stack.variable(dimension.name, .index)
      stack.open(binding: [dimension])
      try bodyAt(.variable(counter), nil)
      stack.append(
        .loop(
          CountedLoop(
            counter, from: .constant(0), to: whole, step: step, unrolled: isUnrolled(whole, step), stack.close())))
    }
    if let total = count.constantValue, let done = whole.constantValue, total == done { return }
    stack.open(binding: [dimension])
    let active = stack.define("active", count - whole)
    try bodyAt(whole, active)
    let tail = stack.close()
    stack.append(.branch(whole.compared(.less, count), tail, []))
  }

  /// Whether a loop's rounds are written out: few, of a block's threads, which then ask for all they read at once; one, of
  /// a vector core, whose instructions then stand beside others.
  private func isUnrolled(_ whole: Expression, _ step: Int) -> Bool {
    if machine.npu != nil { return whole.constantValue == step }
    guard let gpu = machine.gpu, gpu.agentWarps > 1, let count = whole.constantValue else { return false }
    return count <= 16 * step
  }

  /// Rounds of a loop that a warp has written out together: its threads compute places once for all of them. Only of
  /// whole loops, which leave none over.
  private func written(along dimension: Dimension, lanes: Int) -> Int {
    guard let gpu = machine.gpu, gpu.agentWarps == 1, domains[dimension] == nil, let extent = dimension.extent,
      extent % (lanes * Self.writtenRounds) == 0
    else { return 1 }
    return Self.writtenRounds
  }
  private static let writtenRounds = 4
}

extension Index {
  /// Dimensions along which it grows by one from coordinate to coordinate.
  var contiguousDimensions: Set<Dimension> {
    switch self {
    case .axis(let dimension): [dimension]
    case .sum(let a, let b): a.contiguousDimensions.union(b.contiguousDimensions)
    case .scaled(let index, 1): index.contiguousDimensions
    default: []
    }
  }
}
