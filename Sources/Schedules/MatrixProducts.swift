import MachineIR
import TileIR

/// Products of byte matrices: a warp's cell is a block of rows by a block of columns. Blocks of depth go by in order;
/// in each, the slices of the rows stay in registers while the weight's panels of eight columns stream past.
extension RegionLowering {
  /// The weights of a pattern's products, where all of them are products of byte matrices.
  func matrixWeights(_ pattern: ProductPattern) -> [ValueID: MatrixWeight]? {
    var weights: [ValueID: MatrixWeight] = [:]
    for id in pattern.products {
      guard let weight = MatrixWeight(self, id, pattern) else { return nil }
      weights[id] = weight
    }
    return weights
  }

  func lowerMatrices(
    _ weights: [ValueID: MatrixWeight], _ pattern: ProductPattern, name: String
  ) throws -> MachineKernel {
    let blocking = copiesAhead(weights, pattern) ? ProductBlocking.halfMatrices : .matrices
    var prepared = PreparedMatrices()
    var known: [LeftSlices] = []
    for id in pattern.products {
      prepared.weights[id] = try layOut(.fragments(weights[id]!), name)
      let own = try slices(of: weights[id]!, pattern, blocking, known: known, name)
      if !known.contains(where: { $0.words == own.words }) { known.append(own) }
      prepared.slices[id] = own
    }
    preparedMatrices = prepared
    return try multiplyMatrices(weights, prepared, pattern, blocking, name: name)
  }

  /// Whether cells of `halfMatrices` do for any number of rows: where both operands are codes, there is room to copy
  /// ahead what two tiles of rows need; where all cells are whole, the proof follows as many copies as they have panels.
  private func copiesAhead(_ weights: [ValueID: MatrixWeight], _ pattern: ProductPattern) -> Bool {
    let blocking = ProductBlocking.halfMatrices
    return weights.values.allSatisfy { weight in
      let room = MatrixRing.room(
        on: machine, MatrixRing.Stage(weight), blocking, beside: besideRing(pattern, blocking))
      return weight.bits == nil && room?.tiles == blocking.cellRows / ByteMatrices.rows
    } && pattern.columns.extent.map { $0 % blocking.cellColumns == 0 } ?? false
  }

  /// So many narrow cells of a block of rows that half as many are enough.
  private static let manyCells = 1024

  /// How many narrow cells a block of rows has; nil where the host has to find out.
  func narrowCells(_ pattern: ProductPattern) -> Int? {
    let columns = ProductBlocking.narrowMatrices.cellColumns
    let blocks = pattern.columns.extent.map { ($0 + columns - 1) / columns }
    return fixedAxes(pattern).reduce(blocks) { cells, axis in
      cells.flatMap { cells in axis.extent.map { cells * $0 } }
    }
  }

  /// The kernel for launches of few rows, over what this lowering has prepared: narrow cells, so that there are enough
  /// of them; nil where the region has no products of byte matrices. A lowering of its own builds it.
  func lowerFewRows(name: String) throws -> LaunchKernels? {
    guard let preparedMatrices, let pattern, let weights = matrixWeights(pattern), !prints else { return nil }
    let lowering = sibling()
    let hasMany = narrowCells(pattern).map { $0 >= Self.manyCells } ?? false
    if hasMany, copiesAhead(weights, pattern) { return nil }
    let kernel = try lowering.multiplyMatrices(
      weights, preparedMatrices, pattern, .narrowMatrices, name: "\(name)_few_rows")
    messages = lowering.messages
    return ([kernel], Self.spare(of: ProductBlocking.fewRows, pattern.rows))
  }

  private func multiplyMatrices(
    _ weights: [ValueID: MatrixWeight], _ prepared: PreparedMatrices, _ pattern: ProductPattern,
    _ blocking: ProductBlocking, name: String
  ) throws -> MachineKernel {
    let cell = stack.variable("cell", .index)
    let (cells, rowBlock) = try openCell(pattern, blocking, .variable(cell))
    let pitch = blocking.cellColumns + ProductBlocking.matrixPadding
    domains[pattern.columns]!.most = .constant(pitch)
    let sums = exactScratch("block_sums", .f32, blocking.cellRows * blocking.cellColumns)
    let ring = blocking.leavesRoom ? self.ring(weights, pattern, blocking) : nil
    try lowerAround(pattern) { id in
      let slices = prepared.slices[id]!
      let tile = MatrixTile(
        lowering: self, blocking: blocking, weight: weights[id]!, laidOut: prepared.weights[id]!,
        slices: slices,
        firstTile: firstTile(slices, pattern, blocking, rowBlock: rowBlock),
        firstPanel: try firstPanel(weights[id]!.panels), rows: domains[pattern.rows]!.count,
        columns: domains[pattern.columns]!.count, values: .totals(sums), ring: ring)
      stack.append(.note("product", program[id].location))
      let product = scratch("product", .f32, count: .constant(blocking.cellRows * pitch))
      storage[id] = .array(product, .f32, [pattern.rows, pattern.columns])
      tile.multiply(addingTo: sums, into: product, pitch: pitch)
    }
    return kernel(name: name, cells: cells, cell: cell)
  }

