import MachineIR
import TileIR

/// Expressions for values at the coordinates of an environment.
extension RegionLowering {
  // MARK: Coordinates

  /// The value of an index: a scalar base and what each lane adds.
  func coordinate(_ index: Index, _ environment: Environment) throws -> LaneCoordinate {
    switch index {
    case .constant(let x): return LaneCoordinate(.constant(x))
    case .axis(let dimension):
      guard let coordinate = environment.coordinates[dimension] else {
        throw Refusal(
          diagnostic: Diagnostic("no coordinate of \(dimension.name) here", at: [region.location]))
      }
      return coordinate
    case .extent(let dimension): return LaneCoordinate(try length(dimension))
    case .scalar(let parameter):
      return LaneCoordinate(
        scalar(.scalar(parameter: parameter), program.parameters[parameter].name))
    case .value(let id):
      let value = try emit(id, environment)
      if value.type.lanes == 1 { return LaneCoordinate(value.converted(to: .i64)) }
      return LaneCoordinate(.constant(0), lanes: .general(value))
    case .sum(let a, let b):
      return add(try coordinate(a, environment), try coordinate(b, environment), environment.lanes)
    case .scaled(let a, let n):
      let inner = try coordinate(a, environment)
      let lanes: LaneCoordinate.Lanes =
        switch inner.lanes {
        case .uniform: .uniform
        case .strided(let s): .strided(s * n)
        case .paired:
          .general(
            laneValues(inner, environment.lanes)
              .apply(.multiply, .integer(Int64(n), MachineType(.i32, environment.lanes))))
        case .general(let v):
          .general(v.apply(.multiply, .integer(Int64(n), v.type)))
        }
      return LaneCoordinate(inner.base * .constant(n), lanes: lanes, alignment: inner.alignment * abs(n))
    case .divided(let a, let n):
      return try blockArithmetic(coordinate(a, environment), n, environment, remainder: false)
    case .remainder(let a, let n):
      return try blockArithmetic(coordinate(a, environment), n, environment, remainder: true)
    }
  }

  private func add(_ a: LaneCoordinate, _ b: LaneCoordinate, _ lanes: Int) -> LaneCoordinate {
    let sum: LaneCoordinate.Lanes
    switch (a.lanes, b.lanes) {
    case (.uniform, let x), (let x, .uniform): sum = x
    case (.strided(let s), .strided(let t)): sum = .strided(s + t)
    default:
      sum = .general(laneValues(a, lanes).apply(.add, laneValues(b, lanes)))
    }
    return LaneCoordinate(a.base + b.base, lanes: sum, alignment: min(a.alignment, b.alignment))
  }

  /// What each lane adds to the base, as `i32` lanes.
  func laneValues(_ coordinate: LaneCoordinate, _ lanes: Int) -> Expression {
    switch coordinate.lanes {
    case .uniform: .integer(0, MachineType(.i32, lanes))
    case .strided(let s):
      s == 1
        ? .laneNumbers(lanes)
        : Expression.laneNumbers(lanes).apply(.multiply, .integer(Int64(s), MachineType(.i32, lanes)))
    case .paired: .paired(.laneNumbers(lanes))
    case .general(let v): v
    }
  }

  /// The coordinate itself in `i32` lanes, or as an `i32` scalar where it is uniform.
  func coordinateValue(_ coordinate: LaneCoordinate, _ lanes: Int) -> Expression {
    let base = coordinate.base.converted(to: .i32)
    if coordinate.isUniform { return base }
    return base.broadcast(to: lanes).apply(.add, laneValues(coordinate, lanes))
  }

  /// Quotient or remainder by a constant. Lanes that stay within one block keep their form.
  private func blockArithmetic(
    _ a: LaneCoordinate, _ n: Int, _ environment: Environment, remainder: Bool
  ) throws -> LaneCoordinate {
    let base = remainder ? a.base.remainder(by: n) : a.base.divided(by: n)
    switch a.lanes {
    case .uniform: return LaneCoordinate(base)
    case .strided(let s)
    where s > 0 && n % (s * environment.lanes) == 0
      && a.alignment % (s * environment.lanes) == 0:
      return LaneCoordinate(base, lanes: remainder ? .strided(s) : .uniform)
    case .paired where n % environment.lanes == 0 && a.alignment % environment.lanes == 0:
      return LaneCoordinate(base, lanes: remainder ? .paired : .uniform)
    default:
      let value = coordinateValue(a, environment.lanes)
      return LaneCoordinate(
        .constant(0), lanes: .general(value.apply(remainder ? .remainderFloor(n) : .divideFloor(n))))
    }
  }

