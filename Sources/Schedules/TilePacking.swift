import MachineIR
import TileIR

/// Packing of the right operand of a blocked product that has not been laid out.
extension TileLoops {
  /// Columns go to panels [panel][depth][lanes]: what the register tile reads in one stream. Columns
  /// past the end hold zeros.
  func packRight() throws {
    guard laidOut == nil else { return }
    let columns = lowering.domains[pattern.columns]!
    let panel = lowering.stack.variable("panel", .index)
    lowering.stack.append(.note("panels of the right operand", nil))
    let outer = lowering.environment
    lowering.stack.open(binding: [pattern.columns])
    let first = Expression.variable(panel) * .constant(blocking.panel)
    var environment = outer
    environment.lanes = blocking.panel
    environment.bind(
      pattern.columns, LaneCoordinate(columns.lower + first, lanes: .strided(1), alignment: 1))
    // Most panels are full: those load whole vectors.
    let left = lowering.stack.define(
      "active", (columns.count - first).minimum(.constant(blocking.panel)))
    let isFull = left.compared(.equal, .constant(blocking.panel))
    func body(_ active: Expression?) throws -> [MachineStatement] {
      environment.active = active
      lowering.environment = environment
      lowering.stack.open(binding: [pattern.columns])
      if source.rightScale != nil { try packScales(.variable(panel)) }
      try packDepth(.variable(panel))
      return lowering.stack.close()
    }
    let full = try body(nil)
    let partial = try body(left)
    lowering.stack.append(.branch(isFull, full, partial))
    let statements = lowering.stack.close()
    lowering.environment = outer
    let count = (columns.count + .constant(blocking.panel - 1)).divided(by: blocking.panel)
    lowering.stack.append(.loop(CountedLoop(panel, from: .constant(0), to: count, statements)))
  }

  private func packDepth(_ panel: Expression) throws {
    let depth = pattern.depth
    let outer = lowering.environment
    func pack(_ ratio: Expression?) throws {
      let here = lowering.environment.coordinates[depth]!.base - start
      var value = try source.right(lowering.environment)
      value = lowering.widen(value, to: blocking.panel)
      if let active = lowering.environment.active { value = lowering.masked(value, by: active) }
      value = value.converted(to: blocking.scalar)
      if let ratio { value = value.apply(.multiply, ratio) }
      let place = (panel * .constant(blocking.depth) + here) * .constant(blocking.panel)
      lowering.stack.append(.storeRaw(buffer: panels, offset: place, value))
    }
    guard let wideBlocks, let groupScales, let rightScales else {
      try lowering.rangeLoop(depth, from: start, to: end) { try pack(nil) }
      return
    }
    // A group's codes move to the least scale of their run where that keeps sums exact.
    let group = lowering.stack.variable("group", .index)
    lowering.stack.open()
    let first = lowering.stack.define(
      "group_first", start + Expression.variable(group) * .constant(source.group))
    let last = lowering.stack.define("group_last", (first + .constant(source.group)).minimum(end))
    let run = lowering.stack.define("run", Expression.variable(group).divided(by: groups))
    let type = MachineType(.f64, blocking.panel)
    let own = Expression.raw(
      buffer: groupScales, offset: scalePlace(panel, .variable(group), groups), type)
    let least = Expression.raw(buffer: rightScales, offset: scalePlace(panel, run, 1), type)
    let isWide = Expression.raw(
      buffer: wideBlocks, offset: panel * .constant(runs) + run, MachineType(.i32)
    ).compared(.notEqual, .integer(0, MachineType(.i32)))
    let ratio = lowering.stack.define(
      "ratio", .conditional(isWide, .float(Double(1).bitPattern, type), own.apply(.divide, least)))
    try lowering.rangeLoop(depth, from: first, to: last) { try pack(ratio) }
    let body = lowering.stack.close()
    let count = (end - start + .constant(source.group - 1)).divided(by: source.group)
    lowering.environment = outer
    lowering.stack.append(.loop(CountedLoop(group, from: .constant(0), to: count, body)))
  }

  /// Scales of each run's columns. Where they change inside a run: the least one, each group's, and
  /// whether they lie too far apart for one exact sum (20 binades above 18 + 4 + 7 bits fit 53).
  private func packScales(_ panel: Expression) throws {
    let run = lowering.stack.variable("run", .index)
    let type = MachineType(.f64, blocking.panel)
    let outer = lowering.environment
    lowering.stack.open()
    func scale(_ at: Expression) throws -> Expression {
      var environment = lowering.environment
      environment.bind(
        pattern.depth, LaneCoordinate(at.minimum(end - .constant(1)), alignment: source.group))
      lowering.stack.open(binding: [pattern.depth])
      var value = try source.rightScale!(environment)
      lowering.stack.append(contentsOf: lowering.stack.close())
      value = value.broadcast(to: blocking.panel)
      guard let active = environment.active else { return value }
      let one = Expression.float(Double(1).bitPattern, type)
      return lowering.masked(value, by: active, otherwise: one)
    }
    let runFirst = start + Expression.variable(run) * .constant(source.run)
    guard let groupScales, let wideBlocks else {
      let value = try scale(runFirst)
      lowering.stack.append(
        .storeRaw(buffer: rightScales!, offset: scalePlace(panel, .variable(run), 1), value))
      return closeRuns(run, outer)
    }
    var values: [Expression] = []
    for group in 0..<groups {
      let value = lowering.stack.define(
        "group_scale", try scale(runFirst + .constant(group * source.group)))
      let number = Expression.variable(run) * .constant(groups) + .constant(group)
      lowering.stack.append(
        .storeRaw(buffer: groupScales, offset: scalePlace(panel, number, groups), value))
      values.append(value)
    }
    func extreme(_ comparison: Comparison) -> Expression {
      values.dropFirst().reduce(values[0]) { a, b in
        let best = Expression.apply(.select, [a.compared(comparison, b), a, b], type)
        return lowering.stack.define("extreme", best)
      }
    }
    let (least, most) = (extreme(.less), extreme(.greater))
    lowering.stack.append(
      .storeRaw(buffer: rightScales!, offset: scalePlace(panel, .variable(run), 1), least))
    // A NaN scale fails the comparison and takes the general way.
    let limit = least.apply(.multiply, .float(Double(0x1p20).bitPattern, type))
    var far = Expression.integer(0, MachineType(.i32, blocking.panel))
    far = .apply(
      .select, [most.compared(.lessOrEqual, limit), far, .integer(1, far.type)], far.type)
    for value in values {
      far = .apply(.select, [value.compared(.equal, value), far, .integer(1, far.type)], far.type)
    }
    let any = lowering.foldLanes(far) { $0.apply(.or, $1) }
    lowering.stack.append(
      .storeRaw(buffer: wideBlocks, offset: panel * .constant(runs) + .variable(run), any))
    closeRuns(run, outer)
  }

  private func closeRuns(_ run: Variable, _ outer: Environment) {
    let body = lowering.stack.close()
    lowering.environment = outer
    let count = (end - start + .constant(source.run - 1)).divided(by: source.run)
    lowering.stack.append(.loop(CountedLoop(run, from: .constant(0), to: count, body)))
  }
}
