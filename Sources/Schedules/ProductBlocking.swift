import MachineIR
import TileIR

/// How a blocked product is cut.
struct ProductBlocking {
  /// Rows and vectors of the register tile, and the numbers of rows that have bodies of their own.
  let tileRows: Int
  let tileVectors: Int
  let bodies: [Int]
  /// Lanes of one vector in the lane type that sums are kept in.
  let lanes: Int
  let scalar: MachineScalar
  /// Rows, columns and depth of a cell's blocks.
  let cellRows: Int
  let cellColumns: Int
  let depth: Int

  var panel: Int { tileVectors * lanes }

  /// The cut for sums in `scalar` of runs or blocks of `run`, on a machine with enough registers for
  /// the accumulators, a row of the right operand and a broadcast.
  init(
    machine: MachineDescription, schedule: Schedule, scalar: MachineScalar, run: Int,
    isEmulated: Bool, isGrouped: Bool
  ) {
    self.scalar = scalar
    lanes = machine.lanes(of: scalar)
    let plenty = machine.vectorRegisters >= 32
    switch schedule.registersPerVector {
    case 1: (tileRows, tileVectors) = plenty ? (8, 2) : (4, 2)
    case 2: (tileRows, tileVectors) = plenty ? (6, 4) : (3, 4)
    default: (tileRows, tileVectors) = plenty ? (12, 2) : (isEmulated ? (2, 2) : (6, 2))
    }
    bodies = Self.bodies(tileRows)
    // A warp's blocks are small: its part of shared memory is.
    let isSmall = machine.gpu != nil
    depth = run >= 256 || isSmall ? run : run * (512 / run)
    let columns = isSmall ? tileVectors * lanes : scalar == .f64 ? 128 : 256
    let panel = tileVectors * lanes
    cellColumns = (columns + panel - 1) / panel * panel
    let rows = isSmall ? tileRows : isGrouped ? 96 : 192 * schedule.cellRows
    cellRows = max(tileRows, rows) / tileRows * tileRows
  }
  /// The cuts for products of matrices, the best first. Of bytes: the slices of two tiles of rows fill three eighths of
  /// the registers, and the totals of a cell take little enough of a warp's memory for several blocks of warps. Of codes,
  /// whose cells keep the parts of columns in as many registers: fewer columns where one has two parts, and as many as
  /// leave room to copy ahead.
  static func matrices(_ weights: some Collection<MatrixWeight>) -> [ProductBlocking] {
    let isOfBytes = weights.contains { $0.bits != nil }
    let widths = isOfBytes ? [64] : weights.contains { $0.format == .e4m3 } ? [32] : [64, 48, 32]
    return widths.map { ProductBlocking(matrixRows: matrixRows, columns: $0) }
  }
  static let matrixRows = 32

  /// The same for few rows: narrow cells, so that there are more of them. Up to `fewRows` rows wide ones are fewer than
  /// a GPU has warps.
  static let narrowMatrices = ProductBlocking(matrixRows: matrixRows, columns: 16)
  static let fewRows = 128

  /// Cells of a block of depth of one block of rows, and of the sums of one row over such blocks.
  static let depthMatrices = ProductBlocking(matrixRows: matrixRows, columns: 32)
  static let depthSums = ProductBlocking(matrixRows: 1, columns: depthMatrices.cellColumns)

  /// The cut for products on a matrix unit of whole tiles.
  static func cubes(rows: Int) -> ProductBlocking {
    ProductBlocking(matrixRows: rows, columns: RegionLowering.cubeColumns)
  }

  /// Whether cells of products of bytes leave memory for a ring of copies.
  var leavesRoom: Bool { cellColumns <= Self.narrowMatrices.cellColumns }

  /// How far apart the rows of a cell's product of matrices lie. Of integers, sums of eight rows go to two banks in turns;
  /// of codes, lanes that store sums lie in rows that are 8 modulo 32 apart, and in eight columns of each.
  func matrixPitch(isOfCodes: Bool) -> Int { cellColumns + (isOfCodes ? 4 : 8) }

  private init(matrixRows: Int, columns: Int) {
    (tileRows, tileVectors, bodies, depth) = (ByteMatrices.rows, 1, [], 0)
    (lanes, scalar) = (ByteMatrices.columns, .f32)
    (cellRows, cellColumns) = (matrixRows, columns)
  }

  /// The cut for products of vectors of `columns` lanes: as many rows as hide the time that an instruction waits for the one
  /// before, and a depth whose columns take 32 KiB.
  init(vectorsOf columns: Int) {
    (tileRows, tileVectors, lanes, scalar) = (8, 1, columns, .f32)
    bodies = Self.bodies(tileRows)
    (cellRows, cellColumns) = (tileRows, columns)
    depth = min(64, (32 << 10) / (4 * columns))
  }

  /// The cut for sums of byte products over panels of a weight that has been laid out.
  init(sliced weights: [SlicedWeight], schedule: Schedule) {
    scalar = .i32
    lanes = weights[0].panels.width
    tileVectors = 1
    let most = weights.map(\.product.tileRows).min()!
    tileRows = schedule.registersPerVector == 1 ? max(1, most / 2) : most
    bodies = [tileRows]
    let block = weights[0].panels.block
    // Long enough that panels are read as streams.
    depth = block * max(1, (schedule.registersPerVector == 2 ? 1024 : 4096) / block)
    cellColumns = 256
    cellRows = 24 * schedule.cellRows / tileRows * tileRows
  }

  /// From a whole tile down to 1, each a divisor of the one before, so that any number of rows is a few tiles and
  /// where those of a size end is a multiple of the size.
  private static func bodies(_ rows: Int) -> [Int] {
    var sizes: [Int] = []
    var size = rows
    while size > 0 {
      sizes.append(size)
      size /= size % 3 == 0 ? 3 : 2
    }
    return sizes
  }
}
