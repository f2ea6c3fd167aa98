import MachineIR
import TileIR

/// One product of codes of a cell: a block of rows by a block of columns. Blocks of depth go by in order; in each, the parts
/// of the columns' numbers stay in registers while tiles of eight rows stream past.
///
/// Columns stand on the left of the matrix products, rows on the right, and sums have them exchanged.
struct CodeTile {
  let operands: MatrixOperands
  /// The product's array on chip: rows of columns.
  let product: String
  /// The array of totals: [tile of rows][panel][lane], as sums lie in registers, so that no lane moves between blocks;
  /// none in a cell of one block.
  let totals: String?
  /// Where asynchronous copies put what a block reads; none where blocks read device memory.
  let ring: CodeRing?
  /// Tiles of rows and panels of columns that the cell has.
  let tileCount: Expression
  let panelCount: Expression

  init(_ operands: MatrixOperands, product: String, totals: String? = nil, ring: CodeRing? = nil) {
    (self.operands, self.product, self.totals, self.ring) = (operands, product, totals, ring)
    let rows = operands.weight.tileRows
    let lowering = operands.lowering
    tileCount = lowering.stack.define("tiles", (operands.rows + .constant(rows - 1)).divided(by: rows))
    let panels = operands.panelCount
    panelCount = panels.constantValue == nil ? lowering.stack.define("panels", panels) : panels
  }

  var lowering: RegionLowering { operands.lowering }
  var weight: MatrixWeight { operands.weight }
  var tileWords: Int { operands.slices.blockWords }
  private var blockCount: Expression { operands.blockCount }

  /// Tiles of rows and panels of columns of a whole cell.
  var tiles: Int { operands.blocking.cellRows / weight.tileRows }
  var panels: Int { operands.blocking.cellColumns / weight.panels.width }
  var pitch: Int { operands.blocking.matrixPitch(isOfCodes: true) }
  var panelWords: Int { weight.steps * weight.words }
  var panelScales: Int { weight.scaleBytes * 8 / weight.scaleElement.bitWidth }

  // MARK: Places in device memory

  func words(ofTile tile: Expression, _ block: Expression, of blockCount: Expression) -> Access {
    Access(operands.words, .int32, tileBlock(tile, block, of: blockCount) * .constant(tileWords))
  }
  func scales(ofTile tile: Expression, _ block: Expression, of blockCount: Expression) -> Access {
    Access(operands.rowScales, .uint8, tileBlock(tile, block, of: blockCount) * .constant(LeftSlices.scaleBytes))
  }
  private func tileBlock(_ tile: Expression, _ block: Expression, of blockCount: Expression) -> Expression {
    (operands.rowBlock * blockCount + block) * .constant(tiles) + tile
  }

  /// Panels past a cell's last are that once more: what they give lies in columns that nothing reads.
  private func panelBlock(_ panel: Int, _ block: Expression, of blockCount: Expression) -> Expression {
    let own = Expression.constant(panel)
    let last = panelCount - .constant(1)
    return (operands.firstPanel + (panelCount.constantValue == nil ? own.minimum(last) : own)) * blockCount + block
  }
  func codes(ofPanel panel: Int, _ block: Expression, of blockCount: Expression) -> Access {
    Access(operands.codes, .int32, panelBlock(panel, block, of: blockCount) * .constant(panelWords))
  }
  func scales(ofPanel panel: Int, _ block: Expression, of blockCount: Expression) -> Access {
    Access(operands.scales, weight.scaleElement, panelBlock(panel, block, of: blockCount) * .constant(panelScales))
  }

  // MARK: Blocks of depth

  /// Multiplies all that the cell has, block by block of the depth; with bodies of their own for few rows, or not.
  func multiply(hasFewRows: Bool) {
    // A cell may have no rows.
    var statements: [MachineStatement] = []
    var least = 0
    for size in hasFewRows ? [1, 2, tiles] : [tiles] {
      let body = lowering.collect { multiply(size: size) }
      statements = [.branch(tileCount.compared(.greater, .constant(least)), body, statements)]
      least = size
    }
    lowering.stack.append(contentsOf: statements)
  }

