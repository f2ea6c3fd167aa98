import MachineIR
import TileIR

/// Products of two E2M1 operands that share one exact block, an indexer's scores, on a matrix unit of whole tiles.
///
/// Kernels before cut the lines of both operands into one slice of bytes each: halves times 2^s, s being what a group's
/// scale has above the least of its line, at most three. A cell multiplies its rows with a tile of columns; sums of 128 are
/// numbers of `float32`. Lines whose scales lie farther apart have an exponent that says so
/// (`CubeGroups.apartExponent`), and a cell that has one is computed by the vector core (`NibbleVectors`). A rotation
/// spreads a row's numbers over all of its groups before they are quantised, so that hardly one has such scales.
enum NibbleCubes {
  /// Columns of a cell. Two cells that follow each other have the same rows.
  static let cellColumns = 64
  /// Rows that are rounded at once.
  static let mostRows = 64

  /// Whether both operands can be cut ahead: rows of the left along parallel axes and one inside the cell, columns of the
  /// right in matrices that data pick.
  static func fits(
    _ product: NibbleProduct, _ program: Program, _ region: Region, _ machine: MachineDescription, rows: Dimension,
    count: Int
  ) -> Bool {
    let extent = product.depth.extent!
    let parallel = region.axes.map(\.dimension)
    guard machine.has(.sliceProducts), count % SliceProduct.tile == 0, count <= mostRows,
      parallel[0] != product.columns, region.axes.allSatisfy({ $0.bounds == nil }), extent & (extent - 1) == 0
    else { return false }
    func isOfAxis(_ index: Index) -> Bool {
      guard case .axis(let axis) = index else { return false }
      return axis == rows || parallel.contains(axis)
    }
    func isPicked(_ index: Index) -> Bool { if case .value = index { true } else { false } }
    func isLaidOut(_ id: ValueID, like indices: [Index]) -> Bool {
      guard case .load(let position, let own) = program[id].operation else { return false }
      return own.dropLast() == indices.dropLast() && isRead(position)
    }
    func isRead(_ position: Int) -> Bool { [.input, .weight].contains(program.parameters[position].role) }
    return isRead(product.left.position) && isRead(product.right.position)
      && product.left.indices.dropLast().allSatisfy(isOfAxis) && isLaidOut(product.scales.left, like: product.left.indices)
      && product.right.indices.dropLast(2).allSatisfy(isPicked)
      && product.right.indices.dropLast().last == .axis(product.columns)
      && isLaidOut(product.scales.right, like: product.right.indices)
  }
}

/// An operand as kernels before cut it, and where a tile's least exponent stands: that of lines apart is below all others.
private struct NibbleOperand {
  let cut: CubeOperand
  /// The position of the workspace.
  let least: Int
  /// Axes, or the right operand's matrices, that have tiles of their own, outermost first.
  let outer: [HostExpression]
  /// Tiles of one of these.
  let tiles: HostExpression

  var allTiles: HostExpression { outer.reduce(tiles) { $0 * $1 } }
}

