import MachineIR
import TileIR

/// Where what is taken of a row stands: elements by rank (`Selection`).
extension RegionLowering {
  /// What is taken of a block, of each run and those before it.
  struct TakenRuns {
    let selection: Selection
    let block: SelectionBlock
    /// How many are taken of the blocks before, and of this one.
    let before, total: Expression
    let isTaken: IsTaken
  }

  /// A truth of a block's integers and their coordinates.
  typealias IsTaken = (_ key: Expression, _ coordinate: Expression) -> Expression

  /// Stores the coordinates of all that is taken; where there are fewer, -1 behind them.
  func storeTaken(_ selection: Selection, _ threshold: Threshold, _ id: ValueID, _ into: Dimension) throws {
    let lanes = lanesOfRanks(into)
    try vectorLoop(into, lanes: lanes, group: 1) { try keep(.integer(-1, MachineType(.i32, lanes)), id) }
    guard case .array(let places, _, _)? = storage[id] else { preconditionFailure("\(into.name) has places") }
    let isTaken: IsTaken = { key, coordinate in
      let least = Expression.variable(threshold.least).broadcast(to: key.type.lanes)
      let last = Expression.variable(threshold.last).broadcast(to: key.type.lanes)
      return key.compared(.greater, least)
        .apply(.or, key.compared(.equal, least).apply(.and, coordinate.compared(.lessOrEqual, last)))
    }
    try forEachTaken(selection, isTaken) { runs in
      try vectorLoop(into, lanes: lanes, group: 1) {
        let rank = stack.define("rank", coordinateValue(environment.coordinates[into]!, lanes))
        let known = Expression.raw(buffer: places, offset: try place(in: [into], environment).base, rank.type)
        try keep(place(of: rank, runs, otherwise: known), id)
      }
    }
  }

  /// Counts what is taken, block by block.
  func forEachTaken(_ selection: Selection, _ isTaken: @escaping IsTaken, _ body: (TakenRuns) throws -> Void) throws {
    let scalar = MachineType(.i32)
    let before = stack.variable("before", scalar)
    stack.append(.declare(before, .integer(0, scalar)))
    try forEachBlock(selection) { block in
      countRuns(selection, block, isTaken)
      let total = stack.define(
        "taken", .raw(buffer: selection.totals[0], offset: .constant(Self.runs - 1), scalar))
      try body(
        TakenRuns(selection: selection, block: block, before: .variable(before), total: total, isTaken: isTaken))
      stack.append(.assign(before, Expression.variable(before).apply(.add, total)))
    }
  }

  /// How many are taken of each run and of those before it, to `totals[0]`.
  private func countRuns(_ selection: Selection, _ block: SelectionBlock, _ isTaken: IsTaken) {
    let lanes = machine.npu == nil ? machine.lanes(of: .i32) : Self.runs
    let type = MachineType(.i32, lanes)
    func forEachVector(_ body: (_ run: Expression) -> Void) {
      let run = stack.variable("run", .index)
      stack.open()
      body(.variable(run))
      stack.append(.loop(CountedLoop(run, from: .constant(0), to: .constant(Self.runs), step: lanes, stack.close())))
    }
    func numbers(_ run: Expression) -> Expression {
      coordinateValue(LaneCoordinate(run, lanes: .strided(1)), lanes)
    }
    forEachVector { run in
      let sum = stack.variable("sum", type)
      stack.append(.declare(sum, .integer(0, type)))
      let length = block.runLength.converted(to: .i32).broadcast(to: lanes)
      walk(stack.define("start", numbers(run).apply(.multiply, length)), selection, block, isTaken) {
        stack.append(.assign(sum, Expression.variable(sum).apply(.add, $0)))
      }
      stack.append(.storeRaw(buffer: selection.totals[0], offset: run, .variable(sum)))
    }
    // Sums over as many runs before as double from step to step, in two arrays in turns.
    let zero = Expression.integer(0, type)
    var (from, to, distance) = (selection.totals[0], selection.totals[1], 1)
    while distance < Self.runs {
      forEachVector { run in
        let before = stack.define("before", numbers(run).apply(.subtract, .integer(Int64(distance), type)))
        let sum = Expression.gatherRaw(buffer: from, offset: .constant(0), lanes: before.apply(.maximum, zero), type)
        let added = Expression.apply(.select, [before.compared(.greaterOrEqual, zero), sum, zero], type)
        stack.append(
          .storeRaw(buffer: to, offset: run, Expression.raw(buffer: from, offset: run, type).apply(.add, added)))
      }
      (from, to, distance) = (to, from, 2 * distance)
    }
    precondition(from == selection.totals[0], "as many steps as end where they began")
  }

