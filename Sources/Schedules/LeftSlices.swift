import MachineIR
import TileIR

/// The left operand of products of byte matrices in the order of their lanes, by a kernel of its own: many cells of the
/// product read each row. E4M3 codes stay codes, which cells cut; integers are cut into slices.
/// Words: [axes of its own][block of rows][tile of 16 rows][block of depth][product][slice][lane].
/// Scales: a byte for each row of a tile's block, as `MatrixWeight.rowBias` says, 255 where one of its elements is NaN.
struct LeftSlices {
  let left: ValueID
  let scale: ValueID?
  /// As of the weight.
  let bits: Int?
  /// Depth of a block.
  let block: Int
  let depth: Dimension
  /// Words of a block of a tile.
  let blockWords: Int
  /// Parallel axes besides the rows that it varies with.
  let axes: [Dimension]
  /// Positions of the workspaces.
  let words: Int
  let scales: Int

  var blocks: HostExpression { HostExpression(extentOf: depth).dividedUp(by: block) }
}

extension RegionLowering {
  /// The slices of a product's left operand, and the kernel that cuts them; those that another product of the
  /// pattern has the same of, where there are any.
  func slices(
    of weight: MatrixWeight, _ pattern: ProductPattern, _ blocking: ProductBlocking, known: [LeftSlices],
    _ kernel: String
  ) throws -> LeftSlices {
    func isSame(_ a: ValueID?, _ b: ValueID?) -> Bool {
      guard let a, let b else { return a == b }
      return program[a].operation == program[b].operation && program[a].operands == program[b].operands
    }
    if let same = known.first(where: {
      isSame($0.left, weight.left) && isSame($0.scale, weight.leftScale) && $0.block == weight.panels.block
        && $0.bits == weight.bits
    }) {
      return same
    }
    let values = [weight.left] + (weight.leftScale.map { [$0] } ?? [])
    let slices = LeftSlices(
      left: weight.left, scale: weight.leftScale, bits: weight.bits, block: weight.panels.block,
      depth: pattern.depth, blockWords: weight.leftWords,
      axes: fixedAxes(pattern).filter { axis in values.contains { program[$0].axes.contains(axis) } },
      words: workspaces.count, scales: workspaces.count + 1)
    let tiles = slices.axes.reduce(rowBlocks(pattern, blocking.cellRows)) {
      $0 * HostExpression(extentOf: $1)
    }
    let blocks = tiles * .constant(blocking.cellRows / ByteMatrices.rows) * slices.blocks
    let name = known.isEmpty ? "left" : "left_\(known.count + 1)"
    let content = slices.bits == nil ? "codes" : "slices"
    workspaces.append(
      Workspace(name: "\(name)_\(content)", byteCount: blocks * .constant(4 * slices.blockWords)))
    workspaces.append(Workspace(name: "\(name)_scales", byteCount: blocks * .constant(ByteMatrices.rows)))
    let lowering = sibling()
    before.append(
      try lowering.lowerSlices(
        slices, pattern, blocking, name: "\(kernel)_\(content)_\(name)", cells: blocks))
    return slices
  }

  /// The number of a cell's first tile among those of `slices`.
  func firstTile(
    _ slices: LeftSlices, _ pattern: ProductPattern, _ blocking: ProductBlocking, rowBlock: Expression
  ) -> Expression {
    var number = Expression.constant(0)
    for axis in slices.axes {
      number =
        number * scalar(HostExpression(extentOf: axis), axis.name) + environment.coordinates[axis]!.base
    }
    let blocks = scalar(rowBlocks(pattern, blocking.cellRows), "\(pattern.rows.name)_blocks")
    return stack.define(
      "first_tile", (number * blocks + rowBlock) * .constant(blocking.cellRows / ByteMatrices.rows))
  }

  // MARK: The kernel

