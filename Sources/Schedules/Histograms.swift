import MachineIR
import TileIR

/// How many elements along an axis equal each coordinate of another.
struct Histogram {
  let values: ValueID
  let axis: Dimension
  let bins: Dimension

  /// The histogram that `id` is, where it has no other inner axis and more bins than a vector has lanes.
  init?(_ id: ValueID, in program: Program, inner: [Dimension], lanes: Int) {
    guard case .reduce(.count, let axis) = program[id].operation, inner.count == 1, let bins = inner.first,
      bins.extent ?? 0 > lanes
    else { return nil }
    let compared = program[program[id].operands[0]]
    guard case .elementwise(.compare(.equal)) = compared.operation else { return nil }
    let (a, b) = (compared.operands[0], compared.operands[1])
    func isBin(_ id: ValueID) -> Bool { program[id].operation == .coordinate(bins) }
    guard isBin(a) != isBin(b) else { return nil }
    values = isBin(b) ? a : b
    guard !program[values].axes.contains(bins), program[values].type == .int32 else { return nil }
    self.axis = axis
    self.bins = bins
  }
}

/// One pass over the elements, each of which finds its own bin, where comparing all with every bin takes as many passes
/// as there are bins, and sorting by comparisons as many as elements have binary digits.
extension RegionLowering {
  func histogram(_ id: ValueID) -> Histogram? {
    let found = Histogram(id, in: program, inner: analysis.innerAxes(id), lanes: machine.lanes(of: .f32))
    return found.flatMap { domains[$0.bins] == nil && domains[$0.axis] == nil ? $0 : nil }
  }

  func lower(_ histogram: Histogram, _ id: ValueID) throws {
    stack.append(.note(name(of: id), program[id].location))
    let counts = array(for: id, .i32, [histogram.bins])
    let bins = histogram.bins.extent!
    let taken = scratch("taken", .i32, count: .constant(Self.chunk))
    try count(histogram.values, along: histogram.axis, into: counts, bins: bins, taken)
  }

  /// How many values an `int32` input's refinement allows, from 0 on; nil where it says nothing or they are many.
  func keyCount(_ id: ValueID) -> Int? {
    guard case .load(let position, _) = program[id].operation, position < parameterCount else { return nil }
    let counts = program.parameters[position].refinements.compactMap { refinement -> Int? in
      switch refinement {
      case .coordinate(let dimension): dimension.extent
      case .range(0, let last) where last < Self.mostKeys: last + 1
      default: nil
      }
    }
    return counts.min().flatMap { $0 <= Self.mostKeys ? $0 : nil }
  }
  private static let mostKeys = 4096

  /// A stable order by keys of which there are few: each key's coordinates stand behind those of lesser keys.
  func lowerCountingOrder(_ id: ValueID, _ dimension: Dimension, keys: Int) throws {
    let operand = program[id].operands[0]
    let starts = scratch("starts", .i32, count: .constant(keys))
    let taken = scratch("taken", .i32, count: .constant(Self.chunk))
    let scalar = MachineType(.i32)
    try forEachRow(id, without: dimension) {
      let length = try self.length(dimension)
      try count(operand, along: dimension, into: starts, bins: keys, taken)
      let sum = stack.variable("running", scalar)
      stack.append(.declare(sum, .integer(0, scalar)))
      let bin = stack.variable("bin", .index)
      stack.open()
      let own = stack.define("own", .raw(buffer: starts, offset: .variable(bin), scalar))
      stack.append(.storeRaw(buffer: starts, offset: .variable(bin), .variable(sum)))
      stack.append(.assign(sum, Expression.variable(sum).apply(.add, own)))
      stack.append(.loop(CountedLoop(bin, from: .constant(0), to: .constant(keys), stack.close())))
      // Every place holds a coordinate whatever the keys are, for whoever gathers by them.
      try scalarLoop(dimension) { try keep(environment.coordinates[dimension]!.base.converted(to: .i32), id) }
      try forEachValue(operand, along: dimension, bins: keys, taken) { value, coordinate in
        let start = Expression.raw(buffer: starts, offset: value.converted(to: .i64), scalar)
        let place = stack.define("place", start)
        let isPlace = place.compared(.greaterOrEqual, .integer(0, scalar))
          .apply(.and, place.converted(to: .i64).compared(.less, length))
        let outer = environment
        environment.bind(dimension, LaneCoordinate(place.converted(to: .i64)))
        let kept = try collect { try keep(coordinate.converted(to: .i32), id) }
        environment = outer
        stack.append(.branch(isPlace, kept, []))
        stack.append(
          .storeRaw(
            buffer: starts, offset: value.converted(to: .i64), place.apply(.add, .integer(1, scalar))))
      }
    }
  }

  /// Values are taken so many at a time, by lanes, to on-chip memory, since they are read one by one.
  private static let chunk = 256

  /// Counts values in an array on chip.
  ///
  /// The vector of bins that has a value's own is read, added to and written back: a thread of a warp has the same bins
  /// of every vector, so that none waits for another.
  private func count(
    _ values: ValueID, along axis: Dimension, into counts: String, bins: Int, _ taken: String
  ) throws {
    let type = MachineType(.i32, machine.lanes(of: .f32))
    let bin = stack.variable("bin", .index)
    stack.append(
      .loop(
        CountedLoop(
          bin, from: .constant(0), to: .constant(bins), step: type.lanes,
          [.storeRaw(buffer: counts, offset: .variable(bin), .integer(0, type))])))
    try forEachValue(values, along: axis, bins: bins, taken) { value, _ in
      let wide = value.converted(to: .i64)
      let first = stack.define("first_bin", wide.divided(by: type.lanes) * .constant(type.lanes))
      let lane = (wide - first).converted(to: .i32).broadcast(to: type.lanes)
      let own = Expression.laneNumbers(type.lanes).compared(.equal, lane).converted(to: .i32)
      let sum = Expression.raw(buffer: counts, offset: first, type).apply(.add, own)
      stack.append(.storeRaw(buffer: counts, offset: first, sum))
    }
  }

  /// A loop over values along an axis, with the coordinate of each, that are at least 0 and below `bins`.
  private func forEachValue(
    _ values: ValueID, along axis: Dimension, bins: Int, _ taken: String,
    _ body: (_ value: Expression, _ coordinate: Expression) throws -> Void
  ) throws {
    let count = try length(axis)
    let begin = stack.variable("chunk", .index)
    stack.open()
    let size = stack.define("chunk_length", (count - .variable(begin)).minimum(.constant(Self.chunk)))
    domains[axis] = (.variable(begin), size, .constant(Self.chunk))
    try vectorLoop(axis, lanes: machine.lanes(of: .f32), group: 1) {
      let value = try emitWide(values, environment)
      stack.append(.storeRaw(buffer: taken, offset: try place(in: [axis], environment).base, value))
    }
    domains[axis] = nil
    let number = stack.variable("number", .index)
    stack.open()
    let value = stack.define("value", .raw(buffer: taken, offset: .variable(number), MachineType(.i32)))
    let isBin = value.compared(.greaterOrEqual, .integer(0, value.type))
      .apply(.and, value.compared(.less, .integer(Int64(bins), value.type)))
    let statements = try collect { try body(value, .variable(begin) + .variable(number)) }
    stack.append(.branch(isBin, statements, []))
    stack.append(.loop(CountedLoop(number, from: .constant(0), to: size, stack.close())))
    stack.append(.loop(CountedLoop(begin, from: .constant(0), to: count, step: Self.chunk, stack.close())))
  }
}