  /// A loop along runs, a lane a run, from their first elements on; the body has 1 in lanes whose element is taken.
  private func walk(
    _ start: Expression, _ selection: Selection, _ block: SelectionBlock, _ isTaken: IsTaken,
    _ body: (_ taken: Expression) -> Void
  ) {
    func wide(_ value: Expression) -> Expression { value.converted(to: .i32).broadcast(to: start.type.lanes) }
    let step = stack.variable("step", .index)
    stack.open()
    let place = stack.define("place", start.apply(.add, wide(.variable(step))))
    // Behind the last element is the end's.
    let within = stack.define("within", place.apply(.minimum, wide(block.count)))
    let key = stack.define(
      "key", .gatherRaw(buffer: selection.keys, offset: .constant(0), lanes: within, place.type))
    body(isTaken(key, place.apply(.add, wide(block.start))).converted(to: .i32))
    stack.append(.loop(CountedLoop(step, from: .constant(0), to: block.runLength, stack.close())))
  }

  /// The coordinates of what is taken, by how many are taken before.
  func place(of wanted: Expression, _ runs: TakenRuns, otherwise: Expression) -> Expression {
    let (type, lanes) = (wanted.type, wanted.type.lanes)
    func number(_ value: Int) -> Expression { .integer(Int64(value), type) }
    func total(_ run: Expression) -> Expression {
      .gatherRaw(buffer: runs.selection.totals[0], offset: .constant(0), lanes: run, type)
    }
    let rank = stack.define("rank_here", wanted.apply(.subtract, runs.before.broadcast(to: lanes)))
    // So many runs have no more than its rank together.
    var run = number(0)
    var distance = Self.runs / 2
    while distance > 0 {
      let isBefore = total(run.apply(.add, number(distance - 1))).compared(.lessOrEqual, rank)
      run = stack.define("run", .apply(.select, [isBefore, run.apply(.add, number(distance)), run], type))
      distance /= 2
    }
    let before = total(run.apply(.subtract, number(1)).apply(.maximum, number(0)))
    let seen = stack.variable("seen", type)
    stack.append(.declare(seen, .apply(.select, [run.compared(.equal, number(0)), number(0), before], type)))
    let start = stack.define(
      "start", run.apply(.multiply, runs.block.runLength.converted(to: .i32).broadcast(to: lanes)))
    let place = stack.variable("found", type)
    stack.append(.declare(place, start.apply(.add, runs.block.start.converted(to: .i32).broadcast(to: lanes))))
    walk(start, runs.selection, runs.block, runs.isTaken) {
      stack.append(.assign(seen, Expression.variable(seen).apply(.add, $0)))
      // It stands behind all up to which no more than its rank are seen.
      let isPassed = Expression.variable(seen).compared(.lessOrEqual, rank).converted(to: .i32)
      stack.append(.assign(place, Expression.variable(place).apply(.add, isPassed)))
    }
    let isHere = rank.compared(.greaterOrEqual, number(0))
      .apply(.and, rank.compared(.less, runs.total.broadcast(to: lanes)))
    return .apply(.select, [isHere, .variable(place), otherwise], type)
  }
}
