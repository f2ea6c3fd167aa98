import MachineIR
import TileIR

/// The loops of one depth block of a blocked product: packing and the register tile.
struct TileLoops {
  let lowering: RegionLowering
  let pattern: ProductPattern
  let blocking: ProductBlocking
  let source: RegionLowering.ProductSource
  /// f32 totals, [cellRows, cellColumns].
  let totals: String
  /// Depth coordinates of the block.
  let start: Expression
  let end: Expression
  /// The right operand where it has been laid out; else it is packed here.
  let laidOut: FixedPanelReader?
  let panels: String
  let leftRows: String
  let rightScales: String?
  let groupScales: String?
  let wideBlocks: String?
  let leftScales: String?

  /// Runs in a depth block, scale groups in a run.
  var runs: Int { blocking.depth / source.run }
  var groups: Int { source.run / source.group }
  var vector: MachineType { MachineType(blocking.scalar, blocking.lanes) }

  init(
    lowering: RegionLowering, pattern: ProductPattern, blocking: ProductBlocking,
    source: RegionLowering.ProductSource, totals: String, start: Expression, end: Expression,
    laidOut: FixedPanelReader?
  ) {
    self.lowering = lowering
    self.pattern = pattern
    self.blocking = blocking
    self.source = source
    self.totals = totals
    self.start = start
    self.end = end
    func array(_ name: String, _ scalar: MachineScalar, _ count: Int) -> String {
      lowering.scratch(name, scalar, count: .constant(count))
    }
    self.laidOut = laidOut
    panels =
      laidOut == nil
      ? array("panels", blocking.scalar, blocking.cellColumns * blocking.depth) : ""
    leftRows = array("left_rows", blocking.scalar, blocking.tileRows * blocking.depth)
    let runs = blocking.depth / source.run
    let groups = source.run / source.group
    rightScales = source.rightScale == nil ? nil : array("right_scales", .f64, blocking.cellColumns * runs)
    leftScales = source.leftScale == nil ? nil : array("left_scales", .f64, blocking.tileRows * runs)
    groupScales =
      groups == 1 || source.rightScale == nil
      ? nil : array("group_scales", .f64, blocking.cellColumns * runs * groups)
    wideBlocks =
      groups == 1 || source.rightScale == nil
      ? nil : array("wide_blocks", .i32, blocking.cellColumns / blocking.panel * runs)
  }

  /// The place of a panel's scales: [panel][run or group][lanes].
  func scalePlace(_ panel: Expression, _ number: Expression, _ perRun: Int) -> Expression {
    (panel * .constant(runs * perRun) + number) * .constant(blocking.panel)
  }

  // MARK: Rows

  func walkRows() throws {
    try lowering.walkTiles(of: lowering.domains[pattern.rows]!.count, by: blocking.bodies, tile)
  }

  private func tile(_ size: Int, _ row: Expression) throws -> [MachineStatement] {
    lowering.stack.open()
    try packLeft(size, row)
    let columns = lowering.domains[pattern.columns]!
    let panel = lowering.stack.variable("panel", .index)
    lowering.stack.open()
    if source.run < blocking.depth || blocking.scalar == .f64 {
      let run = lowering.stack.variable("run", .index)
      lowering.stack.open()
      let first = lowering.stack.define("first", Expression.variable(run) * .constant(source.run))
      let last = lowering.stack.define(
        "last", (first + .constant(source.run)).minimum(end - start))
      if let wideBlocks {
        let wide = Expression.raw(
          buffer: wideBlocks, offset: Expression.variable(panel) * .constant(runs) + .variable(run),
          MachineType(.i32))
        let together = try sums(size, row, .variable(panel), .variable(run), first, last)
        let apart = try groupSums(size, row, .variable(panel), .variable(run), first, last)
        lowering.stack.append(
          .branch(wide.compared(.equal, .integer(0, MachineType(.i32))), together, apart))
      } else {
        lowering.stack.append(
          contentsOf: try sums(size, row, .variable(panel), .variable(run), first, last))
      }
      let count = (end - start + .constant(source.run - 1)).divided(by: source.run)
      lowering.stack.append(
        .loop(CountedLoop(run, from: .constant(0), to: count, lowering.stack.close())))
    } else {
      lowering.stack.append(
        contentsOf: try sums(size, row, .variable(panel), .constant(0), .constant(0), end - start))
    }
    let count = (columns.count + .constant(blocking.panel - 1)).divided(by: blocking.panel)
    lowering.stack.append(
      .loop(CountedLoop(panel, from: .constant(0), to: count, lowering.stack.close())))
    return lowering.stack.close()
  }

