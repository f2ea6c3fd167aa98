import MachineIR
import TileIR

/// Matrix products by blocks: a cell takes rows x columns of the result; inside, the depth is cut at
/// the runs or blocks that the numeric class states. A block of the right operand is packed into
/// panels of vectors, rows of the left are converted beside them, and a register tile walks both.
extension RegionLowering {
  /// Where the elements of a product's operands come from, in the lane type of its sums.
  struct ProductSource {
    let left: (Environment) throws -> Expression
    let right: (Environment) throws -> Expression
    /// Scale of a block of the left operand at the environment's row, as f64; nil for 1.
    let leftScale: ((Environment) throws -> Expression)?
    /// As `leftScale`, for the environment's columns and the group that its depth is in.
    let rightScale: ((Environment) throws -> Expression)?
    /// Consecutive depth coordinates that share a right scale, at most a block.
    let group: Int
    /// Depth of what is summed before rounding: runs of an ordered sum, exact blocks.
    let run: Int
    let multiplyAdd: MultiplyAdd
    /// Whether sums start from the rounded total instead of +0 (order `sequential`).
    let continues: Bool
  }

  func lowerBlocked(_ pattern: ProductPattern, name: String) throws -> MachineKernel {
    guard case .product(_, let productClass, _, _) = program[pattern.products[0]].operation else {
      preconditionFailure("a pattern holds products")
    }
    if machine.npu != nil, fitsVectors(pattern) { return try lowerVectors(pattern, name: name) }
    if machine.has(.sliceProducts) { return try lowerCubes(pattern, name: name) }
    if let weights = matrixWeights(pattern) { return try lowerMatrices(weights, pattern, name: name) }
    let laidOut = try laidOutWeights(pattern, name)
    let sliced = pattern.products.compactMap { id -> SlicedWeight? in
      if case .sliced(let weight)? = laidOut[id]?.form { weight } else { nil }
    }
    let blocking =
      sliced.isEmpty
      ? blocking(for: productClass, pattern)
      : ProductBlocking(sliced: sliced, schedule: schedule)
    let cell = stack.variable("cell", .index)
    let (cells, _) = try openCell(pattern, blocking, .variable(cell))
    try lowerAround(pattern) { try multiply($0, pattern, blocking, laidOut[$0]) }
    return kernel(name: name, cells: cells, cell: cell)
  }

  /// Lowers a pattern's products by `multiply`, each where its turn comes among the other items.
  func lowerAround(_ pattern: ProductPattern, _ multiply: (ValueID) throws -> Void) throws {
    var pendingItems: [RegionAnalysis.Item] = []
    for item in analysis.items {
      if case .anchor(let id) = item, pattern.products.contains(id) {
        try lower(items: pendingItems)
        pendingItems = []
        try multiply(id)
      } else {
        pendingItems.append(item)
      }
    }
    try lower(items: pendingItems)
  }

  func blocking(
    for productClass: ProductClass, _ pattern: ProductPattern
  ) -> ProductBlocking {
    let grouped = pattern.partition != nil
    switch productClass {
    case .ordered(.chained(let run), let kind):
      return ProductBlocking(
        machine: machine, schedule: schedule, scalar: .f32, run: run,
        isEmulated: kind == .fused && !machine.has(.fusedMultiplyAdd), isGrouped: grouped)
    case .ordered(_, let kind):
      return ProductBlocking(
        machine: machine, schedule: schedule, scalar: .f32, run: 512,
        isEmulated: kind == .fused && !machine.has(.fusedMultiplyAdd), isGrouped: grouped)
    case .exactBlock(let block), .fixedPoint(_, let block), .fixedPointFolded(_, let block, _):
      return ProductBlocking(
        machine: machine, schedule: schedule, scalar: .f64, run: block, isEmulated: false,
        isGrouped: true)
    case .exact: preconditionFailure("no target keeps the class exact")
    }
  }

  // MARK: Cells

  /// Blocks of `size` rows of a launch.
  func rowBlocks(_ pattern: ProductPattern, _ size: Int) -> HostExpression {
    let rows = HostExpression(extentOf: pattern.rows)
    guard let partition = pattern.partition else { return rows.dividedUp(by: size) }
    // Every segment that is not empty ends with at most one block that is not full.
    let segments = HostExpression(extentOf: program.parameters[partition].axes[0])
    return rows.dividedUp(by: size) + .minimum(segments, rows)
  }

  /// Binds the rows of block number `block`.
  func bindRows(_ pattern: ProductPattern, _ size: Int, _ block: Expression) throws {
    if let partition = pattern.partition {
      findSegment(partition, program.parameters[partition].axes[0], block, pattern.rows, size)
    } else {
      try bind(pattern.rows, block, size)
    }
  }

