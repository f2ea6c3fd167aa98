import MachineIR
import TileIR

/// The left operand of products of byte matrices, cut into slices by a kernel of its own: many cells of the product
/// read each row. Words: [axes of its own][block of rows][tile of 16 rows][block of depth][product][slice][lane].
/// Scales: a byte of E8M0 for each row of a tile's block, NaN where one of its codes is.
struct LeftSlices {
  let left: ValueID
  let scale: ValueID?
  /// Depth of a block.
  let block: Int
  let depth: Dimension
  /// Parallel axes besides the rows that it varies with.
  let axes: [Dimension]
  /// Positions of the workspaces.
  let words: Int
  let scales: Int

  /// Words of a block of a tile.
  var blockWords: Int {
    block / ByteFragments.depth * ByteFragments.slices * ByteMatrices.left.lanes
  }
  var blocks: HostExpression { HostExpression(extentOf: depth).dividedUp(by: block) }
}

extension RegionLowering {
  /// The slices of a product's left operand, and the kernel that cuts them; those that another product of the
  /// pattern has the same of, where there are any.
  func slices(
    of weight: MatrixWeight, _ pattern: ProductPattern, _ blocking: ProductBlocking, known: [LeftSlices], _ kernel: String
  ) throws -> LeftSlices {
    func isSame(_ a: ValueID?, _ b: ValueID?) -> Bool {
      guard let a, let b else { return a == b }
      return program[a].operation == program[b].operation && program[a].operands == program[b].operands
    }
    if let same = known.first(where: {
      isSame($0.left, weight.left) && isSame($0.scale, weight.leftScale) && $0.block == weight.panels.block
    }) { return same }
    let values = [weight.left] + (weight.leftScale.map { [$0] } ?? [])
    let slices = LeftSlices(
      left: weight.left, scale: weight.leftScale, block: weight.panels.block, depth: pattern.depth,
      axes: region.axes.map(\.dimension).filter { axis in
        pattern.fixed.contains(axis) && values.contains { program[$0].axes.contains(axis) }
      }, words: workspaces.count, scales: workspaces.count + 1)
    let tiles = slices.axes.reduce(rowBlocks(pattern, blocking.cellRows)) { $0 * HostExpression(extentOf: $1) }
    let blocks = tiles * .constant(blocking.cellRows / ByteMatrices.rows) * slices.blocks
    let name = known.isEmpty ? "left" : "left_\(known.count + 1)"
    workspaces.append(Workspace(name: "\(name)_slices", byteCount: blocks * .constant(4 * slices.blockWords)))
    workspaces.append(Workspace(name: "\(name)_scales", byteCount: blocks * .constant(ByteMatrices.rows)))
    let lowering = RegionLowering(
      program: program, region: region, machine: machine, schedule: schedule, workspaces: workspaces, messages: [],
      stateWritten: stateWritten)
    before.append(
      try lowering.lowerSlices(slices, pattern, blocking, name: "\(kernel)_slices_\(name)", cells: blocks))
    return slices
  }

  /// The number of a cell's first tile among those of `slices`.
  func firstTile(
    _ slices: LeftSlices, _ pattern: ProductPattern, _ blocking: ProductBlocking, rowBlock: Expression
  ) -> Expression {
    var number = Expression.constant(0)
    for axis in slices.axes {
      number = number * scalar(HostExpression(extentOf: axis), axis.name) + environment.coordinates[axis]!.base
    }
    let blocks = scalar(rowBlocks(pattern, blocking.cellRows), "\(pattern.rows.name)_blocks")
    return stack.define(
      "first_tile", (number * blocks + rowBlock) * .constant(blocking.cellRows / ByteMatrices.rows))
  }

  // MARK: The kernel

  /// A cell is a block of a tile; a lowering of its own builds it.
  private func lowerSlices(
    _ slices: LeftSlices, _ pattern: ProductPattern, _ blocking: ProductBlocking, name: String, cells: HostExpression
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
    let worst = stack.variable("worst", ByteMatrices.left)
    stack.append(.declare(worst, .integer(0, worst.type)))
    let lower = stack.define("tile_lower", rows.lower + first)
    stack.append(.note("slices of the left operand", program[slices.left].location))
    try cutSlices(slices, pattern.rows, lower, count, start, at: .variable(cell), worst)
    try storeScales(slices, pattern.rows, lower, count, start, at: .variable(cell), worst)
    let body = stack.close()
    stack.append(.branch(count.compared(.greater, .constant(0)), body, []))
    return self.kernel(name: name, cells: cells, cell: cell)
  }

