import MachineIR
import TileIR

/// Products with weights on a matrix unit of whole tiles, of E4M3 with E4M3 or E2M1 in exact blocks or of bf16 in fixed
/// point: both operands are cut into slices ahead, the weight once, the rows in each launch; a cell multiplies its tiles
/// block of depth by block of depth, and makes of the exact sums one rounded number for each row and column, which it adds
/// to the total.
extension RegionLowering {
  /// Rows of a cell, where a launch has so many, and columns. Segments have few rows each: a tile of the unit's.
  private static let cubeRows = 2 * SliceProduct.tile
  static let cubeColumns = 64

  /// Whether a pattern's products are for such a unit: in blocks of whole steps of depth, the right operand a weight, the
  /// left one there before the cells begin, one scale for a block, or of E2M1 one for each of two or four groups.
  func fitsCubes(_ pattern: ProductPattern) -> Bool {
    machine.has(.sliceProducts) && pattern.products.allSatisfy { cubeForm($0, pattern) != nil }
  }

  /// The operands of a product as they are stored.
  private struct CubeForm {
    let left: ValueID
    let leftScale: ValueID?
    let right: ValueID
    let rightScale: ValueID?
    let bits: Int?
    /// The depth that has one scale of the right operand, where a block has more.
    let group: Int?
    let panels: WeightPanels
    let depth: Dimension
    var block: Int { panels.block }
  }

  private func cubeForm(_ id: ValueID, _ pattern: ProductPattern) -> CubeForm? {
    let node = program[id]
    guard case .product(let depth, let productClass, let scaledLeft, let scaledRight) = node.operation else {
      return nil
    }
    let leftScale = scaledLeft ? node.operands[2] : nil
    let rightScale = scaledRight ? node.operands[scaledLeft ? 3 : 2] : nil
    var (left, right) = (node.operands[0], node.operands[1])
    let (block, bits): (Int, Int?)
    switch productClass {
    case .exactBlock(let length):
      guard program[left].type == .e4m3, [.e4m3, .e2m1].contains(program[right].type) else { return nil }
      (block, bits) = (length, nil)
    case .fixedPoint(let width, let length):
      guard (9...ByteFragments.slices * ByteFragments.sliceBits).contains(width),
        program[left].type == .float32
      else {
        return nil
      }
      (block, bits) = (length, width)
      right = FixedPanels.narrow(right, in: program)
      left = FixedPanels.narrow(left, in: program)
      guard program[right].type == .bfloat16, [.bfloat16, .float32].contains(program[left].type) else {
        return nil
      }
    default: return nil
    }
    guard block % SliceProduct.depthStep == 0, block <= 128,
      let panels = WeightPanels(right, pattern, in: program, width: Self.cubeColumns, block: block),
      [left, leftScale].compactMap({ $0 }).allSatisfy({ isReadOnly($0) }),
      let leftGroup = group(of: leftScale, along: depth, block), leftGroup == block,
      let group = group(of: rightScale, along: depth, block),
      group == block || program[right].type == .e2m1 && CubeGroups.fit(block / group)
    else { return nil }
    return CubeForm(
      left: left, leftScale: leftScale, right: right, rightScale: rightScale, bits: bits,
      group: group == block ? nil : group, panels: panels, depth: depth)
  }

  /// How much of a block's depth has one scale; nil where that is no part of it.
  private func group(of scale: ValueID?, along depth: Dimension, _ block: Int) -> Int? {
    guard let scale else { return block }
    guard let granularity = granularity(of: scale, along: depth) else { return nil }
    return granularity % block == 0 ? block : block % granularity == 0 ? granularity : nil
  }

  func lowerCubes(_ pattern: ProductPattern, name: String) throws -> MachineKernel {
    let blocking = ProductBlocking.cubes(rows: pattern.partition == nil ? Self.cubeRows : SliceProduct.tile)
    for id in pattern.products {
      let known = pattern.products.compactMap { cubeProducts[$0]?.left }
      cubeProducts[id] = try cubeProduct(id, pattern, blocking, known: known, name)
    }
    return try multiply(cubeProducts, pattern, blocking, hasOneRowBlock: false, name: name)
  }

