import MachineIR
import TileIR

/// The largest elements along an axis where they are many: as many passes as an element has bits find the least of those
/// that are taken, and lanes find the coordinates, a lane each.
///
/// Elements are integers in their order (`orderedKey`). The k-th largest is found bit by bit, by counting how many are no
/// less. What is greater is taken, and of what equals it as many as are left, those of lower coordinates. Coordinates, in
/// ascending order, are found by rank: elements stand in runs, as many of each are taken as lanes count, and the lane of
/// a rank finds its run by halving and then walks along it. A row is taken a block at a time.
extension RegionLowering {
  private static let leastSelected = 32
  static let runs = 256

  /// The `topK` whose coordinates `id` sorts, with the greatest of all integers for those that there are not.
  private func picks(sortedBy id: ValueID) -> ValueID? {
    guard case .sort(let slots) = program[id].operation else { return nil }
    let chosen = program[program[id].operands[0]]
    guard case .elementwise(.select) = chosen.operation, isConstant(chosen.operands[2], Int32.max) else { return nil }
    let (condition, top) = (program[chosen.operands[0]], chosen.operands[1])
    guard case .topK(let axis, slots) = program[top].operation, domains[axis] == nil,
      slots.extent! >= Self.leastSelected, condition.operation == .elementwise(.compare(.greaterOrEqual)),
      condition.operands[0] == top, isConstant(condition.operands[1], 0)
    else { return nil }
    let uses = [top, chosen.operands[0], program[id].operands[0]].map { analysis.uses[$0] }
    return uses == [2, 1, 1] ? top : nil
  }

  private func isConstant(_ id: ValueID, _ value: Int32) -> Bool {
    program[id].operation == .constant(UInt32(bitPattern: value), .int32)
  }

  /// Whether the coordinates that a `topK` finds are sorted next, so that they may come in their order.
  func isSorted(topK id: ValueID) -> Bool { analysis.anchors.contains { picks(sortedBy: $0) == id } }

  /// Whether what a sort is of has its order as it is.
  func isInOrder(operandOf id: ValueID) -> Bool { picks(sortedBy: id) != nil }

  /// Values that are in order.
  func lowerInOrder(_ id: ValueID, _ dimension: Dimension) throws {
    let operand = program[id].operands[0]
    try forEachRow(id, without: dimension) {
      try vectorLoop(dimension, lanes: lanesOfRanks(dimension), group: 1) {
        try keep(try emitWide(operand, environment), id)
      }
    }
  }

  /// A row, a block of which is on chip as integers in their order.
  struct Selection {
    let operand: ValueID
    let axis: Dimension
    /// Elements of the row.
    let length: Expression
    /// Bits of an integer, by which the elements differ.
    let bits: Int
    /// An array of a block's integers, the least of all integers of 32 bits behind them.
    let keys: String
    /// Lanes that make and count integers together.
    let lanes: Int
    /// How many are taken of each run, in turns.
    let totals: [String]
  }

  /// A block of a row: where it begins, how many elements it has, and how many of each run: an odd number, so that lanes of
  /// neighbouring runs are in different banks.
  struct SelectionBlock {
    let start: Expression
    let count: Expression
    let runLength: Expression
  }

  /// What is taken: what is greater than `least`, and what equals it up to a coordinate.
  struct Threshold {
    let least: Variable
    let last: Variable
  }

  /// The coordinates of the `into` largest elements, ascending; where there are fewer, -1 behind them.
  func lowerSelection(_ id: ValueID, _ dimension: Dimension, _ into: Dimension) throws {
    let lanes = countedLanes(dimension)
    let keys = exactScratch("keys", .i32, Self.block + lanes)
    let totals = (0..<2).map { _ in exactScratch("totals", .i32, Self.runs) }
    try forEachRow(id, without: into) {
      let selection = Selection(
        operand: program[id].operands[0], axis: dimension, length: try length(dimension),
        bits: keyBits(program[id].operands[0]), keys: keys, lanes: lanes, totals: totals)
      try storeKeys(selection, block(at: .constant(0), selection))
      let threshold = try findThreshold(selection, into.extent!)
      try storeTaken(selection, threshold, id, into)
    }
  }
  private static let block = 8192

  /// Numbers of `bfloat16` differ in the first half of their bits.
  private func keyBits(_ operand: ValueID) -> Int {
    let node = program[operand]
    return node.operation == .elementwise(.convert(.float32)) && program[node.operands[0]].type == .bfloat16 ? 16 : 32
  }

  /// Lanes that count together.
  private func countedLanes(_ dimension: Dimension) -> Int {
    guard machine.npu != nil else { return machine.lanes(of: .i32) }
    return min(2048, Self.powerOfTwo(dimension.range.upperBound))
  }

  func lanesOfRanks(_ into: Dimension) -> Int {
    lanes(along: into, limit: machine.npu == nil ? machine.lanes(of: .i32) : 512)
  }

  private func block(at start: Expression, _ selection: Selection) -> SelectionBlock {
    let count = stack.define("block_length", (selection.length - start).minimum(.constant(Self.block)))
    let odd = (count + .constant(2 * Self.runs - 1)).divided(by: 2 * Self.runs) * .constant(2) + .constant(1)
    return SelectionBlock(start: start, count: count, runLength: stack.define("run_length", odd))
  }

