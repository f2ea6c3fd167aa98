import MachineIR
import TileIR

/// Products of ordered classes on vector cores: a cell is a few rows by as many columns as a vector has lanes. A piece of
/// both operands along the depth comes to the chip, then its steps are added one by one, those of all rows side by side,
/// so that none waits for itself.
extension RegionLowering {
  /// Whether a region's products are ones that `lowerVectors` makes.
  func fitsVectors(_ pattern: ProductPattern) -> Bool {
    guard case .product(_, .ordered(let order, .unfused), _, _) = program[pattern.products[0]].operation else {
      return false
    }
    switch order {
    case .chained, .sequential: return true
    case .tree, .interleaved: return false
    }
  }

  func lowerVectors(_ pattern: ProductPattern, name: String) throws -> MachineKernel {
    let columns = lanes(along: pattern.columns, limit: nil)
    let blocking = ProductBlocking(vectorsOf: columns)
    let cell = stack.variable("cell", .index)
    let (cells, _) = try openCell(pattern, blocking, .variable(cell))
    try lowerAround(pattern) { try VectorTile($0, pattern, blocking, self).multiply() }
    return kernel(name: name, cells: cells, cell: cell)
  }
}

/// One product of a cell.
private struct VectorTile {
  let lowering: RegionLowering
  let id: ValueID
  let pattern: ProductPattern
  let blocking: ProductBlocking
  let source: RegionLowering.ProductSource
  /// The finished sums, [rows, columns].
  let totals: String
  /// The piece at hand, along the depth where memory is contiguous there: of rows [rows, depth] or [depth, rows], of
  /// columns [columns, depth] or [depth, columns].
  let left: String
  let right: String
  let isLeftAlongDepth: Bool
  let isRightAlongDepth: Bool

  private var columns: Int { blocking.cellColumns }
  private var depth: Int { blocking.depth }
  private var type: MachineType { MachineType(.f32, columns) }
  private var dimension: Dimension { pattern.depth }
  private var ofColumns: (lower: Expression, count: Expression, most: HostExpression) {
    lowering.domains[pattern.columns]!
  }
  /// Whether every cell has all columns, and every piece all steps.
  private var hasAllColumns: Bool { pattern.columns.extent.map { $0 % columns == 0 } ?? false }
  private var hasWholePieces: Bool {
    dimension.extent.map { $0 % depth == 0 && ($0 <= source.run || source.run % depth == 0) } ?? false
  }

  init(
    _ id: ValueID, _ pattern: ProductPattern, _ blocking: ProductBlocking, _ lowering: RegionLowering
  ) throws {
    (self.id, self.pattern, self.blocking, self.lowering) = (id, pattern, blocking, lowering)
    source = try lowering.source(of: id, pattern, packsRight: true)
    func isAlongDepth(_ other: Dimension, _ operand: Int) -> Bool {
      let root = lowering.program[id].operands[operand]
      return lowering.chooseVector([other, pattern.depth], roots: [root], work: nil) == pattern.depth
    }
    isLeftAlongDepth = isAlongDepth(pattern.rows, 0)
    isRightAlongDepth = isAlongDepth(pattern.columns, 1)
    totals = lowering.scratch("product", .f32, count: .constant(blocking.cellRows * blocking.cellColumns))
    left = lowering.exactScratch("left", .f32, blocking.cellRows * blocking.depth)
    self.right = lowering.exactScratch("right", .f32, blocking.cellColumns * blocking.depth)
  }

  func multiply() throws {
    lowering.storage[id] = .array(totals, .f32, [pattern.rows, pattern.columns])
    lowering.stack.append(.note("product", lowering.program[id].location))
    if isRightAlongDepth, !hasAllColumns {
      // Lanes behind the last column gather something.
      lowering.stack.append(.clear(buffer: right, offset: .constant(0), count: .constant(columns * depth)))
    }
    try lowering.walkTiles(of: lowering.domains[pattern.rows]!.count, by: blocking.bodies) { size, row in
      try lowering.collect { try multiply(size, row) }
    }
  }

  /// `size` rows, from `row` of the cell on.
  private func multiply(_ size: Int, _ row: Expression) throws {
    let total = lowering.clearedSums("total", of: size, lanes: columns)
    let depth = try lowering.length(dimension)
    if source.continues {
      try addPieces(to: total, row, from: .constant(0), to: depth)
    } else if let extent = dimension.extent, extent <= source.run {
      try addRun(to: total, row, from: .constant(0), to: depth)
    } else {
      let run = lowering.stack.variable("run", .index)
      lowering.stack.open()
      let end = lowering.stack.define(
        "run_end", (Expression.variable(run) + .constant(source.run)).minimum(depth))
      try addRun(to: total, row, from: .variable(run), to: end)
      let body = lowering.stack.close()
      lowering.stack.append(.loop(CountedLoop(run, from: .constant(0), to: depth, step: source.run, body)))
    }
    lowering.stack.append(
      lowering.unrolled("r", size) { r in
        [.storeRaw(buffer: totals, offset: (row + r) * .constant(columns), .element(total, [r]))]
      })
  }

  /// The sum of a run of its own, added to the total.
  private func addRun(to total: RegisterArray, _ row: Expression, from first: Expression, to end: Expression) throws {
    let sum = lowering.clearedSums("sum", of: total.extents[0], lanes: columns)
    try addPieces(to: sum, row, from: first, to: end)
    lowering.stack.append(
      lowering.unrolled("r", total.extents[0]) { r in
        [.setElement(total, [r], Expression.element(total, [r]).apply(.add, .element(sum, [r])))]
      })
  }

