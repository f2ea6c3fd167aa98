import MachineIR
import TileIR

/// One product of integers of a cell. Blocks of depth go by in order; in each, the slices of the rows stay in registers
/// while the weight's panels of eight columns stream past.
struct MatrixTile {
  let operands: MatrixOperands
  let values: Values
  /// Where asynchronous copies put what a block reads; none where blocks read device memory.
  let ring: MatrixRing?

  init(_ operands: MatrixOperands, values: Values, ring: MatrixRing?) {
    (self.operands, self.values, self.ring) = (operands, values, ring)
  }

  /// Where the values of blocks go.
  enum Values {
    /// Added to f32 totals, [tile of rows][panel][lane]: as sums lie in registers, so that no lane moves between
    /// blocks.
    case totals(String)
    /// Stored in an array on chip, whose rows lie so many elements apart.
    case rows(String, pitch: Int)
  }

  var lowering: RegionLowering { operands.lowering }
  var weight: MatrixWeight { operands.weight }
  var panelCount: Expression { operands.panelCount }
  private var blockCount: Expression { operands.blockCount }

  var tiles: Int { operands.blocking.cellRows / ByteMatrices.rows }
  var panels: Int { operands.blocking.cellColumns / ByteMatrices.columns }
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

  /// A body for each number of tiles that a cell may have.
  private func bySize(_ body: (Int) -> Void) {
    var statements: [MachineStatement] = []
    for size in 1...tiles {
      let body = lowering.collect { body(size) }
      let isMore = operands.rows.compared(.greater, .constant((size - 1) * ByteMatrices.rows))
      statements = [.branch(isMore, body, statements)]
    }
    lowering.stack.append(contentsOf: statements)
  }

  func total(_ r: Expression, _ panel: Expression) -> Expression {
    (r * .constant(panels) + panel) * .constant(lanes)
  }

  // MARK: Places in device memory

  /// The number of a tile's block of depth among those of the left operand, and where its slices and scales are.
  func leftBlock(_ r: Expression, _ block: Expression, _ blockCount: Expression) -> Expression {
    (operands.rowBlock * blockCount + block) * .constant(tiles) + r
  }
  func leftWords(_ at: Expression) -> Access { Access(operands.words, .int32, at * .constant(operands.slices.blockWords)) }
  func leftScales(_ at: Expression) -> Access { Access(operands.rowScales, .uint8, at * .constant(ByteMatrices.rows)) }

  /// The same of a panel's block, and its codes and scales.
  func panelBlock(_ panel: Expression, _ block: Expression, _ blockCount: Expression) -> Expression {
    (operands.firstPanel + panel) * blockCount + block
  }
  func panelCodes(_ place: Expression) -> Access {
    Access(operands.codes, .int32, place * .constant(weight.steps * weight.words))
  }
  func panelScales(_ place: Expression) -> Access {
    Access(operands.scales, .uint8, place * .constant(weight.scaleBytes))
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
          Access(ring.words, .int32, tile * .constant(operands.slices.blockWords)),
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
    let scale = RegisterArray(lowering.stack.unique("row_scale"), MachineType(.f64, lanes / 2), [size])
    lowering.stack.append(.registers(left))
    lowering.stack.append(.registers(scale))
    let sumRow = lowering.stack.define("sum_row", ByteFragments.ownRow)
    for r in (0..<size).map(Expression.constant) {
      let (words, scales) = place(r)
      func load(_ number: Expression) -> Expression {
        let word = number * .constant(ByteMatrices.left.lanes)
        return .load(Access(words.buffer, .int32, words.offset + word), ByteMatrices.left, active: nil)
      }
      let step = lowering.stack.variable("step", .index)
      let at = Expression.variable(step)
      let cut = lowering.collect {
        lowering.stack.append(
          lowering.unrolled("slice", ByteFragments.slices) {
            [.setElement(left, [r, at, $0], load(at * .constant(ByteFragments.slices) + $0))]
          })
      }
      lowering.stack.append(
        .loop(CountedLoop(step, from: .constant(0), to: .constant(weight.steps), unrolled: true, cut)))
      let code = lowering.stack.define(
        "row_code", .gather(scales, lanes: sumRow, sumRow.type, active: nil))
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
    multiplyIntegers(size, scales, .variable(panel), own, left, scale)
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
    let scales = Access(ring.scales, .uint8, slot * .constant(ring.stage.panelScales))
    multiplyIntegers(size, scales, .variable(panel), own, left, scale)
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