  /// The body for so many tiles of rows at most: their operands are copied together.
  private func multiply(size: Int) {
    let lanes = Expression.constant(size * panels * HalfMatrices.sum.lanes)
    lowering.stack.append(.clear(buffer: totals!, offset: .constant(0), count: lanes))
    let count = size == 1 ? Expression.constant(1) : tileCount
    blocks(size, count)
    spread(count)
  }

  private func blocks(_ size: Int, _ tileCount: Expression) {
    let counter = lowering.stack.variable("block", .index)
    let block = Expression.variable(counter)
    let blockCount = blockCount
    if let ring {
      // Another product or cell may still be reading.
      lowering.stack.append(.synchronise(.warp))
      for first in 0..<ring.ahead {
        lowering.stack.append(contentsOf: fetch(size, .constant(first), of: blockCount, ring))
      }
    }
    lowering.stack.open()
    if let ring {
      lowering.stack.append(.awaitCopies(ring.ahead - 1))
      lowering.stack.append(.synchronise(.warp))
      let places = ring.places(block, self)
      let columns = self.columns(places)
      lowering.stack.append(.synchronise(.warp))
      lowering.stack.append(contentsOf: fetch(size, block + .constant(ring.ahead), of: blockCount, ring))
      multiply(columns, places, tileCount)
    } else {
      let places = placesInMemory(block, blockCount)
      multiply(self.columns(places), places, tileCount)
    }
    lowering.stack.append(
      .loop(CountedLoop(counter, from: .constant(0), to: blockCount, lowering.stack.close())))
    if ring != nil { lowering.stack.append(.awaitCopies(0)) }
  }

  /// Multiplies one block of the depth.
  func multiply(_ block: Expression) {
    let places = placesInMemory(block, blockCount)
    multiply(columns(places), places, tileCount)
  }

  /// Puts the totals where rows and columns are looked for.
  private func spread(_ tileCount: Expression) {
    let lanes = lowering.stack.define("sum_place", ByteFragments.exchangedSumPlace(pitch))
    let (tile, panel) = (lowering.stack.variable("tile", .index), lowering.stack.variable("panel", .index))
    let value = Expression.raw(
      buffer: totals!, offset: total(.variable(tile), .variable(panel)), HalfMatrices.sum)
    let moved = MachineStatement.scatter(
      Access(product, .float32, place(.variable(tile), .variable(panel))), lanes: lanes, value, active: nil)
    let inner = MachineStatement.loop(
      CountedLoop(panel, from: .constant(0), to: .constant(panels), [moved]))
    lowering.stack.append(.loop(CountedLoop(tile, from: .constant(0), to: tileCount, [inner])))
  }

  func total(_ tile: Expression, _ panel: Expression) -> Expression {
    (tile * .constant(panels) + panel) * .constant(HalfMatrices.sum.lanes)
  }

  /// Where the sums of a tile and a panel begin in the product.
  func place(_ tile: Expression, _ panel: Expression) -> Expression {
    tile * .constant(weight.tileRows * pitch) + panel * .constant(weight.panels.width)
  }

  /// Where a block's operands are.
  struct Places {
    let tileWords: (Expression) -> Access
    let tileScales: (Expression) -> Access
    let codes: (Int) -> Access
    let scales: (Int) -> Access
  }

  private func placesInMemory(_ block: Expression, _ blockCount: Expression) -> Places {
    Places(
      tileWords: { words(ofTile: $0, block, of: blockCount) }, tileScales: { scales(ofTile: $0, block, of: blockCount) },
      codes: { codes(ofPanel: $0, block, of: blockCount) }, scales: { scales(ofPanel: $0, block, of: blockCount) })
  }

  private func multiply(_ columns: Columns, _ places: Places, _ tileCount: Expression) {
    let counter = lowering.stack.variable("tile", .index)
    let tile = Expression.variable(counter)
    lowering.stack.open()
    let rows = self.rows(tile, places)
    for panel in 0..<panels { multiply(columns, panel, rows, tile) }
    lowering.stack.append(
      .loop(CountedLoop(counter, from: .constant(0), to: tileCount, lowering.stack.close())))
  }
}
