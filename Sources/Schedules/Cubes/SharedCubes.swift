import MachineIR
import TileIR

/// Fixed-point products of a block of a parallel axis with rows that its coordinates share, such as of an attention's heads
/// with the keys of their token, on a matrix unit of whole tiles.
///
/// A cell has sixteen rows of the left operand. The listed rows are cut into slices ahead (`ListedRows`), and it takes
/// those of its list to memory beside the unit, so many at a time: as columns, whose depth is the channels (scores), or as
/// the depth, whose columns are the channels (values). In the first case rows of the left operand are cut ahead too; in the
/// second the cell computes them, a block of the list at a time, with the listed rows' powers of two folded in.
struct SharedCube {
  let id: ValueID
  let rows: Dimension
  let columns: Dimension
  let depth: Dimension
  let list: ListedRows
  /// How many listed rows are summed exactly; nil where channels are, all at once.
  let block: Int?

  /// Rows of a cell, and columns that are multiplied at once.
  static let height = SliceProduct.tile
  static let columns = 64
  /// Rows that a vector core takes side by side, so that instructions of one do not wait for each other alone.
  static let rowsTogether = 4
  /// Tiles of listed rows that are columns in a round.
  static let tiles = 2
  /// Listed rows that are summed exactly.
  static let block = 128
  /// Columns at once of so many channels.
  var width: Int { block == nil ? Self.columns : min(Self.columns, list.depth) }
}

extension RegionLowering {
  /// A product in the form of `SharedCube`; nil for another.
  func sharedCube(_ id: ValueID) -> SharedCube? {
    guard machine.has(.sliceProducts), pattern == nil, let rows = sharedAxis,
      case .product(let depth, let productClass, false, false) = program[id].operation
    else { return nil }
    let axes = analysis.innerAxes(id)
    let (left, right) = (program[id].operands[0], program[id].operands[1])
    guard axes.count == 2, axes[0] == rows, Set(analysis.innerAxes(left)) == [rows, depth],
      Set(analysis.innerAxes(right)) == [axes[1], depth]
    else { return nil }
    let columns = axes[1]
    func fits(_ bits: Int) -> Bool { (9...ByteFragments.slices * ByteFragments.sliceBits).contains(bits) }
    switch productClass {
    case .fixedPoint(let bits, let block):
      guard fits(bits), let extent = depth.extent, extent <= block,
        program[FixedPanels.narrow(left, in: program)].type == .bfloat16, isReadOnly(left),
        let list = ListedRows(self, right, columns, depth, bits: bits)
      else { return nil }
      return SharedCube(id: id, rows: rows, columns: columns, depth: depth, list: list, block: nil)
    case .fixedPointFolded(let bits, let block, columns):
      guard fits(bits), block == SharedCube.block, let list = ListedRows(self, right, depth, columns, bits: bits) else {
        return nil
      }
      return SharedCube(id: id, rows: rows, columns: columns, depth: depth, list: list, block: block)
    default: return nil
    }
  }

  /// Whether all fixed-point products of the region have this form, and it has some.
  func findsSharedCubes() -> Bool {
    let products = analysis.anchors.filter { id in
      switch program[id].operation {
      case .product(_, .fixedPoint, _, _), .product(_, .fixedPointFolded, _, _): true
      default: false
      }
    }
    return !products.isEmpty && products.allSatisfy { sharedCube($0) != nil }
  }

  /// Whether a cell's results for a list stay on chip. Longer ones are in main memory, whose copies take the time then.
  private func hasShortList(_ shared: SharedCube) -> Bool {
    most(shared.list.list).constantValue.map { 4 * SharedCube.height * $0 <= Self.mostResultBytes } ?? false
  }
  private static let mostResultBytes = 64 << 10

  /// Whether the lists of all products do.
  func findsShortLists() -> Bool { analysis.anchors.compactMap { sharedCube($0) }.allSatisfy(hasShortList) }

