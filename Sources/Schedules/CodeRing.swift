import MachineIR
import TileIR

/// Stages on chip that asynchronous copies fill with what products of codes read: while a block of depth is multiplied,
/// the next ones are on their way. Where the machine has bulk copies, each part of a block is one.
///
/// Columns go from their stage to registers before a block begins, so that the stage is free for a block to come at once.
struct CodeRing {
  let words: String
  let rowScales: String
  let codes: String
  let scales: String
  /// Barriers of bulk copies; nil where threads copy.
  let barriers: String?
  let stages: Int

  /// A ring for a cell's products, which use it one after the other, within what a warp may have of shared memory beside
  /// the products; nil where their stages differ or there is not enough for two.
  init?(_ lowering: RegionLowering, _ weights: some Collection<MatrixWeight>, _ blocking: ProductBlocking) {
    let alike = Set(weights.map { MatrixRing.Stage($0) })
    guard let weight = weights.first, alike.count == 1,
      let stages = Self.stages(on: lowering.machine, weight, blocking, products: weights.count)
    else { return nil }
    let (tiles, panels) = Self.counts(weight, blocking)
    let stage = MatrixRing.Stage(weight)
    self.stages = stages
    words = lowering.exactScratch("row_stages", .i32, stages * tiles * stage.tileWords)
    rowScales = lowering.exactScratch("row_scale_stages", .u8, stages * tiles * LeftSlices.scaleBytes)
    codes = lowering.exactScratch("code_stages", .i32, (stages - 1) * panels * stage.panelWords)
    scales = lowering.exactScratch(
      "scale_stages", stage.scaleElement == .uint8 ? .u8 : .i32, stages * panels * stage.panelScales)
    barriers =
      lowering.machine.has(.bulkCopies)
      ? lowering.exactScratch("copy_barriers", .i64, MatrixRing.barrierCount) : nil
  }

  /// How many stages there is room for: three or two.
  static func stages(
    on machine: MachineDescription, _ weight: MatrixWeight, _ blocking: ProductBlocking, products: Int
  ) -> Int? {
    guard let room = MatrixRing.room(on: machine) else { return nil }
    let (tiles, panels) = counts(weight, blocking)
    let bytes = tiles * (4 * weight.leftWords + LeftSlices.scaleBytes) + panels * weight.scaleBytes
    let codes = panels * 4 * weight.steps * weight.words
    let totals = 4 * blocking.cellRows * blocking.cellColumns
    let product =
      4 * (blocking.cellRows * blocking.matrixPitch(isOfCodes: true) + RegionLowering.scratchSlack)
    return [3, 2].first { $0 * bytes + ($0 - 1) * codes + totals + products * product <= room }
  }

  private static func counts(_ weight: MatrixWeight, _ blocking: ProductBlocking) -> (tiles: Int, panels: Int) {
    (blocking.cellRows / weight.tileRows, blocking.cellColumns / weight.panels.width)
  }

  /// Blocks that are asked for before they are multiplied.
  var ahead: Int { stages - 1 }

  /// Where a block's operands are.
  func places(_ block: Expression, _ tile: CodeTile) -> CodeTile.Places {
    func at(_ count: Int, _ number: Expression, _ size: Int, of stages: Int) -> Expression {
      let slot = block.constantValue.map { Expression.constant($0 % stages) } ?? block.remainder(by: stages)
      return (slot * .constant(count) + number) * .constant(size)
    }
    return CodeTile.Places(
      tileWords: { Access(words, .int32, at(tile.tiles, $0, tile.tileWords, of: stages)) },
      tileScales: { Access(rowScales, .uint8, at(tile.tiles, $0, LeftSlices.scaleBytes, of: stages)) },
      codes: { Access(codes, .int32, at(tile.panels, .constant($0), tile.panelWords, of: stages - 1)) },
      scales: { Access(scales, tile.weight.scaleElement, at(tile.panels, .constant($0), tile.panelScales, of: stages)) })
  }
}

extension CodeTile {
  /// Starts the copies of a block of depth of `size` tiles, where there is one; a group either way.
  func fetch(_ size: Int, _ block: Expression, of blockCount: Expression, _ ring: CodeRing) -> [MachineStatement] {
    let places = ring.places(block, self)
    func copy(_ source: Access, to target: Access, _ count: Int) -> MachineStatement {
      .startCopy(
        AsynchronousCopy(source, to: target.buffer, at: target.offset, count: count, barriers: ring.barriers))
    }
    let first = Expression.constant(0)
    var copies = [
      copy(words(ofTile: first, block, of: blockCount), to: places.tileWords(first), size * tileWords),
      copy(
        scales(ofTile: first, block, of: blockCount), to: places.tileScales(first), size * LeftSlices.scaleBytes),
    ]
    for panel in 0..<panels {
      copies += [
        copy(codes(ofPanel: panel, block, of: blockCount), to: places.codes(panel), panelWords),
        copy(scales(ofPanel: panel, block, of: blockCount), to: places.scales(panel), panelScales),
      ]
    }
    if let block = block.constantValue, let count = blockCount.constantValue {
      return (block < count ? copies : []) + [.closeCopies]
    }
    return [.branch(block.compared(.less, blockCount), copies, []), .closeCopies]
  }
}
