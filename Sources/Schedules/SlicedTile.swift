import MachineIR
import TileIR

/// The loops of one depth block of a sliced product: rows are cut into byte planes a tile at a time,
/// panels are read as they were laid out, and byte dot products gather in a register tile. Each block of a
/// panel meets all rows of the tile before the next is read.
struct SlicedTile {
  let lowering: RegionLowering
  let pattern: ProductPattern
  let blocking: ProductBlocking
  let weight: SlicedWeight
  let source: RegionLowering.ProductSource
  /// f32 totals, [cellRows, cellColumns].
  let totals: String
  /// Depth coordinates of the block.
  let start: Expression
  let end: Expression
  let codes: String
  let scales: String
  /// First panel of the cell, counted through the outer axes.
  let firstPanel: Expression
  /// Byte planes as words of four: [run][plane][tile row][word].
  let planes: String
  /// Sums of the planes of a run: [tile row][run][plane].
  let planeSums: String
  /// Scale of a run of a row times the unit of the integers: [tile row][run].
  let rowScales: String
  /// Exact sums of the groups of one block: [group][column].
  let groupTerms: String

  var product: SlicedProduct { weight.product }
  var lanes: Int { weight.panels.width }
  var words: Int { weight.panels.block / 4 }
  /// Runs of a depth block at most.
  var runs: Expression { .constant(blocking.depth / weight.panels.block) }
  let bytes = MachineType(.u8, 64)
  let signedBytes = MachineType(.i8, 64)
  var sums: MachineType { MachineType(.i32, weight.panels.width) }

  init(
    lowering: RegionLowering, pattern: ProductPattern, blocking: ProductBlocking,
    weight: SlicedWeight, laidOut: LaidOutWeight,
    source: RegionLowering.ProductSource, totals: String, start: Expression, end: Expression,
    firstPanel: Expression
  ) {
    self.lowering = lowering
    self.pattern = pattern
    self.blocking = blocking
    self.weight = weight
    self.source = source
    self.totals = totals
    self.start = start
    self.end = end
    self.firstPanel = firstPanel
    codes = lowering.buffer(workspace: laidOut.codes, .int32, written: false)
    scales = lowering.buffer(workspace: laidOut.scales, .uint8, written: false)
    func array(_ name: String, _ scalar: MachineScalar, _ count: Int) -> String {
      lowering.scratch(name, scalar, count: .constant(count))
    }
    let (rows, runs) = (blocking.tileRows, blocking.depth / weight.panels.block)
    let planeCount = weight.product.left.count
    planes = array("planes", .i32, runs * planeCount * rows * weight.panels.block / 4)
    planeSums = array("plane_sums", .i32, rows * runs * planeCount)
    rowScales = array("row_scales", .f64, rows * runs)
    groupTerms = array("group_terms", .f64, weight.groups * weight.panels.width)
  }

  // MARK: Rows

  /// Takes rows a tile at a time.
  func walkRows() throws {
    let rows = lowering.domains[pattern.rows]!
    let row = lowering.stack.variable("row", .index)
    lowering.stack.open()
    let left = (rows.count - .variable(row)).minimum(.constant(blocking.tileRows))
    try tile(.variable(row), lowering.stack.define("tile_rows", left))
    lowering.stack.append(
      .loop(
        CountedLoop(
          row, from: .constant(0), to: rows.count, step: blocking.tileRows, lowering.stack.close())))
  }

  private func tile(_ row: Expression, _ size: Expression) throws {
    let runCount = lowering.stack.define(
      "runs", (end - start + .constant(weight.panels.block - 1)).divided(by: weight.panels.block))
    try packRows(size, row, runCount)
    let columns = lowering.domains[pattern.columns]!
    let panel = lowering.stack.variable("panel", .index)
    lowering.stack.open()
    let run = lowering.stack.variable("run", .index)
    lowering.stack.open()
    let blocks = lowering.scalar(weight.panels.blocks, "\(pattern.depth.name)_blocks")
    let place = lowering.stack.define(
      "place",
      (firstPanel + .variable(panel)) * blocks + start.divided(by: weight.panels.block) + .variable(run))
    multiplyBlock(size, row, .variable(panel), .variable(run), place)
    let body = lowering.stack.close()
    lowering.stack.append(.loop(CountedLoop(run, from: .constant(0), to: runCount, body)))
    let count = (columns.count + .constant(lanes - 1)).divided(by: lanes)
    lowering.stack.append(
      .loop(CountedLoop(panel, from: .constant(0), to: count, lowering.stack.close())))
  }

  /// Where codes are negative.
  func isNegative(_ code: Expression) -> Expression {
    code.bitCast(to: .i8).compared(.less, .integer(0, signedBytes))
  }

  /// Where the words of a plane of a tile's row begin.
  func planeWord(_ run: Expression, _ plane: Int, _ row: Expression) -> Expression {
    (run * .constant(product.left.count) + .constant(plane)) * .constant(blocking.tileRows * words)
      + row * .constant(words)
  }
}
