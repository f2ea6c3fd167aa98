import MachineIR
import TileIR

/// A weight on the right of a product, laid out anew once in panels: [outer…][panel][block of depth]
/// [depth][column of the panel], so that every cell reads its panels as streams.
struct WeightPanels {
  /// Columns of a panel.
  let width: Int
  /// Depth of a block: what the product's class sums exactly.
  let block: Int
  let columns: Dimension
  let depth: Dimension
  /// Axes before columns and depth, each at a coordinate that a cell fixes.
  let outer: [(dimension: Dimension, index: Index)]
  let parameter: Int

  /// The panels of `operand`, or nil where it is not one element of a weight for each column and depth.
  init?(
    _ operand: ValueID, _ pattern: ProductPattern, in program: Program, width: Int, block: Int
  ) {
    guard case .load(let parameter, let indices) = program[operand].operation,
      program.parameters[parameter].role == .weight
    else { return nil }
    var outer: [(Dimension, Index)] = []
    for (axis, index) in zip(program.parameters[parameter].axes, indices) {
      switch index {
      case .axis(pattern.columns) where axis == pattern.columns: break
      case .axis(pattern.depth) where axis == pattern.depth: break
      case .axis(let dimension) where pattern.fixed.contains(dimension) && dimension == axis:
        outer.append((axis, index))
      case .value(let value):
        guard case .segment = program[value].operation else { return nil }
        outer.append((axis, index))
      default: return nil
      }
    }
    guard outer.count + 2 == indices.count else { return nil }
    self.width = width
    self.block = block
    columns = pattern.columns
    depth = pattern.depth
    self.outer = outer
    self.parameter = parameter
  }

  /// Panels of one matrix, and blocks of one panel.
  var panels: HostExpression { HostExpression(extentOf: columns).dividedUp(by: width) }
  var blocks: HostExpression { HostExpression(extentOf: depth).dividedUp(by: block) }
  var matrices: HostExpression { outer.reduce(.constant(1)) { $0 * HostExpression(extentOf: $1.dimension) } }
  /// Blocks of all panels of all matrices.
  var allBlocks: HostExpression { matrices * panels * blocks }
}

/// A weight in its panels: positions of the workspaces that hold codes and scales.
struct LaidOutWeight {
  enum Form {
    /// Codes for products of byte slices.
    case sliced(SlicedWeight)
    /// Codes for products of byte matrices.
    case fragments(MatrixWeight)
    /// bf16 integers of a fixed-point product.
    case integers(FixedPanels)
  }
  let form: Form
  let panels: WeightPanels
  let codes: Int
  let scales: Int
}

extension RegionLowering {
  /// The weights of a pattern's products, laid out by kernels of their own; none where one of them
  /// cannot be.
  func laidOutWeights(_ pattern: ProductPattern, _ name: String) throws -> [ValueID: LaidOutWeight] {
    var forms: [ValueID: LaidOutWeight.Form] = [:]
    for id in pattern.products {
      if let sliced = SlicedWeight(self, id, pattern) {
        forms[id] = .sliced(sliced)
      } else if let fixed = FixedPanels(self, id, pattern) {
        forms[id] = .integers(fixed)
      } else {
        return [:]
      }
    }
    var laidOut: [ValueID: LaidOutWeight] = [:]
    for id in pattern.products { laidOut[id] = try layOut(forms[id]!, name) }
    return laidOut
  }

  func layOut(_ form: LaidOutWeight.Form, _ kernel: String) throws -> LaidOutWeight {
    let (panels, codeBytes, scaleBytes) =
      switch form {
      case .sliced(let weight):
        (weight.panels, weight.vectors * 64, weight.groups * weight.panels.width)
      case .fragments(let weight):
        (weight.panels, weight.steps * weight.words * 4, weight.scaleBytes)
      case .integers(let weight):
        (weight.panels, 2 * weight.panels.block * weight.panels.width, weight.panels.width)
      }
    let name = program.parameters[panels.parameter].name
    for (suffix, bytes) in [("panels", codeBytes), ("panel_scales", scaleBytes)] {
      workspaces.append(
        Workspace(
          name: "\(name)_\(suffix)", byteCount: panels.allBlocks * .constant(bytes),
          prepares: panels.parameter))
    }
    let laidOut = LaidOutWeight(
      form: form, panels: panels, codes: workspaces.count - 2, scales: workspaces.count - 1)
    let lowering = sibling()
    preparations.append(
      try lowering.lowerPreparation(laidOut, name: "\(kernel)_lays_out_\(name)"))
    return laidOut
  }