  // MARK: Values

  /// The value of a node: one lane where it is the same for all lanes of the environment, else all.
  func emit(_ id: ValueID, _ environment: Environment, lazily: Bool = false) throws -> Expression {
    let node = program[id]
    let isCanonical = node.axes.allSatisfy(environment.canonical.contains)
    if let known = stack.known(id) {
      // The segment of a cell's rows holds for all of them.
      if case .segment = node.operation { return known }
      if isCanonical { return known }
    }
    let varies = node.axes.contains { !(environment.coordinates[$0]?.isUniform ?? true) }
    var inner = environment
    if !varies {
      inner.lanes = 1
      inner.active = nil
    }
    let value = try compute(id, node, inner, lazily: lazily)
    guard isCanonical, !lazily, !isTrivial(value) else { return value }
    let depth = stack.depth(binding: node.axes)
    if depth < stack.depth || analysis.uses[id, default: 0] > 1 {
      let variable = stack.define(name(of: id), value, at: depth)
      stack.remember(id, variable, at: depth)
      return variable
    }
    return value
  }

  private func isTrivial(_ value: Expression) -> Bool {
    switch value {
    case .variable, .integer, .float, .laneNumbers: true
    case .broadcast(let inner, _): isTrivial(inner)
    default: false
    }
  }

  /// The value widened to the environment's lanes.
  func emitWide(_ id: ValueID, _ environment: Environment, lazily: Bool = false) throws -> Expression {
    widen(try emit(id, environment, lazily: lazily), to: environment.lanes)
  }

  func widen(_ value: Expression, to lanes: Int) -> Expression {
    if value.type.lanes == lanes { return value }
    guard value.type.scalar == .mask else { return value.broadcast(to: lanes) }
    // A lone truth value is 0 or 1; a lane's is all bits.
    let number = value.converted(to: .i32).broadcast(to: lanes)
    return number.compared(.notEqual, .integer(0, number.type))
  }

  private func compute(
    _ id: ValueID, _ node: Node, _ environment: Environment, lazily: Bool
  ) throws -> Expression {
    if let storage = storage[id] { return try read(storage, node, environment) }
    let type = MachineType(node.type.register, environment.lanes)
    switch node.operation {
    case .constant(let bits, let element): return constant(bits, element, environment.lanes)
    case .coordinate(let dimension):
      return coordinateValue(try coordinate(.axis(dimension), environment), environment.lanes)
    case .index(let index):
      return coordinateValue(try coordinate(index, environment), environment.lanes)
    case .scalar(let position):
      if program.parameters[position].element == .float32 { return float(position) }
      return scalar(.scalar(parameter: position), program.parameters[position].name)
        .converted(to: .i32)
    case .round(let loop): return rounds[loop]!.converted(to: .i32)
    case .load(let position, let indices):
      return try load(position, indices, type, environment)
    case .segment(let partition, let dimension):
      return try segment(partition, environment.coordinates[dimension]!)
    case .elementwise(let operation):
      return try elementwise(operation, node, environment, lazily: lazily)
    case .call(let function):
      let operand = try emitWide(node.operands[0], environment, lazily: lazily)
      return .apply(.call(function), [operand], type)
    case .sample(let dimension, let index):
      var moved = environment
      moved.coordinates[dimension] = try coordinate(index, environment)
      moved.canonical.remove(dimension)
      return try emit(node.operands[0], moved, lazily: lazily)
    case .join(let parts, let into):
      return try join(node, parts, environment.coordinates[into]!, environment)
    case .reduce, .product, .scan, .topK, .sort, .stableOrder, .carried, .loopResult:
      throw Refusal(
        diagnostic: Diagnostic("\(name(of: id)) is used before it is computed", at: [node.location]))
    }
  }