  func lower(_ shared: SharedCube) throws {
    let cut = try cutRows(shared.list)
    let exponents = try exponents(of: shared.list, cut)
    stack.append(.note(name(of: shared.id), program[shared.id].location))
    let outer = environment
    defer { environment = outer }
    if let block = shared.block {
      try addBlocks(shared, cut, try weights(shared, block, exponents), block)
    } else {
      try multiplyChannels(shared, cut, exponents)
    }
  }

  /// The arrays of a cell's products, one after the other, and the buffers that the sums of tiles go through, of so many
  /// under way: the unit multiplies the next while those of one are rounded.
  private func arrays(_ shared: SharedCube, tiles: Int) -> (CubeArrays, exchanges: [String]) {
    let weights = 2 * ByteFragments.slices - 1
    let arrays =
      sharedArrays
      ?? CubeArrays(
        self, rows: SharedCube.height, columns: SharedCube.columns, sums: weights * SharedCube.height * SharedCube.columns)
    sharedArrays = arrays
    let bytes = 4 * weights * SharedCube.height * shared.width * (machine.npu?.vectorCores ?? 1)
    let exchanges = (0..<tiles).map { _ in
      workspaces.append(Workspace(name: "\(name(of: shared.id))_exchange", byteCount: .constant(bytes)))
      return buffer(workspace: workspaces.count - 1, .int32)
    }
    return (arrays, exchanges)
  }

  // MARK: Along channels

  /// The left operand's rows as a kernel before cuts them: a tile is a cell's.
  private func cutLeft(_ shared: SharedCube) throws -> CubeOperand {
    let left = FixedPanels.narrow(program[shared.id].operands[0], in: program)
    let fixed = region.axes.map(\.dimension).filter { $0 != shared.rows }
    let blocks = HostExpression(extentOf: shared.rows).dividedUp(by: SharedCube.height)
    let operand = cubeOperand(
      left, scale: nil, bits: shared.list.bits, lines: shared.rows, tile: SharedCube.height, depth: shared.depth,
      block: shared.list.depth, tiles: fixed.reduce(blocks) { $0 * HostExpression(extentOf: $1) },
      name: name(of: left), prepares: nil)
    before.append(try sibling().cutTiles(operand, fixed, name: "\(program.name)_slices_\(name(of: left))"))
    return operand
  }

  private func cutTiles(_ operand: CubeOperand, _ fixed: [Dimension], name: String) throws -> MachineKernel {
    let cell = stack.variable("cell", .index)
    var cells = HostExpression(extentOf: operand.lines).dividedUp(by: operand.tile)
    let count = scalar(cells, "\(operand.lines.name)_blocks")
    let block = stack.define("\(operand.lines.name)_block", .apply(.remainder, [.variable(cell), count], .index))
    var remaining = stack.define("outer", .apply(.quotient, [.variable(cell), count], .index))
    for (position, axis) in fixed.enumerated().reversed() {
      let extent = HostExpression(extentOf: axis)
      cells = cells * extent
      var at = remaining
      if position > 0 {
        let extent = scalar(extent, axis.name)
        at = stack.define("\(axis.name)_at", .apply(.remainder, [remaining, extent], .index))
        remaining = stack.define("outer", .apply(.quotient, [remaining, extent], .index))
      }
      environment.bind(axis, LaneCoordinate(at))
    }
    let first = stack.define("first", block * .constant(operand.tile))
    let lines = stack.define("lines", (try length(operand.lines) - first).minimum(.constant(operand.tile)))
    stack.append(.note("slices of the left operand", program[operand.value].location))
    try cutTile(operand, .variable(cell), lower: first, count: lines)
    return kernel(name: name, cells: cells, cell: cell)
  }

