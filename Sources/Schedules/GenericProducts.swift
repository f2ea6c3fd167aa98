import MachineIR
import TileIR

/// Products inside loop nests: every class, any operands. Large products of two parallel axes are
/// lowered by blocks instead.
extension RegionLowering {
  /// An operand of a fixed-point product as integers with one exponent a block.
  struct FixedOperand {
    /// Integers over the operand's inner axes with `axis` last, as `scalar`.
    let integers: String
    let scalar: MachineScalar
    /// f64 powers of two over the same axes with blocks in place of `axis`.
    let quanta: String
    let axes: [Dimension]
    let axis: Dimension
    let block: Int
    /// Integers from one line along `axis` to the next.
    let pitch: HostExpression
  }
  struct FixedOperandKey: Hashable {
    let id: ValueID
    let axis: Dimension
    let bits: Int
    let block: Int
    let scalar: MachineScalar
    /// The quanta of the other operand that are folded in, if any.
    let folded: ValueID?
  }

  func lowerProduct(
    _ id: ValueID, _ dimension: Dimension, _ productClass: ProductClass, scaledLeft: Bool,
    scaledRight: Bool
  ) throws {
    let node = program[id]
    let (left, right) = (node.operands[0], node.operands[1])
    if multipliesCubes, let shared = sharedCube(id) { return try lower(shared) }
    switch productClass {
    case .ordered(let order, let multiplyAdd):
      try lowerOrderedProduct(id, order, multiplyAdd, dimension)
    case .exactBlock where nibbles?.id == id: try lower(nibbles!)
    case .exactBlock(let block):
      var scales = node.operands.dropFirst(2)
      let leftScale = scaledLeft ? scales.removeFirst() : nil
      let rightScale = scaledRight ? scales.removeFirst() : nil
      try lowerExactBlock(id, dimension, block, scales: [leftScale, rightScale].compactMap { $0 })
    case .fixedPoint(let bits, let block):
      try checkSums(bits, block, dimension, at: node.location)
      if let tile = fixedTile(id, along: dimension, block: block, foldedAlong: nil) {
        let a = try fixedOperand(left, along: dimension, bits: bits, block: block, as: tile.leftScalar)
        let b = try fixedOperand(right, along: dimension, bits: bits, block: block)
        return try lower(tile, a, b)
      }
      let a = try fixedOperand(left, along: dimension, bits: bits, block: block)
      let b = try fixedOperand(right, along: dimension, bits: bits, block: block)
      try lowerFixedPoint(id, dimension, block, a, b, quantumOfRight: true)
    case .fixedPointFolded(let bits, let block, let axis):
      try checkSums(bits, block, dimension, at: node.location)
      let b = try fixedOperand(right, along: axis, bits: bits, block: axis.range.upperBound)
      let tile = fixedTile(id, along: dimension, block: block, foldedAlong: axis)
      let a = try fixedOperand(
        left, along: dimension, bits: bits, block: block, as: tile?.leftScalar ?? .f32,
        folding: (right, b))
      if let tile { return try lower(tile, a, b) }
      try lowerFixedPoint(id, dimension, block, a, b, quantumOfRight: false)
    case .exact:
      throw Refusal(
        diagnostic: Diagnostic(
          "\(machine.name) does not keep the class exact (one rounding of the whole sum); the reference does",
          at: [node.location]))
    }
  }

  /// Whether a block's sum of products of two `bits`-bit integers is exact in f64.
  static func sumsFitDouble(bits: Int, block: Int) -> Bool {
    2 * bits + (Int.bitWidth - max(0, block - 1).leadingZeroBitCount) <= 53
  }

  private func checkSums(
    _ bits: Int, _ block: Int, _ dimension: Dimension, at location: SourceLocation
  ) throws {
    let most = min(block, dimension.range.upperBound)
    guard Self.sumsFitDouble(bits: bits, block: most) else {
      throw Refusal(
        diagnostic: Diagnostic(
          "\(machine.name) does not keep fixedPoint(\(bits)) in blocks of \(most): their sums are exact in 53 bits at most",
          at: [location]))
    }
  }

