import TileIR

/// What one region computes, cut into items: values that need loops of their own (anchors), values
/// worth keeping, and statements. Everything else is computed in place where it is used.
struct RegionAnalysis {
  /// One thing that loops compute.
  enum Item: Hashable {
    case anchor(ValueID)
    case loop(Int)
    case statement(Int)
  }

  let program: Program
  let region: Region
  let keepsFromCost: Int
  /// Up to how many elements what is loaded is kept, and what counts for an axis whose length a launch decides.
  private let keptElements: Int
  private let longestRow: Int
  /// Whether costly values of outer loops are computed by loops of their own, along which lanes run.
  private let keepsOuterValues: Bool
  /// Whether that is done too with what is loaded, perhaps converted, since each load would be a copy of its own.
  private let keepsLoads: Bool
  /// Parallel axes whose coordinate is fixed while a cell's body runs.
  let fixed: Set<Dimension>
  /// Values whose elements are stored: reductions, products, sorts, loop values, kept values.
  private(set) var anchors: Set<ValueID> = []
  /// The innermost loop that a value depends on, if any.
  private(set) var home: [ValueID: Int] = [:]
  /// Items outside of loops, and of each loop's body, in an order that respects dependencies.
  private(set) var items: [Item] = []
  private(set) var loopItems: [Int: [Item]] = [:]
  /// How often a value is named by others; more than once gets a variable.
  private(set) var uses: [ValueID: Int] = [:]

  init(
    program: Program, region: Region, fixed: Set<Dimension>, keepsFromCost: Int, keptElements: Int = 0,
    longestRow: Int? = nil, keepsOuterValues: Bool = false, keepsLoads: Bool = false
  ) {
    self.keepsLoads = keepsLoads
    self.keepsOuterValues = keepsOuterValues
    self.keptElements = keptElements
    self.longestRow = longestRow ?? keptElements + 1
    self.program = program
    self.region = region
    self.fixed = fixed
    self.keepsFromCost = keepsFromCost
    let reached = reach()
    for id in reached.sorted() {
      for dependency in dependencies(of: id) { uses[dependency, default: 0] += 1 }
      if Self.needsLoops(program[id].operation) { anchors.insert(id) }
    }
    for statement in region.statements {
      for dependency in statement.dependencies { uses[dependency, default: 0] += 1 }
    }
    findHomes(reached.sorted())
    keepMovedValues(reached.sorted())
    keepCostlyValues()
    if keepsOuterValues { keepValuesOfOuterLoops() }
    order()
  }

  /// The axes of a value that loops inside a cell run over.
  func innerAxes(_ id: ValueID) -> [Dimension] {
    program[id].axes.filter { !fixed.contains($0) }
  }

  /// What a value reads: operands, index values, and the lengths of its axes.
  func dependencies(of id: ValueID) -> [ValueID] {
    let node = program[id]
    var found = node.dependencies
    switch node.operation {
    case .carried: found = []
    case .loopResult(let loop, _): found = program.loops[loop].initial + program.loops[loop].next
    default: break
    }
    var lengths = node.axes
    switch node.operation {
    case .reduce(_, let d), .product(let d, _, _, _), .scan(let d, _), .topK(let d, _), .sort(let d),
      .stableOrder(let d), .sample(let d, _): lengths.append(d)
    case .join(let parts, _): lengths += parts
    default: break
    }
    for dimension in lengths { found += lengthValues(dimension) }
    for index in node.operation.indices {
      for dimension in index.extents { found += lengthValues(dimension) }
    }
    return found
  }

  /// The values that the length of a dimension reads.
  func lengthValues(_ dimension: Dimension) -> [ValueID] {
    guard case .computed(let index)? = program.lengths[dimension] else { return [] }
    return index.values + index.extents.flatMap(lengthValues)
  }

  private static func needsLoops(_ operation: Operation) -> Bool {
    switch operation {
    case .reduce, .product, .scan, .topK, .sort, .stableOrder, .carried, .loopResult: true
    default: false
    }
  }