  /// Results whose columns are listed rows, a tile of them at a time.
  private func multiplyChannels(_ shared: SharedCube, _ cut: CutRows, _ exponents: String) throws {
    let left = try cutLeft(shared)
    let (height, width, depth) = (SharedCube.height, shared.width, shared.list.depth)
    let (arrays, exchanges) = arrays(shared, tiles: hasShortList(shared) ? SharedCube.tiles : 1)
    // The cell's tile of the left operand.
    var tile = Expression.constant(0)
    for axis in region.axes.map(\.dimension) where axis != shared.rows {
      tile = tile * scalar(HostExpression(extentOf: axis), axis.name) + environment.coordinates[axis]!.base
    }
    let blocks = scalar(HostExpression(extentOf: shared.rows).dividedUp(by: height), "\(shared.rows.name)_blocks")
    tile = stack.define("tile", tile * blocks + domains[shared.rows]!.lower.divided(by: height))
    let rowExponents = buffer(workspace: left.exponents, .int32, written: false)
    stack.append(
      arrays.rowExponents.stored(
        .load(Access(rowExponents, .int32, tile * .constant(height)), MachineType(.i32, height), active: nil)))
    let lines = exchanges.map { _ in
      exactScratch("\(shared.list.list.name)_lines", .i8, ByteFragments.slices * width * depth)
    }
    let totals = ArrayPart(exactScratch("totals", .f32, height * width))
    let results = array(for: shared.id, .f32, [shared.rows, shared.columns])
    // Of two tiles in a round what the second leaves out is defined too.
    if exchanges.count > 1, let all = (most(shared.columns) * .constant(height)).constantValue {
      stack.append(.clear(buffer: results, offset: .constant(0), count: .constant(all)))
    }
    let (count, first) = (try length(shared.columns), stack.variable("first", .index))
    stack.open()
    for (turn, exchange) in exchanges.enumerated() {
      let place = Expression.variable(first) + .constant(turn * width)
      try fill(lines[turn], with: shared.list, cut, from: place, lines: width)
      stack.append(.clear(buffer: totals.array, offset: .constant(0), count: .constant(height * width)))
      let product = SliceProduct(
        Access(buffer(workspace: left.slices, .int8, written: false), .int8, tile * .constant(left.blockBytes)),
        slices: left.sliceCount, by: Access(lines[turn], .int8, .constant(0)), slices: ByteFragments.slices, rows: height,
        columns: width, depth: depth, to: arrays.sums, through: exchange)
      stack.append(.multiplySlices(product))
      // The last round's second tile may have no row.
      let active = stack.define("active", (count - place).maximum(.constant(0)).minimum(.constant(width)))
      stack.append(arrays.columnExponents.stored(listedPowers(exponents, from: place, active, width)))
      roundSums(
        of: product, to: arrays.values, rowExponents: arrays.rowExponents, columnExponents: arrays.columnExponents)
      let all = MachineType(.f32, height * width)
      stack.append(totals.stored(totals.raw(all).apply(.add, arrays.values.raw(all))))
      forEachRow(of: shared) { row in
        let to = row * scalar(most(shared.columns), "\(shared.columns.name)_most") + place
        let own = totals.raw(MachineType(.f32, width), at: row * .constant(width))
        stack.append(.storeRaw(buffer: results, offset: to, own))
      }
    }
    stack.append(
      .loop(CountedLoop(first, from: .constant(0), to: count, step: exchanges.count * width, stack.close())))
  }

  private func forEachRow(of shared: SharedCube, _ body: (Expression) -> Void) {
    let row = stack.variable("row", .index)
    stack.open()
    body(.variable(row))
    stack.append(.loop(CountedLoop(row, from: .constant(0), to: .constant(SharedCube.height), stack.close())))
  }

  /// Powers of two of a list's rows, zeros from `active` on.
  private func listedPowers(_ exponents: String, from first: Expression, _ active: Expression, _ lanes: Int) -> Expression {
    let type = MachineType(.i32, lanes)
    return masked(.load(Access(exponents, .int32, first), type, active: active), by: active)
  }

  // MARK: Along the list