  private func lowerOrderedProduct(
    _ id: ValueID, _ order: SummationOrder, _ multiplyAdd: MultiplyAdd, _ dimension: Dimension
  ) throws {
    let operands = program[id].operands
    // An interleaved sum can run along lanes when its axis is where memory is contiguous.
    if case .interleaved(let partials) = order,
      chooseVector(
        analysis.innerAxes(id) + [dimension], roots: operands, work: nil) == dimension
    {
      return try lowerInterleavedProduct(id, partials, multiplyAdd, dimension)
    }
    try forEachResult(id, operands) { lanes in
      let sum = try self.orderedSum(
        order, dimension, lanes,
        step: { accumulator in
          let a = try self.emitWide(operands[0], self.environment)
          let b = try self.emitWide(operands[1], self.environment)
          return self.multiplyAdd(a, b, accumulator, multiplyAdd)
        })
      try self.keep(sum, id)
    }
  }

  func multiplyAdd(
    _ a: Expression, _ b: Expression, _ c: Expression, _ kind: MultiplyAdd
  ) -> Expression {
    switch kind {
    case .fused: .apply(.fusedMultiplyAdd, [a, b, c], c.type)
    case .unfused: c.apply(.add, a.apply(.multiply, b))
    }
  }

  private func lowerInterleavedProduct(
    _ id: ValueID, _ partials: Int, _ kind: MultiplyAdd, _ dimension: Dimension
  ) throws {
    let operands = program[id].operands
    let lanes = lanes(along: dimension, limit: partials)
    let group = partials / lanes
    stack.append(.note(name(of: id), program[id].location))
    let nest = Nest(
      loops: analysis.innerAxes(id) + [dimension], vector: dimension, lanes: lanes, group: group,
      work: [.reduce(id)])
    try open(nest.loops.dropLast(), nest) {
      let accumulator = try openAccumulator(id, nest)
      try vectorLoop(dimension, lanes: lanes, group: group) {
        let a = try emitWide(operands[0], environment)
        let b = try emitWide(operands[1], environment)
        let old: Expression =
          switch accumulator {
          case .single(let variable): .variable(variable)
          case .group(let array): .element(array, [groupMember!])
          }
        var sum = multiplyAdd(a, b, old, kind)
        // An absent element leaves the sum as it is: even +0 would turn a fused sum of -0 round.
        if let active = environment.active { sum = masked(sum, by: active, otherwise: old) }
        switch accumulator {
        case .single(let variable): stack.append(.assign(variable, sum))
        case .group(let array): stack.append(.setElement(array, [groupMember!], sum))
        }
      }
      let sum = foldProduct(accumulator, group)
      try keep(sum, id)
    }
  }

  private func foldProduct(_ accumulator: Accumulator, _ group: Int) -> Expression {
    switch accumulator {
    case .single(let variable): return foldLanes(.variable(variable)) { $0.apply(.add, $1) }
    case .group(let array):
      var parts = (0..<group).map { Expression.element(array, [.constant($0)]) }
      while parts.count > 1 {
        let half = parts.count / 2
        parts = (0..<half).map { stack.define("half", parts[$0].apply(.add, parts[$0 + half])) }
      }
      return foldLanes(parts[0]) { $0.apply(.add, $1) }
    }
  }

  // MARK: Exact blocks

  /// How many consecutive coordinates of `dimension` share an element of a scale.
  func granularity(of scale: ValueID, along dimension: Dimension) -> Int? {
    let node = program[scale]
    guard node.axes.contains(dimension) else { return nil }
    guard case .load(_, let indices) = node.operation else { return 1 }
    var granularity = 0
    for index in indices where index.dimensions.contains(dimension) {
      if case .divided(.axis(dimension), let n) = index {
        granularity = gcd(granularity, n)
      } else {
        return 1
      }
    }
    return granularity
  }

  func gcd(_ a: Int, _ b: Int) -> Int { b == 0 ? a : gcd(b, a % b) }