  /// The kernel that lays out one weight; a lowering of its own builds it. A cell is a panel.
  private func lowerPreparation(_ laidOut: LaidOutWeight, name: String) throws -> MachineKernel {
    let panels = laidOut.panels
    let cell = stack.variable("cell", .index)
    let (panel, cells) = openPanel(panels, .variable(cell))
    let first = stack.define("first", panel * .constant(panels.width))
    let left = try length(panels.columns) - first
    environment.bind(
      panels.columns, LaneCoordinate(first, lanes: .strided(1), alignment: panels.width))
    environment.lanes = panels.width
    environment.active = stack.define("active", left.minimum(.constant(panels.width)))
    let depth = try length(panels.depth)
    let blocks = scalar(panels.blocks, "blocks")
    let block = stack.variable("block", .index)
    stack.open(binding: [panels.depth])
    let place = PanelBlock(
      number: stack.define("number", .variable(cell) * blocks + .variable(block)),
      start: stack.define("start", .variable(block) * .constant(panels.block)), depth: depth)
    switch laidOut.form {
    case .sliced(let weight): try pack(weight, laidOut, place)
    case .fragments(let weight): try pack(weight, laidOut, place)
    case .integers(let weight): try pack(weight, laidOut, place)
    }
    stack.append(.loop(CountedLoop(block, from: .constant(0), to: blocks, stack.close())))
    return kernel(name: name, cells: cells, cell: cell)
  }

  /// Binds the outer axes of the panel that a cell is; the panel's number among those of its matrix, and all cells.
  func openPanel(_ panels: WeightPanels, _ cell: Expression) -> (number: Expression, cells: HostExpression) {
    var remaining = cell
    var cells = panels.panels
    let panelCount = scalar(cells, "panels")
    let panel = stack.define("panel", .apply(.remainder, [remaining, panelCount], .index))
    remaining = stack.define("outer", .apply(.quotient, [remaining, panelCount], .index))
    for (dimension, index) in panels.outer.reversed() {
      let extent = HostExpression(extentOf: dimension)
      cells = cells * extent
      let count = scalar(extent, dimension.name)
      let at = stack.define("\(dimension.name)_at", .apply(.remainder, [remaining, count], .index))
      remaining = stack.define("outer", .apply(.quotient, [remaining, count], .index))
      switch index {
      case .value(let segment): stack.remember(segment, at.converted(to: .i32), at: stack.depth)
      default: environment.bind(dimension, LaneCoordinate(at))
      }
    }
    return (panel, cells)
  }

  /// The number of a cell's matrix.
  func matrix(_ panels: WeightPanels) throws -> Expression {
    try panels.outer.reduce(.constant(0)) { number, axis in
      let at = try coordinate(axis.index, environment).base
      return number * scalar(HostExpression(extentOf: axis.dimension), axis.dimension.name) + at
    }
  }

  /// The number of a cell's first panel, counted through the outer axes.
  func firstPanel(_ panels: WeightPanels) throws -> Expression {
    return stack.define(
      "first_panel",
      try matrix(panels) * scalar(panels.panels, "\(panels.columns.name)_panels")
        + domains[panels.columns]!.lower.divided(by: panels.width))
  }
}

/// The block of a panel that is being laid out.
struct PanelBlock {
  /// Its number through all panels.
  let number: Expression
  /// Its first depth coordinate, and the depth of the whole weight.
  let start: Expression
  let depth: Expression
}