  /// The ring that the products of a cell use one after the other, where their stages are alike.
  private func ring(
    _ weights: [ValueID: MatrixWeight], _ pattern: ProductPattern, _ blocking: ProductBlocking
  ) -> MatrixRing? {
    let stages = Set(pattern.products.map { MatrixRing.Stage(weights[$0]!) })
    guard let stage = stages.first, stages.count == 1 else { return nil }
    return MatrixRing(self, stage, blocking, beside: besideRing(pattern, blocking))
  }

  /// Bytes of the totals and products of a cell.
  private func besideRing(_ pattern: ProductPattern, _ blocking: ProductBlocking) -> Int {
    let pitch = blocking.cellColumns + ProductBlocking.matrixPadding
    return 4 * blocking.cellRows * blocking.cellColumns
      + 4 * pattern.products.count * (blocking.cellRows * pitch + Self.scratchSlack)
  }
}

/// What kernels that run before a product of byte matrices have made for it.
struct PreparedMatrices {
  var weights: [ValueID: LaidOutWeight] = [:]
  var slices: [ValueID: LeftSlices] = [:]
}

/// One product of a cell.
struct MatrixTile {
  let lowering: RegionLowering
  let blocking: ProductBlocking
  let weight: MatrixWeight
  let slices: LeftSlices
  /// The cell's first tile of rows and first panel, counted through all that were laid out.
  let firstTile: Expression
  let firstPanel: Expression
  let rows: Expression
  let columns: Expression
  let values: Values
  let words: String
  let rowScales: String
  let codes: String
  let scales: String
  /// Where asynchronous copies put what a block reads; none where blocks read device memory.
  let ring: MatrixRing?

  init(
    lowering: RegionLowering, blocking: ProductBlocking, weight: MatrixWeight, laidOut: LaidOutWeight,
    slices: LeftSlices, firstTile: Expression, firstPanel: Expression, rows: Expression, columns: Expression,
    values: Values, ring: MatrixRing?
  ) {
    self.ring = ring
    self.lowering = lowering
    self.blocking = blocking
    self.weight = weight
    self.slices = slices
    self.firstTile = firstTile
    self.firstPanel = firstPanel
    self.rows = rows
    self.columns = columns
    self.values = values
    words = lowering.buffer(workspace: slices.words, .int32, written: false)
    rowScales = lowering.buffer(workspace: slices.scales, .uint8, written: false)
    codes = lowering.buffer(workspace: laidOut.codes, .int32, written: false)
    scales = lowering.buffer(workspace: laidOut.scales, weight.scaleElement, written: false)
  }

  /// Where the values of blocks go.
  enum Values {
    /// Added to f32 totals, [tile of rows][panel][lane]: as sums lie in registers, so that no lane moves between
    /// blocks.
    case totals(String)
    /// Stored in an array on chip, whose rows lie so many elements apart.
    case rows(String, pitch: Int)
  }

  var tiles: Int { blocking.cellRows / ByteMatrices.rows }
  var panels: Int { blocking.cellColumns / ByteMatrices.columns }
  /// Lanes of the sums.
  var lanes: Int { ByteMatrices.sum.lanes }
  private var f32: MachineType { MachineType(.f32, lanes) }

  /// Multiplies all that the cell has, block by block of the depth.
  func multiply(addingTo totals: String, into product: String, pitch: Int) {
    bySize { size in
      blocks(size, totals)
      spread(size, totals, into: product, pitch: pitch)
    }
  }

  /// Multiplies one block of the depth.
  func multiply(_ block: Expression) {
    bySize { size in
      let (left, scale) = leftInMemory(size, block, blockCount)
      panelLoop(size, block, blockCount, left, scale)
    }
  }

  private var blockCount: Expression {
    lowering.scalar(weight.panels.blocks, "\(weight.panels.depth.name)_blocks")
  }

  /// A body for each number of tiles that a cell may have.
  private func bySize(_ body: (Int) -> Void) {
    var statements: [MachineStatement] = []
    for size in 1...tiles {
      let body = lowering.collect { body(size) }
      let isMore = rows.compared(.greater, .constant((size - 1) * ByteMatrices.rows))
      statements = [.branch(isMore, body, statements)]
    }
    lowering.stack.append(contentsOf: statements)
  }

