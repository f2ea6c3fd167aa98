import MachineIR
import TileIR

/// Operands of fixed-point products as integers with one exponent a block (numeric contract, section
/// 2, class *fixedPoint*), made once in a cell and shared by the products that need them.
extension RegionLowering {
  /// The integers of `id` along `axis`. With `folding`, each coordinate along `axis` is first
  /// multiplied by the quantum that the other operand has there.
  func fixedOperand(
    _ id: ValueID, along axis: Dimension, bits: Int, block: Int, as scalar: MachineScalar = .f32,
    folding other: (id: ValueID, operand: FixedOperand)? = nil
  ) throws -> FixedOperand {
    let key = FixedOperandKey(
      id: id, axis: axis, bits: bits, block: block, scalar: scalar, folded: other?.id)
    if let known = fixedOperands[key] { return known }
    let axes = analysis.innerAxes(id).filter { $0 != axis } + [axis]
    let outer = axes.dropLast().reduce(HostExpression.constant(1)) { $0 * most($1) }
    let blocks = most(axis).dividedUp(by: block)
    var pitch = most(axis)
    if sharedAxis.map(axes.contains) ?? false, multipliesMatrices {
      // The rows that a matrix has are read together: each in banks of its own.
      pitch = pitch.roundedUp(to: DoubleMatrices.rows * DoubleMatrices.depth) + .constant(DoubleMatrices.depth)
    }
    let operand = FixedOperand(
      integers: scratch("\(name(of: id))_integers", scalar, count: outer * pitch), scalar: scalar,
      quanta: scratch("\(name(of: id))_quanta", .f64, count: outer * blocks), axes: axes, axis: axis,
      block: block, pitch: pitch)
    let nest = Nest(loops: Array(axes.dropLast()), vector: nil, lanes: 1, group: 1, work: [])
    stack.append(.note("integers of \(bits) bits", program[id].location))
    try open(nest.loops[...], nest) {
      try quantiseBlocks(id, operand, bits: bits, folding: other?.operand)
    }
    // Values kept in a round of a loop are made anew in the next.
    if analysis.home[id] == nil { fixedOperands[key] = operand }
    return operand
  }

  /// Makes the integers of an operand before the loops that a product needs itself.
  func quantiseAhead(_ operand: ValueID, of product: ValueID) throws {
    switch program[product].operation {
    case .product(let dimension, .fixedPoint(let bits, let block), _, _):
      _ = try fixedOperand(operand, along: dimension, bits: bits, block: block)
    case .product(_, .fixedPointFolded(let bits, _, let axis), _, _):
      _ = try fixedOperand(operand, along: axis, bits: bits, block: axis.range.upperBound)
    default: break
    }
  }

  private func quantiseBlocks(
    _ id: ValueID, _ operand: FixedOperand, bits: Int, folding other: FixedOperand?
  ) throws {
    let count = try length(operand.axis)
    let barred = chooseVector([operand.axis], roots: [id], work: nil) == nil
    let lanes = barred ? 1 : machine.lanes(of: .f64)
    let start = stack.variable("block", .index)
    stack.open()
    let end = stack.define(
      "end", (Expression.variable(start) + .constant(operand.block)).minimum(count))

    func forLanes(_ body: (Expression) throws -> Void) throws {
      let value = { () throws -> Expression in
        let x = try self.emitWide(id, self.environment).converted(to: .f64)
        guard let other else { return x }
        return x.apply(.multiply, try self.foldedQuantum(other, operand.axis, lanes))
      }
      if lanes > 1 {
        try lanesLoop(operand.axis, from: .variable(start), to: end, lanes: lanes) {
          try body(stack.define("element", try value()))
        }
      } else {
        try rangeLoop(operand.axis, from: .variable(start), to: end) {
          try body(stack.define("element", try value()))
        }
      }
    }

    // The largest magnitude, compared as integers so that NaN is above everything.
    let largest = stack.variable("largest", MachineType(.i64, lanes))
    stack.append(.declare(largest, .integer(0, largest.type)))
    try forLanes { element in
      var magnitude = element.bitCast(to: .i64)
        .apply(.and, .integer(Int64.max, MachineType(.i64, lanes)))
      if let active = environment.active { magnitude = masked(magnitude, by: active) }
      stack.append(.assign(largest, Expression.variable(largest).apply(.maximum, magnitude)))
    }
    let top = stack.define("top", foldLanes(.variable(largest)) { $0.apply(.maximum, $1) })
    // Below the least normal f32 the exponent stays there, except where a folded power of two has moved
    // the range.
    let infinity: Int64 = 0x7FF0_0000_0000_0000
    let quantumField = quantumExponent(top, bits: bits, floor: other == nil ? 1023 - 126 : 200)
    let isFinite = top.compared(.less, .integer(infinity, .index))
    let nan = Expression.integer(0x7FF8_0000_0000_0000, .index)
    let shifted = quantumField.apply(.shiftLeft, .constant(52))
    let quantum = Expression.conditional(isFinite, shifted, nan).bitCast(to: .f64)
    let inverse = stack.define("inverse", inverseQuantum(quantumField))
    let outer = try place(in: Array(operand.axes.dropLast()), environment)
    let blocks = scalar(
      most(operand.axis).dividedUp(by: operand.block), "\(operand.axis.name)_blocks")
    stack.append(
      .storeRaw(
        buffer: operand.quanta,
        offset: outer.base * blocks + Expression.variable(start).divided(by: operand.block), quantum))

    try forLanes { element in
      let bounded = boundedInteger(element.apply(.multiply, inverse.broadcast(to: lanes)), bits: bits)
      let place = try place(in: operand, environment)
      stack.append(
        .storeRaw(buffer: operand.integers, offset: place.base, bounded.converted(to: operand.scalar)))
    }
    stack.append(
      .loop(
        CountedLoop(
          start, from: .constant(0), to: count, step: operand.block, stack.close())))
  }

  /// The nearest integer of `bits` and a sign; the largest for NaN.
  func boundedInteger(_ value: Expression, bits: Int) -> Expression {
    let limit = Double((1 << bits) - 1)
    let rounded = roundedInteger(value)
    let high = Expression.float(limit.bitPattern, value.type)
    let low = Expression.float((-limit).bitPattern, value.type)
    let below: Expression = .apply(.select, [rounded.compared(.less, high), rounded, high], value.type)
    let named = stack.define("bounded", below)
    return .apply(.select, [named.compared(.greater, low), named, low], value.type)
  }

  /// The quantum that the other operand has at a coordinate of the contracted axis.
  private func foldedQuantum(
    _ other: FixedOperand, _ axis: Dimension, _ lanes: Int
  ) throws -> Expression {
    let place = try place(in: Array(other.axes.dropLast()), environment)
    switch place.lanes {
    case .uniform:
      return Expression.raw(buffer: other.quanta, offset: place.base, MachineType(.f64))
        .broadcast(to: lanes)
    case .strided(1):
      return self.lanes(of: other.quanta, .f64, place.base, environment)
    default:
      return .gatherRaw(
        buffer: other.quanta, offset: place.base, lanes: laneValues(place, lanes),
        MachineType(.f64, lanes))
    }
  }
}
