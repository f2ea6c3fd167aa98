import MachineIR
import TileIR

/// Tiles of fixed-point products on a matrix unit for `f64`: integers of both operands meet there exactly.
///
/// Rows and columns past the end are the last ones once more. What they give lies in rows and columns that arrays
/// have beyond their coordinates, and nothing reads it.
enum FixedMatrices {
  /// Matrices of sums side by side in a tile, and at most so many below one another.
  static let width = 4
  static let height = 2
}

/// Coordinates of a tile along one of its dimensions.
private struct TileLines {
  let dimension: Dimension
  /// The first, counted from where the cell's begin, and how many the cell has.
  let first: Expression
  let count: Expression
  /// Whether the last tile may have fewer.
  let isRagged: Bool
}

extension RegionLowering {
  /// Whether products of this region go to the matrix unit for `f64`.
  var multipliesMatrices: Bool {
    guard machine.has(.doubleMatrices), let sharedAxis, let rows = domains[sharedAxis]?.most.constantValue else {
      return false
    }
    return rows % DoubleMatrices.rows == 0
  }

  /// The matrices of a tile, below one another and side by side; nil where the unit does not apply.
  func fixedMatrices(_ columns: Dimension, _ depth: Dimension, block: Int, foldedAlong folded: Dimension?)
    -> (height: Int, width: Int)?
  {
    guard multipliesMatrices, let rows = domains[sharedAxis!]!.most.constantValue,
      let room = most(columns).constantValue
    else { return nil }
    let whole = DoubleMatrices.columns
    if let folded {
      guard folded == columns, let extent = columns.extent, extent % whole == 0 else { return nil }
    } else {
      guard let extent = depth.extent, extent <= block, extent % DoubleMatrices.depth == 0 else { return nil }
    }
    guard let width = (1...FixedMatrices.width).last(where: { width in
      let size = width * whole
      let most = columns.range.upperBound
      return columns.extent.map { $0 % size == 0 } ?? ((most + size - 1) / size * size <= room)
    })
    else { return nil }
    return (min(FixedMatrices.height, rows / DoubleMatrices.rows), width)
  }

  func multiplyMatrices(_ tile: FixedTile, _ a: FixedOperand, _ b: FixedOperand, isFolded: Bool) throws {
    try forEachTile(tile.rows, by: tile.height * DoubleMatrices.rows) { rows in
      try forEachTile(tile.columns, by: tile.width * DoubleMatrices.columns) { columns in
        try isFolded ? addBlocks(tile, a, b, rows, columns) : multiplyWhole(tile, a, b, rows, columns)
      }
    }
  }

  private func forEachTile(_ dimension: Dimension, by size: Int, _ body: (TileLines) throws -> Void) throws {
    let count = try length(dimension)
    let counter = stack.variable(dimension.name, .index)
    stack.open(binding: [dimension])
    try body(
      TileLines(
        dimension: dimension, first: .variable(counter), count: count,
        isRagged: count.constantValue.map { $0 % size != 0 } ?? true))
    stack.append(.loop(CountedLoop(counter, from: .constant(0), to: count, step: size, stack.close())))
  }

  /// The lines of one matrix of a tile, one a lane, as `lines` says; those past the end are the last one once more
  /// where they are read.
  private func bind(_ tile: TileLines, _ matrix: Expression, _ lines: Expression, isRead: Bool) {
    let first = tile.first + matrix * .constant(DoubleMatrices.rows)
    var lines = lines
    if isRead, tile.isRagged {
      let left = (tile.count - .constant(1) - first).converted(to: .i32)
      lines = lines.apply(.minimum, left.broadcast(to: lines.type.lanes))
    }
    let lower = domains[tile.dimension]?.lower ?? .constant(0)
    environment.bind(tile.dimension, LaneCoordinate(lower + first, lanes: .general(lines)))
    environment.lanes = lines.type.lanes
  }

  /// The row and the column of each lane of a matrix of sums.
  private func bindSums(
    _ rows: TileLines, _ r: Expression, _ columns: TileLines, _ c: Expression, isRead: Bool
  ) {
    bind(rows, r, DoubleMatrices.sumRow, isRead: isRead)
    bind(columns, c, DoubleMatrices.sumColumn, isRead: isRead)
  }

  /// The integers of one operand's matrices at four coordinates of the depth, in lanes of their own.
  private func matrices(
    _ name: String, _ count: Int, _ type: MachineType, _ operand: FixedOperand, _ lines: TileLines,
    _ depth: Dimension, _ step: Expression
  ) throws -> RegisterArray {
    let array = RegisterArray(stack.unique(name), type, [count])
    stack.append(.registers(array))
    stack.append(
      try unrolled("matrix", count) { matrix in
        bind(lines, matrix, DoubleMatrices.line, isRead: true)
        environment.bind(depth, LaneCoordinate(step, lanes: .general(DoubleMatrices.step)))
        return [.setElement(array, [matrix], try integers(operand, environment).converted(to: .f64))]
      })
    return array
  }