  private func cutSlices(
    _ slices: LeftSlices, _ rows: Dimension, _ lower: Expression, _ count: Expression, _ start: Expression,
    at cell: Expression, _ worst: Variable
  ) throws {
    let type = ByteMatrices.left
    func constant(_ value: Int) -> Expression { ByteFragments.integer(value, type.lanes) }
    let target = buffer(workspace: slices.words, .int32)
    let tileRows = count.converted(to: .i32).broadcast(to: type.lanes)
    let row = stack.define("row", ByteFragments.leftRow)
    let ownRow = stack.define("own_row", row.apply(.minimum, tileRows.apply(.subtract, constant(1))))
    let length = try self.length(slices.depth)
    let step = stack.variable("step", .index)
    stack.open()
    let stepStart = stack.define("step_start", start + Expression.variable(step) * .constant(ByteFragments.depth))
    let left = stack.define(
      "step_depth", (length - stepStart).minimum(.constant(ByteFragments.depth)).converted(to: .i32))
    let words = (0..<ByteFragments.slices).map { stack.variable("slice_\($0)", type) }
    for word in words { stack.append(.declare(word, .integer(0, type))) }
    var inside: [MachineStatement] = []
    for byte in 0..<4 {
      stack.open(binding: [rows, slices.depth])
      var inner = environment
      inner.lanes = type.lanes
      inner.active = nil
      let depths = stack.define("depths", ByteFragments.leftDepth.apply(.add, constant(byte)))
      let bound = left.broadcast(to: type.lanes)
      inner.bind(rows, LaneCoordinate(lower, lanes: .general(ownRow)))
      inner.bind(
        slices.depth,
        LaneCoordinate(stepStart, lanes: .general(depths.apply(.minimum, bound.apply(.subtract, constant(1))))))
      let exists = row.compared(.less, tileRows).apply(.and, depths.compared(.less, bound))
      let code = stack.define("code", try emitWide(slices.left, inner))
      let kept = stack.define("kept", .apply(.select, [exists, code, .integer(0, type)], type))
      let size = kept.apply(.and, constant(0x7F))
      stack.append(.assign(worst, Expression.variable(worst).apply(.maximum, size)))
      let integer = stack.define("integer", ByteFragments.integers(kept))
      for (slice, word) in words.enumerated() {
        let bits = ByteFragments.byte(slice, of: integer, at: byte)
        stack.append(.assign(word, Expression.variable(word).apply(.or, bits)))
      }
      inside += stack.close()
    }
    stack.append(.branch(stepStart.compared(.less, length), inside, []))
    let at = cell * .constant(slices.blockWords) + Expression.variable(step)
      * .constant(ByteFragments.slices * type.lanes)
    for (slice, word) in words.enumerated() {
      stack.append(
        .store(Access(target, .int32, at + .constant(slice * type.lanes)), .variable(word), active: nil))
    }
    stack.append(
      .loop(
        CountedLoop(
          step, from: .constant(0), to: .constant(slices.block / ByteFragments.depth), stack.close())))
  }

  private func storeScales(
    _ slices: LeftSlices, _ rows: Dimension, _ lower: Expression, _ count: Expression, _ start: Expression,
    at cell: Expression, _ worst: Variable
  ) throws {
    let lanes = ByteMatrices.rows
    let type = MachineType(.i32, lanes)
    // A row's codes are in four neighbouring lanes of two registers that lie half the value apart.
    let isNaN = pairsFolded(halvesFolded(.variable(worst)), to: lanes)
      .compared(.equal, ByteFragments.integer(0x7F, lanes))
    var code = Expression.integer(127, type)
    if let scale = slices.scale {
      stack.open(binding: [rows, slices.depth])
      var inner = environment
      inner.lanes = lanes
      inner.active = nil
      let last = count.converted(to: .i32).broadcast(to: lanes).apply(.subtract, ByteFragments.integer(1, lanes))
      inner.bind(rows, LaneCoordinate(lower, lanes: .general(Expression.laneNumbers(lanes).apply(.minimum, last))))
      inner.bind(slices.depth, LaneCoordinate(start, alignment: slices.block))
      code = stack.define("scale", try emitWide(scale, inner))
      let statements = stack.close()
      stack.append(contentsOf: statements)
    }
    let stored = Expression.apply(.select, [isNaN, .integer(255, type), code], type)
    let target = buffer(workspace: slices.scales, .uint8)
    stack.append(
      .store(Access(target, .uint8, cell * .constant(lanes)), stored, active: nil))
  }
}
