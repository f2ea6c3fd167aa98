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
    let segments = HostExpression(extentOf: program.parameters[partition].axes[0]) + .constant(-1)
    return .minimum(rows, .divided(rows, size) + segments)
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
  /// number of its block of rows. With `hasOneRowBlock` the launch has no more than one, and cells do not count it. Cells
  /// that follow each other have other rows, or with `columnsFirst` other columns.
  func openCell(
    _ pattern: ProductPattern, _ blocking: ProductBlocking, _ cell: Expression, hasOneRowBlock: Bool = false,
    columnsFirst: Bool = false
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
    func takeColumns() throws {
      let block = take(
        HostExpression(extentOf: pattern.columns).dividedUp(by: blocking.cellColumns), pattern.columns.name)
      try bind(pattern.columns, block, blocking.cellColumns)
    }
    if columnsFirst { try takeColumns() }
    let rowBlock =
      hasOneRowBlock ? .constant(0) : take(rowBlocks(pattern, blocking.cellRows), pattern.rows.name)
    try bindRows(pattern, blocking.cellRows, rowBlock)
    if !columnsFirst { try takeColumns() }
    for axis in fixedAxes(pattern) {
      let block = take(HostExpression(extentOf: axis), axis.name)
      environment.bind(axis, LaneCoordinate(block))
    }
    return (cells, rowBlock)
  }

  /// Finds the segment that holds block number `block`. Segment number s, which begins at row o, has the blocks from
  /// min(o, o / size + s) on, as many as it may need or more, of which those behind its rows are empty: halving the
  /// segments finds it.
  private func findSegment(
    _ partition: Int, _ bounds: Dimension, _ block: Expression, _ rows: Dimension, _ size: Int
  ) {
    let offsets = buffer(partition)
    let index = MachineType.index
    func number(_ name: String, _ value: Expression) -> Variable {
      let variable = stack.variable(name, value.type)
      stack.append(.declare(variable, value))
      return variable
    }
    let segments = scalar(HostExpression(extentOf: bounds), bounds.name) - .constant(1)
    let low = number("segment_low", .constant(0))
    let high = number("segment_high", segments)
    let lower = number("\(rows.name)_lower", .constant(0))
    let upper = number("\(rows.name)_upper", .constant(0))
    let found = number("segment", .integer(0, MachineType(.i32)))
    stack.open()
    // There is a segment in the middle even where none is left.
    let middle = stack.define(
      "segment_middle",
      (Expression.variable(low) + .variable(high)).divided(by: 2).minimum(segments - .constant(1)))
    func offset(_ place: Expression) -> Expression {
      Expression.load(Access(offsets, .int32, place), MachineType(.i32), active: nil).converted(to: .i64)
    }
    func firstBlock(_ row: Expression, _ segment: Expression) -> Expression {
      row.minimum(row.divided(by: size) + segment)
    }
    let first = stack.define("segment_first", offset(middle))
    let last = stack.define("segment_last", offset(middle + .constant(1)))
    let own = stack.define("first_block", firstBlock(first, middle))
    let next = stack.define("next_block", firstBlock(last, middle + .constant(1)))
    let begin = first + (block - own) * .constant(size)
    let isFound = MachineStatement.branch(
      block.compared(.less, next),
      [
        .assign(lower, begin.minimum(last)),
        .assign(upper, (Expression.variable(lower) + .constant(size)).minimum(last)),
        .assign(found, middle.converted(to: .i32)),
        .leave,
      ], [.assign(low, middle + .constant(1))])
    stack.append(.branch(block.compared(.less, own), [.assign(high, middle)], [isFound]))
    let step = stack.variable("halving", index)
    stack.append(.loop(CountedLoop(step, from: .constant(0), to: segments, stack.close())))
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