extension RegionLowering {
  func lowerCubes(_ product: NibbleProduct, _ rows: Dimension, _ count: Int) throws {
    let (columns, depth) = (NibbleCubes.cellColumns, product.depth.extent!)
    cubeColumns = product.columns
    let parallel = region.axes.map(\.dimension)
    let ofRows = product.left.indices.compactMap { index -> Dimension? in
      if case .axis(let axis) = index, parallel.contains(axis) { axis } else { nil }
    }
    let left = operand(
      product, program[product.id].operands[0], product.scales.left, lines: rows, tile: count,
      outer: ofRows.map { HostExpression(extentOf: $0) }, tiles: .constant(1))
    let matrices = program.parameters[product.right.position].axes.dropLast(2)
    let right = operand(
      product, program[product.id].operands[1], product.scales.right, lines: product.columns, tile: columns,
      outer: matrices.map { HostExpression(extentOf: $0) },
      tiles: HostExpression(extentOf: product.columns).dividedUp(by: 2 * columns) * .constant(2))
    workspaces.append(
      Workspace(
        name: "\(name(of: product.id))_exchange",
        byteCount: .constant(4 * count * columns * (machine.npu?.vectorCores ?? 1))))
    let exchange = buffer(workspace: workspaces.count - 1, .int32)
    before.append(try sibling().cutLines(left, named: ofRows.map(\.name)) { lowering, at in
      for (axis, place) in zip(ofRows, at) { lowering.environment.bind(axis, LaneCoordinate(place)) }
    })
    let picks = product.right.indices.dropLast(2)
    before.append(try sibling().cutLines(right, named: matrices.map(\.name)) { lowering, at in
      for (index, place) in zip(picks, at) {
        guard case .value(let id) = index else { preconditionFailure("a matrix that data pick") }
        lowering.storage[id] = .register(place.converted(to: .i32))
      }
    })
    before += [try sibling().findLeast(left), try sibling().findLeast(right)]

    stack.append(.note(name(of: product.id), program[product.id].location))
    let rowTile = stack.define("row_tile", try tile(left, ofRows.map { environment.coordinates[$0]!.base }))
    let picked = try picks.map { try coordinate($0, environment).base }
    let block = domains[product.columns]!.lower.divided(by: columns)
    let blocks = scalar(right.tiles, "\(product.columns.name)_blocks")
    let columnTile = stack.define("column_tile", try tile(right, picked) * blocks + block)
    let values = exactScratch("product", .f32, count * columns)
    storage[product.id] = .array(values, .f32, [rows, product.columns])
    let arrays = CubeArrays(self, rows: count, columns: columns, sums: count * columns, values: values)
    func slices(_ operand: NibbleOperand, _ tile: Expression) -> Access {
      let slices = buffer(workspace: operand.cut.slices, .int8, written: false)
      return Access(slices, .int8, tile * .constant(operand.cut.blockBytes))
    }
    let multiplied = SliceProduct(
      slices(left, rowTile), slices: 1, by: slices(right, columnTile), slices: 1, rows: count, columns: columns,
      depth: depth, to: arrays.sums, through: exchange)
    stack.append(.multiplySlices(multiplied))
    for (array, operand, tile) in [
      (arrays.rowExponents, left.cut, rowTile), (arrays.columnExponents, right.cut, columnTile),
    ] {
      let exponents = buffer(workspace: operand.exponents, .int32, written: false)
      let own = Access(exponents, .int32, tile * .constant(operand.tile))
      stack.append(array.stored(.load(own, MachineType(.i32, operand.tile), active: nil)))
    }
    roundSums(
      of: multiplied, to: arrays.values, rowExponents: arrays.rowExponents, columnExponents: arrays.columnExponents)
    let isApart = [(left, rowTile), (right, columnTile)].map { operand, tile -> Expression in
      let least = Access(buffer(workspace: operand.least, .int32, written: false), .int32, tile)
      return stack.define("least", .load(least, MachineType(.i32), active: nil)).compared(.equal, CubeGroups.apartExponent)
    }
    // What of columns is loaded there is loaded nowhere else.
    stack.open(binding: [product.columns])
    try lowerVectors(product, rows, count)
    stack.append(.branch(isApart[0].apply(.or, isApart[1]), stack.close(), []))
  }

  private func operand(
    _ product: NibbleProduct, _ value: ValueID, _ scale: ValueID, lines: Dimension, tile: Int, outer: [HostExpression],
    tiles: HostExpression
  ) -> NibbleOperand {
    let first = workspaces.count
    let cut = CubeOperand(
      value: value, scale: scale, bits: nil, lines: lines, tile: tile, depth: product.depth,
      block: product.depth.extent!, sliceCount: 1, bias: CubeOperand.bias(of: .e2m1), groups: nil, slices: first,
      exponents: first + 1)
    let operand = NibbleOperand(cut: cut, least: first + 2, outer: outer, tiles: tiles)
    for (content, bytes) in [("slices", cut.blockBytes), ("exponents", 4 * tile), ("least", 4)] {
      workspaces.append(
        Workspace(name: "\(lines.name)_\(content)", byteCount: operand.allTiles * .constant(bytes)))
    }
    return operand
  }

  /// The number of the first tile at places of the outer axes, of those that have one tile alone the tile's.
  private func tile(_ operand: NibbleOperand, _ places: [Expression]) throws -> Expression {
    zip(operand.outer, places).reduce(.constant(0)) { number, next in
      number * scalar(next.0, "tiles") + next.1
    }
  }