  /// Rows of the left operand in the lane type of the sums, beside one another.
  private func packLeft(_ size: Int, _ row: Expression) throws {
    let outer = lowering.environment
    let lower = lowering.domains[pattern.rows]!.lower
    let lanes = blocking.lanes * 2
    let member = lowering.stack.variable("tile_row", .index)
    lowering.environment.bind(
      pattern.rows, LaneCoordinate(lower + row + .variable(member)))
    lowering.stack.open(binding: [pattern.rows])
    if let leftScales {
      let run = lowering.stack.variable("run", .index)
      lowering.stack.open(binding: [pattern.depth])
      var environment = lowering.environment
      environment.bind(
        pattern.depth,
        LaneCoordinate(start + Expression.variable(run) * .constant(source.run), alignment: source.run))
      let value = try source.leftScale!(environment)
      lowering.stack.append(
        .storeRaw(
          buffer: leftScales, offset: Expression.variable(member) * .constant(runs) + .variable(run),
          value))
      let count = (end - start + .constant(source.run - 1)).divided(by: source.run)
      lowering.stack.append(
        .loop(CountedLoop(run, from: .constant(0), to: count, lowering.stack.close())))
    }
    try lowering.lanesLoop(pattern.depth, from: start, to: end, lanes: lanes) {
      let value = lowering.widen(try source.left(lowering.environment), to: lanes)
      let place =
        Expression.variable(member) * .constant(blocking.depth)
        + (lowering.environment.coordinates[pattern.depth]!.base - start)
      lowering.stack.append(
        .storeRaw(buffer: leftRows, offset: place, value.converted(to: blocking.scalar)))
    }
    let body = lowering.stack.close()
    lowering.environment = outer
    lowering.stack.append(
      .loop(CountedLoop(member, from: .constant(0), to: .constant(size), body)))
  }

  // MARK: Register tile

  private func totalPlace(_ row: Expression, _ panel: Expression, _ vector: Expression) -> Expression {
    row * .constant(blocking.cellColumns) + panel * .constant(blocking.panel)
      + vector * .constant(blocking.lanes)
  }

  private func leftElement(_ r: Expression, _ k: Expression) -> Expression {
    .raw(
      buffer: leftRows, offset: r * .constant(blocking.depth) + k, MachineType(blocking.scalar))
  }

  private func panelVector(_ panel: Expression, _ k: Expression, _ v: Expression) -> Expression {
    if let laidOut {
      return laidOut.integers(
        panel, depth: start + k, column: v * .constant(blocking.lanes), lanes: blocking.lanes)
    }
    return .raw(
      buffer: panels,
      offset: (panel * .constant(blocking.depth) + k) * .constant(blocking.panel)
        + v * .constant(blocking.lanes), vector)
  }

  /// Sums over depth `first ..< last` of the block, added to the totals.
  private func sums(
    _ size: Int, _ row: Expression, _ panel: Expression, _ run: Expression, _ first: Expression,
    _ last: Expression
  ) throws -> [MachineStatement] {
    let sum = RegisterArray(lowering.stack.unique("sum"), vector, [size, blocking.tileVectors])
    let right = RegisterArray(lowering.stack.unique("right"), vector, [blocking.tileVectors])
    var statements: [MachineStatement] = [.registers(sum)]
    func total(_ r: Expression, _ v: Expression) -> Expression {
      .raw(
        buffer: totals, offset: totalPlace(row + r, panel, v), MachineType(.f32, blocking.lanes))
    }
    statements.append(
      lowering.unrolled("r", size) { r in
        [
          lowering.unrolled("v", blocking.tileVectors) { v in
            let zero = Expression.float(0, vector)
            return [.setElement(sum, [r, v], source.continues ? total(r, v) : zero)]
          }
        ]
      })
    let k = lowering.stack.variable(pattern.depth.name, .index)
    let step: [MachineStatement] = [
      .registers(right),
      lowering.unrolled("v", blocking.tileVectors) { v in
        [.setElement(right, [v], panelVector(panel, .variable(k), v))]
      },
      lowering.unrolled("r", size) { r in
        let a = lowering.stack.variable("left", vector)
        return [
          .define(a, leftElement(r, .variable(k)).broadcast(to: blocking.lanes)),
          lowering.unrolled("v", blocking.tileVectors) { v in
            let old = Expression.element(sum, [r, v])
            return [
              .setElement(
                sum, [r, v], accumulate(.variable(a), .element(right, [v]), old))
            ]
          },
        ]
      },
    ]
    statements.append(.loop(CountedLoop(k, from: first, to: last, step)))
    statements.append(
      lowering.unrolled("r", size) { r in
        [
          lowering.unrolled("v", blocking.tileVectors) { v in
            let place = totalPlace(row + r, panel, v)
            let exact = scaled(.element(sum, [r, v]), r, panel, run, v)
            let rounded = exact.converted(to: .f32)
            let new = source.continues ? rounded : total(r, v).apply(.add, rounded)
            return [.storeRaw(buffer: totals, offset: place, new)]
          }
        ]
      })
    return statements
  }