  /// A cell is a block of a tile; a lowering of its own builds it.
  private func lowerSlices(
    _ slices: LeftSlices, _ pattern: ProductPattern, _ blocking: ProductBlocking, name: String,
    cells: HostExpression
  ) throws -> MachineKernel {
    let cell = stack.variable("cell", .index)
    var remaining = Expression.variable(cell)
    func take(_ count: HostExpression, _ name: String) -> Expression {
      let count = scalar(count, "\(name)s")
      let taken = stack.define(name, .apply(.remainder, [remaining, count], .index))
      remaining = stack.define("outer", .apply(.quotient, [remaining, count], .index))
      return taken
    }
    let block = take(slices.blocks, "block")
    let tile = take(.constant(blocking.cellRows / ByteMatrices.rows), "tile")
    let rowBlock = take(rowBlocks(pattern, blocking.cellRows), "\(pattern.rows.name)_block")
    for axis in slices.axes.reversed() {
      environment.bind(axis, LaneCoordinate(take(HostExpression(extentOf: axis), "\(axis.name)_at")))
    }
    try bindRows(pattern, blocking.cellRows, rowBlock)
    let rows = domains[pattern.rows]!
    let first = stack.define("first", tile * .constant(ByteMatrices.rows))
    let count = stack.define("tile_rows", (rows.count - first).minimum(.constant(ByteMatrices.rows)))
    let start = stack.define("start", block * .constant(slices.block))
    stack.open()
    let lower = stack.define("tile_lower", rows.lower + first)
    stack.append(.note("the left operand in the order of lanes", program[slices.left].location))
    let tileCut = LeftTile(
      slices: slices, rows: pattern.rows, lower: lower, count: count, start: start, cell: .variable(cell))
    if let bits = slices.bits {
      try cutIntegers(tileCut, bits: bits)
    } else {
      try packCodes(tileCut)
    }
    let body = stack.close()
    stack.append(.branch(count.compared(.greater, .constant(0)), body, []))
    return self.kernel(name: name, cells: cells, cell: cell)
  }

  /// Codes of E4M3, four to a word, and their scales.
  private func packCodes(_ tile: LeftTile) throws {
    let type = ByteMatrices.left
    let target = buffer(workspace: tile.slices.words, .int32)
    let (worst, word) = (stack.variable("worst", type), stack.variable("word", type))
    stack.append(.declare(worst, .integer(0, type)))
    try forEachStep(tile) {
      self.stack.append(.declare(word, .integer(0, type)))
    } element: { byte, code in
      let size = code.apply(.and, ByteFragments.integer(0x7F, type.lanes))
      self.stack.append(.assign(worst, Expression.variable(worst).apply(.maximum, size)))
      let moved = code.apply(.shiftLeft, ByteFragments.integer(8 * byte, type.lanes))
      self.stack.append(.assign(word, Expression.variable(word).apply(.or, moved)))
    } after: { step in
      let at = tile.cell * .constant(tile.slices.blockWords) + step * .constant(type.lanes)
      self.stack.append(.store(Access(target, .int32, at), .variable(word), active: nil))
    }
    try storeScales(tile, worst)
  }

  /// Goes through the elements of a tile's block, a product's depth in a step. `element` gets those at each of a lane's
  /// four depths, by the depth's number; where there is none they are 0. `before` and `after` are each step's frame, and
  /// `after` gets its number.
  func forEachStep(
    _ tile: LeftTile, before: () -> Void = {}, element: (Int, Expression) throws -> Void,
    after: (Expression) -> Void = { _ in }
  ) throws {
    let type = ByteMatrices.left
    func constant(_ value: Int) -> Expression { ByteFragments.integer(value, type.lanes) }
    let tileRows = tile.count.converted(to: .i32).broadcast(to: type.lanes)
    let row = stack.define("row", ByteFragments.leftRow)
    let ownRow = stack.define("own_row", row.apply(.minimum, tileRows.apply(.subtract, constant(1))))
    let length = try self.length(tile.slices.depth)
    let step = stack.variable("step", .index)
    stack.open()
    let stepStart = stack.define(
      "step_start", tile.start + Expression.variable(step) * .constant(ByteFragments.depth))
    let left = stack.define(
      "step_depth", (length - stepStart).minimum(.constant(ByteFragments.depth)).converted(to: .i32))
    before()
    var inside: [MachineStatement] = []
    for byte in 0..<4 {
      stack.open(binding: [tile.rows, tile.slices.depth])
      var inner = environment
      inner.lanes = type.lanes
      inner.active = nil
      let depths = stack.define("depths", ByteFragments.leftDepth.apply(.add, constant(byte)))
      let bound = left.broadcast(to: type.lanes)
      inner.bind(tile.rows, LaneCoordinate(tile.lower, lanes: .general(ownRow)))
      inner.bind(
        tile.slices.depth,
        LaneCoordinate(
          stepStart, lanes: .general(depths.apply(.minimum, bound.apply(.subtract, constant(1))))))
      let exists = row.compared(.less, tileRows).apply(.and, depths.compared(.less, bound))
      let value = stack.define("element", try emitWide(tile.slices.left, inner))
      let bits = value.type.scalar == .f32 ? value.bitCast(to: .i32) : value
      try element(byte, stack.define("kept", .apply(.select, [exists, bits, .integer(0, type)], type)))
      inside += stack.close()
    }
    stack.append(.branch(stepStart.compared(.less, length), inside, []))
    after(.variable(step))
    stack.append(
      .loop(
        CountedLoop(
          step, from: .constant(0), to: .constant(tile.slices.block / ByteFragments.depth), stack.close())))
  }