  /// The kernels for launches of no more rows than a tile of the unit has, of which half as many sums leave it; nil where
  /// that is what all launches have.
  func lowerFewCubeRows(name: String) throws -> LaunchKernels? {
    guard let pattern, pattern.partition == nil, !cubeProducts.isEmpty, !prints else { return nil }
    let lowering = sibling()
    let kernel = try lowering.multiply(
      cubeProducts.mapValues(\.ofOneTile), pattern, .cubes(rows: SliceProduct.tile), hasOneRowBlock: true,
      name: "\(name)_few_rows")
    messages = lowering.messages
    let hasRows = HostExpression(extentOf: pattern.rows) + .constant(-1)
    return (lowering.before + [kernel], [Self.spare(of: SliceProduct.tile, pattern.rows), hasRows])
  }

  /// The kernel of products, and before it those that cut their left operands.
  private func multiply(
    _ products: [ValueID: CubeProduct], _ pattern: ProductPattern, _ blocking: ProductBlocking, hasOneRowBlock: Bool,
    name: String
  ) throws -> MachineKernel {
    let found = pattern.partition.map { _ in workspaces.count }
    if found != nil {
      let bytes = rowBlocks(pattern, blocking.cellRows) * .constant(4 * blocking.cellRows)
      workspaces.append(Workspace(name: "rows_of_lines", byteCount: bytes))
      before.append(try sibling().findRows(pattern, blocking, into: workspaces.count - 1, name: "\(name)_rows_of_lines"))
    }
    var cut: [Int] = []
    for product in pattern.products.compactMap({ products[$0] }) where !cut.contains(product.left.slices) {
      cut.append(product.left.slices)
      let suffix = cut.count == 1 ? "left" : "left_\(cut.count)"
      before.append(try sibling().cutRows(product, pattern, blocking, found, name: "\(name)_slices_\(suffix)"))
    }
    // Two products of one form take turns, block by block.
    let pair = pattern.products.compactMap { products[$0] }
    let isPair = pair.count == 2 && pair[0].hasForm(of: pair[1])
    let round = CubeRound(self, pair, isPair: isPair, blocking)
    let cell = stack.variable("cell", .index)
    // Two cells that follow each other find their segment together.
    let (cells, rowBlock) = try openCell(
      pattern, blocking, .variable(cell), hasOneRowBlock: hasOneRowBlock, columnsFirst: pattern.partition != nil)
    domains[pattern.columns]!.most = .constant(blocking.cellColumns)
    if pattern.columns.extent.map({ $0 % blocking.cellColumns == 0 }) ?? false {
      domains[pattern.columns]!.count = .constant(blocking.cellColumns)
    }
    cubeColumns = pattern.columns
    stack.open()
    try lowerAround(pattern) { id in
      guard storage[id] == nil else { return }
      let ids = isPair ? pattern.products : [id]
      let finished = ids.map { id in
        let product = scratch("product", .f32, count: .constant(blocking.cellRows * blocking.cellColumns))
        storage[id] = .array(product, .f32, [pattern.rows, pattern.columns])
        return product
      }
      try multiply(ids.map { ($0, products[$0]!) }, pattern, rowBlock, round, into: finished)
    }
    let body = stack.close()
    if pattern.partition == nil {
      stack.append(contentsOf: body)
    } else {
      // A segment may have a block too many, for which no weight has to come.
      stack.append(.branch(domains[pattern.rows]!.count.compared(.greater, .constant(0)), body, []))
    }
    return kernel(name: name, cells: cells, cell: cell)
  }

