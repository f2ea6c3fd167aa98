import MachineIR
import TileIR

/// A region's statements at the coordinates at hand: stores, assertions and prints.
extension RegionLowering {
  /// Performs a statement at the coordinates at hand.
  func lower(_ statement: Statement) throws {
    switch statement.effect {
    case .store(let position, let indices, let value, let condition):
      stack.append(.note("\(program.parameters[position].name)", statement.location))
      let element = program.parameters[position].element
      var stored = widen(try emitVisible(value, environment), to: environment.lanes)
      var place = try place(position, indices, environment)
      if case .paired = place.lanes, condition == nil, element.bitWidth >= 8 {
        stored = inMemoryOrder(stored, element)
        place.lanes = .strided(1)
      }
      let access = Access(buffer(position, written: true), element, place.base)
      let store: MachineStatement
      switch place.lanes {
      case .uniform where environment.lanes == 1:
        store = .store(access, stored, active: nil)
      case .strided(1) where condition == nil && (element.bitWidth >= 8 || place.alignment % 2 == 0):
        let bytes = environment.lanes * element.bitWidth / 8
        if environment.active == nil, bytes % 64 == 0, let streams = streams(position) {
          store = .stream(access, stored, when: streams)
        } else {
          store = .store(access, stored, active: environment.active)
        }
      default:
        guard element.bitWidth >= 8 else {
          return try lowerApart(access, place, stored, where: condition)
        }
        store = .scatter(
          access, lanes: laneValues(place, environment.lanes), stored, active: environment.active)
      }
      guard let condition else { return stack.append(store) }
      try lower(store, where: condition, access, place, stored)
    case .assert(let condition, let message):
      let code = code(Diagnostic(message, at: [statement.location]))
      try forEachLane(try emitWide(condition, environment)) { stack.append(.check($0, code: code)) }
    case .print(let label, let value):
      try lowerPrint(label, value, statement)
    }
  }

  /// A number that is not 0 where an output is larger than every cache; nil where its stores stay plain.
  private func streams(_ position: Int) -> Expression? {
    let parameter = program.parameters[position]
    guard machine.has(.streamingStores), parameter.role == .output, parameter.element.bitWidth >= 8 else {
      return nil
    }
    let count = parameter.axes.reduce(HostExpression.constant(parameter.element.bitWidth / 8)) {
      $0 * mostOf($1)
    }
    guard mayExceedCaches(position) else { return nil }
    return scalar(
      .minimum(.constant(1), .divided(count, MachineDescription.streamedResult)),
      "\(parameter.name)_streams")
  }

  /// A store under a condition, lane by lane where lanes may disagree.
  private func lower(
    _ store: MachineStatement, where condition: ValueID, _ access: Access, _ place: LaneCoordinate,
    _ stored: Expression
  ) throws {
    let holds = try emit(condition, environment)
    if holds.type.lanes == 1 {
      stack.append(.branch(holds, [store], []))
      return
    }
    try lowerApart(access, place, stored, where: condition)
  }

  /// A store lane by lane, where elements are packed or lanes disagree about a condition.
  private func lowerApart(
    _ access: Access, _ place: LaneCoordinate, _ stored: Expression, where condition: ValueID?
  ) throws {
    let kept = stack.define("stored", stored)
    let lanes = stack.define("place", laneValues(place, environment.lanes))
    let mask = try condition.map { stack.define("holds", try emitWide($0, environment)) }
    let active = environment.active?.constantValue
    for lane in 0..<min(active ?? .max, environment.lanes) {
      let at = Access(
        access.buffer, access.element,
        access.offset + self.lane(lanes, lane).converted(to: .i64))
      let store = MachineStatement.store(at, self.lane(kept, lane), active: nil)
      var conditions = mask.map { [self.lane($0, lane)] } ?? []
      if active == nil, let active = environment.active {
        conditions.append(Expression.constant(lane).compared(.less, active))
      }
      guard let first = conditions.first else {
        stack.append(store)
        continue
      }
      let here = conditions.dropFirst().reduce(first) {
        Expression.apply(.and, [$0, $1], MachineType(.mask))
      }
      stack.append(.branch(here, [store], []))
    }
  }

  /// One lane of a vector as a scalar.
  func lane(_ vector: Expression, _ lane: Int) -> Expression {
    .apply(.lane(lane), [vector], vector.type.with(lanes: 1))
  }

  private func forEachLane(_ mask: Expression, _ body: (Expression) -> Void) throws {
    if mask.type.lanes == 1 { return body(mask) }
    let named = stack.define("holds", mask)
    for lane in 0..<mask.type.lanes {
      var holds = self.lane(named, lane)
      if let active = environment.active {
        holds = .apply(
          .or, [holds, Expression.constant(lane).compared(.greaterOrEqual, active)], MachineType(.mask))
      }
      body(holds)
    }
  }

  /// A print fills a workspace over all axes of the value, and marks behind it which elements exist; the
  /// host prints it after the launch.
  private func lowerPrint(_ label: String, _ value: ValueID, _ statement: Statement) throws {
    let node = program[value]
    let word: ElementType = node.type == .float32 ? .float32 : .int32
    var axes = region.axes.map(\.dimension)
    axes += node.axes.filter { !axes.contains($0) }
    let extents = axes.map { analysis.fixed.contains($0) ? HostExpression.extent($0) : mostOf($0) }
    let count = extents.reduce(HostExpression.constant(1), { $0 * $1 })
    // A statement may be lowered more than once: for whole blocks and for what is left.
    if printed[statement] == nil {
      printed[statement] = workspaces.count
      workspaces.append(
        Workspace(
          name: "print_\(label.filter { $0.isLetter || $0.isNumber })", byteCount: count * .constant(8),
          prints: Workspace.Print(label: label, element: node.type, axes: axes, extents: extents)))
    }
    let name = buffer(workspace: printed[statement]!, word)
    var offset = LaneCoordinate(.constant(0))
    for (axis, extent) in zip(axes, extents) {
      let here = environment.coordinates[axis]!
      offset = LaneCoordinate(
        offset.base * scalar(extent, "\(axis.name)_extent") + here.base, lanes: here.lanes)
    }
    var shown = try emitWide(value, environment)
    if node.type == .bool { shown = shown.converted(to: .i32) }
    let behind = offset.base + scalar(count, "\(name)_count")
    let mark = Expression.integer(1, MachineType(.i32, environment.lanes))
    for (access, value) in [
      (Access(name, word, offset.base), shown),
      (Access(name, word, behind), word == .float32 ? mark.bitCast(to: .f32) : mark),
    ] {
      if environment.lanes == 1 {
        stack.append(.store(access, value, active: nil))
      } else {
        stack.append(
          .scatter(
            access, lanes: laneValues(offset, environment.lanes), value, active: environment.active))
      }
    }
  }

  /// The most that a dimension holds over the whole launch.
  private func mostOf(_ dimension: Dimension) -> HostExpression {
    dimension.extent.map { .constant($0) }
      ?? (program.lengths[dimension] == .buffer ? .extent(dimension) : most(dimension))
  }
}