  /// Cuts the integers that `integer` makes of elements, the bits of `float32`.
  func cutSlices(_ tile: LeftTile, integer: (Expression) throws -> Expression) throws {
    let type = ByteMatrices.left
    let target = buffer(workspace: tile.slices.words, .int32)
    let words = (0..<ByteFragments.slices).map { stack.variable("slice_\($0)", type) }
    try forEachStep(tile) {
      for word in words { self.stack.append(.declare(word, .integer(0, type))) }
    } element: { byte, kept in
      let own = self.stack.define("integer", try integer(kept))
      for (slice, word) in words.enumerated() {
        let bits = ByteFragments.byte(slice, of: own, at: byte)
        self.stack.append(.assign(word, Expression.variable(word).apply(.or, bits)))
      }
    } after: { step in
      let at =
        tile.cell * .constant(tile.slices.blockWords) + step * .constant(ByteFragments.slices * type.lanes)
      for (slice, word) in words.enumerated() {
        self.stack.append(
          .store(Access(target, .int32, at + .constant(slice * type.lanes)), .variable(word), active: nil))
      }
    }
  }

  private func storeScales(_ tile: LeftTile, _ worst: Variable) throws {
    let lanes = ByteMatrices.rows
    let type = MachineType(.i32, lanes)
    let isNaN = rowsFolded(.variable(worst)).compared(.equal, ByteFragments.integer(0x7F, lanes))
    var code = Expression.integer(127, type)
    if let scale = tile.slices.scale {
      stack.open(binding: [tile.rows, tile.slices.depth])
      var inner = environment
      inner.lanes = lanes
      inner.active = nil
      let last = tile.count.converted(to: .i32).broadcast(to: lanes)
        .apply(.subtract, ByteFragments.integer(1, lanes))
      inner.bind(
        tile.rows,
        LaneCoordinate(tile.lower, lanes: .general(Expression.laneNumbers(lanes).apply(.minimum, last))))
      inner.bind(tile.slices.depth, LaneCoordinate(tile.start, alignment: tile.slices.block))
      code = stack.define("scale", try emitWide(scale, inner))
      let statements = stack.close()
      stack.append(contentsOf: statements)
    }
    storeRowCodes(tile, .apply(.select, [isNaN, .integer(255, type), code], type))
  }

  /// The largest of each row's lanes: they are four neighbours of two registers that lie half the value apart.
  func rowsFolded(_ value: Expression) -> Expression {
    pairsFolded(halvesFolded(value), to: ByteMatrices.rows)
  }

  func storeRowCodes(_ tile: LeftTile, _ codes: Expression) {
    let target = buffer(workspace: tile.slices.scales, .uint8)
    stack.append(
      .store(Access(target, .uint8, tile.cell * .constant(ByteMatrices.rows)), codes, active: nil))
  }
}

/// One block of depth of one tile of rows, while it is cut.
struct LeftTile {
  let slices: LeftSlices
  let rows: Dimension
  /// The first row, and how many there are.
  let lower: Expression
  let count: Expression
  /// The first depth coordinate.
  let start: Expression
  /// The block's number through all tiles.
  let cell: Expression
}
