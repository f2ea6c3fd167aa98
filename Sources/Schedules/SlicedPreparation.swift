import MachineIR
import TileIR

/// A weight in its panels: positions of the workspaces that hold them.
struct LaidOutWeight {
  let weight: SlicedWeight
  let codes: Int
  let scales: Int
}

/// The kernel that lays a weight out anew for a sliced product, once for many launches.
///
/// Codes: [outer…][panel][block][vector][16 columns] words of `i32`: a word holds four depth
/// coordinates of one column, or eight of E2M1, the later four in the high nibbles. Scales: [outer…]
/// [panel][block][group][16 columns] bytes of E8M0; a column whose block holds a NaN code has scale NaN.
/// Columns and depth past the end hold zeros under the scale of their neighbours.
extension RegionLowering {
  /// The numbers of panels and blocks of a weight.
  func panels(_ weight: SlicedWeight) -> HostExpression {
    HostExpression(extentOf: weight.columns).dividedUp(by: SlicedWeight.panel)
  }
  func blocks(_ weight: SlicedWeight) -> HostExpression {
    HostExpression(extentOf: weight.depth).dividedUp(by: weight.block)
  }
  /// The weights of a pattern's products, laid out by kernels of their own; none where one of them has
  /// no slices.
  func slicedWeights(_ pattern: ProductPattern, _ name: String) throws -> [ValueID: LaidOutWeight] {
    var weights: [ValueID: SlicedWeight] = [:]
    for id in pattern.products {
      guard case .product(let depth, .exactBlock(let block), _, _) = program[id].operation,
        let weight = SlicedWeight(
          id, pattern, block: block, in: program, on: machine,
          granularity: { self.granularity(of: $0, along: depth) })
      else { return [:] }
      weights[id] = weight
    }
    var laidOut: [ValueID: LaidOutWeight] = [:]
    for id in pattern.products { laidOut[id] = try layOut(weights[id]!, name) }
    return laidOut
  }

  private func layOut(_ weight: SlicedWeight, _ kernel: String) throws -> LaidOutWeight {
    let name = program.parameters[weight.parameter].name
    let outer = weight.outer.reduce(HostExpression.constant(1)) {
      $0 * HostExpression(extentOf: $1.dimension)
    }
    let count = outer * panels(weight) * blocks(weight)
    workspaces.append(
      Workspace(
        name: "\(name)_panels", byteCount: count * .constant(weight.vectors * 64),
        prepares: weight.parameter))
    workspaces.append(
      Workspace(
        name: "\(name)_panel_scales", byteCount: count * .constant(weight.groups * SlicedWeight.panel),
        prepares: weight.parameter))
    let laidOut = LaidOutWeight(
      weight: weight, codes: workspaces.count - 2, scales: workspaces.count - 1)
    let lowering = RegionLowering(
      program: program, region: region, machine: machine, schedule: schedule,
      workspaces: workspaces, messages: [], stateWritten: [])
    preparations.append(
      try lowering.lowerPreparation(laidOut, name: "\(kernel)_lays_out_\(name)"))
    return laidOut
  }

  /// The number of a cell's first panel, counted through the outer axes.
  func firstPanel(_ weight: SlicedWeight) throws -> Expression {
    var number = Expression.constant(0)
    for (dimension, index) in weight.outer {
      let at = try coordinate(index, environment).base
      number = number * scalar(HostExpression(extentOf: dimension), dimension.name) + at
    }
    let columns = domains[weight.columns]!
    return stack.define(
      "first_panel",
      number * scalar(panels(weight), "\(weight.columns.name)_panels")
        + columns.lower.divided(by: SlicedWeight.panel))
  }