  private func bind(_ dimension: Dimension, _ block: Expression, _ size: Int) throws {
    let lower = stack.define("\(dimension.name)_lower", block * .constant(size))
    let count = stack.define(
      "\(dimension.name)_count", (try length(dimension) - lower).minimum(.constant(size)))
    domains[dimension] = (lower, count, .constant(size))
  }

  /// Parallel axes besides rows and columns, in their order.
  func fixedAxes(_ pattern: ProductPattern) -> [Dimension] {
    region.axes.map(\.dimension).filter(pattern.fixed.contains)
  }

  /// Binds the blocks of rows and columns, and the coordinates of other parallel axes, of a cell; with the cells, the
  /// number of its block of rows. With `hasOneRowBlock` the launch has no more than one, and cells do not count it.
  func openCell(
    _ pattern: ProductPattern, _ blocking: ProductBlocking, _ cell: Expression, hasOneRowBlock: Bool = false
  ) throws -> (cells: HostExpression, rowBlock: Expression) {
    var remaining = cell
    var cells = HostExpression.constant(1)
    func take(_ count: HostExpression, _ name: String) -> Expression {
      cells = cells * count
      let blocks = scalar(count, "\(name)_blocks")
      let block = stack.define("\(name)_block", .apply(.remainder, [remaining, blocks], .index))
      remaining = stack.define("outer", .apply(.quotient, [remaining, blocks], .index))
      return block
    }
    let rowBlock =
      hasOneRowBlock ? .constant(0) : take(rowBlocks(pattern, blocking.cellRows), pattern.rows.name)
    try bindRows(pattern, blocking.cellRows, rowBlock)
    let block = take(
      HostExpression(extentOf: pattern.columns).dividedUp(by: blocking.cellColumns), pattern.columns.name)
    try bind(pattern.columns, block, blocking.cellColumns)
    for axis in fixedAxes(pattern) {
      let block = take(HostExpression(extentOf: axis), axis.name)
      environment.bind(axis, LaneCoordinate(block))
    }
    return (cells, rowBlock)
  }

  /// Walks the segments to the one that holds block number `block`; a block past the last is empty.
  private func findSegment(
    _ partition: Int, _ bounds: Dimension, _ block: Expression, _ rows: Dimension, _ size: Int
  ) {
    let offsets = buffer(partition)
    let index = MachineType.index
    let left = stack.variable("blocks_left", index)
    let lower = stack.variable("\(rows.name)_lower", index)
    let upper = stack.variable("\(rows.name)_upper", index)
    let found = stack.variable("segment", MachineType(.i32))
    stack.append(.declare(left, block))
    stack.append(.declare(lower, .constant(0)))
    stack.append(.declare(upper, .constant(0)))
    stack.append(.declare(found, .integer(0, found.type)))
    // A segment begins where the one before it ends, the first at 0.
    let first = stack.variable("segment_first", index)
    stack.append(.declare(first, .constant(0)))
    let counter = stack.variable("candidate", index)
    stack.open()
    let end = Expression.load(
      Access(offsets, .int32, Expression.variable(counter) + .constant(1)), MachineType(.i32), active: nil)
    let last = stack.define("segment_last", end.converted(to: .i64))
    let blocks = stack.define(
      "segment_blocks", (last - .variable(first) + .constant(size - 1)).divided(by: size))
    let start = Expression.variable(first) + Expression.variable(left) * .constant(size)
    stack.append(
      .branch(
        Expression.variable(left).compared(.less, blocks),
        [
          .assign(lower, start),
          .assign(upper, (Expression.variable(lower) + .constant(size)).minimum(last)),
          .assign(found, Expression.variable(counter).converted(to: .i32)),
          .leave,
        ], [.assign(left, Expression.variable(left) - blocks)]))
    stack.append(.assign(first, last))
    let count = scalar(HostExpression(extentOf: bounds), bounds.name) - .constant(1)
    stack.append(.loop(CountedLoop(counter, from: .constant(0), to: count, stack.close())))
    let rowCount = stack.define("\(rows.name)_count", .variable(upper) - .variable(lower))
    domains[rows] = (.variable(lower), rowCount, .constant(size))
    for id in program.nodes.indices.map(ValueID.init) {
      if case .segment(partition, _) = program[id].operation {
        stack.remember(id, .variable(found), at: stack.depth)
      }
    }
  }

