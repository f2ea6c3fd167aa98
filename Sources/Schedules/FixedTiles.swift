import MachineIR
import TileIR

/// Register tiles of fixed-point products inside a cell that holds a block of an axis along which the right
/// operand is shared, such as the heads of an attention over one list of keys: each element of the right
/// operand is converted once for several rows. Sums are exact, so their order is free.
struct FixedTile {
  enum Form: Equatable {
    /// Both operands are contiguous along what is summed: lanes run along it, scores are folded.
    case dot
    /// The right operand is contiguous along the result's columns: lanes run along those.
    case outer
    /// A matrix unit multiplies; with columns that the right operand is quantised along, or without.
    case matrices(isFolded: Bool)
  }
  let id: ValueID
  let form: Form
  let rows: Dimension
  let columns: Dimension
  let depth: Dimension
  let block: Int
  /// Rows of a tile, and its columns or vectors of columns.
  let height: Int
  let width: Int

  /// What the left operand's integers are kept as: as they are multiplied, where each is loaded for itself.
  var leftScalar: MachineScalar { if case .matrices = form { .f32 } else { .f64 } }
}

extension RegionLowering {
  /// The parallel axis that a cell holds a block of because products share an operand along it.
  static func sharedAxis(
    of region: Region, in program: Program, _ schedule: Schedule
  ) -> Dimension? {
    guard schedule.blocksProducts, region.axes.count > 1, let axis = region.axes.last, axis.partition == nil,
      axis.bounds == nil
    else { return nil }
    var seen: Set<ValueID> = []
    var pending = region.statements.flatMap(\.dependencies)
    var isShared = false
    while let id = pending.popLast() {
      guard seen.insert(id).inserted else { continue }
      switch program[id].operation {
      case .carried, .loopResult: return nil
      case .product(_, .fixedPoint, _, _), .product(_, .fixedPointFolded, _, _):
        let operands = program[id].operands
        if program[operands[0]].axes.contains(axis.dimension),
          !program[operands[1]].axes.contains(axis.dimension)
        {
          isShared = true
        }
      default: break
      }
      pending += program[id].dependencies
    }
    return isShared ? axis.dimension : nil
  }

  /// The tile for a product of a fixed-point class, or nil where it has another shape. Columns that the right
  /// operand is quantised along are contiguous in it; else what is summed is.
  func fixedTile(_ id: ValueID, along depth: Dimension, block: Int, foldedAlong folded: Dimension?)
    -> FixedTile?
  {
    let axes = analysis.innerAxes(id)
    let (left, right) = (program[id].operands[0], program[id].operands[1])
    guard let rows = sharedAxis, axes.count == 2, axes[0] == rows, let columns = axes.last,
      Set(analysis.innerAxes(left)) == [rows, depth], Set(analysis.innerAxes(right)) == [columns, depth],
      domains[columns] == nil
    else { return nil }
    if let matrices = fixedMatrices(columns, depth, block: block, foldedAlong: folded) {
      return FixedTile(
        id: id, form: .matrices(isFolded: folded != nil), rows: rows, columns: columns, depth: depth, block: block,
        height: matrices.height, width: matrices.width)
    }
    let lanes = machine.lanes(of: .f64)
    let (height, width) = (4, machine.vectorRegisters >= 32 ? 4 : 2)
    if let folded {
      guard folded == columns, let extent = columns.extent, extent % (lanes * width) == 0 else { return nil }
    } else {
      guard let extent = depth.extent, extent <= block, extent % lanes == 0 else { return nil }
    }
    return FixedTile(
      id: id, form: folded == nil ? .dot : .outer, rows: rows, columns: columns, depth: depth, block: block,
      height: height, width: width)
  }

  func lower(_ tile: FixedTile, _ a: FixedOperand, _ b: FixedOperand) throws {
    stack.append(.note(name(of: tile.id), program[tile.id].location))
    let outer = environment
    defer { environment = outer }
    if case .matrices(let isFolded) = tile.form {
      return try multiplyMatrices(tile, a, b, isFolded: isFolded)
    }
    try walk(tile.rows, by: tile.height) { rows in
      if tile.form == .dot {
        try walk(tile.columns, by: tile.width) { try dotTile(tile, a, b, rows: rows, columns: $0) }
      } else {
        try outerTile(tile, a, b, rows: rows)
      }
    }
  }