  /// A cell is a line. `bind` is given the places of the outer axes.
  private func cutLines(
    _ operand: NibbleOperand, named names: [String], _ bind: (RegionLowering, [Expression]) -> Void
  ) throws -> MachineKernel {
    let (cell, cut) = (stack.variable("cell", .index), operand.cut)
    var remaining = Expression.variable(cell)
    func take(_ count: HostExpression, _ name: String) -> Expression {
      let count = scalar(count, "\(name)s")
      let taken = stack.define(name, .apply(.remainder, [remaining, count], .index))
      remaining = stack.define("outer", .apply(.quotient, [remaining, count], .index))
      return taken
    }
    let line = take(.constant(cut.tile), "line")
    let block = operand.tiles == .constant(1) ? .constant(0) : take(operand.tiles, "\(cut.lines.name)_block")
    var places: [Expression] = []
    for (position, extent) in operand.outer.enumerated().reversed() {
      places.insert(position == 0 ? remaining : take(extent, "\(names[position])_at"), at: 0)
    }
    bind(self, places)
    // One past the end is the last once more, which nobody reads.
    let last = try length(cut.lines) - .constant(1)
    let own = block * .constant(cut.tile) + line
    environment.bind(cut.lines, LaneCoordinate(cut.lines.extent == nil ? stack.define("own", own.minimum(last)) : own))
    stack.append(.note("slices of \(cut.lines.name)", program[cut.value].location))
    let (integers, exponent) = try cutNibbles(cut)
    let slices = buffer(workspace: cut.slices, .int8)
    stack.append(
      .store(Access(slices, .int8, .variable(cell) * .constant(cut.block)), integers, active: nil))
    stack.append(
      .store(Access(buffer(workspace: cut.exponents, .int32), .int32, .variable(cell)), exponent, active: nil))
    return kernel(
      name: "\(program.name)_slices_of_\(cut.lines.name)", cells: operand.allTiles * .constant(cut.tile), cell: cell)
  }

  /// The integers of the line at hand and the power of two of all.
  private func cutNibbles(_ operand: CubeOperand) throws -> (integers: Expression, exponent: Expression) {
    let (lanes, word) = (operand.block, MachineType(.i32))
    func constant(_ value: Int) -> Expression { ByteFragments.integer(value, lanes) }
    func scalar(_ value: Int) -> Expression { .integer(Int64(value), word) }
    func choice(_ condition: Expression, _ a: Expression, _ b: Expression) -> Expression {
      .apply(.select, [condition, a, b], a.type)
    }
    environment.bind(operand.depth, LaneCoordinate(.constant(0), lanes: .strided(1), alignment: lanes))
    (environment.lanes, environment.active) = (lanes, nil)
    let codes = stack.define("codes", try emitWide(operand.value, environment))
    let scales = stack.define("scales", try emitWide(operand.scale!, environment))
    // Scales of zeros say nothing, but that of a NaN.
    let isZero = stack.define("is_zero", codes.apply(.and, constant(7)).compared(.equal, constant(0)))
    let least = stack.define(
      "least", foldLanes(choice(isZero, constant(255), scales)) { $0.apply(.minimum, $1) })
    let most = stack.define("most", foldLanes(choice(isZero, constant(0), scales)) { $0.apply(.maximum, $1) })
    let worst = stack.define("worst", foldLanes(scales) { $0.apply(.maximum, $1) })
    let range = most.apply(.subtract, least)
    let isApart = range.compared(.greater, scalar(CubeGroups.mostNarrowShift))
    let power = choice(least.compared(.equal, scalar(255)), scalar(0), least.apply(.subtract, scalar(operand.bias)))
    let exponent = choice(
      worst.compared(.equal, scalar(255)), CubeOperand.endless, choice(isApart, CubeGroups.apartExponent, power))
    let shift = scales.apply(.subtract, least.broadcast(to: lanes)).apply(.maximum, constant(0)).apply(
      .minimum, constant(CubeGroups.mostNarrowShift))
    // Twice a number are its halves.
    let factor = shift.apply(.add, constant(128)).apply(.shiftLeft, constant(23)).bitCast(to: .f32)
    let numbers = convert(codes, .e2m1, to: .float32).apply(.multiply, factor)
    return (numbers.converted(to: .i32), stack.define("exponent", exponent))
  }

  /// The least exponent of a tile's lines. A cell is a tile.
  private func findLeast(_ operand: NibbleOperand) throws -> MachineKernel {
    let (cell, cut) = (stack.variable("cell", .index), operand.cut)
    let exponents = buffer(workspace: cut.exponents, .int32, written: false)
    let own = Expression.load(
      Access(exponents, .int32, .variable(cell) * .constant(cut.tile)), MachineType(.i32, cut.tile), active: nil)
    stack.append(.note("exponents of \(cut.lines.name)", program[cut.value].location))
    let least = foldLanes(stack.define("exponents", own)) { $0.apply(.minimum, $1) }
    stack.append(
      .store(Access(buffer(workspace: operand.least, .int32), .int32, .variable(cell)), least, active: nil))
    return kernel(name: "\(program.name)_least_of_\(cut.lines.name)", cells: operand.allTiles, cell: cell)
  }
}