  /// Integers of a block, and behind them the least of all integers.
  private func storeKeys(_ selection: Selection, _ block: SelectionBlock) throws {
    let (lanes, axis) = (selection.lanes, selection.axis)
    let least = Expression.integer(Int64(Int32.min), MachineType(.i32, lanes))
    let place = stack.variable("place", .index)
    stack.append(
      .loop(
        CountedLoop(
          place, from: .constant(0), to: block.count + .constant(1), step: lanes,
          [.storeRaw(buffer: selection.keys, offset: .variable(place), least)])))
    let outer = domains[axis]
    domains[axis] = (block.start, block.count, .constant(Self.block))
    defer { domains[axis] = outer }
    try vectorLoop(axis, lanes: lanes, group: 1) {
      var key = orderedKey(try emitWide(selection.operand, environment))
      // No element is as low as what stands behind them.
      key =
        selection.bits == 32
        ? key.apply(.maximum, .integer(Int64(Int32.min) + 1, key.type))
        : key.apply(.shiftRightArithmetic, .integer(Int64(32 - selection.bits), key.type))
      if let active = environment.active { key = masked(key, by: active, otherwise: least) }
      stack.append(.storeRaw(buffer: selection.keys, offset: try self.place(in: [axis], environment).base, key))
    }
  }

  /// A loop over the blocks of a row. Of a row of one block its integers are there.
  func forEachBlock(_ selection: Selection, _ body: (SelectionBlock) throws -> Void) throws {
    let start = stack.variable("block", .index)
    stack.open()
    let block = block(at: .variable(start), selection)
    let stored = try collect { try storeKeys(selection, block) }
    stack.append(.branch(selection.length.compared(.greater, .constant(Self.block)), stored, []))
    try body(block)
    stack.append(
      .loop(CountedLoop(start, from: .constant(0), to: selection.length, step: Self.block, stack.close())))
  }

  /// How many integers of a row are no less.
  private func count(from bound: Expression, _ selection: Selection) throws -> Expression {
    let (lanes, scalar) = (selection.lanes, MachineType(.i32))
    let total = stack.variable("total", scalar)
    stack.append(.declare(total, .integer(0, scalar)))
    try forEachBlock(selection) { block in
      let type = MachineType(.i32, lanes)
      let sum = stack.variable("sum", type)
      stack.append(.declare(sum, .integer(0, type)))
      let place = stack.variable("place", .index)
      stack.open()
      let key = Expression.raw(buffer: selection.keys, offset: .variable(place), type)
      let isCounted = key.compared(.greaterOrEqual, bound.broadcast(to: lanes)).converted(to: .i32)
      stack.append(.assign(sum, Expression.variable(sum).apply(.add, isCounted)))
      stack.append(.loop(CountedLoop(place, from: .constant(0), to: block.count, step: lanes, stack.close())))
      let own = stack.define("count", foldLanes(.variable(sum)) { $0.apply(.add, $1) })
      stack.append(.assign(total, Expression.variable(total).apply(.add, own)))
    }
    return .variable(total)
  }

  /// The least integer that is taken, bit by bit from the first, and the coordinate of the last that equals it and is taken.
  private func findThreshold(_ selection: Selection, _ wanted: Int) throws -> Threshold {
    let scalar = MachineType(.i32)
    func declared(_ name: String, _ value: Int) -> Variable {
      let variable = stack.variable(name, scalar)
      stack.append(.declare(variable, .integer(Int64(value), scalar)))
      return variable
    }
    let one = Expression.integer(1, scalar)
    // All are greater, unless there are more.
    let (least, last) = (declared("least", Int(Int32.min)), declared("last", -1))
    let search = try collect {
      // The sign alone, which turned is nothing.
      let sign = -1 << (selection.bits - 1)
      stack.append(.assign(least, .integer(Int64(sign), scalar)))
      let bit = declared("bit", sign)
      stack.open()
      let bound = stack.define("bound", Expression.variable(least).apply(.xor, .variable(bit)))
      let isReached = try count(from: bound, selection).compared(.greaterOrEqual, .integer(Int64(wanted), scalar))
      stack.append(.assign(least, .conditional(isReached, bound, .variable(least))))
      let next = Expression.variable(bit).apply(.shiftRightLogical, one)
      stack.append(.assign(bit, next.apply(.and, .integer(Int64(~sign), scalar))))
      stack.append(
        .loop(
          CountedLoop(
            stack.variable("round", .index), from: .constant(0), to: .constant(selection.bits), stack.close())))

      let above = try count(from: Expression.variable(least).apply(.add, one), selection)
      let rank = stack.define(
        "rank",
        Expression.integer(Int64(wanted) - 1, scalar).apply(.subtract, above).broadcast(to: machine.lanes(of: .i32)))
      let found = stack.variable("found", rank.type)
      stack.append(.declare(found, .integer(0, rank.type)))
      let isEqual: IsTaken = { key, _ in
        key.compared(.equal, Expression.variable(least).broadcast(to: key.type.lanes))
      }
      try forEachTaken(selection, isEqual) {
        stack.append(.assign(found, place(of: rank, $0, otherwise: .variable(found))))
      }
      stack.append(.assign(last, .apply(.lane(0), [.variable(found)], scalar)))
    }
    stack.append(.branch(selection.length.compared(.greater, .constant(wanted)), search, []))
    return Threshold(least: least, last: last)
  }
}