  var panelCount: Expression {
    if let all = weight.panels.columns.extent, all % blocking.cellColumns == 0 { return .constant(panels) }
    return (columns + .constant(ByteMatrices.columns - 1)).divided(by: ByteMatrices.columns)
  }

  func total(_ r: Expression, _ panel: Expression) -> Expression {
    (r * .constant(panels) + panel) * .constant(lanes)
  }

  // MARK: Places in device memory

  /// The number of a tile's block of depth among those of the left operand, and where its slices and scales are.
  func leftBlock(_ r: Expression, _ block: Expression, _ blockCount: Expression) -> Expression {
    (firstTile + r) * blockCount + block
  }
  func leftWords(_ at: Expression) -> Access { Access(words, .int32, at * .constant(slices.blockWords)) }
  func leftScales(_ at: Expression) -> Access { Access(rowScales, .uint8, at * .constant(ByteMatrices.rows)) }

  /// The same of a panel's block, and its codes and scales.
  func panelBlock(_ panel: Expression, _ block: Expression, _ blockCount: Expression) -> Expression {
    (firstPanel + panel) * blockCount + block
  }
  func panelCodes(_ place: Expression) -> Access {
    Access(codes, .int32, place * .constant(weight.steps * weight.words))
  }
  func panelScales(_ place: Expression) -> Access {
    Access(
      scales, weight.scaleElement, place * .constant(weight.scaleBytes * 8 / weight.scaleElement.bitWidth))
  }

  // MARK: Blocks of depth

  private func blocks(_ size: Int, _ totals: String) {
    lowering.stack.append(
      .clear(buffer: totals, offset: .constant(0), count: .constant(size * panels * lanes)))
    let counter = lowering.stack.variable("block", .index)
    let block = Expression.variable(counter)
    let blockCount = blockCount
    let ring = self.ring.flatMap { size <= $0.tiles ? $0 : nil }
    if let ring {
      // Another product or cell may still be reading.
      lowering.stack.append(.synchronise(.warp))
      for first in 0..<ring.ahead(size) {
        lowering.stack.append(contentsOf: fetch(size, .constant(first), of: blockCount, ring))
      }
    }
    lowering.stack.open()
    if let ring {
      lowering.stack.append(.awaitCopies(ring.ahead(size) - 1))
      lowering.stack.append(.synchronise(.warp))
    }
    if let ring {
      let (left, scale) = leftOperand(size) { r in
        let tile = ring.tile(r.constantValue!, of: size, block)
        return (
          Access(ring.words, .int32, tile * .constant(slices.blockWords)),
          Access(ring.rowScales, .uint8, tile * .constant(ByteMatrices.rows))
        )
      }
      lowering.stack.append(.synchronise(.warp))
      lowering.stack.append(
        contentsOf: fetch(size, block + .constant(ring.ahead(size)), of: blockCount, ring))
      stagedPanels(size, ring, block, left, scale)
    } else {
      let (left, scale) = leftInMemory(size, block, blockCount)
      panelLoop(size, block, blockCount, left, scale)
    }
    lowering.stack.append(
      .loop(CountedLoop(counter, from: .constant(0), to: blockCount, lowering.stack.close())))
    if ring != nil { lowering.stack.append(.awaitCopies(0)) }
  }

  /// The slices and scales of a block of the cell's rows in registers, from where `place` says that a tile's are.
  private func leftOperand(
    _ size: Int, _ place: (Expression) -> (words: Access, scales: Access)
  ) -> (left: RegisterArray, scale: RegisterArray) {
    let left = RegisterArray(
      lowering.stack.unique("left"), ByteMatrices.left, [size, weight.steps, ByteFragments.slices])
    let scale = RegisterArray(lowering.stack.unique("row_scale"), MachineType(.f64, lanes), [size])
    lowering.stack.append(.registers(left))
    lowering.stack.append(.registers(scale))
    let sumRow = lowering.stack.define("sum_row", ByteFragments.sumRow)
    for r in (0..<size).map(Expression.constant) {
      let (words, scales) = place(r)
      func load(_ number: Expression) -> Expression {
        let word = number * .constant(ByteMatrices.left.lanes)
        return .load(Access(words.buffer, .int32, words.offset + word), ByteMatrices.left, active: nil)
      }
      let step = lowering.stack.variable("step", .index)
      let at = Expression.variable(step)
      let cut = lowering.collect {
        guard weight.leftStored == 1 else {
          return lowering.stack.append(
            lowering.unrolled("slice", ByteFragments.slices) {
              [.setElement(left, [r, at, $0], load(at * .constant(ByteFragments.slices) + $0))]
            })
        }
        let word = lowering.stack.define("left_word", load(at))
        for slice in 0..<ByteFragments.slices {
          lowering.stack.append(
            .setElement(left, [r, at, .constant(slice)], word.apply(.sliceOfE4M3(slice))))
        }
      }
      lowering.stack.append(
        .loop(CountedLoop(step, from: .constant(0), to: .constant(weight.steps), unrolled: true, cut)))
      let code = lowering.stack.define(
        "row_code", .gather(scales, lanes: sumRow, ByteMatrices.sum, active: nil))
      lowering.stack.append(.setElement(scale, [r], code.powerOfTwo(bias: weight.rowBias)))
    }
    return (left, scale)
  }

