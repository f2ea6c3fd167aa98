import MachineIR
import TileIR

/// Products of matrices of bytes or of codes: a warp's cell is a block of rows by a block of columns.
extension RegionLowering {
  /// The weights of a pattern's products, where all of them are products of matrices.
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
    var prepared = PreparedMatrices()
    // Rows of segments are looked for by each region itself.
    var known = pattern.partition == nil ? leftSlices : []
    for id in pattern.products {
      prepared.weights[id] = try layOut(.fragments(weights[id]!), name)
      let own = try slices(of: weights[id]!, pattern, known: known, name)
      if !known.contains(where: { $0.words == own.words }) { known.append(own) }
      prepared.slices[id] = own
    }
    preparedMatrices = prepared
    if pattern.partition == nil { leftSlices = known }
    let cells = wideCells(weights)
    return try multiplyMatrices(
      weights, prepared, pattern, cells, hasFewRows: fewRowsCells(weights, pattern) == nil, name: name)
  }

  /// Cells for any number of rows: of codes, as many columns as leave room to copy ahead.
  private func wideCells(_ weights: [ValueID: MatrixWeight]) -> ProductBlocking {
    let all = ProductBlocking.matrices(weights.values)
    return all.first { cells in
      weights.values.allSatisfy {
        $0.bits != nil || CodeRing.stages(on: machine, $0, cells, products: weights.count) != nil
      }
    } ?? all.last!
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

  /// The cells of few rows; nil where the wide ones are as good.
  private func fewRowsCells(_ weights: [ValueID: MatrixWeight], _ pattern: ProductPattern) -> ProductBlocking? {
    let hasMany = narrowCells(pattern).map { $0 >= 2 * Self.manyCells } ?? false
    let isOfCodes = weights.values.allSatisfy { $0.bits == nil }
    let cells = hasMany && isOfCodes ? ProductBlocking.depthMatrices : .narrowMatrices
    return cells.cellColumns == wideCells(weights).cellColumns ? nil : cells
  }

  /// The kernel for launches of few rows, over what this lowering has prepared: narrow cells, so that there are enough
  /// of them; nil where the region has no products of matrices. A lowering of its own builds it.
  func lowerFewRows(name: String) throws -> LaunchKernels? {
    guard let preparedMatrices, let pattern, let weights = matrixWeights(pattern), !prints else { return nil }
    guard let cells = fewRowsCells(weights, pattern) else { return nil }
    let lowering = sibling()
    let kernel = try lowering.multiplyMatrices(
      weights, preparedMatrices, pattern, cells, hasFewRows: true, name: "\(name)_few_rows")
    messages = lowering.messages
    return ([kernel], [Self.spare(of: ProductBlocking.fewRows, pattern.rows)])
  }

  private func multiplyMatrices(
    _ weights: [ValueID: MatrixWeight], _ prepared: PreparedMatrices, _ pattern: ProductPattern,
    _ blocking: ProductBlocking, hasFewRows: Bool, name: String
  ) throws -> MachineKernel {
    let cell = stack.variable("cell", .index)
    let (cells, rowBlock) = try openCell(pattern, blocking, .variable(cell))
    let isOfCodes = weights.values.allSatisfy { $0.bits == nil }
    let pitch = blocking.matrixPitch(isOfCodes: isOfCodes)
    domains[pattern.columns]!.most = .constant(pitch)
    let codeRing = isOfCodes ? CodeRing(self, weights.values, blocking) : nil
    let sums = exactScratch("block_sums", .f32, blocking.cellRows * blocking.cellColumns)
    let ring = isOfCodes || !blocking.leavesRoom ? nil : self.ring(weights, pattern, blocking)
    try lowerAround(pattern) { id in
      let operands = try MatrixOperands(self, weights[id]!, prepared, id, pattern, blocking, rowBlock: rowBlock)
      stack.append(.note("product", program[id].location))
      let product = scratch("product", .f32, count: .constant(blocking.cellRows * pitch))
      storage[id] = .array(product, .f32, [pattern.rows, pattern.columns])
      if isOfCodes {
        CodeTile(operands, product: product, totals: sums, ring: codeRing)
          .multiply(hasFewRows: hasFewRows)
      } else {
        MatrixTile(operands, values: .totals(sums), ring: ring)
          .multiply(addingTo: sums, into: product, pitch: pitch)
      }
    }
    return kernel(name: name, cells: cells, cell: cell)
  }

  /// The ring that the products of a cell use one after the other, where their stages are alike.
  private func ring(
    _ weights: [ValueID: MatrixWeight], _ pattern: ProductPattern, _ blocking: ProductBlocking
  ) -> MatrixRing? {
    let stages = Set(pattern.products.map { MatrixRing.Stage(weights[$0]!) })
    guard let stage = stages.first, stages.count == 1 else { return nil }
    let product = blocking.cellRows * blocking.matrixPitch(isOfCodes: false) + Self.scratchSlack
    let beside = 4 * blocking.cellRows * blocking.cellColumns + 4 * pattern.products.count * product
    return MatrixRing(self, stage, blocking, beside: beside)
  }
}

/// What kernels that run before a product of matrices have made for it.
struct PreparedMatrices {
  var weights: [ValueID: LaidOutWeight] = [:]
  var slices: [ValueID: LeftSlices] = [:]
}

/// The operands of one product of a cell, as the kernels before have laid them out.
struct MatrixOperands {
  let lowering: RegionLowering
  let blocking: ProductBlocking
  let weight: MatrixWeight
  let slices: LeftSlices
  /// The cell's block of rows and first panel, counted through all that were laid out.
  let rowBlock: Expression
  let firstPanel: Expression
  /// How many rows and columns the cell has.
  let rows: Expression
  let columns: Expression
  let words: String
  let rowScales: String
  let codes: String
  let scales: String

  init(
    _ lowering: RegionLowering, _ weight: MatrixWeight, _ prepared: PreparedMatrices, _ id: ValueID,
    _ pattern: ProductPattern, _ blocking: ProductBlocking, rowBlock: Expression
  ) throws {
    let (slices, laidOut) = (prepared.slices[id]!, prepared.weights[id]!)
    self.lowering = lowering
    self.blocking = blocking
    self.weight = weight
    self.slices = slices
    self.rowBlock = lowering.rowBlock(of: slices, pattern, rowBlock)
    firstPanel = try lowering.firstPanel(weight.panels)
    (rows, columns) = (lowering.domains[pattern.rows]!.count, lowering.domains[pattern.columns]!.count)
    words = lowering.buffer(workspace: slices.words, .int32, written: false)
    rowScales = lowering.buffer(workspace: slices.scales, .uint8, written: false)
    codes = lowering.buffer(workspace: laidOut.codes, .int32, written: false)
    scales = lowering.buffer(workspace: laidOut.scales, weight.scaleElement, written: false)
  }

  /// How many panels the cell has: of whole cells a constant.
  var panelCount: Expression {
    let width = weight.panels.width
    if let all = weight.panels.columns.extent, all % blocking.cellColumns == 0 {
      return .constant(blocking.cellColumns / width)
    }
    return (columns + .constant(width - 1)).divided(by: width)
  }

  var blockCount: Expression {
    lowering.scalar(weight.panels.blocks, "\(weight.panels.depth.name)_blocks")
  }
}
