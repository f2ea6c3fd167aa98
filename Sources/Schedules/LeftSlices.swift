import MachineIR
import TileIR

/// The left operand of products of matrices in the order of their lanes, by a kernel of its own: many cells of the
/// product read each row. E4M3 codes stay codes, whose parts cells take, a zero in the place of NaN; integers are cut into
/// slices.
/// Words: [axes of its own][block of rows][block of depth][tile of rows][product][slice][lane].
/// Scales: a byte for each row of a tile's block, as `MatrixWeight.rowBias` says, 255 where one of its elements is NaN;
/// of eight rows eight bytes more that say whether one of their scales is far from 1 (`GroupScales.near`).
struct LeftSlices {
  let left: ValueID
  let scale: ValueID?
  /// As of the weight.
  let bits: Int?
  /// Depth of a block.
  let block: Int
  let depth: Dimension
  /// Words of a block of a tile, its rows, and the lanes of one product.
  let blockWords: Int
  let tileRows: Int
  let lanes: Int
  /// Parallel axes besides the rows that it varies with.
  let axes: [Dimension]
  /// Positions of the workspaces.
  let words: Int
  let scales: Int

  /// Bytes of the scales of a tile's block.
  static let scaleBytes = 16

  var blocks: HostExpression { HostExpression(extentOf: depth).dividedUp(by: block) }
  /// Tiles of a block of rows.
  var tiles: Int { ProductBlocking.matrixRows / tileRows }
}

extension RegionLowering {
  /// The slices of a product's left operand, and the kernel that cuts them; those that another product of the
  /// pattern, or of a region before, has the same of, where there are any.
  func slices(
    of weight: MatrixWeight, _ pattern: ProductPattern, known: [LeftSlices], _ kernel: String
  ) throws -> LeftSlices {
    if let same = known.first(where: {
      isSame($0.left, weight.left) && isSame($0.scale, weight.leftScale) && $0.block == weight.panels.block
        && $0.bits == weight.bits
    }) {
      return same
    }
    let values = [weight.left] + (weight.leftScale.map { [$0] } ?? [])
    let slices = LeftSlices(
      left: weight.left, scale: weight.leftScale, bits: weight.bits, block: weight.panels.block,
      depth: pattern.depth, blockWords: weight.leftWords, tileRows: weight.tileRows, lanes: weight.leftLanes,
      axes: fixedAxes(pattern).filter { axis in values.contains { program[$0].axes.contains(axis) } },
      words: workspaces.count, scales: workspaces.count + 1)
    let rowBlocks = slices.axes.reduce(rowBlocks(pattern, ProductBlocking.matrixRows)) {
      $0 * HostExpression(extentOf: $1)
    }
    let blocks = rowBlocks * slices.blocks
    let tiles = blocks * .constant(slices.tiles)
    let name = known.isEmpty ? "left" : "left_\(known.count + 1)"
    let content = slices.bits == nil ? "codes" : "slices"
    workspaces.append(
      Workspace(name: "\(name)_\(content)", byteCount: tiles * .constant(4 * slices.blockWords)))
    workspaces.append(Workspace(name: "\(name)_scales", byteCount: tiles * .constant(LeftSlices.scaleBytes)))
    let lowering = sibling()
    before.append(
      try lowering.lowerSlices(
        slices, pattern, name: "\(kernel)_\(content)_\(name)", blocks: blocks))
    return slices
  }

  /// Whether two values are one, computed alike.
  func isSame(_ a: ValueID?, _ b: ValueID?) -> Bool {
    guard let a, let b else { return a == b }
    let (x, y) = (program[a], program[b])
    return a == b
      || x.operation == y.operation && x.operands.count == y.operands.count
        && zip(x.operands, y.operands).allSatisfy { isSame($0, $1) }
  }

  /// The number of a cell's block of rows among those of `slices`.
  func rowBlock(of slices: LeftSlices, _ pattern: ProductPattern, _ rowBlock: Expression) -> Expression {
    if slices.axes.isEmpty { return rowBlock }
    var number = Expression.constant(0)
    for axis in slices.axes {
      number =
        number * scalar(HostExpression(extentOf: axis), axis.name) + environment.coordinates[axis]!.base
    }
    let blocks = scalar(rowBlocks(pattern, ProductBlocking.matrixRows), "\(pattern.rows.name)_blocks")
    return stack.define("row_block", number * blocks + rowBlock)
  }

  // MARK: The kernel

  /// A cell is a block of depth of a tile of rows, or of all tiles of a block of rows, where it has to look for them
  /// among segments. A lowering of its own builds it.
  private func lowerSlices(
    _ slices: LeftSlices, _ pattern: ProductPattern, name: String, blocks: HostExpression
  ) throws -> MachineKernel {
    let cell = stack.variable("cell", .index)
    var remaining = Expression.variable(cell)
    func take(_ count: HostExpression, _ name: String) -> Expression {
      let count = scalar(count, "\(name)s")
      let taken = stack.define(name, .apply(.remainder, [remaining, count], .index))
      remaining = stack.define("outer", .apply(.quotient, [remaining, count], .index))
      return taken
    }
    let takesAll = pattern.partition != nil
    let tile = takesAll ? nil : take(.constant(slices.tiles), "tile")
    let block = take(slices.blocks, "block")
    let rowBlock = take(rowBlocks(pattern, ProductBlocking.matrixRows), "\(pattern.rows.name)_block")
    for axis in slices.axes.reversed() {
      environment.bind(axis, LaneCoordinate(take(HostExpression(extentOf: axis), "\(axis.name)_at")))
    }
    try bindRows(pattern, ProductBlocking.matrixRows, rowBlock)
    let rows = domains[pattern.rows]!
    let start = stack.define("start", block * .constant(slices.block))
    let place = (lower: rows.lower, count: rows.count, start: start)
    guard takesAll else {
      try cut(slices, pattern.rows, place, tile: tile!, number: .variable(cell))
      return self.kernel(name: name, cells: blocks * .constant(slices.tiles), cell: cell)
    }
    let counter = stack.variable("tile", .index)
    stack.open()
    let number = stack.define("tile_number", Expression.variable(cell) * .constant(slices.tiles) + .variable(counter))
    try cut(slices, pattern.rows, place, tile: .variable(counter), number: number)
    stack.append(
      .loop(CountedLoop(counter, from: .constant(0), to: .constant(slices.tiles), stack.close())))
    return self.kernel(name: name, cells: blocks, cell: cell)
  }