  /// The left operand in slices, block by block of the list: `int8` [block][slice][row][listed row], with a power of two for
  /// each block and row. The quanta of listed rows are folded in; rows and listed rows past the end are zeros.
  private func weights(_ shared: SharedCube, _ block: Int, _ exponents: String) throws
    -> (slices: String, exponents: String)
  {
    let (height, list) = (SharedCube.height, shared.list.list)
    let left = program[shared.id].operands[0]
    guard case .constant(let blocks) = most(list).dividedUp(by: block) else { preconditionFailure("a list is bounded") }
    let slices = exactScratch("\(name(of: left))_slices", .i8, blocks * ByteFragments.slices * height * block)
    let powers = exactScratch("\(name(of: left))_exponents", .i32, blocks * height)
    // Rows that are there whatever the launch are cut some at a time, side by side.
    let atOnce = domains[shared.rows]!.count.constantValue == height ? SharedCube.rowsTogether : 1
    let lines = exactScratch("\(name(of: left))_lines", .i32, atOnce * block)
    let (word, type) = (MachineType(.i32), MachineType(.i32, block))
    let count = try length(list)
    let first = stack.variable("first", .index)
    stack.open()
    let number = stack.define("number", Expression.variable(first).divided(by: block))
    let active = stack.define("active", (count - .variable(first)).minimum(.constant(block)))
    let mask = activeMask(active, block)
    let folded = stack.define("folded", listedPowers(exponents, from: .variable(first), active, block))
    let row = stack.variable(shared.rows.name, .index)
    let rows = domains[shared.rows]!
    stack.open(binding: [shared.rows, list])
    var cut: [(row: Expression, integers: Variable, power: Variable)] = []
    for next in 0..<atOnce {
      let row = Expression.variable(row) + .constant(next)
      let (integers, power) = (stack.variable("integers", type), stack.variable("exponent", word))
      stack.append(.declare(integers, .integer(0, type)))
      stack.append(.declare(power, .integer(0, word)))
      stack.open(binding: [shared.rows, list])
      var inner = environment
      inner.bind(shared.rows, LaneCoordinate(rows.lower + row))
      inner.bind(list, LaneCoordinate(.variable(first), lanes: .strided(1), alignment: block))
      (inner.lanes, inner.active) = (block, active)
      let value = try emitWide(left, inner)
      let numbers = stack.define(
        "numbers", .apply(.select, [mask, value, .float(0, lanes: block)], MachineType(.f32, block)))
      cutFolded(numbers, by: folded, shared.list.bits, integers, power)
      if atOnce > 1 {
        stack.append(contentsOf: stack.close())
      } else {
        stack.append(.branch(row.compared(.less, rows.count), stack.close(), []))
      }
      cut.append((row, integers, power))
    }
    // A slice of all is one store.
    for (place, line) in cut.enumerated() {
      stack.append(
        .storeRaw(buffer: lines, offset: .constant(place * block), .variable(line.integers)))
    }
    let all = Expression.raw(buffer: lines, offset: .constant(0), MachineType(.i32, atOnce * block))
    for slice in 0..<ByteFragments.slices {
      let line = (number * .constant(ByteFragments.slices) + .constant(slice)) * .constant(height) + .variable(row)
      stack.append(
        .store(
          Access(slices, .int8, line * .constant(block)), CubeOperand.slice(slice, of: ByteFragments.slices, all),
          active: nil))
    }
    for (row, _, power) in cut {
      stack.append(.storeRaw(buffer: powers, offset: number * .constant(height) + row, .variable(power)))
    }
    stack.append(.loop(CountedLoop(row, from: .constant(0), to: .constant(height), step: atOnce, stack.close())))
    stack.append(.loop(CountedLoop(first, from: .constant(0), to: count, step: block, stack.close())))
    return (slices, powers)
  }