  /// Blocks summed exactly in f64, rounded once to f32 under their scales, added in order. Where
  /// scales change inside a block, the groups' exact sums are rounded together.
  private func lowerExactBlock(
    _ id: ValueID, _ dimension: Dimension, _ block: Int, scales: [ValueID]
  ) throws {
    let operands = Array(program[id].operands.prefix(2))
    var group = block
    for scale in scales {
      if let granularity = granularity(of: scale, along: dimension) { group = gcd(group, granularity) }
    }
    guard block / group <= 16 else {
      throw Refusal(
        diagnostic: Diagnostic(
          "scales change every \(group) elements inside blocks of \(block); at least \(block / 16) expected",
          at: [program[id].location]))
    }
    try lowerBlocks(
      id, dimension, block, group: group, roots: operands,
      groupSum: {
        try self.emitGrid(operands[0], self.environment).apply(
          .multiply, try self.emitGrid(operands[1], self.environment))
      },
      scale: { groupEnvironment in
        var product: Expression?
        for scale in scales {
          let value = self.convert(try self.emit(scale, groupEnvironment), .e8m0, to: .float32)
            .converted(to: .f64)
          let lanes = max(value.type.lanes, product?.type.lanes ?? 1)
          product =
            product.map { $0.broadcast(to: lanes).apply(.multiply, value.broadcast(to: lanes)) } ?? value
        }
        return product
      })
  }

  /// A grid operand's value in f64 lanes.
  private func emitGrid(_ id: ValueID, _ environment: Environment) throws -> Expression {
    let value = convert(try emit(id, environment), program[id].type, to: .float32)
    return value.converted(to: .f64).broadcast(to: environment.lanes)
  }

  /// The loops of every class that sums blocks exactly: results, blocks, groups inside a block.
  private func lowerBlocks(
    _ id: ValueID, _ dimension: Dimension, _ block: Int, group: Int, roots: [ValueID],
    groupSum: @escaping () throws -> Expression,
    scale: @escaping (Environment) throws -> Expression?
  ) throws {
    let axes = analysis.innerAxes(id)
    let vector = chooseVector(axes + [dimension], roots: roots, work: nil)
    let along = vector == dimension
    var width = machine.lanes(of: .f64) * min(schedule.registersPerVector, 4)
    if along { while group % width != 0, width > 1 { width /= 2 } }
    let outerVector = along ? nil : vector
    let lanes = outerVector.map { min(width, self.lanes(along: $0, limit: width)) } ?? 1
    let nest = Nest(
      loops: axes.filter { $0 != outerVector } + (outerVector.map { [$0] } ?? []),
      vector: lanes > 1 ? outerVector : nil, lanes: lanes, group: 1, work: [])
    stack.append(.note(name(of: id), program[id].location))
    try open(nest.loops[...], nest) {
      let resultLanes = nest.vector == nil ? 1 : lanes
      let total = stack.variable("total", MachineType(.f32, resultLanes))
      stack.append(.declare(total, .float(0, lanes: resultLanes)))
      let count = try length(dimension)
      let start = stack.variable("block", .index)
      stack.open()
      var terms: [Expression] = []
      for part in 0..<(block / group) {
        // A group past the end is empty: it begins where it ends.
        let whole = Expression.variable(start) + .constant(part * group)
        let first = stack.define("first", part == 0 ? whole : whole.minimum(count))
        let last = stack.define("last", (first + .constant(group)).minimum(count))
        let sum = stack.variable("exact", MachineType(.f64, along ? width : resultLanes))
        stack.append(.declare(sum, .float(0, sum.type)))
        if along, width > 1 {
          try lanesLoop(dimension, from: first, to: last, lanes: width) {
            var product = try groupSum()
            if let active = environment.active { product = masked(product, by: active) }
            stack.append(.assign(sum, Expression.variable(sum).apply(.add, product)))
          }
        } else {
          try rangeLoop(dimension, from: first, to: last) {
            stack.append(.assign(sum, Expression.variable(sum).apply(.add, try groupSum())))
          }
        }
        var exact = foldLanes64(.variable(sum), keeping: resultLanes)
        // An absent group has no scale to read: its sum is zero.
        var groupEnvironment = environment
        groupEnvironment.bind(
          dimension, LaneCoordinate(first.minimum(count - .constant(1)), alignment: group))
        stack.open(binding: [dimension])
        let factor = try scale(groupEnvironment)
        stack.append(contentsOf: stack.close())
        if let factor { exact = exact.apply(.multiply, factor.broadcast(to: resultLanes)) }
        terms.append(stack.define("term", exact))
      }
      let rounded: Expression =
        terms.count == 1
        ? terms[0].converted(to: .f32)
        : .apply(.roundedSum, terms, MachineType(.f32, resultLanes))
      stack.append(.assign(total, Expression.variable(total).apply(.add, rounded)))
      stack.append(
        .loop(CountedLoop(start, from: .constant(0), to: count, step: block, stack.close())))
      try keep(.variable(total), id)
    }
  }