  /// A multiply-add. Exact sums are the same fused or not, so those take what the machine has.
  private func accumulate(_ a: Expression, _ b: Expression, _ c: Expression) -> Expression {
    if blocking.scalar == .f64 {
      let isFused = lowering.machine.has(.fusedMultiplyAdd)
      return lowering.multiplyAdd(a, b, c, isFused ? .fused : .unfused)
    }
    return lowering.multiplyAdd(a, b, c, source.multiplyAdd)
  }

  /// A block's exact sum under the scales of its row and columns.
  private func scaled(
    _ sum: Expression, _ r: Expression, _ panel: Expression, _ run: Expression, _ v: Expression
  ) -> Expression {
    var factor: Expression?
    if let leftScales {
      factor = Expression.raw(
        buffer: leftScales, offset: r * .constant(runs) + run, MachineType(.f64)
      ).broadcast(to: blocking.lanes)
    }
    var right: Expression?
    if let rightScales {
      right = .raw(
        buffer: rightScales, offset: scalePlace(panel, run, 1) + v * .constant(blocking.lanes), vector)
    } else if let laidOut {
      right = laidOut.quanta(
        panel, depth: start + run * .constant(source.run), column: v * .constant(blocking.lanes),
        lanes: blocking.lanes)
    }
    if let right {
      factor = factor.map { $0.apply(.multiply, right) } ?? right
    }
    return factor.map { sum.apply(.multiply, $0) } ?? sum
  }

  /// Scales too far apart for one exact sum: each group's sum is exact, and all are rounded together.
  private func groupSums(
    _ size: Int, _ row: Expression, _ panel: Expression, _ run: Expression, _ first: Expression,
    _ last: Expression
  ) throws -> [MachineStatement] {
    let r = lowering.stack.variable("r", .index)
    let v = lowering.stack.variable("v", .index)
    let (atRow, atVector) = (Expression.variable(r), Expression.variable(v))
    var body: [MachineStatement] = []
    var terms: [Expression] = []
    for group in 0..<groups {
      let sum = lowering.stack.variable("group_sum", vector)
      body.append(.declare(sum, .float(0, vector)))
      let k = lowering.stack.variable(pattern.depth.name, .index)
      let lower = (first + .constant(group * source.group)).minimum(last)
      let upper = (first + .constant((group + 1) * source.group)).minimum(last)
      let a = leftElement(atRow, .variable(k)).broadcast(to: blocking.lanes)
      body.append(
        .loop(
          CountedLoop(
            k, from: lower, to: upper,
            [.assign(sum, accumulate(a, panelVector(panel, .variable(k), atVector), .variable(sum)))])))
      let number = run * .constant(groups) + .constant(group)
      var factor = Expression.raw(
        buffer: groupScales!,
        offset: scalePlace(panel, number, groups) + atVector * .constant(blocking.lanes), vector)
      if let leftScales {
        let left = Expression.raw(
          buffer: leftScales, offset: atRow * .constant(runs) + run, MachineType(.f64))
        factor = factor.apply(.multiply, left.broadcast(to: blocking.lanes))
      }
      terms.append(Expression.variable(sum).apply(.multiply, factor))
    }
    let place = totalPlace(row + atRow, panel, atVector)
    let type = MachineType(.f32, blocking.lanes)
    let rounded = Expression.apply(.roundedSum, terms, type)
    body.append(
      .storeRaw(
        buffer: totals, offset: place,
        Expression.raw(buffer: totals, offset: place, type).apply(.add, rounded)))
    return [
      .loop(
        CountedLoop(
          r, from: .constant(0), to: .constant(size),
          [.loop(CountedLoop(v, from: .constant(0), to: .constant(blocking.tileVectors), body))]))
    ]
  }
}