  /// The kernel of one weight; a lowering of its own builds it.
  func lowerPreparation(
    _ laidOut: LaidOutWeight, name: String
  ) throws -> MachineKernel {
    let weight = laidOut.weight
    let lanes = SlicedWeight.panel
    let cell = stack.variable("cell", .index)
    var remaining = Expression.variable(cell)
    var cells = panels(weight)
    let panelCount = scalar(cells, "panels")
    let panel = stack.define("panel", .apply(.remainder, [remaining, panelCount], .index))
    remaining = stack.define("outer", .apply(.quotient, [remaining, panelCount], .index))
    for (dimension, index) in weight.outer.reversed() {
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
    let first = stack.define("first", panel * .constant(lanes))
    let columnCount = try length(weight.columns)
    let active = stack.define("active", (columnCount - first).minimum(.constant(lanes)))
    let depth = try length(weight.depth)
    environment.bind(weight.columns, LaneCoordinate(first, lanes: .strided(1), alignment: lanes))
    environment.lanes = lanes
    environment.active = active

    let run = stack.variable("block", .index)
    stack.open(binding: [weight.depth])
    let start = stack.define("start", .variable(run) * .constant(weight.block))
    let place = stack.define(
      "place", .variable(cell) * scalar(blocks(weight), "blocks") + .variable(run))
    let type = MachineType(.i32, lanes)
    let nan = stack.variable("has_nan", type)
    stack.append(.declare(nan, .integer(0, type)))
    try packCodes(weight, buffer(workspace: laidOut.codes, .int32), place, start, depth, nan)
    try packScales(weight, buffer(workspace: laidOut.scales, .uint8), place, start, depth, nan)
    stack.append(
      .loop(
        CountedLoop(
          run, from: .constant(0), to: scalar(blocks(weight), "blocks"), stack.close())))
    return kernel(name: name, cells: cells, cell: cell)
  }

  private func packCodes(
    _ weight: SlicedWeight, _ target: String, _ place: Expression, _ start: Expression,
    _ depth: Expression, _ nan: Variable
  ) throws {
    let lanes = SlicedWeight.panel
    let type = MachineType(.i32, lanes)
    let vector = stack.variable("vector", .index)
    stack.open()
    let word = stack.variable("word", type)
    stack.append(.declare(word, .integer(0, type)))
    for member in 0..<weight.product.vectorDepth {
      let at = stack.define(
        "at",
        start + Expression.variable(vector) * .constant(weight.product.vectorDepth) + .constant(member))
      stack.open(binding: [weight.depth])
      var inner = environment
      inner.bind(weight.depth, LaneCoordinate(at))
      let code = stack.define("code", try emitWide(weight.operand, inner))
      let shift = weight.product.codesPerByte == 2 ? 8 * (member % 4) + 4 * (member / 4) : 8 * member
      let placed = code.apply(.shiftLeft, .integer(Int64(shift), type))
      stack.append(.assign(word, Expression.variable(word).apply(.or, placed)))
      if weight.product.rightFormat == .e4m3 {
        let magnitude = code.apply(.and, .integer(0x7F, type))
        let isNaN = magnitude.compared(.equal, .integer(0x7F, type))
        stack.append(
          .assign(
            nan, .apply(.select, [isNaN, .integer(1, type), .variable(nan)], type)))
      }
      stack.append(.branch(at.compared(.less, depth), stack.close(), []))
    }
    let offset = (place * .constant(weight.vectors) + .variable(vector)) * .constant(lanes)
    stack.append(.store(Access(target, .int32, offset), .variable(word), active: nil))
    stack.append(
      .loop(
        CountedLoop(vector, from: .constant(0), to: .constant(weight.vectors), stack.close())))
  }

  private func packScales(
    _ weight: SlicedWeight, _ target: String, _ place: Expression, _ start: Expression,
    _ depth: Expression, _ nan: Variable
  ) throws {
    let lanes = SlicedWeight.panel
    let type = MachineType(.i32, lanes)
    for group in 0..<weight.groups {
      stack.open(binding: [weight.depth])
      // A group past the end takes the scale of the block's first: it must not widen the block.
      let own = stack.define("own", start + .constant(group * weight.group))
      let at = stack.define("group_at", .conditional(own.compared(.less, depth), own, start))
      var inner = environment
      inner.bind(weight.depth, LaneCoordinate(at, alignment: weight.group))
      var scale = Expression.integer(127, type)
      if let id = weight.scale {
        scale = stack.define("scale", try emitWide(id, inner))
        // Absent columns are zeros under the scale 1.
        scale = .apply(
          .select, [activeMask(environment.active!, lanes), scale, .integer(127, type)], type)
      }
      let isNaN = Expression.variable(nan).compared(.notEqual, .integer(0, type))
      let stored = Expression.apply(.select, [isNaN, .integer(255, type), scale], type)
      let offset = (place * .constant(weight.groups) + .constant(group)) * .constant(lanes)
      stack.append(.store(Access(target, .uint8, offset), stored, active: nil))
      for statement in stack.close() { stack.append(statement) }
    }
  }
}