  func constant(_ bits: UInt32, _ element: ElementType, _ lanes: Int) -> Expression {
    switch element {
    case .float32: .float(Float(bitPattern: bits), lanes: lanes)
    case .bool: .integer(bits == 0 ? 0 : (lanes == 1 ? 1 : -1), MachineType(.mask, lanes))
    default: .integer(Int64(Int32(bitPattern: bits)), MachineType(.i32, lanes))
    }
  }

  // MARK: Memory

  private func load(
    _ position: Int, _ indices: [Index], _ type: MachineType, _ environment: Environment
  ) throws -> Expression {
    let parameter = program.parameters[position]
    if stateWritten.contains(position) {
      throw Refusal(
        diagnostic: Diagnostic(
          "\(parameter.name) is read after this launch has written it", at: [region.location]))
    }
    if let spread = try loadBlocks(position, indices, type, environment) { return spread }
    let place = try place(position, indices, environment)
    let access = Access(buffer(position), parameter.element, place.base)
    switch place.lanes {
    case .uniform: return .load(access, type.with(lanes: 1), active: nil)
    case .strided(1) where parameter.element.bitWidth >= 8 || place.alignment % 2 == 0:
      noteRowRead(position, indices, environment)
      return .load(access, type, active: environment.active)
    case .paired where parameter.element.bitWidth >= 8:
      noteRowRead(position, indices, environment)
      return pairedLoad(access, type)
    default:
      return .gather(
        access, lanes: laneValues(place, environment.lanes), type, active: environment.active)
    }
  }

  /// Where an access lands: indices times strides.
  func place(
    _ position: Int, _ indices: [Index], _ environment: Environment
  ) throws -> LaneCoordinate {
    var total = LaneCoordinate(.constant(0))
    for (axis, index) in indices.enumerated() {
      let coordinate = try coordinate(index, environment)
      let stride = stride(position, axis: axis)
      let term: LaneCoordinate
      switch coordinate.lanes {
      case .uniform:
        // Rows of packed elements start at whole bytes, so a row's offset is even.
        term = LaneCoordinate(
          coordinate.base * stride,
          alignment: axis == indices.count - 1 ? coordinate.alignment : 2)
      case .strided, .paired, .general:
        if stride.constantValue == 1 {
          term = coordinate
        } else {
          let wide = stride.converted(to: .i32).broadcast(to: environment.lanes)
          term = LaneCoordinate(
            coordinate.base * stride,
            lanes: .general(laneValues(coordinate, environment.lanes).apply(.multiply, wide)))
        }
      }
      total = add(total, term, environment.lanes)
    }
    return total
  }

  /// An element of a stored anchor.
  private func read(
    _ storage: Storage, _ node: Node, _ environment: Environment
  ) throws -> Expression {
    switch storage {
    case .register(let value): return value
    case .array(let name, let scalar, let axes):
      let place = try place(in: axes, environment)
      let value: Expression
      switch place.lanes {
      case .uniform: value = .raw(buffer: name, offset: place.base, MachineType(scalar))
      case .strided(1): value = lanes(of: name, scalar, place.base, environment)
      case .paired:
        let type = MachineType(scalar, environment.lanes)
        value = .paired(stack.define("in_order", .raw(buffer: name, offset: place.base, type)))
      default:
        value = .gather(
          Access(name, scalar == .f32 ? .float32 : .int32, place.base),
          lanes: laneValues(place, environment.lanes), MachineType(scalar, environment.lanes),
          active: environment.active)
      }
      guard node.type == .bool else { return value }
      return value.compared(.notEqual, .integer(0, value.type))
    }
  }

  /// Consecutive elements of an on-chip array: those of active lanes only, since nothing may have written what lies
  /// behind them.
  func lanes(
    of array: String, _ scalar: MachineScalar, _ offset: Expression, _ environment: Environment
  ) -> Expression {
    let type = MachineType(scalar, environment.lanes)
    guard type.lanes > 1, let active = environment.active else {
      return .raw(buffer: array, offset: offset, type)
    }
    guard scalar == .f32 || scalar == .i32 else {
      // There is no masked access to wide elements: the lanes behind read the first.
      return .gatherRaw(buffer: array, offset: offset, lanes: masked(.laneNumbers(type.lanes), by: active), type)
    }
    return .load(Access(array, scalar == .f32 ? .float32 : .int32, offset), type, active: active)
  }