  /// Integers of numbers times powers of two by the quantum of all, and its exponent (numeric contract, class
  /// *fixedPointFolded*).
  private func cutFolded(
    _ numbers: Expression, by folded: Expression, _ bits: Int, _ integers: Variable, _ exponent: Variable
  ) {
    let (type, word, lanes) = (integers.type, exponent.type, integers.type.lanes)
    func constant(_ value: Int) -> Expression { ByteFragments.integer(value, lanes) }
    func select(_ condition: Expression, _ a: Expression, _ b: Expression) -> Expression {
      .apply(.select, [condition, a, b], type)
    }
    let far = Int(ScalarFunction.farExponent)
    func size(_ value: Expression) -> Expression { value.bitCast(to: .i32).apply(.and, constant(Int(Int32.max))) }
    // Small numbers are raised, so that none is subnormal.
    let isSmall = stack.define("is_small", size(numbers).compared(.less, constant(64 << 23)))
    let raised = numbers.apply(.multiply, .float(0x1p64, lanes: lanes))
    let normal = stack.define("normal", .apply(.select, [isSmall, raised, numbers], numbers.type))
    let shift = stack.define("raised_by", select(isSmall, constant(64), constant(0)))
    let sizes = stack.define("sizes", size(normal))
    let field = stack.define("fields", sizes.apply(.shiftRightLogical, constant(23)))
    let power = field.apply(.subtract, shift).apply(.add, folded)
    let ofNumber = select(sizes.compared(.equal, constant(0)), constant(-far), power)
    let isEndless = field.compared(.equal, constant(255))
      .apply(.or, folded.compared(.greaterOrEqual, constant(far)))
    let powers = stack.define("powers", select(isEndless, constant(2 * far), ofNumber))
    let top = stack.define("top", foldLanes(powers) { $0.apply(.maximum, $1) })
    let quantum = stack.define("quantum", top.apply(.subtract, .integer(Int64(FixedPanels.quantumBias(bits: bits)), word)))
    let isNaN = top.compared(.greaterOrEqual, .integer(Int64(far), word))
    stack.append(.assign(exponent, .apply(.select, [isNaN, CubeOperand.endless, quantum], word)))
    // Beyond these bounds is nothing, or NaN.
    let factor = folded.apply(.subtract, shift).apply(.subtract, quantum.broadcast(to: lanes))
      .apply(.maximum, constant(-252)).apply(.minimum, constant(252))
    scale(normal, by: stack.define("factors", factor), bits, integers)
  }

  /// Results whose columns are channels: of each block of the list exact and rounded, added in order.
  private func addBlocks(
    _ shared: SharedCube, _ cut: CutRows, _ weights: (slices: String, exponents: String), _ block: Int
  ) throws {
    let (height, width, depth) = (SharedCube.height, shared.width, shared.list.depth)
    let results = array(for: shared.id, .f32, [shared.rows, shared.columns])
    let pitch = most(shared.columns)
    guard case .constant(let channels) = pitch else { preconditionFailure("channels are known") }
    let end = min(depth, channels)
    let (arrays, exchanges) = arrays(shared, tiles: [4, 2].first { end % ($0 * width) == 0 } ?? 1)
    stack.append(.clear(buffer: results, offset: .constant(0), count: .constant(height * channels)))
    let lines = exactScratch("\(shared.list.list.name)_lines", .i8, ByteFragments.slices * block * depth)
    let count = try length(shared.depth)
    let blocks = stack.define("\(shared.depth.name)_blocks", (count + .constant(block - 1)).divided(by: block))
    let number = stack.variable("block", .index)
    stack.open()
    try fill(lines, with: shared.list, cut, from: .variable(number) * .constant(block), lines: block)
    let first = stack.variable("first", .index)
    stack.open()
    let bytes = ByteFragments.slices * height * block
    for (turn, exchange) in exchanges.enumerated() {
      let first = Expression.variable(first) + .constant(turn * width)
      let product = SliceProduct(
        Access(weights.slices, .int8, .variable(number) * .constant(bytes)), slices: ByteFragments.slices,
        by: Access(lines, .int8, first), slices: ByteFragments.slices, rows: height, columns: width,
        depth: block, pitch: depth, to: arrays.sums, through: exchange)
      stack.append(.multiplySlices(product))
      roundSums(
        of: product, to: arrays.values,
        rowExponents: ArrayPart(weights.exponents, from: .variable(number) * .constant(height)), columnExponents: nil)
      forEachRow(of: shared) { row in
        let type = MachineType(.f32, width)
        let place = row * .constant(channels) + first
        let value = arrays.values.raw(type, at: row * .constant(width))
        stack.append(
          .storeRaw(
            buffer: results, offset: place, Expression.raw(buffer: results, offset: place, type).apply(.add, value)))
      }
    }
    stack.append(
      .loop(
        CountedLoop(first, from: .constant(0), to: .constant(end), step: exchanges.count * width, stack.close())))
    stack.append(.loop(CountedLoop(number, from: .constant(0), to: blocks, stack.close())))
  }
}
