import MachineIR
import TileIR

/// Stages on chip that asynchronous copies fill with what products of matrices of bytes read: while a block of depth is
/// multiplied, the next ones are on their way. Cells for few rows are bound by the time of one read after the other.
/// Where the machine has bulk copies, each part of a block is one.
///
/// The rows' slices go from their stage to registers before a block begins, so that the stage is free for a block to come
/// at once; the weight's codes and scales are read where they are used.
struct MatrixRing {
  /// What is copied for a block: of each tile of rows and of the panels of a cell.
  struct Stage: Hashable {
    let tileWords: Int
    let panelWords: Int
    let panelScales: Int
    let scaleElement: ElementType
  }

  let words: String
  let rowScales: String
  let codes: String
  let scales: String
  /// Barriers of bulk copies; nil where threads copy.
  let barriers: String?
  let stage: Stage
  /// Tiles of rows that there is room for: larger cells read device memory.
  let tiles: Int
  /// Stages of the weight.
  let stages: Int

  /// A ring for a cell's products within what a warp may have of shared memory beside `other` bytes; nil where there is
  /// not enough for a second stage.
  init?(_ lowering: RegionLowering, _ stage: Stage, _ blocking: ProductBlocking, beside other: Int) {
    guard let (tiles, stages) = Self.room(on: lowering.machine, stage, blocking, beside: other) else {
      return nil
    }
    let panels = blocking.cellColumns / ByteMatrices.columns
    self.stage = stage
    self.tiles = tiles
    self.stages = stages
    words = lowering.exactScratch("left_stage", .i32, tiles * stage.tileWords)
    rowScales = lowering.exactScratch("left_scale_stage", .u8, tiles * ByteMatrices.rows)
    codes = lowering.exactScratch("code_stages", .i32, stages * panels * stage.panelWords)
    scales = lowering.exactScratch(
      "scale_stages", stage.scaleElement == .uint8 ? .u8 : .i32, stages * panels * stage.panelScales)
    barriers =
      lowering.machine.has(.bulkCopies)
      ? lowering.exactScratch("copy_barriers", .i64, Self.barrierCount) : nil
  }

  /// As many groups are under way as there are stages but one.
  static let barrierCount = 2
  /// A bulk copy is of multiples of so many bytes.
  static let copyUnit = 16

  /// Bytes of shared memory that a warp of these kernels may have; nil where there is none.
  static func room(on machine: MachineDescription) -> Int? {
    guard let gpu = machine.gpu else { return nil }
    return gpu.sharedPerWarp(warps: residentWarps) - (machine.has(.bulkCopies) ? 8 * barrierCount : 0)
  }

  /// How many tiles of rows and stages of the weight there is room for.
  static func room(
    on machine: MachineDescription, _ stage: Stage, _ blocking: ProductBlocking, beside other: Int
  ) -> (tiles: Int, stages: Int)? {
    guard let room = room(on: machine) else { return nil }
    let tiles = blocking.cellRows / ByteMatrices.rows
    let panels = blocking.cellColumns / ByteMatrices.columns
    return [(tiles, 3), (tiles, 2), (1, 3), (1, 2)].first {
      stage.bytes(tiles: $0, panels: panels, stages: $1) <= room - other
    }
  }

  /// The registers of these kernels leave room for two blocks of warps on a multiprocessor.
  private static let residentWarps = 2 * GPU.warpsPerBlock

  /// Blocks that are asked for before they are multiplied, by cells of `size` tiles.
  func ahead(_ size: Int) -> Int { min(tiles / size, stages - 1) }

  /// Where a tile's stage begins, in tiles.
  func tile(_ r: Int, of size: Int, _ block: Expression) -> Expression {
    Self.remainder(block, tiles / size) * .constant(size) + .constant(r)
  }
  /// The stage of the weight.
  func slot(_ block: Expression) -> Expression { Self.remainder(block, stages) }

  private static func remainder(_ block: Expression, _ n: Int) -> Expression {
    block.constantValue.map { .constant($0 % n) } ?? block.remainder(by: n)
  }
}

extension MatrixRing.Stage {
  init(_ weight: MatrixWeight) {
    tileWords = weight.leftWords
    panelWords = weight.steps * weight.words
    scaleElement = weight.scaleElement
    panelScales = weight.scaleBytes * 8 / weight.scaleElement.bitWidth
  }

  func bytes(tiles: Int, panels: Int, stages: Int) -> Int {
    tiles * (4 * tileWords + ByteMatrices.rows)
      + stages * panels * (4 * panelWords + panelScales * scaleElement.bitWidth / 8)
  }
}

extension GPU {
  /// Bytes of shared memory that each of `warps` warps on a multiprocessor may have, where blocks are of
  /// `warpsPerBlock`: a block takes 1 KiB of the system's own.
  fileprivate func sharedPerWarp(warps: Int) -> Int {
    (sharedPerMultiprocessor * Self.warpsPerBlock / warps - 1024) / Self.warpsPerBlock / WarpLaunch.alignment
      * WarpLaunch.alignment
  }
}

/// Blocks by way of a ring.
extension MatrixTile {
  /// Starts the copies of a block of depth, where there is one; a group either way.
  func fetch(_ size: Int, _ block: Expression, of blockCount: Expression, _ ring: MatrixRing)
    -> [MachineStatement]
  {
    func copy(_ source: Access, to target: String, at offset: Expression, _ count: Int) -> MachineStatement {
      .startCopy(
        AsynchronousCopy(source, to: target, at: offset, count: count, barriers: ring.barriers))
    }
    let stage = ring.stage
    var copies: [MachineStatement] = []
    for r in 0..<size {
      let (at, tile) = (leftBlock(.constant(r), block, blockCount), ring.tile(r, of: size, block))
      copies.append(
        copy(leftWords(at), to: ring.words, at: tile * .constant(stage.tileWords), stage.tileWords))
      copies.append(
        copy(leftScales(at), to: ring.rowScales, at: tile * .constant(ByteMatrices.rows), ByteMatrices.rows))
    }
    for panel in 0..<panels {
      let place = panelBlock(.constant(panel), block, blockCount)
      let slot = ring.slot(block) * .constant(panels) + .constant(panel)
      let own = [
        copy(panelCodes(place), to: ring.codes, at: slot * .constant(stage.panelWords), stage.panelWords),
        copy(panelScales(place), to: ring.scales, at: slot * .constant(stage.panelScales), stage.panelScales),
      ]
      copies +=
        panelCount.constantValue != nil
        ? own : [.branch(Expression.constant(panel).compared(.less, panelCount), own, [])]
    }
    if let block = block.constantValue, let count = blockCount.constantValue {
      return (block < count ? copies : []) + [.closeCopies]
    }
    return [.branch(block.compared(.less, blockCount), copies, []), .closeCopies]
  }
}
