import MachineIR
import TileIR

/// Byte planes of the left operand: each slice of the integers of a row's codes, and sums of slices.
extension SlicedTile {
  func packRows(_ size: Expression, _ row: Expression, _ runCount: Expression) throws {
    let outer = lowering.environment
    let lower = lowering.domains[pattern.rows]!.lower
    let member = lowering.stack.variable("tile_row", .index)
    lowering.stack.append(.note("byte planes of the left operand", nil))
    lowering.environment.bind(pattern.rows, LaneCoordinate(lower + row + .variable(member)))
    lowering.stack.open(binding: [pattern.rows])
    let run = lowering.stack.variable("run", .index)
    lowering.stack.open(binding: [pattern.depth])
    let first = lowering.stack.define(
      "first", start + Expression.variable(run) * .constant(weight.panels.block))
    let last = lowering.stack.define("last", (first + .constant(weight.panels.block)).minimum(end))
    try packRun(.variable(member), .variable(run), first, last)
    let body = lowering.stack.close()
    lowering.stack.append(.loop(CountedLoop(run, from: .constant(0), to: runCount, body)))
    let rowBody = lowering.stack.close()
    lowering.environment = outer
    lowering.stack.append(
      .loop(CountedLoop(member, from: .constant(0), to: size, rowBody)))
  }

  private func packRun(
    _ member: Expression, _ run: Expression, _ first: Expression, _ last: Expression
  ) throws {
    let count = product.left.slices.count
    let zero = Expression.integer(0, sums)
    let sliceSums = (0..<count).map { _ in lowering.stack.variable("slice_sum", sums) }
    for sum in sliceSums { lowering.stack.append(.declare(sum, zero)) }
    let worst = lowering.stack.variable("worst", bytes)
    lowering.stack.append(.declare(worst, .integer(0, bytes)))
    let step = lowering.stack.variable("part", .index)
    func part(_ at: Expression, active: Expression?) throws -> [MachineStatement] {
      lowering.stack.open(binding: [pattern.depth])
      var environment = lowering.environment
      environment.bind(pattern.depth, LaneCoordinate(first + at, lanes: .strided(1), alignment: 64))
      environment.lanes = 64
      environment.active = active
      let code = bytesOfCodes(try lowering.emitWide(weight.left, environment))
      let magnitude = code.apply(.and, .integer(0x7F, bytes))
      lowering.stack.append(.assign(worst, Expression.variable(worst).apply(.maximum, magnitude)))
      var slices = signedSlices(code, product.left.slices)
      for (slice, sum) in zip(slices, sliceSums) {
        let ones = Expression.integer(1, bytes)
        lowering.stack.append(.assign(sum, .apply(.dot4, [.variable(sum), ones, slice], sums)))
      }
      for pair in product.left.sums {
        slices.append(lowering.stack.define("slice_pair", slices[pair.a].apply(.add, slices[pair.b])))
      }
      for (plane, slice) in slices.enumerated() {
        let word = planeWord(run, plane, member) + at.divided(by: 4)
        lowering.stack.append(.storeRaw(buffer: planes, offset: word, slice.bitCast(to: .i32)))
      }
      return lowering.stack.close()
    }
    let at = Expression.variable(step)
    let full = MachineStatement.loop(
      CountedLoop(
        step, from: .constant(0), to: .constant(weight.panels.block), step: 64, try part(at, active: nil)))
    if let depth = pattern.depth.extent, depth % weight.panels.block == 0 {
      lowering.stack.append(full)
    } else {
      // A short last block is zeros to its end: they count nothing.
      let isFull = (last - first).compared(.equal, .constant(weight.panels.block))
      let tailStep = lowering.stack.variable("part", .index)
      let tailAt = Expression.variable(tailStep)
      let left = (last - first - tailAt).maximum(.constant(0)).minimum(.constant(64))
      lowering.stack.open()
      let active = lowering.stack.define("active", left)
      lowering.stack.append(contentsOf: try part(tailAt, active: active))
      let tail = MachineStatement.loop(
        CountedLoop(
          tailStep, from: .constant(0), to: .constant(weight.panels.block), step: 64, lowering.stack.close()))
      lowering.stack.append(.branch(isFull, [full], [tail]))
    }
    storePlaneSums(member, run, sliceSums)
    try storeRowScale(member, run, worst, first)
  }

  /// Sums of planes, for the bias of the right bytes.
  private func storePlaneSums(_ member: Expression, _ run: Expression, _ sliceSums: [Variable]) {
    var totals = sliceSums.map { sum in
      lowering.stack.define("slice_total", lowering.foldLanes(.variable(sum)) { $0.apply(.add, $1) })
    }
    for pair in product.left.sums { totals.append(totals[pair.a].apply(.add, totals[pair.b])) }
    for (plane, total) in totals.enumerated() {
      let place = (member * runs + run) * .constant(product.left.count) + .constant(plane)
      lowering.stack.append(.storeRaw(buffer: planeSums, offset: place, total))
    }
  }

  /// The scale of a row's block; NaN where one of its codes is.
  private func storeRowScale(
    _ member: Expression, _ run: Expression, _ worst: Variable, _ first: Expression
  ) throws {
    var environment = lowering.environment
    environment.bind(pattern.depth, LaneCoordinate(first, alignment: weight.panels.block))
    environment.canonical.remove(pattern.depth)
    let unit = Expression.float(product.unit.bitPattern, MachineType(.f64))
    var scale = unit
    if let leftScale = source.leftScale { scale = try leftScale(environment).apply(.multiply, unit) }
    let words = lowering.foldLanes(.variable(worst)) { $0.apply(.maximum, $1) }.converted(to: .i32)
    let isNaN = words.compared(.equal, .integer(0x7F, MachineType(.i32)))
    let nan = Expression.float(Double.nan.bitPattern, MachineType(.f64))
    lowering.stack.append(
      .storeRaw(
        buffer: rowScales, offset: member * runs + run, .conditional(isNaN, nan, scale)))
  }

  /// Codes of one byte each from codes in `i32` lanes; a plain load is made one of bytes.
  private func bytesOfCodes(_ codes: Expression) -> Expression {
    if case .load(let access, _, nil) = codes, access.element.bitWidth == 8 {
      return lowering.stack.define("code", .raw(buffer: access.buffer, offset: access.offset, bytes))
    }
    return lowering.stack.define("code", codes.converted(to: .u8))
  }

  /// Slices of the integers of 64 codes, each with the sign of its code.
  private func signedSlices(_ code: Expression, _ tables: [ByteTable]) -> [Expression] {
    tables.map { table in
      let magnitude = lowering.stack.define(
        "magnitude", Expression.apply(.lookup128, [.table(table), code], bytes).bitCast(to: .i8))
      let negated = magnitude.apply(.negate)
      return lowering.stack.define(
        "slice", .apply(.select, [isNegative(code), negated, magnitude], signedBytes))
    }
  }
}