  /// The operands of a product, with the kernel that lays out the right one; the left one of those that are known where it
  /// is the same.
  private func cubeProduct(
    _ id: ValueID, _ pattern: ProductPattern, _ blocking: ProductBlocking, known: [CubeOperand], _ name: String
  ) throws -> CubeProduct {
    let form = cubeForm(id, pattern)!
    let panels = form.panels
    let parameter = program.parameters[panels.parameter].name
    let right = cubeOperand(
      form.right, scale: form.rightScale, bits: form.bits, lines: pattern.columns, tile: blocking.cellColumns,
      depth: form.depth, block: form.block, group: form.group,
      tiles: panels.matrices * panels.panels, matrices: panels.matrices,
      name: parameter, prepares: panels.parameter)
    let axes = region.axes.map(\.dimension).filter { axis in
      pattern.fixed.contains(axis)
        && [form.left, form.leftScale].compactMap { $0 }.contains { program[$0].axes.contains(axis) }
    }
    let tiles = axes.reduce(rowBlocks(pattern, blocking.cellRows)) { $0 * HostExpression(extentOf: $1) }
    let suffix = known.isEmpty ? "left" : "left_\(known.count + 1)"
    let same = known.first {
      isSame($0.value, form.left) && isSame($0.scale, form.leftScale) && $0.bits == form.bits && $0.block == form.block
    }
    let left =
      same
      ?? cubeOperand(
        form.left, scale: form.leftScale, bits: form.bits, lines: pattern.rows, tile: blocking.cellRows,
        depth: form.depth, block: form.block, tiles: tiles, name: suffix, prepares: nil)
    // More of two products would need more events than a cube core has.
    let most = pattern.products.count == 1 ? 4 : 2
    let exchanges = if case .constant(let blocks) = left.blocks { min(most, blocks & -blocks) } else { 1 }
    let product = CubeProduct(
      left: left, right: right, panels: panels, axes: axes, exchange: workspaces.count, exchanges: max(1, exchanges))
    for number in 0..<product.exchanges {
      workspaces.append(
        Workspace(
          name: number == 0 ? "\(suffix)_exchange" : "\(suffix)_exchange_\(number + 1)",
          byteCount: .constant(4 * product.sums * (machine.npu?.vectorCores ?? 1))))
    }
    preparations.append(try sibling().cutWeight(product, name: "\(name)_lays_out_\(parameter)"))
    if let groups = right.groups {
      preparations.append(try sibling().findWidest(product, groups, name: "\(name)_spreads_of_\(parameter)"))
    }
    return product
  }

  // MARK: Operands

  /// A cell is a tile of columns.
  private func cutWeight(_ product: CubeProduct, name: String) throws -> MachineKernel {
    let cell = stack.variable("cell", .index)
    let panels = product.panels
    let panel = openPanel(panels, .variable(cell))
    let first = stack.define("first", panel.number * .constant(panels.width))
    let count = stack.define("count", (try length(panels.columns) - first).minimum(.constant(panels.width)))
    stack.append(
      .note("slices of \(program.parameters[panels.parameter].name)", program[product.right.value].location))
    try cutTile(product.right, .variable(cell), lower: first, count: count)
    return kernel(name: name, cells: panel.cells, cell: cell)
  }

  /// The most that a block of a matrix is spread. A cell is a matrix.
  private func findWidest(_ product: CubeProduct, _ groups: CubeGroups, name: String) throws -> MachineKernel {
    let type = MachineType(.i32, Self.cubeColumns)
    let (cell, most) = (stack.variable("cell", .index), stack.variable("most", type))
    let count = scalar(product.panels.panels * product.panels.blocks, "blocks")
    let first = stack.variable("block", .index)
    let parameter = program.parameters[product.panels.parameter].name
    stack.append(.note("spreads of \(parameter)", program[product.right.value].location))
    stack.append(.declare(most, .integer(0, type)))
    stack.open()
    let active = stack.define("active", (count - .variable(first)).minimum(.constant(type.lanes)))
    let place = Access(
      buffer(workspace: groups.spreads, .int32, written: false), .int32, .variable(cell) * count + .variable(first))
    let own = masked(.load(place, type, active: active), by: active)
    stack.append(.assign(most, Expression.variable(most).apply(.maximum, own)))
    stack.append(.loop(CountedLoop(first, from: .constant(0), to: count, step: type.lanes, stack.close())))
    let widest = Access(buffer(workspace: groups.widest, .int32), .int32, .variable(cell))
    stack.append(.store(widest, foldLanes(.variable(most)) { $0.apply(.maximum, $1) }, active: nil))
    return kernel(name: name, cells: product.panels.matrices, cell: cell)
  }