  /// A loop over a dimension by tiles, and one over what is left; the environment is at a tile's first coordinate.
  private func walk(
    _ dimension: Dimension, by size: Int, _ body: (Int) throws -> Void
  ) throws {
    let count = try length(dimension)
    let whole =
      count.constantValue.map { Expression.constant($0 / size * size) }
      ?? stack.define("\(dimension.name)_whole", count - count.remainder(by: size))
    let lower = domains[dimension]?.lower ?? .constant(0)
    for (size, first, last) in [(size, Expression.constant(0), whole), (1, whole, count)] {
      if let first = first.constantValue, first == last.constantValue { continue }
      let counter = stack.variable(dimension.name, .index)
      environment.bind(dimension, LaneCoordinate(lower + .variable(counter)))
      stack.open(binding: [dimension])
      try body(size)
      stack.append(
        .loop(CountedLoop(counter, from: first, to: last, step: size, stack.close())))
    }
  }

  /// `body` with a coordinate moved on from where it is.
  private func at<Result>(
    _ dimension: Dimension, plus offset: Expression, lanes: Int = 1, _ body: () throws -> Result
  ) rethrows -> Result {
    let outer = environment
    defer { environment = outer }
    let base = environment.coordinates[dimension]!.base + offset
    environment.bind(dimension, LaneCoordinate(base, lanes: lanes > 1 ? .strided(1) : .uniform))
    environment.lanes = lanes
    return try body()
  }

  func fill(_ array: RegisterArray) {
    stack.append(.registers(array))
    stack.append(
      unrolled("r", array.extents[0]) { r in
        [unrolled("c", array.extents[1]) { [.setElement(array, [r, $0], .float(0, array.type))] }]
      })
  }

  /// acc + a b, exact whether or not it is fused.
  func accumulate(_ sums: RegisterArray, _ at: [Expression], _ a: Expression, _ b: Expression)
    -> MachineStatement
  {
    let old = Expression.element(sums, at)
    let sum =
      machine.has(.fusedMultiplyAdd)
      ? Expression.apply(.fusedMultiplyAdd, [a, b, old], sums.type) : old.apply(.add, a.apply(.multiply, b))
    return .setElement(sums, at, sum)
  }

  /// Scores of `rows` by `columns`, each one exact sum along lanes.
  private func dotTile(
    _ tile: FixedTile, _ a: FixedOperand, _ b: FixedOperand, rows: Int, columns: Int
  ) throws {
    let lanes = machine.lanes(of: .f64)
    let type = MachineType(.f64, lanes)
    let sums = RegisterArray(stack.unique("exact"), type, [rows, columns])
    fill(sums)
    let counter = stack.variable(tile.depth.name, .index)
    let outer = environment
    environment.bind(tile.depth, LaneCoordinate(.variable(counter), lanes: .strided(1), alignment: lanes))
    environment.lanes = lanes
    stack.open(binding: [tile.depth])
    let right = RegisterArray(stack.unique("right"), type, [columns])
    stack.append(.registers(right))
    stack.append(
      try unrolled("c", columns) { c in
        let value = try at(tile.columns, plus: c, lanes: lanes) {
          environment.coordinates[tile.columns]!.lanes = .uniform
          return try integers(b, environment)
        }
        return [.setElement(right, [c], value.converted(to: .f64))]
      })
    stack.append(
      try unrolled("r", rows) { r in
        let value = try at(tile.rows, plus: r, lanes: lanes) {
          environment.coordinates[tile.rows]!.lanes = .uniform
          return try integers(a, environment)
        }
        return collect {
          let left = stack.define("left", value.converted(to: .f64))
          stack.append(
            unrolled("c", columns) { c in [accumulate(sums, [r, c], left, .element(right, [c]))] })
        }
      })
    stack.append(
      .loop(
        CountedLoop(
          counter, from: .constant(0), to: try length(tile.depth), step: lanes, stack.close())))
    environment = outer
    environment.bind(tile.depth, LaneCoordinate(.constant(0)))
    stack.append(
      try unrolled("r", rows) { r in
        [
          try unrolled("c", columns) { c in
            try collect {
              try at(tile.rows, plus: r) {
                try at(tile.columns, plus: c) {
                  let sum = foldLanes(.element(sums, [r, c])) { $0.apply(.add, $1) }
                  let scale = try quantum(a, tile.depth, environment)
                    .apply(.multiply, try quantum(b, tile.depth, environment))
                  let rounded = sum.apply(.multiply, scale).converted(to: .f32)
                  try keep(Expression.float(0).apply(.add, rounded), tile.id)
                }
              }
            }
          }
        ]
      })
    environment = outer
  }