  private func addPieces(
    to sums: RegisterArray, _ row: Expression, from first: Expression, to end: Expression
  ) throws {
    let piece = lowering.stack.variable("\(dimension.name)_start", .index)
    lowering.stack.open()
    let start = Expression.variable(piece)
    let count =
      hasWholePieces
      ? Expression.constant(depth) : lowering.stack.define("steps", (end - start).minimum(.constant(depth)))
    let size = sums.extents[0]
    if isLeftAlongDepth {
      try load(count, of: depth, isAlwaysAll: hasWholePieces) { try loadRows(size, row, start, active: $0) }
    } else {
      try loadStepsOfRows(size, row, start, count)
    }
    if isRightAlongDepth {
      try load(count, of: depth, isAlwaysAll: hasWholePieces) { try loadColumns(start, active: $0) }
    } else {
      try loadStepsOfColumns(start, count)
    }
    lowering.addSteps(
      along: dimension, from: .constant(0), to: count, to: sums, rows: left,
      at: { isLeftAlongDepth ? $0 * .constant(depth) + $1 : $1 * .constant(blocking.cellRows) + $0 },
      columns: { step in
        isRightAlongDepth
          ? lowering.columns(of: right, depth: depth, at: step, lanes: columns)
          : .raw(buffer: right, offset: step * .constant(columns), type)
      })
    let body = lowering.stack.close()
    lowering.stack.append(.loop(CountedLoop(piece, from: first, to: end, step: depth, body)))
  }

  // MARK: Pieces

  /// What `body` does where there are all of `most` lanes, and for a number of them where it is less.
  private func load(
    _ count: Expression, of most: Int, isAlwaysAll: Bool, _ body: (_ active: Expression?) throws -> Void
  ) throws {
    guard !isAlwaysAll else { return try body(nil) }
    let whole = try lowering.collect { try body(nil) }
    let part = try lowering.collect { try body(count) }
    lowering.stack.append(.branch(count.compared(.equal, .constant(most)), whole, part))
  }

  /// A loop whose rounds each store a row of an array.
  private func rows(
    _ name: String, to count: Expression, binding dimension: Dimension, of array: String, pitch: Int,
    _ value: (Expression) throws -> Expression
  ) throws {
    let counter = lowering.stack.variable(name, .index)
    let outer = lowering.environment
    lowering.stack.open(binding: [dimension])
    let row = try value(.variable(counter))
    lowering.stack.append(.storeRaw(buffer: array, offset: .variable(counter) * .constant(pitch), row))
    let body = lowering.stack.close()
    lowering.environment = outer
    lowering.stack.append(.loop(CountedLoop(counter, from: .constant(0), to: count, body)))
  }

  /// Lanes along the depth.
  private func bindSteps(_ start: Expression, _ active: Expression?) {
    lowering.environment.bind(dimension, LaneCoordinate(start, lanes: .strided(1), alignment: depth))
    lowering.environment.lanes = depth
    lowering.environment.active = active
  }

  private func loadRows(_ size: Int, _ row: Expression, _ start: Expression, active: Expression?) throws {
    let lower = lowering.domains[pattern.rows]!.lower
    try rows("tile_row", to: .constant(size), binding: pattern.rows, of: left, pitch: depth) { member in
      lowering.environment.bind(pattern.rows, LaneCoordinate(lower + row + member))
      bindSteps(start, active)
      return lowering.widen(try source.left(lowering.environment), to: depth)
    }
  }

  private func loadColumns(_ start: Expression, active: Expression?) throws {
    let (lower, count, _) = ofColumns
    try rows("column", to: count, binding: pattern.columns, of: right, pitch: depth) { column in
      lowering.environment.bind(pattern.columns, LaneCoordinate(lower + column))
      bindSteps(start, active)
      return lowering.widen(try source.right(lowering.environment), to: depth)
    }
  }

  /// Step by step, with lanes along another axis.
  private func loadSteps(
    _ start: Expression, _ steps: Expression, of array: String, pitch: Int, along axis: Dimension,
    from lower: Expression, lanes: Int, active: Expression?, _ source: (Environment) throws -> Expression
  ) throws {
    try rows("step", to: steps, binding: dimension, of: array, pitch: pitch) { step in
      lowering.environment.bind(dimension, LaneCoordinate(start + step))
      lowering.environment.bind(axis, LaneCoordinate(lower, lanes: .strided(1), alignment: 1))
      lowering.environment.lanes = lanes
      lowering.environment.active = active
      return lowering.widen(try source(lowering.environment), to: lanes)
    }
  }

  private func loadStepsOfRows(_ size: Int, _ row: Expression, _ start: Expression, _ steps: Expression) throws {
    let lower = lowering.domains[pattern.rows]!.lower
    try loadSteps(
      start, steps, of: left, pitch: blocking.cellRows, along: pattern.rows, from: lower + row, lanes: size,
      active: nil, source.left)
  }

  private func loadStepsOfColumns(_ start: Expression, _ steps: Expression) throws {
    let (lower, count, _) = ofColumns
    try load(count, of: columns, isAlwaysAll: hasAllColumns) { active in
      try loadSteps(
        start, steps, of: right, pitch: columns, along: pattern.columns, from: lower, lanes: columns,
        active: active, source.right)
    }
  }
}