  /// The row of each line of a block of rows of segments, of those that there are not the last once more. A cell is a
  /// block.
  private func findRows(_ pattern: ProductPattern, _ blocking: ProductBlocking, into workspace: Int, name: String) throws
    -> MachineKernel
  {
    let (cell, lanes) = (stack.variable("cell", .index), blocking.cellRows)
    stack.append(.note("rows of lines", program[pattern.products[0]].location))
    try bindRows(pattern, lanes, .variable(cell))
    let (lower, count, _) = domains[pattern.rows]!
    func spread(_ number: Expression) -> Expression { number.converted(to: .i32).broadcast(to: lanes) }
    let line = Expression.laneNumbers(lanes).apply(.minimum, spread(count - .constant(1)))
    let rows = Access(buffer(workspace: workspace, .int32), .int32, .variable(cell) * .constant(lanes))
    stack.append(.store(rows, spread(lower).apply(.add, line), active: nil))
    return kernel(name: name, cells: rowBlocks(pattern, lanes), cell: cell)
  }

  /// A cell is a block of depth of a row. `found`: where rows of lines stand, of segments.
  private func cutRows(
    _ product: CubeProduct, _ pattern: ProductPattern, _ blocking: ProductBlocking, _ found: Int?, name: String
  ) throws -> MachineKernel {
    let cell = stack.variable("cell", .index)
    let left = product.left
    var remaining = Expression.variable(cell)
    var cells = HostExpression.constant(1)
    func take(_ count: HostExpression, _ name: String) -> Expression {
      cells = cells * count
      let count = scalar(count, "\(name)s")
      let taken = stack.define(name, .apply(.remainder, [remaining, count], .index))
      remaining = stack.define("outer", .apply(.quotient, [remaining, count], .index))
      return taken
    }
    let line = take(.constant(left.tile), "line")
    let at = remaining
    let block = take(left.blocks, "block")
    let rowBlock = take(rowBlocks(pattern, blocking.cellRows), "\(pattern.rows.name)_block")
    for axis in product.axes.reversed() {
      environment.bind(axis, LaneCoordinate(take(HostExpression(extentOf: axis), "\(axis.name)_at")))
    }
    stack.append(.note("slices of the left operand", program[left.value].location))
    let row: Expression
    if let found {
      let place = rowBlock * .constant(left.tile) + line
      let own = Access(buffer(workspace: found, .int32, written: false), .int32, place)
      // Of a block without rows it may be none.
      row = Expression.load(own, MachineType(.i32), active: nil).converted(to: .i64).maximum(.constant(0))
        .minimum(try length(pattern.rows) - .constant(1))
    } else {
      try bindRows(pattern, blocking.cellRows, rowBlock)
      let rows = domains[pattern.rows]!
      row = rows.lower + line.minimum(rows.count - .constant(1))
    }
    try cutLine(left, line, in: block, at: at, from: row)
    return kernel(name: name, cells: cells, cell: cell)
  }

  // MARK: The product