  /// The place in an on-chip array over `axes`, row-major over their largest lengths; blocks count
  /// from their first coordinate.
  func place(in axes: [Dimension], _ environment: Environment) throws -> LaneCoordinate {
    try place(in: axes.map { ($0, most($0)) }, environment)
  }

  /// The same in the integers of a fixed-point operand.
  func place(in operand: FixedOperand, _ environment: Environment) throws -> LaneCoordinate {
    try place(in: operand.axes.map { ($0, $0 == operand.axis ? operand.pitch : most($0)) }, environment)
  }

  /// The same with so many elements for each coordinate of the axis before.
  private func place(in axes: [(Dimension, HostExpression)], _ environment: Environment) throws -> LaneCoordinate {
    var total = LaneCoordinate(.constant(0))
    for (dimension, most) in axes {
      let extent = scalar(most, "\(dimension.name)_most")
      var coordinate = try coordinate(.axis(dimension), environment)
      if let domain = domains[dimension] { coordinate.base = coordinate.base.counted(from: domain.lower) }
      let scaledLanes: LaneCoordinate.Lanes
      switch total.lanes {
      case .uniform: scaledLanes = .uniform
      case .strided(let s) where extent.constantValue != nil:
        scaledLanes = .strided(s * extent.constantValue!)
      default:
        let wide =
          extent.constantValue.map { .integer(Int64($0), MachineType(.i32, environment.lanes)) }
          ?? extent.converted(to: .i32).broadcast(to: environment.lanes)
        scaledLanes = .general(laneValues(total, environment.lanes).apply(.multiply, wide))
      }
      let scaled = LaneCoordinate(total.base * extent, lanes: scaledLanes)
      total = add(scaled, coordinate, environment.lanes)
    }
    return total
  }

  // MARK: Join

  /// Lanes never run along a joined axis that reads freely, so the part is chosen by a scalar.
  private func join(
    _ node: Node, _ parts: [Dimension], _ coordinate: LaneCoordinate, _ environment: Environment
  ) throws -> Expression {
    guard coordinate.isUniform else {
      throw Refusal(
        diagnostic: Diagnostic("lanes along a joined axis", at: [node.location]))
    }
    var starts: [Expression] = [.constant(0)]
    for part in parts.dropLast() { starts.append(starts.last! + (try length(part))) }
    func value(_ position: Int) throws -> Expression {
      var inner = environment
      inner.bind(parts[position], LaneCoordinate(coordinate.base - starts[position]))
      inner.canonical.remove(parts[position])
      return try emitWide(node.operands[position], inner, lazily: true)
    }
    var result = try value(parts.count - 1)
    for position in parts.indices.dropLast().reversed() {
      let here = coordinate.base.compared(.less, starts[position + 1])
      result = .conditional(here, try value(position), result)
    }
    return result
  }

  /// The last segment that starts at or before the coordinate.
  private func segment(_ partition: Int, _ coordinate: LaneCoordinate) throws -> Expression {
    guard coordinate.isUniform else {
      throw Refusal(diagnostic: Diagnostic("lanes along a segmented axis", at: [region.location]))
    }
    let offsets = buffer(partition)
    let bounds = program.parameters[partition].axes[0]
    let depth = stack.depth(binding: region.axes.map(\.dimension))
    let found = stack.variable("segment", MachineType(.i32))
    let counter = stack.variable("boundary", .index)
    stack.append(.declare(found, .integer(0, MachineType(.i32))), at: depth)
    let boundary = Expression.load(
      Access(offsets, .int32, .variable(counter)), MachineType(.i32), active: nil)
    let passed = boundary.compared(.lessOrEqual, coordinate.base.converted(to: .i32))
    stack.append(
      .loop(
        CountedLoop(
          counter, from: .constant(1), to: scalar(most(bounds), bounds.name) - .constant(1),
          [.assign(found, .apply(.add, [.variable(found), passed.converted(to: .i32)], found.type))])),
      at: depth)
    return .variable(found)
  }
}

extension Expression {
  /// What is left of `lower`: a coordinate of a block is most often `lower` and something.
  fileprivate func counted(from lower: Expression) -> Expression {
    if case .apply(.add, let terms, .index) = self {
      if terms[0] == lower { return terms[1] }
      if case .apply(.add, _, .index) = terms[0] { return terms[0].counted(from: lower) + terms[1] }
    }
    return self - lower
  }
}