  private func reach() -> Set<ValueID> {
    var reached: Set<ValueID> = []
    var pending = region.statements.flatMap(\.dependencies)
    while let id = pending.popLast() {
      guard reached.insert(id).inserted else { continue }
      pending += dependencies(of: id)
    }
    return reached
  }

  /// A loop's body is what depends on the values that it carries or on its round.
  private mutating func findHomes(_ reached: [ValueID]) {
    for id in reached {
      switch program[id].operation {
      case .carried(let loop, _), .round(let loop): home[id] = loop
      case .loopResult(let loop, _):
        // Nested loops number higher than those around them.
        home[id] = dependencies(of: id).compactMap { home[$0] }.filter { $0 < loop }.max()
      default: home[id] = dependencies(of: id).compactMap { home[$0] }.max()
      }
    }
  }

  // MARK: Kept values

  /// Whether what is loaded is few enough to be kept.
  private func isKept(_ id: ValueID) -> Bool {
    guard keptElements > 0 else { return false }
    return innerAxes(id).reduce(1) { $0 * min($1.extent ?? longestRow, keptElements + 1) } <= keptElements
  }

  /// Whether a value is the same for all rows of a cell, which load it one after the other.
  private func isOfAllRows(_ id: ValueID) -> Bool {
    keptElements > 0 && fixed.isDisjoint(with: program[id].axes)
  }

  /// Operations an element, down to the anchors.
  private func cost(_ id: ValueID, _ known: inout [ValueID: Int]) -> Int {
    if let cost = known[id] { return cost }
    let node = program[id]
    var total: Int
    switch node.operation {
    case _ where anchors.contains(id): return 1
    case .call(let function): total = function.operationCount
    case .load where isKept(id): total = keepsFromCost
    case .elementwise(.divide), .elementwise(.squareRoot): total = 8
    case .elementwise(.reciprocalSquareRoot): total = 16
    case .elementwise(.convert(let target)):
      total = target == .float32 || target == .int32 ? 3 : 8
    default: total = 1
    }
    for operand in node.operands { total += cost(operand, &known) }
    known[id] = total
    return total
  }

  /// Keeps values that are read at other coordinates than their own: computed in place, a chain of n
  /// such reads would grow as 2^n.
  private mutating func keepMovedValues(_ reached: [ValueID]) {
    for id in reached {
      guard case .sample = program[id].operation else { continue }
      let moved = program[id].operands[0]
      var known: [ValueID: Int] = [:]
      if !anchors.contains(moved), !innerAxes(moved).isEmpty, cost(moved, &known) >= 4, isKeepable(moved) {
        anchors.insert(moved)
      }
    }
  }

  /// Keeps pointwise values that several items would compute anew and that cost enough.
  private mutating func keepCostlyValues() {
    var known: [ValueID: Int] = [:]
    var users: [ValueID: Int] = [:]
    let roots = anchors.sorted().map { dependencies(of: $0) } + region.statements.map(\.dependencies)
    for root in roots {
      var seen: Set<ValueID> = []
      var pending = root
      while let id = pending.popLast() {
        guard !anchors.contains(id), seen.insert(id).inserted else { continue }
        pending += dependencies(of: id)
      }
      for id in seen { users[id, default: 0] += 1 }
    }
    // The topmost shared value is kept; what only it needs is not.
    for id in users.keys.sorted(by: >) where !innerAxes(id).isEmpty && (users[id]! > 1 || isOfAllRows(id)) {
      // An access at a computed coordinate stays where its condition is.
      guard cost(id, &known) >= keepsFromCost, isKeepable(id), !readsFreely(id) else { continue }
      let shared = users.keys.contains {
        $0 > id && users[$0]! >= users[id]! && anchors.contains($0) && dependencies(of: $0).contains(id)
          && !Self.needsLoops(program[$0].operation)
      }
      if !shared { anchors.insert(id) }
    }
  }