  /// Adds the products along `from ..< to`, whole steps of the unit, to the sums.
  private func addSteps(
    _ tile: FixedTile, _ a: FixedOperand, _ b: FixedOperand, _ rows: TileLines, _ columns: TileLines,
    from lower: Expression, to upper: Expression, _ sums: RegisterArray
  ) throws {
    let counter = stack.variable(tile.depth.name, .index)
    let outer = environment
    stack.open(binding: [tile.depth])
    let right = try matrices(
      "right", tile.width, DoubleMatrices.right, b, columns, tile.depth, .variable(counter))
    let left = try matrices("left", tile.height, DoubleMatrices.left, a, rows, tile.depth, .variable(counter))
    stack.append(
      unrolled("r", tile.height) { r in
        [
          unrolled("c", tile.width) { c in
            let operands = [Expression.element(sums, [r, c]), .element(left, [r]), .element(right, [c])]
            return [.setElement(sums, [r, c], .apply(.multiplyDoubles, operands, sums.type))]
          }
        ]
      })
    environment = outer
    stack.append(
      .loop(CountedLoop(counter, from: lower, to: upper, step: DoubleMatrices.depth, stack.close())))
  }

  private func sums(_ name: String, _ scalar: MachineScalar, _ tile: FixedTile) -> RegisterArray {
    let type = MachineType(scalar, DoubleMatrices.sum.lanes)
    let array = RegisterArray(stack.unique(name), type, [tile.height, tile.width])
    fill(array)
    return array
  }

  /// The statements that `body` builds for each matrix of a tile.
  private func forEachMatrix(
    _ tile: FixedTile, _ body: (_ row: Expression, _ column: Expression) throws -> Void
  ) throws {
    stack.append(
      try unrolled("r", tile.height) { r in
        [try unrolled("c", tile.width) { c in try collect { try body(r, c) } }]
      })
  }

  /// Keeps a matrix of results.
  private func keep(
    _ value: Expression, _ tile: FixedTile, _ rows: TileLines, _ r: Expression, _ columns: TileLines,
    _ c: Expression
  ) throws {
    bindSums(rows, r, columns, c, isRead: false)
    try keep(value, tile.id)
  }

  /// Results of one block of the depth.
  private func multiplyWhole(
    _ tile: FixedTile, _ a: FixedOperand, _ b: FixedOperand, _ rows: TileLines, _ columns: TileLines
  ) throws {
    let outer = environment
    defer { environment = outer }
    let exact = sums("exact", .f64, tile)
    try addSteps(
      tile, a, b, rows, columns, from: .constant(0), to: try length(tile.depth), exact)
    environment.bind(tile.depth, LaneCoordinate(.constant(0)))
    try forEachMatrix(tile) { r, c in
      bindSums(rows, r, columns, c, isRead: true)
      let scale = try quantum(a, tile.depth, environment)
        .apply(.multiply, try quantum(b, tile.depth, environment))
      let rounded = Expression.element(exact, [r, c]).apply(.multiply, scale).converted(to: .f32)
      try keep(.float(0, rounded.type).apply(.add, rounded), tile, rows, r, columns, c)
    }
  }

  /// Results of all blocks of the depth: each exact, rounded, added in order.
  private func addBlocks(
    _ tile: FixedTile, _ a: FixedOperand, _ b: FixedOperand, _ rows: TileLines, _ columns: TileLines
  ) throws {
    let outer = environment
    defer { environment = outer }
    let totals = sums("total", .f32, tile)
    let start = stack.variable("block", .index)
    let count = try length(tile.depth)
    stack.open(binding: [tile.depth])
    let end = stack.define("end", (Expression.variable(start) + .constant(tile.block)).minimum(count))
    let whole = stack.define(
      "\(tile.depth.name)_whole", end - (end - .variable(start)).remainder(by: DoubleMatrices.depth))
    let exact = sums("exact", .f64, tile)
    try addSteps(tile, a, b, rows, columns, from: .variable(start), to: whole, exact)
    try rangeLoop(tile.depth, from: whole, to: end) {
      try forEachMatrix(tile) { r, c in
        bindSums(rows, r, columns, c, isRead: true)
        let left = try integers(a, environment).converted(to: .f64)
        stack.append(accumulate(exact, [r, c], left, try integers(b, environment).converted(to: .f64)))
      }
    }
    environment.bind(tile.depth, LaneCoordinate(.variable(start)))
    try forEachMatrix(tile) { r, c in
      bind(rows, r, DoubleMatrices.sumRow, isRead: true)
      let scaled = Expression.element(exact, [r, c])
        .apply(.multiply, try quantum(a, tile.depth, environment))
      stack.append(
        .setElement(totals, [r, c], Expression.element(totals, [r, c]).apply(.add, scaled.converted(to: .f32))))
    }
    stack.append(
      .loop(CountedLoop(start, from: .constant(0), to: count, step: tile.block, stack.close())))
    try forEachMatrix(tile) { r, c in try keep(.element(totals, [r, c]), tile, rows, r, columns, c) }
  }
}
