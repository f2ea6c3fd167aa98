import MachineIR
import TileIR

/// Products of byte matrices of one block of rows where blocks of columns are fewer than a GPU has warps: cells are
/// blocks of depth too. What the blocks give goes to a workspace, and a second kernel adds each element's in ascending
/// order, as the class says (numeric contract, section 2).
extension RegionLowering {
  /// From so many blocks of depth on, and up to so many cells of whole columns, a second kernel is worth its launch.
  private static let (leastBlocks, mostCells) = (4, 256)

  /// The kernels over what this lowering has prepared, and what must not be negative where they are taken; nil where
  /// the region has no products of byte matrices, or enough cells without. Lowerings of their own build them.
  func lowerSplitDepth(name: String) throws -> LaunchKernels? {
    guard let preparedMatrices, let pattern, let weights = matrixWeights(pattern), !prints,
      pattern.partition == nil, let cells = narrowCells(pattern), cells <= Self.mostCells,
      Set(weights.values.map(\.panels.block)).count == 1, let depth = pattern.depth.extent,
      depth > (Self.leastBlocks - 1) * weights.values.first!.panels.block
    else { return nil }
    let blocking = ProductBlocking.depthMatrices
    let columnBlocks = HostExpression(extentOf: pattern.columns).dividedUp(by: blocking.cellColumns)
    let outer = fixedAxes(pattern).reduce(columnBlocks) { $0 * HostExpression(extentOf: $1) }
    var values: [ValueID: Int] = [:]
    for (number, id) in pattern.products.enumerated() {
      let bytes = HostExpression.constant(4 * blocking.cellRows * blocking.cellColumns)
      values[id] = workspaces.count
      workspaces.append(
        Workspace(
          name: "block_values" + (number == 0 ? "" : "_\(number + 1)"),
          byteCount: outer * weights[id]!.panels.blocks * bytes))
    }
    let multiplying = sibling()
    let multiply = try multiplying.multiplyDepthBlocks(
      weights, preparedMatrices, pattern, values, name: "\(name)_blocks")
    let adding = sibling()
    let add = try adding.addDepthBlocks(weights, pattern, values, name: "\(name)_sums")
    messages = adding.messages
    return ([multiply, add], [Self.spare(of: blocking.cellRows, pattern.rows)])
  }

  /// A cell is a block of depth of a block of columns. Values: [block of columns][block of depth][row][column].
  private func multiplyDepthBlocks(
    _ weights: [ValueID: MatrixWeight], _ prepared: PreparedMatrices, _ pattern: ProductPattern,
    _ values: [ValueID: Int], name: String
  ) throws -> MachineKernel {
    let blocking = ProductBlocking.depthMatrices
    let cell = stack.variable("cell", .index)
    let panels = weights[pattern.products[0]]!.panels
    let count = scalar(panels.blocks, "\(panels.depth.name)_blocks")
    let block = stack.define("depth_block", .apply(.remainder, [.variable(cell), count], .index))
    let outer = stack.define("columns_cell", .apply(.quotient, [.variable(cell), count], .index))
    let (cells, rowBlock) = try openCell(pattern, blocking, outer, hasOneRowBlock: true)
    let base = stack.define(
      "values_at", .variable(cell) * .constant(blocking.cellRows * blocking.cellColumns))
    let isOfCodes = weights.values.allSatisfy { $0.bits == nil }
    let pitch = blocking.matrixPitch(isOfCodes: isOfCodes)
    let (rows, columns) = (domains[pattern.rows]!.count, domains[pattern.columns]!.count)
    let type = MachineType(.f32, blocking.cellColumns)
    for id in pattern.products {
      stack.append(.note("blocks of a product", program[id].location))
      let product = scratch("product", .f32, count: .constant(blocking.cellRows * pitch))
      let operands = try MatrixOperands(self, weights[id]!, prepared, id, pattern, blocking, rowBlock: rowBlock)
      if isOfCodes {
        CodeTile(operands, product: product).multiply(block)
      } else {
        MatrixTile(operands, values: .rows(product, pitch: pitch), ring: nil).multiply(block)
      }
      let row = stack.variable("row", .index)
      let value = Expression.load(
        Access(product, .float32, .variable(row) * .constant(pitch)), type, active: columns)
      let place = base + .variable(row) * .constant(blocking.cellColumns)
      let target = Access(buffer(workspace: values[id]!, .float32), .float32, place)
      let store = MachineStatement.store(target, value, active: columns)
      stack.append(.loop(CountedLoop(row, from: .constant(0), to: rows, [store])))
    }
    return kernel(name: name, cells: cells * panels.blocks, cell: cell)
  }

  /// A cell is a row of a block of columns: adds what its blocks have given, and does what else the region does.
  private func addDepthBlocks(
    _ weights: [ValueID: MatrixWeight], _ pattern: ProductPattern, _ values: [ValueID: Int], name: String
  ) throws -> MachineKernel {
    let blocking = ProductBlocking.depthSums
    let cell = stack.variable("cell", .index)
    let (cells, row) = try openCell(pattern, blocking, .variable(cell))
    let rows = scalar(rowBlocks(pattern, blocking.cellRows), "\(pattern.rows.name)_blocks")
    let outer = stack.define("columns_cell", .apply(.quotient, [.variable(cell), rows], .index))
    let type = MachineType(.f32, blocking.cellColumns)
    try lowerAround(pattern) { id in
      stack.append(.note("product", program[id].location))
      let source = buffer(workspace: values[id]!, .float32, written: false)
      let count = scalar(weights[id]!.panels.blocks, "\(pattern.depth.name)_blocks")
      let total = stack.variable("total", type)
      stack.append(.declare(total, .float(0, lanes: type.lanes)))
      let block = stack.variable("depth_block", .index)
      let place =
        (outer * count + .variable(block)) * .constant(ProductBlocking.depthMatrices.cellRows) + row
      let value = Expression.load(
        Access(source, .float32, place * .constant(blocking.cellColumns)), type,
        active: domains[pattern.columns]!.count)
      let add = MachineStatement.assign(total, Expression.variable(total).apply(.add, value))
      stack.append(.loop(CountedLoop(block, from: .constant(0), to: count, [add])))
      let product = scratch("product", .f32, count: .constant(blocking.cellColumns))
      storage[id] = .array(product, .f32, [pattern.rows, pattern.columns])
      stack.append(.storeRaw(buffer: product, offset: .constant(0), .variable(total)))
    }
    return kernel(name: name, cells: cells, cell: cell)
  }
}
