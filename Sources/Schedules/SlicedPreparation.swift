import MachineIR
import TileIR

/// A weight of E4M3 or E2M1 whose products are sums of byte products.
struct SlicedWeight {
  let product: SlicedProduct
  let panels: WeightPanels
  /// Depth coordinates that share a scale; a block where there is one scale for it.
  let group: Int
  let left: ValueID
  /// The right operand and its scale.
  let operand: ValueID
  let scale: ValueID?

  var groups: Int { panels.block / group }
  /// 64-byte vectors of a block.
  var vectors: Int { panels.block / product.vectorDepth }

  /// The weight of a product of the class `exactBlock`, or nil where the right operand is not one, or its
  /// formats or scales have no slices on this machine.
  init?(_ lowering: RegionLowering, _ id: ValueID, _ pattern: ProductPattern) {
    let (program, machine) = (lowering.program, lowering.machine)
    let node = program[id]
    guard machine.has(.dot4), machine.has(.lookup128),
      case .product(let depth, .exactBlock(let block), let scaledLeft, let scaledRight) = node.operation,
      let product = SlicedProduct(
        left: program[node.operands[0]].type, right: program[node.operands[1]].type),
      let panels = WeightPanels(
        node.operands[1], pattern, in: program, width: machine.lanes(of: .i32), block: block)
    else { return nil }
    let scale = scaledRight ? node.operands[scaledLeft ? 3 : 2] : nil
    var group = block
    if let scale {
      guard case .load(let position, _) = program[scale].operation,
        program.parameters[position].role == .weight,
        let step = lowering.granularity(of: scale, along: depth)
      else { return nil }
      group = step % block == 0 ? block : step
    }
    if scaledLeft {
      guard let step = lowering.granularity(of: node.operands[2], along: depth), step % block == 0
      else { return nil }
    }
    // Sums of a block stay in 31 bits, groups are whole vectors, blocks whole vectors of left bytes.
    guard block % 64 == 0, block <= 512, block % group == 0, group % (2 * product.vectorDepth) == 0,
      block / group <= 8, product.codesPerByte == 2 || group == block
    else { return nil }
    self.product = product
    self.panels = panels
    self.group = group
    left = node.operands[0]
    operand = node.operands[1]
    self.scale = scale
  }
}

/// Codes: words of `i32`, [vector][column], that hold four depth coordinates of one column, or eight of
/// E2M1, the later four in the high nibbles. Scales: [group][column] bytes of E8M0; a column whose block
/// holds a NaN code has scale NaN. Columns and depth past the end hold zeros.
extension RegionLowering {
  func pack(_ weight: SlicedWeight, _ laidOut: LaidOutWeight, _ place: PanelBlock) throws {
    let type = MachineType(.i32, weight.panels.width)
    let nan = stack.variable("has_nan", type)
    stack.append(.declare(nan, .integer(0, type)))
    try packCodes(weight, buffer(workspace: laidOut.codes, .int32), place, nan)
    try packScales(weight, buffer(workspace: laidOut.scales, .uint8), place, nan)
  }

  private func packCodes(
    _ weight: SlicedWeight, _ target: String, _ place: PanelBlock, _ nan: Variable
  ) throws {
    let lanes = weight.panels.width
    let type = MachineType(.i32, lanes)
    let vector = stack.variable("vector", .index)
    stack.open()
    let word = stack.variable("word", type)
    stack.append(.declare(word, .integer(0, type)))
    let member = stack.variable("member", .index)
    let number = Expression.variable(member)
    stack.open()
    let at = stack.define(
      "at", place.start + Expression.variable(vector) * .constant(weight.product.vectorDepth) + number)
    stack.open(binding: [weight.panels.depth])
    var inner = environment
    inner.bind(weight.panels.depth, LaneCoordinate(at))
    let code = stack.define("code", try emitWide(weight.operand, inner))
    let byte = number.remainder(by: 4) * .constant(8)
    let shift = weight.product.codesPerByte == 2 ? byte + number.divided(by: 4) * .constant(4) : byte
    let placed = code.apply(.shiftLeft, shift.converted(to: .i32).broadcast(to: lanes))
    stack.append(.assign(word, Expression.variable(word).apply(.or, placed)))
    if weight.product.rightFormat == .e4m3 {
      let magnitude = code.apply(.and, .integer(0x7F, type))
      let isNaN = magnitude.compared(.equal, .integer(0x7F, type))
      stack.append(
        .assign(
          nan, .apply(.select, [isNaN, .integer(1, type), .variable(nan)], type)))
    }
    stack.append(.branch(at.compared(.less, place.depth), stack.close(), []))
    stack.append(
      .loop(
        CountedLoop(
          member, from: .constant(0), to: .constant(weight.product.vectorDepth), stack.close())))
    let offset = (place.number * .constant(weight.vectors) + .variable(vector)) * .constant(lanes)
    stack.append(.store(Access(target, .int32, offset), .variable(word), active: nil))
    stack.append(
      .loop(
        CountedLoop(vector, from: .constant(0), to: .constant(weight.vectors), stack.close())))
  }

  private func packScales(
    _ weight: SlicedWeight, _ target: String, _ place: PanelBlock, _ nan: Variable
  ) throws {
    let lanes = weight.panels.width
    let type = MachineType(.i32, lanes)
    let group = stack.variable("group", .index)
    stack.open(binding: [weight.panels.depth])
    // A group past the end takes the scale of the block's first: it must not widen the block.
    let own = stack.define("own", place.start + Expression.variable(group) * .constant(weight.group))
    let at = stack.define("group_at", .conditional(own.compared(.less, place.depth), own, place.start))
    var inner = environment
    inner.bind(weight.panels.depth, LaneCoordinate(at, alignment: weight.group))
    var scale = Expression.integer(127, type)
    if let id = weight.scale {
      scale = stack.define("scale", try emitWide(id, inner))
      // Absent columns are zeros under the scale 1.
      scale = masked(scale, by: environment.active!, otherwise: .integer(127, type))
    }
    let isNaN = Expression.variable(nan).compared(.notEqual, .integer(0, type))
    let stored = Expression.apply(.select, [isNaN, .integer(255, type), scale], type)
    let offset = (place.number * .constant(weight.groups) + .variable(group)) * .constant(lanes)
    stack.append(.store(Access(target, .uint8, offset), stored, active: nil))
    stack.append(
      .loop(CountedLoop(group, from: .constant(0), to: .constant(weight.groups), stack.close())))
  }
}