  /// Keeps costly values that inner loops would find computed before them, one by one.
  private mutating func keepValuesOfOuterLoops() {
    var known: [ValueID: Int] = [:]
    func own(_ id: ValueID) -> Set<Dimension> {
      var axes = Set(innerAxes(id))
      if case .reduce(_, let dimension) = program[id].operation { axes.insert(dimension) }
      return axes
    }
    let users = uses.keys.sorted().map { (own($0), dependencies(of: $0)) }
      + region.statements.map { statement in
        let axes = statement.dependencies.flatMap(innerAxes)
        return (Set(axes), statement.dependencies)
      }
    for (axes, values) in users {
      for id in values where !innerAxes(id).isEmpty && Set(innerAxes(id)).isStrictSubset(of: axes) {
        guard !anchors.contains(id), home[id] == nil, cost(id, &known) >= keepsFromCost || keepsLoads && isLoaded(id),
          isKeepable(id), !readsFreely(id)
        else { continue }
        anchors.insert(id)
      }
    }
  }

  private func isLoaded(_ id: ValueID) -> Bool {
    switch program[id].operation {
    case .load: true
    case .elementwise(.convert): isLoaded(program[id].operands[0])
    default: false
    }
  }

  /// Values behind guards cannot be computed ahead for whole axes.
  private func isKeepable(_ id: ValueID) -> Bool {
    guard program[id].type != .bool else { return false }
    return !guarded.contains(id)
  }

  /// Values reached only through the side of a `select`, or through a `join`, with accesses that its
  /// condition may be there to keep in bounds.
  private var guarded: Set<ValueID> {
    var free: Set<ValueID> = []
    var pending: [ValueID] = region.statements.flatMap(\.dependencies) + anchors.flatMap(dependencies(of:))
    while let id = pending.popLast() {
      guard free.insert(id).inserted else { continue }
      let node = program[id]
      switch node.operation {
      case .elementwise(.select): pending.append(node.operands[0])
      default: pending += dependencies(of: id)
      }
    }
    var result: Set<ValueID> = []
    for id in uses.keys where !free.contains(id) && readsFreely(id) { result.insert(id) }
    return result
  }

  /// Whether a value contains an access that may need a guard to stay within its axis.
  func readsFreely(_ id: ValueID) -> Bool {
    let node = program[id]
    if anchors.contains(id) { return false }
    switch node.operation {
    case .load(let position, let indices):
      let parameter = program.parameters[position]
      let isWithin = zip(parameter.axes, indices).allSatisfy { axis, index in
        bounds.isWithin(index, axis) || parameter.role == .weight && isCoordinate(index, of: axis)
      }
      if !isWithin { return true }
    case .sample(let dimension, let index):
      if !bounds.isWithin(index, dimension) { return true }
    default: break
    }
    return node.operands.contains(where: readsFreely)
  }

  /// Whether an index is an integer of data that is a coordinate of an axis, such as a token's position in a table.
  private func isCoordinate(_ index: Index, of axis: Dimension) -> Bool {
    guard case .value(let id) = index, case .load(let position, _) = program[id].operation else { return false }
    return program.parameters[position].refinements.contains(.coordinate(of: axis))
  }

  private var bounds: IndexBounds { IndexBounds(program: program) }

  // MARK: Order

  private mutating func order() {
    var done: Set<Item> = []
    for statement in region.statements.indices {
      for id in region.statements[statement].dependencies { require(id, &done) }
      items.append(.statement(statement))
    }
  }

  /// Puts everything that a value needs, then the value itself where it is an anchor, on the list of
  /// its home.
  private mutating func require(_ id: ValueID, _ done: inout Set<Item>) {
    if case .loopResult(let loop, _) = program[id].operation {
      requireLoop(loop, at: home[id], &done)
      return
    }
    if case .carried = program[id].operation { return }
    if done.contains(.anchor(id)) { return }
    for dependency in dependencies(of: id) { require(dependency, &done) }
    if anchors.contains(id), done.insert(.anchor(id)).inserted {
      append(.anchor(id), at: home[id])
    }
  }

  private mutating func requireLoop(_ loop: Int, at home: Int?, _ done: inout Set<Item>) {
    guard done.insert(.loop(loop)).inserted else { return }
    for id in program.loops[loop].initial { require(id, &done) }
    for id in program.loops[loop].next { require(id, &done) }
    append(.loop(loop), at: home)
  }

  private mutating func append(_ item: Item, at home: Int?) {
    if let home { loopItems[home, default: []].append(item) } else { items.append(item) }
  }
}