  private func multiply(
    _ products: [(id: ValueID, CubeProduct)], _ pattern: ProductPattern, _ rowBlock: Expression, _ round: CubeRound,
    into finished: [String]
  ) throws {
    let all = products[0].1
    let (rows, columns) = (all.left.tile, all.right.tile)
    let operands = try products.map { id, product in
      stack.append(.note("product", program[id].location))
      var tile = Expression.constant(0)
      for axis in product.axes {
        tile = tile * scalar(HostExpression(extentOf: axis), axis.name) + environment.coordinates[axis]!.base
      }
      tile = stack.define(
        "tile", tile * scalar(rowBlocks(pattern, rows), "\(pattern.rows.name)_blocks") + rowBlock)
      let total = exactScratch("totals", .f32, rows * columns)
      stack.append(.clear(buffer: total, offset: .constant(0), count: .constant(rows * columns)))
      let panel = try firstPanel(product.panels)
      return (id: id, product: product, tile: tile, panel: panel, total: total)
    }
    let blockCount = scalar(all.left.blocks, "\(all.left.depth.name)_blocks")
    func addBlocks(isNarrow: Bool) -> [MachineStatement] {
      let first = stack.variable("block", .index)
      stack.open()
      let parts = (0..<round.turns).flatMap { turn in
        operands.enumerated().map { number, own in
          let block = Expression.variable(first) + .constant(turn)
          return CubePart(
            id: own.id, product: own.product, left: own.tile * blockCount + block, right: own.panel * blockCount + block,
            exchange: own.product.exchange + turn, arrays: round.arrays[turn * operands.count + number],
            total: ArrayPart(own.total))
        }
      }
      for group in 0..<parts.count / round.together {
        let own = parts[(group * round.together)...].prefix(round.together)
        add(Array(own), isNarrow: isNarrow, rows: domains[pattern.rows]!.count)
      }
      return [.loop(CountedLoop(first, from: .constant(0), to: blockCount, step: round.turns, stack.close()))]
    }
    let widest = try operands.compactMap { own in
      try own.product.right.groups.map { groups in
        let place = Access(
          buffer(workspace: groups.widest, .int32, written: false), .int32, try matrix(own.product.panels))
        return stack.define("widest", .load(place, MachineType(.i32), active: nil))
      }
    }
    if let first = widest.first {
      let isWide = widest.dropFirst().reduce(first) { $0.apply(.maximum, $1) }.compared(
        .notEqual, .integer(Int64(CubeGroups.narrow), MachineType(.i32)))
      stack.append(.branch(isWide, addBlocks(isNarrow: false), addBlocks(isNarrow: true)))
    } else {
      stack.append(contentsOf: addBlocks(isNarrow: false))
    }
    // Totals of all rows and columns that a cell can have; of the product those are looked for that it has.
    for (own, finished) in zip(operands, finished) {
      stack.append(
        .storeRaw(
          buffer: finished, offset: .constant(0),
          .raw(buffer: own.total, offset: .constant(0), MachineType(.f32, rows * columns))))
    }
  }
}

/// A product on a matrix unit: its operands as they are cut.
struct CubeProduct {
  let left: CubeOperand
  let right: CubeOperand
  let panels: WeightPanels
  /// Parallel axes besides the rows that the left operand varies with.
  let axes: [Dimension]
  /// The position of the first workspace through which sums go.
  let exchange: Int

  /// The same for rows of one tile of the unit, in the same workspaces.
  var ofOneTile: CubeProduct {
    CubeProduct(
      left: left.with(tile: SliceProduct.tile), right: right, panels: panels, axes: axes, exchange: exchange,
      exchanges: exchanges)
  }

  /// Whether blocks of both are multiplied alike.
  func hasForm(of other: CubeProduct) -> Bool {
    left.hasForm(of: other.left) && right.hasForm(of: other.right)
  }

  /// How many of them there are, one for each block that is under way: while one is rounded the next arrives.
  let exchanges: Int

  /// Weights of products of slices, and sums of a cell's block: one for each weight, row and column.
  var weights: Int { left.sliceCount + right.sliceCount - 1 }
  var sums: Int { weights * left.tile * right.tile }
}