  /// Results of `rows` by all columns, some vectors at a time: block by block exact, rounded, added in order.
  private func outerTile(_ tile: FixedTile, _ a: FixedOperand, _ b: FixedOperand, rows: Int) throws {
    let lanes = machine.lanes(of: .f64)
    let outer = environment
    let column = stack.variable(tile.columns.name, .index)
    environment.bind(tile.columns, LaneCoordinate(.variable(column)))
    stack.open(binding: [tile.columns])
    let totals = RegisterArray(stack.unique("total"), MachineType(.f32, lanes), [rows, tile.width])
    fill(totals)
    let start = stack.variable("block", .index)
    let count = try length(tile.depth)
    stack.open(binding: [tile.depth])
    let end = stack.define("end", (Expression.variable(start) + .constant(tile.block)).minimum(count))
    let sums = RegisterArray(stack.unique("exact"), MachineType(.f64, lanes), [rows, tile.width])
    fill(sums)
    try rangeLoop(tile.depth, from: .variable(start), to: end) {
      let right = RegisterArray(stack.unique("right"), sums.type, [tile.width])
      stack.append(.registers(right))
      stack.append(
        try unrolled("c", tile.width) { c in
          let value = try at(tile.columns, plus: c * .constant(lanes), lanes: lanes) {
            try integers(b, environment)
          }
          return [.setElement(right, [c], value.converted(to: .f64))]
        })
      stack.append(
        try unrolled("r", rows) { r in
          let value = try at(tile.rows, plus: r) { try integers(a, environment) }
          return collect {
            let left = stack.define("left", value.converted(to: .f64).broadcast(to: lanes))
            stack.append(
              unrolled("c", tile.width) { c in [accumulate(sums, [r, c], left, .element(right, [c]))] })
          }
        })
    }
    environment.bind(tile.depth, LaneCoordinate(.variable(start)))
    stack.append(
      try unrolled("r", rows) { r in
        try collect {
          let scale = stack.define(
            "scale", try at(tile.rows, plus: r) { try quantum(a, tile.depth, environment) })
          stack.append(
            unrolled("c", tile.width) { c in
              let exact = Expression.element(sums, [r, c]).apply(.multiply, scale.broadcast(to: lanes))
              let sum = Expression.element(totals, [r, c]).apply(.add, exact.converted(to: .f32))
              return [.setElement(totals, [r, c], sum)]
            })
        }
      })
    stack.append(
      .loop(CountedLoop(start, from: .constant(0), to: count, step: tile.block, stack.close())))
    stack.append(
      try unrolled("r", rows) { r in
        [
          try unrolled("c", tile.width) { c in
            try collect {
              try at(tile.rows, plus: r) {
                try at(tile.columns, plus: c * .constant(lanes), lanes: lanes) {
                  try keep(.element(totals, [r, c]), tile.id)
                }
              }
            }
          }
        ]
      })
    stack.append(
      .loop(
        CountedLoop(
          column, from: .constant(0), to: try length(tile.columns), step: lanes * tile.width, stack.close())))
    environment = outer
  }
}