  /// The same from device memory.
  private func leftInMemory(
    _ size: Int, _ block: Expression, _ blockCount: Expression
  ) -> (left: RegisterArray, scale: RegisterArray) {
    leftOperand(size) { r in
      let at = leftBlock(r, block, blockCount)
      return (leftWords(at), leftScales(at))
    }
  }

  /// Takes the panels of a block one after the other; the codes of the next are read before those of one are used.
  private func panelLoop(
    _ size: Int, _ block: Expression, _ blockCount: Expression, _ left: RegisterArray, _ scale: RegisterArray
  ) {
    let type = MachineType(.i32, weight.words)
    let count = lowering.stack.define("panels", panelCount)
    func read(_ array: RegisterArray, _ panel: Expression) -> MachineStatement {
      let codes = panelCodes(panelBlock(panel, block, blockCount))
      return .branch(panel.compared(.less, count), [readCodes(array, codes)], [])
    }
    let next = RegisterArray(lowering.stack.unique("next_codes"), type, [weight.steps])
    lowering.stack.append(.registers(next))
    lowering.stack.append(read(next, .constant(0)))
    let panel = lowering.stack.variable("panel", .index)
    lowering.stack.open()
    let own = RegisterArray(lowering.stack.unique("codes"), type, [weight.steps])
    lowering.stack.append(.registers(own))
    lowering.stack.append(
      lowering.unrolled("step", weight.steps) { [.setElement(own, [$0], .element(next, [$0]))] })
    lowering.stack.append(read(next, .variable(panel) + .constant(1)))
    let scales = panelScales(panelBlock(.variable(panel), block, blockCount))
    multiplyBlock(size, scales, .variable(panel), own, left, scale)
    lowering.stack.append(
      .loop(CountedLoop(panel, from: .constant(0), to: count, lowering.stack.close())))
  }

  /// Takes the panels of a block from its stage.
  private func stagedPanels(
    _ size: Int, _ ring: MatrixRing, _ block: Expression, _ left: RegisterArray, _ scale: RegisterArray
  ) {
    let panel = lowering.stack.variable("panel", .index)
    lowering.stack.open()
    let own = RegisterArray(lowering.stack.unique("codes"), MachineType(.i32, weight.words), [weight.steps])
    lowering.stack.append(.registers(own))
    let slot = ring.slot(block) * .constant(panels) + .variable(panel)
    lowering.stack.append(
      readCodes(own, Access(ring.codes, .int32, slot * .constant(ring.stage.panelWords))))
    let scales = Access(ring.scales, weight.scaleElement, slot * .constant(ring.stage.panelScales))
    multiplyBlock(size, scales, .variable(panel), own, left, scale)
    lowering.stack.append(
      .loop(CountedLoop(panel, from: .constant(0), to: panelCount, lowering.stack.close())))
  }

  private func readCodes(_ array: RegisterArray, _ codes: Access) -> MachineStatement {
    lowering.unrolled("step", weight.steps) { step in
      let access = Access(codes.buffer, .int32, codes.offset + step * .constant(weight.words))
      return [.setElement(array, [step], .load(access, array.type, active: nil))]
    }
  }

  /// Puts the totals where rows and columns are looked for.
  private func spread(_ size: Int, _ totals: String, into product: String, pitch: Int) {
    let place = lowering.stack.define("sum_place", ByteFragments.sumPlace(pitch))
    let r = lowering.stack.variable("r", .index)
    let panel = lowering.stack.variable("panel", .index)
    let base =
      Expression.variable(r) * .constant(ByteMatrices.rows * pitch)
      + Expression.variable(panel) * .constant(ByteMatrices.columns)
    let value = Expression.raw(buffer: totals, offset: total(.variable(r), .variable(panel)), f32)
    let moved = MachineStatement.scatter(Access(product, .float32, base), lanes: place, value, active: nil)
    let inner = MachineStatement.loop(
      CountedLoop(panel, from: .constant(0), to: panelCount, [moved]))
    lowering.stack.append(
      .loop(CountedLoop(r, from: .constant(0), to: .constant(size), [inner])))
  }
}