  /// Takes rows a tile at a time; what is left goes to tiles of fewer rows, the last of one.
  func walkTiles(
    of count: Expression, by sizes: [Int], _ tile: (_ size: Int, _ row: Expression) throws -> [MachineStatement]
  ) rethrows {
    var first = Expression.constant(0)
    for size in sizes {
      let row = stack.variable("row", .index)
      let body = try tile(size, .variable(row))
      let end = size == 1 ? count : stack.define("rows_of_\(size)", count - count.remainder(by: size))
      stack.append(.loop(CountedLoop(row, from: first, to: end, step: size, body)))
      first = end
    }
  }

  // MARK: One product

  private func multiply(
    _ id: ValueID, _ pattern: ProductPattern, _ blocking: ProductBlocking,
    _ laidOut: LaidOutWeight?
  ) throws {
    let reader: FixedPanelReader? =
      if let laidOut, case .integers(let weight) = laidOut.form {
        try FixedPanelReader(self, weight, laidOut)
      } else { nil }
    let source = try source(of: id, pattern, packsRight: reader == nil)
    let totals = scratch(
      "product", .f32, count: .constant(blocking.cellRows * blocking.cellColumns))
    storage[id] = .array(totals, .f32, [pattern.rows, pattern.columns])
    stack.append(.note("product", program[id].location))
    let rowCount = domains[pattern.rows]!.count
    stack.append(
      .clear(
        buffer: totals, offset: .constant(0),
        count: rowCount * .constant(blocking.cellColumns)))
    let depth = try length(pattern.depth)
    let start = stack.variable("\(pattern.depth.name)_start", .index)
    stack.open()
    let end = stack.define(
      "\(pattern.depth.name)_end", (Expression.variable(start) + .constant(blocking.depth)).minimum(depth))
    if let laidOut, case .sliced(let weight) = laidOut.form {
      let tile = SlicedTile(
        lowering: self, pattern: pattern, blocking: blocking, weight: weight, laidOut: laidOut,
        source: source, totals: totals, start: .variable(start), end: end,
        firstPanel: try firstPanel(weight.panels))
      try tile.walkRows()
    } else {
      let tile = TileLoops(
        lowering: self, pattern: pattern, blocking: blocking, source: source, totals: totals,
        start: .variable(start), end: end, laidOut: reader)
      try tile.packRight()
      try tile.walkRows()
    }
    stack.append(
      .loop(
        CountedLoop(start, from: .constant(0), to: depth, step: blocking.depth, stack.close())))
  }

  func source(
    of id: ValueID, _ pattern: ProductPattern, packsRight: Bool
  ) throws -> ProductSource {
    let node = program[id]
    guard case .product(let depth, let productClass, let scaledLeft, let scaledRight) = node.operation
    else { preconditionFailure("not a product") }
    let (left, right) = (node.operands[0], node.operands[1])
    func plain(_ id: ValueID) -> (Environment) throws -> Expression {
      { try self.convert(self.emit(id, $0), self.program[id].type, to: .float32) }
    }
    switch productClass {
    case .ordered(let order, let kind):
      let run: Int
      if case .chained(let length) = order { run = length } else { run = 512 }
      return ProductSource(
        left: plain(left), right: plain(right), leftScale: nil, rightScale: nil, group: run, run: run,
        multiplyAdd: kind, continues: order == .sequential)
    case .exactBlock(let block):
      var scales = node.operands.dropFirst(2)
      let leftScale = scaledLeft ? scales.removeFirst() : nil
      let rightScale = scaledRight ? scales.removeFirst() : nil
      func scale(_ id: ValueID) -> (Environment) throws -> Expression {
        { try self.convert(self.emit(id, $0), .e8m0, to: .float32).converted(to: .f64) }
      }
      let group = rightScale.flatMap { granularity(of: $0, along: depth) }.map { gcd(block, $0) } ?? block
      return ProductSource(
        left: plain(left), right: plain(right), leftScale: leftScale.map(scale),
        rightScale: rightScale.map(scale), group: group, run: block, multiplyAdd: .fused,
        continues: false)
    case .fixedPoint(let bits, let block):
      let a = try fixedOperand(left, along: depth, bits: bits, block: block)
      func source(
        _ right: @escaping (Environment) throws -> Expression,
        _ rightScale: ((Environment) throws -> Expression)?
      ) -> ProductSource {
        ProductSource(
          left: { try self.integers(a, $0) }, right: right,
          leftScale: { try self.quantum(a, depth, $0) }, rightScale: rightScale, group: block,
          run: block, multiplyAdd: .fused, continues: false)
      }
      guard packsRight else { return source(plain(right), nil) }
      let b = try fixedOperand(right, along: depth, bits: bits, block: block)
      return source({ try self.integers(b, $0) }, { try self.quantum(b, depth, $0) })
    case .fixedPointFolded, .exact:
      preconditionFailure("not a blocked class")
    }
  }
}