  private func foldLanes64(_ value: Expression, keeping lanes: Int) -> Expression {
    value.type.lanes == lanes ? value : foldLanes(value) { $0.apply(.add, $1) }
  }

  /// A loop by lanes over a part of a dimension: whole vectors, then the lanes that are left.
  func lanesLoop(
    _ dimension: Dimension, from lower: Expression, to upper: Expression, lanes: Int,
    _ body: () throws -> Void
  ) throws {
    let outer = environment
    defer { environment = outer }
    let whole = stack.define(
      "\(dimension.name)_whole", upper - (upper - lower).remainder(by: lanes))
    func at(_ place: Expression, _ active: Expression?) throws -> [MachineStatement] {
      environment = outer
      environment.bind(dimension, LaneCoordinate(place, lanes: .strided(1), alignment: lanes))
      environment.lanes = lanes
      stack.open(binding: [dimension])
      environment.active = active
      try body()
      return stack.close()
    }
    let counter = stack.variable(dimension.name, .index)
    let vectors = try at(.variable(counter), nil)
    stack.append(.loop(CountedLoop(counter, from: lower, to: whole, step: lanes, vectors)))
    stack.open(binding: [dimension])
    let active = stack.define("active", upper - whole)
    stack.append(contentsOf: try at(whole, active))
    stack.append(.branch(whole.compared(.less, upper), stack.close(), []))
  }

  // MARK: Fixed point

  private func lowerFixedPoint(
    _ id: ValueID, _ dimension: Dimension, _ block: Int, _ a: FixedOperand, _ b: FixedOperand,
    quantumOfRight: Bool
  ) throws {
    let (left, right) = (program[id].operands[0], program[id].operands[1])
    try lowerBlocks(
      id, dimension, block, group: block, roots: [left, right],
      groupSum: {
        try self.integers(a, self.environment).converted(to: .f64).broadcast(to: self.environment.lanes)
          .apply(
            .multiply,
            try self.integers(b, self.environment).converted(to: .f64).broadcast(to: self.environment.lanes))
      },
      scale: { environment in
        let x = try self.quantum(a, dimension, environment)
        guard quantumOfRight else { return x }
        let y = try self.quantum(b, dimension, environment)
        let lanes = max(x.type.lanes, y.type.lanes)
        return x.broadcast(to: lanes).apply(.multiply, y.broadcast(to: lanes))
      })
  }

  /// The integers at the environment's coordinates, one lane or all.
  func integers(_ operand: FixedOperand, _ environment: Environment) throws -> Expression {
    let place = try place(in: operand, environment)
    let type = MachineType(operand.scalar, place.isUniform ? 1 : environment.lanes)
    let value: Expression
    switch place.lanes {
    case .uniform: value = .raw(buffer: operand.integers, offset: place.base, type)
    case .strided(1): value = lanes(of: operand.integers, operand.scalar, place.base, environment)
    case _ where environment.active == nil:
      value = .gatherRaw(
        buffer: operand.integers, offset: place.base, lanes: laneValues(place, environment.lanes), type)
    default:
      value = .gather(
        Access(operand.integers, .float32, place.base), lanes: laneValues(place, environment.lanes),
        type, active: environment.active)
    }
    return value
  }

  /// The quantum of the block that the environment's coordinate is in, one lane or all, in f64.
  func quantum(
    _ operand: FixedOperand, _ dimension: Dimension, _ environment: Environment
  ) throws -> Expression {
    let outer = try place(in: Array(operand.axes.dropLast()), environment)
    let blocks = scalar(most(operand.axis).dividedUp(by: operand.block), "\(operand.axis.name)_blocks")
    let within = try coordinate(.axis(dimension), environment).base.divided(by: operand.block)
    let base = outer.base * blocks + within
    guard !outer.isUniform else {
      return .raw(buffer: operand.quanta, offset: base, MachineType(.f64))
    }
    let wide = blocks.converted(to: .i32).broadcast(to: environment.lanes)
    return .gatherRaw(
      buffer: operand.quanta, offset: base,
      lanes: laneValues(outer, environment.lanes).apply(.multiply, wide),
      MachineType(.f64, environment.lanes))
  }
}
