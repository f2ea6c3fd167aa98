import MachineIR
import TileIR

/// The powers of two of a cell's listed rows.
extension RegionLowering {
  /// In an array of their own, those of one part of the list behind those of another.
  func exponents(of rows: ListedRows, _ cut: CutRows) throws -> String {
    if let known = listExponents[rows.value] { return known }
    // Vectors begin anywhere, and the last one's tail has room.
    let most = rows.parts.map(lanes).max()!
    let room = self.most(rows.list) + .constant(most + Self.spareLanes)
    let array = addScratch("\(rows.list.name)_exponents", .i32, room)
    // That parts leave none out is more than the proof sees.
    if haveShortLists, let all = room.constantValue {
      stack.append(.clear(buffer: array, offset: .constant(0), count: .constant(all)))
    } else {
      try clear(array, rows.list, most)
    }
    var start = Expression.constant(0)
    for part in rows.parts {
      // Within its range by the proof of the tile program; said once more, so that places are bounded by it.
      let count = stack.define(
        "\(part.list.name)_count",
        try length(part.list).maximum(.constant(0)).minimum(.constant(Self.most(part.list))))
      let powers = PartPowers(
        lanes: lanes(of: part), count: count, start: start, array: array,
        own: Access(
          buffer(workspace: cut.exponents, .int32, written: false), .int32,
          scalar(cut.first[part.parameter]!, "first_row")))
      try findPowers(of: part, powers)
      start = start + count
    }
    listExponents[rows.value] = array
    return array
  }
  private static let spareLanes = 64
  private static let (mostLanes, tableRows) = (512, 1024)

  /// As far as a list goes.
  private func clear(_ array: String, _ list: Dimension, _ lanes: Int) throws {
    let place = stack.variable("place", .index)
    let zeros = MachineStatement.storeRaw(
      buffer: array, offset: .variable(place), .integer(0, MachineType(.i32, lanes)))
    stack.append(.loop(CountedLoop(place, from: .constant(0), to: try length(list), step: lanes, [zeros])))
  }

  private struct PartPowers {
    /// Rows that vectors find together.
    let lanes: Int
    let count: Expression
    /// Where they go.
    let start: Expression
    let array: String
    /// Those of the buffer's first row.
    let own: Access
  }

  private func lanes(of part: ListedRows.Part) -> Int {
    min(Self.mostLanes, Self.powerOfTwo(Self.most(part.list)))
  }
  private static func most(_ list: Dimension) -> Int { list.extent ?? list.range.upperBound }

  private func findPowers(of part: ListedRows.Part, _ powers: PartPowers) throws {
    let axes = program.parameters[part.parameter].axes
    let rowAxis = axes.count - 2
    let extent = scalar(HostExpression(extentOf: axes[rowAxis]), axes[rowAxis].name)
    var matrix = Expression.constant(0)
    for (axis, index) in zip(axes, part.indices).prefix(rowAxis) {
      matrix = matrix * scalar(HostExpression(extentOf: axis), axis.name) + (try coordinate(index, environment).base)
    }
    let origin = stack.define("origin", powers.own.offset + matrix * extent)
    let type = MachineType(.i32, powers.lanes)
    let outer = environment
    defer { environment = outer }
    environment.lanes = powers.lanes

    func loop(_ body: (_ from: Expression) throws -> Void) rethrows {
      let counter = stack.variable(part.list.name, .index)
      environment.bind(part.list, LaneCoordinate(.variable(counter), lanes: .strided(1)))
      stack.open(binding: [part.list])
      try body(.variable(counter))
      stack.append(
        .loop(CountedLoop(counter, from: .constant(0), to: powers.count, step: powers.lanes, stack.close())))
    }
    func active(from first: Expression) -> Expression {
      let active = stack.define("active", (powers.count - first).minimum(.constant(powers.lanes)))
      environment.active = active
      return active
    }
    func load(_ offset: Expression, _ lanes: Int, _ active: Expression) -> Expression {
      .load(Access(powers.own.buffer, .int32, offset), MachineType(.i32, lanes), active: active)
    }
    func store(_ value: Expression, at place: Expression) {
      stack.append(.storeRaw(buffer: powers.array, offset: powers.start + place, value))
    }

    // Rows one behind the other.
    if part.indices[rowAxis].contiguousDimensions.contains(part.list) {
      return try loop { counter in
        let own = active(from: counter)
        let first = try coordinate(part.indices[rowAxis], environment).base
        store(load(origin + first, powers.lanes, own.minimum(extent - first)), at: counter)
      }
    }
    // Rows that lie anywhere: powers of so many rows at a time are on chip, and lanes take those that are theirs.
    let room = (Self.most(part.list) + powers.lanes - 1) / powers.lanes * powers.lanes
    let found = exactScratch("\(part.list.name)_powers", .i32, room)
    stack.append(.clear(buffer: found, offset: .constant(0), count: .constant(room)))
    let rows = min(Self.tableRows, axes[rowAxis].extent.map(Self.powerOfTwo) ?? Self.tableRows)
    let table = exactScratch("\(axes[rowAxis].name)_powers", .i32, rows)
    let first = stack.variable("first", .index)
    stack.open()
    let size = stack.define("size", (extent - .variable(first)).minimum(.constant(rows)))
    stack.append(
      .storeRaw(
        buffer: table, offset: .constant(0),
        masked(load(origin + .variable(first), rows, size), by: size)))
    try loop { counter in
      let own = active(from: counter)
      let row = try coordinate(part.indices[rowAxis], environment)
      let at = stack.define(
        "at",
        masked(laneValues(row, powers.lanes), by: own)
          .apply(.add, (row.base - .variable(first)).converted(to: .i32).broadcast(to: powers.lanes)))
      let within = at.apply(.maximum, .integer(0, type))
        .apply(.minimum, (size - .constant(1)).converted(to: .i32).broadcast(to: powers.lanes))
      let place = stack.define("place", within)
      let taken = Expression.gatherRaw(buffer: table, offset: .constant(0), lanes: place, type)
      let known = Expression.raw(buffer: found, offset: counter, type)
      stack.append(
        .storeRaw(
          buffer: found, offset: counter,
          .apply(.select, [at.compared(.equal, place), taken, known], type)))
    }
    stack.append(
      .loop(CountedLoop(first, from: .constant(0), to: extent, step: rows, stack.close())))
    loop { store(.raw(buffer: found, offset: $0, type), at: $0) }
  }
}