  private func cut(
    _ slices: LeftSlices, _ rows: Dimension,
    _ place: (lower: Expression, count: Expression, start: Expression), tile: Expression, number: Expression
  ) throws {
    let first = stack.define("first", tile * .constant(slices.tileRows))
    let count = stack.define("tile_rows", (place.count - first).minimum(.constant(slices.tileRows)))
    let lower = stack.define("tile_lower", place.lower + first)
    stack.append(.note("the left operand in the order of lanes", program[slices.left].location))
    let own = LeftTile(
      slices: slices, rows: rows, lower: lower, count: count, start: place.start, number: number)
    if let bits = slices.bits {
      try cutIntegers(own, bits: bits)
    } else {
      try packCodes(own)
    }
  }

  /// Codes of E4M3, four to a word, and their scales.
  private func packCodes(_ tile: LeftTile) throws {
    let type = MachineType(.i32, tile.slices.lanes)
    let target = buffer(workspace: tile.slices.words, .int32)
    let (worst, word) = (stack.variable("worst", type), stack.variable("word", type))
    stack.append(.declare(worst, .integer(0, type)))
    try forEachStep(tile) {
      self.stack.append(.declare(word, .integer(0, type)))
    } element: { byte, code in
      let size = self.stack.define("size", code.apply(.and, ByteFragments.integer(0x7F, type.lanes)))
      self.stack.append(.assign(worst, Expression.variable(worst).apply(.maximum, size)))
      let moved = ByteFragments.number(code, size: size).apply(.shiftLeft, ByteFragments.integer(8 * byte, type.lanes))
      self.stack.append(.assign(word, Expression.variable(word).apply(.or, moved)))
    } after: { step in
      let at = tile.number * .constant(tile.slices.blockWords) + step * .constant(type.lanes)
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
    let type = MachineType(.i32, tile.slices.lanes)
    let isLeft = type == ByteMatrices.left
    func constant(_ value: Int) -> Expression { ByteFragments.integer(value, type.lanes) }
    let tileRows = tile.count.converted(to: .i32).broadcast(to: type.lanes)
    let row = stack.define("row", isLeft ? ByteFragments.leftRow() : ByteFragments.rightColumn)
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
      let first = isLeft ? ByteFragments.leftDepth() : ByteFragments.rightDepth
      let depths = stack.define("depths", first.apply(.add, constant(byte)))
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
    // A tile may have no rows; cells copy all of a block of rows.
    let isInside = MachineStatement.branch(stepStart.compared(.less, length), inside, [])
    stack.append(.branch(tile.count.compared(.greater, .constant(0)), [isInside], []))
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
        tile.number * .constant(tile.slices.blockWords) + step * .constant(ByteFragments.slices * type.lanes)
      for (slice, word) in words.enumerated() {
        self.stack.append(
          .store(Access(target, .int32, at + .constant(slice * type.lanes)), .variable(word), active: nil))
      }
    }
  }

  private func storeScales(_ tile: LeftTile, _ worst: Variable) throws {
    let lanes = tile.slices.tileRows
    let type = MachineType(.i32, lanes)
    let isNaN = linesFolded(.variable(worst), to: lanes).compared(.equal, ByteFragments.integer(0x7F, lanes))
    let code = stack.variable("scale_code", type)
    stack.append(.declare(code, .integer(127, type)))
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
      stack.append(.assign(code, try emitWide(scale, inner)))
      let statements = stack.close()
      stack.append(.branch(tile.count.compared(.greater, .constant(0)), statements, []))
    }
    storeRowCodes(tile, .apply(.select, [isNaN, .integer(255, type), .variable(code)], type))
  }

  func storeRowCodes(_ tile: LeftTile, _ codes: Expression) {
    let target = buffer(workspace: tile.slices.scales, .uint8)
    let (stored, at) = (stack.define("stored", codes), tile.number * .constant(LeftSlices.scaleBytes))
    stack.append(.store(Access(target, .uint8, at), stored, active: nil))
    guard tile.slices.tileRows < LeftSlices.scaleBytes else { return }
    let type = stored.type
    let far = stack.define(
      "far", .apply(.select, [GroupScales.isNear(stored), .integer(0, type), .integer(1, type)], type))
    let any = stack.define("any_far", foldLanes(far) { $0.apply(.or, $1) }).broadcast(to: type.lanes)
    let second = Access(target, .uint8, at + .constant(type.lanes))
    stack.append(.store(second, any, active: nil))
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
  let number: Expression
}
