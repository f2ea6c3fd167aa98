import MachineIR
import TileIR

/// Reductions inside loop nests, and those with loops of their own.
extension RegionLowering {
  /// The registers that a reduction gathers in.
  enum Accumulator {
    case single(Variable)
    case group(RegisterArray)
  }

  func openAccumulator(_ id: ValueID, _ nest: Nest) throws -> Accumulator {
    let operand = program[program[id].operands[0]]
    let type = MachineType(
      accumulatorScalar(id, operand), operand.axes.contains { $0 == nest.vector } ? nest.lanes : 1)
    stack.append(.note(name(of: id), program[id].location))
    let start = start(id, type)
    guard nest.group > 1, type.lanes > 1 else {
      let variable = stack.variable(name(of: id), type)
      stack.append(.declare(variable, start))
      return .single(variable)
    }
    let array = RegisterArray(stack.unique(name(of: id)), type, [nest.group])
    stack.append(.registers(array))
    let counter = stack.variable("register", .index)
    stack.append(
      .loop(
        CountedLoop(
          counter, from: .constant(0), to: .constant(nest.group), unrolled: true,
          [.setElement(array, [.variable(counter)], start)])))
    return .group(array)
  }

  private func accumulatorScalar(_ id: ValueID, _ operand: Node) -> MachineScalar {
    switch program[id].operation {
    case .reduce(.any, _), .reduce(.all, _): .mask
    case .reduce(.count, _): .i32
    default: isOrdered(id) ? .i32 : operand.type.register
    }
  }

  /// Whether it is the greatest of `float32` by integers in the numbers' order, of which a vector core has the greater in
  /// one instruction; of two numbers, by the contract, in eight.
  private func isOrdered(_ id: ValueID) -> Bool {
    guard machine.npu != nil, case .reduce(.maximum, _) = program[id].operation else { return false }
    let operand = program[program[id].operands[0]]
    // Magnitudes are in order as they are.
    if case .elementwise(.absolute) = operand.operation { return false }
    return operand.type == .float32
  }

  /// What a reduction begins with.
  private func start(_ id: ValueID, _ type: MachineType) -> Expression {
    isOrdered(id) ? .integer(Int64(Int32(bitPattern: 0x807F_FFFF)), type) : identity(id, type)
  }

  /// What an empty reduction gives.
  func identity(_ id: ValueID, _ type: MachineType) -> Expression {
    guard case .reduce(let reduction, _) = program[id].operation else {
      return .float(0, lanes: type.lanes)
    }
    let isFloat = type.scalar == .f32
    switch reduction {
    case .sum, .count: return isFloat ? .float(0, lanes: type.lanes) : .integer(0, type)
    case .maximum:
      return isFloat ? .float(-.infinity, lanes: type.lanes) : .integer(Int64(Int32.min), type)
    case .minimum:
      return isFloat ? .float(.infinity, lanes: type.lanes) : .integer(Int64(Int32.max), type)
    case .any: return .integer(0, type)
    case .all: return .integer(type.lanes == 1 ? 1 : -1, type)
    case .argmax: return .integer(0, type)
    }
  }

  /// One step of a reduction on two partial values.
  private func combine(_ id: ValueID, _ a: Expression, _ b: Expression) -> Expression {
    guard case .reduce(let reduction, _) = program[id].operation else { return a.apply(.add, b) }
    switch reduction {
    case .sum, .count: return a.apply(.add, b)
    case .maximum: return a.apply(.maximum, b)
    case .minimum: return a.apply(.minimum, b)
    case .any: return a.apply(.or, b)
    case .all: return a.apply(.and, b)
    case .argmax: preconditionFailure("argmax has loops of its own")
    }
  }

  func accumulate(_ accumulator: Accumulator, _ id: ValueID, _ nest: Nest) throws {
    let operand = program[id].operands[0]
    var value = try emit(operand, environment)
    if case .reduce(.count, _) = program[id].operation { value = value.converted(to: .i32) }
    let type: MachineType
    switch accumulator {
    case .single(let variable): type = variable.type
    case .group(let array): type = array.type
    }
    value = widen(value, to: type.lanes)
    if isOrdered(id) { value = stack.define("in_order", value.numbersInOrder) }
    // Lanes past the end hold nothing: they must not count.
    if let active = environment.active, type.lanes > 1 {
      value = masked(value, by: active, otherwise: start(id, type))
    }
    switch accumulator {
    case .single(let variable):
      stack.append(.assign(variable, combine(id, .variable(variable), value)))
    case .group(let array):
      let sum = combine(id, .element(array, [groupMember!]), value)
      stack.append(.setElement(array, [groupMember!], sum))
    }
  }

  /// Which lanes are below `active`.
  func activeMask(_ active: Expression, _ lanes: Int) -> Expression {
    Expression.laneNumbers(lanes).compared(.less, active.converted(to: .i32).broadcast(to: lanes))
  }

  /// Lanes below `active`, and of others those of `otherwise`: zeros.
  func masked(_ value: Expression, by active: Expression, otherwise: Expression? = nil) -> Expression {
    let type = value.type
    let zero: Expression = type.scalar == .f32 || type.scalar == .f64 ? .float(0, type) : .integer(0, type)
    return .apply(.select, [activeMask(active, type.lanes), value, otherwise ?? zero], type)
  }

  /// Folds the registers of a reduction and keeps the result.
  func finish(_ accumulator: Accumulator, _ id: ValueID, _ nest: Nest) throws {
    guard case .reduce(_, let dimension) = program[id].operation else { return }
    var value: Expression
    switch accumulator {
    case .single(let variable): value = .variable(variable)
    case .group(let array):
      // Halves fold onto each other: p[l] = p[l] + p[l + h].
      var parts = (0..<nest.group).map { Expression.element(array, [.constant($0)]) }
      while parts.count > 1 {
        let half = parts.count / 2
        parts = (0..<half).map { combine(id, parts[$0], parts[$0 + half]) }
        parts = parts.map { stack.define("half", $0) }
      }
      value = parts[0]
    }
    if nest.vector == dimension, pairsLanes(nest) { value = stack.define("in_order", value.inOrder) }
    if nest.vector == dimension { value = foldLanes(value) { self.combine(id, $0, $1) } }
    if isOrdered(id) { value = stack.define("greatest", value).signsTurned.bitCast(to: .f32) }
    try keep(value, id)
  }

  /// Folds upper lanes onto lower ones until one is left.
  func foldLanes(
    _ value: Expression, _ combine: (Expression, Expression) -> Expression
  ) -> Expression {
    var value = value
    while value.type.lanes > 1 {
      let whole = stack.define("folded", value)
      let half = whole.type.with(lanes: whole.type.lanes / 2)
      let low = Expression.apply(.lowHalf, [whole], half)
      let high = Expression.apply(.highHalf, [whole], half)
      if half.lanes == 1, whole.type.scalar == .mask {
        // A lone truth value is 0 or 1.
        value = combine(lane(whole, 0), lane(whole, 1))
      } else {
        value = combine(low, high)
      }
    }
    return value
  }

  // MARK: Sums whose order cannot run along lanes

  /// Sums in chained or tree order, or interleaved along an axis that lanes do not run along:
  /// partial sums in an array, folded as the order says. Lanes run along another axis if there is one.
  func lowerOrderedSum(_ id: ValueID, _ order: SummationOrder, _ dimension: Dimension) throws {
    let operand = program[id].operands[0]
    let partials =
      switch order {
      case .tree: Self.powerOfTwo(dimension.extent!)
      case .interleaved(let count): count
      case .sequential, .chained: 1
      }
    // A vector core waits for each addition, of however many lanes.
    let most = machine.npu == nil ? nil : Self.mostPartialBytes / (MachineScalar.f32.byteCount * partials)
    try forEachResult(id, [operand], most: most) { lanes in
      let sum = try self.orderedSum(order, dimension, lanes) { try self.emitWide(operand, self.environment) }
      try self.keep(sum, id)
    }
  }

  private static let mostPartialBytes = 64 << 10

  /// Loops over the inner axes of a result, lanes along the best of them, a vector's or `most`.
  func forEachResult(
    _ id: ValueID, _ roots: [ValueID], most: Int? = nil, _ body: @escaping (_ lanes: Int) throws -> Void
  ) throws {
    let axes = analysis.innerAxes(id)
    let vector = chooseVector(axes, roots: roots, work: nil)
    let limit = max(machine.lanes(of: .f32), most ?? 0)
    let lanes = vector.map { self.lanes(along: $0, limit: limit) } ?? 1
    let nest = Nest(
      loops: axes.filter { $0 != vector } + (vector.map { [$0] } ?? []),
      vector: lanes > 1 ? vector : nil, lanes: lanes, group: 1, work: [])
    stack.append(.note(name(of: id), program[id].location))
    try open(nest.loops[...], nest) { try body(nest.vector == nil ? 1 : lanes) }
  }

  /// The sum of `value` along `dimension` in a stated order, one lane a result.
  func orderedSum(
    _ order: SummationOrder, _ dimension: Dimension, _ lanes: Int, _ value: () throws -> Expression
  ) throws -> Expression {
    try orderedSum(order, dimension, lanes) { try $0.apply(.add, value()) }
  }

  /// As above, each step `accumulator -> accumulator + addend` given whole, so that it may be fused.
  func orderedSum(
    _ order: SummationOrder, _ dimension: Dimension, _ lanes: Int,
    step: (Expression) throws -> Expression
  ) throws -> Expression {
    let type = MachineType(.f32, lanes)
    let zero = Expression.float(0, lanes: lanes)
    switch order {
    case .sequential:
      let sum = stack.variable("sum", type)
      stack.append(.declare(sum, zero))
      try scalarLoop(dimension) { stack.append(.assign(sum, try step(.variable(sum)))) }
      return .variable(sum)
    case .chained(let run):
      let total = stack.variable("total", type)
      stack.append(.declare(total, zero))
      let count = try length(dimension)
      let start = stack.variable("run", .index)
      stack.open()
      let sum = stack.variable("sum", type)
      stack.append(.declare(sum, zero))
      let end = stack.define("end", (Expression.variable(start) + .constant(run)).minimum(count))
      try rangeLoop(dimension, from: .variable(start), to: end) {
        stack.append(.assign(sum, try step(.variable(sum))))
      }
      stack.append(.assign(total, Expression.variable(total).apply(.add, .variable(sum))))
      stack.append(
        .loop(CountedLoop(start, from: .constant(0), to: count, step: run, stack.close())))
      return .variable(total)
    case .interleaved(let partials):
      let array = RegisterArray(stack.unique("partial"), type, [partials])
      clear(array)
      try scalarLoop(dimension) {
        let position = environment.coordinates[dimension]!.base.remainder(by: partials)
        let at = stack.define("partial_number", position)
        stack.append(.setElement(array, [at], try step(.element(array, [at]))))
      }
      return foldHalves(array)
    case .tree:
      let extent = dimension.extent!
      let leaves = Self.powerOfTwo(extent)
      let array = RegisterArray(stack.unique("leaf"), type, [leaves])
      // A thread's registers have numbers, not places.
      let isUnrolled = machine.gpu != nil && leaves <= Self.leavesInRegisters
      clear(array, isUnrolled: isUnrolled)
      try rangeLoop(dimension, from: .constant(0), to: .constant(extent), isUnrolled: isUnrolled) {
        let at = environment.coordinates[dimension]!.base
        stack.append(.setElement(array, [at], try step(zero)))
      }
      return foldPairs(array, isUnrolled: isUnrolled)
    }
  }

  private static let leavesInRegisters = 64

  private func clear(_ array: RegisterArray, isUnrolled: Bool = false) {
    stack.append(.registers(array))
    let counter = stack.variable("partial_number", .index)
    let zero = Expression.float(0, lanes: array.type.lanes)
    stack.append(
      .loop(
        CountedLoop(
          counter, from: .constant(0), to: .constant(array.extents[0]), unrolled: isUnrolled,
          [.setElement(array, [.variable(counter)], zero)])))
  }

  private func foldHalves(_ array: RegisterArray) -> Expression {
    var half = array.extents[0] / 2
    while half > 0 {
      let counter = stack.variable("partial_number", .index)
      let at = Expression.variable(counter)
      let sum = Expression.element(array, [at]).apply(.add, .element(array, [at + .constant(half)]))
      stack.append(
        .loop(
          CountedLoop(
            counter, from: .constant(0), to: .constant(half), [.setElement(array, [at], sum)])))
      half /= 2
    }
    return stack.define("sum", .element(array, [.constant(0)]))
  }

  private func foldPairs(_ array: RegisterArray, isUnrolled: Bool) -> Expression {
    var pairs = array.extents[0] / 2
    while pairs > 0 {
      let counter = stack.variable("pair", .index)
      let at = Expression.variable(counter)
      let left = Expression.element(array, [at * .constant(2)])
      let sum = left.apply(.add, .element(array, [at * .constant(2) + .constant(1)]))
      stack.append(
        .loop(
          CountedLoop(
            counter, from: .constant(0), to: .constant(pairs), unrolled: isUnrolled,
            [.setElement(array, [at], sum)])))
      pairs /= 2
    }
    return stack.define("sum", .element(array, [.constant(0)]))
  }

  /// A loop over a part of a dimension, one coordinate at a time.
  func rangeLoop(
    _ dimension: Dimension, from lower: Expression, to upper: Expression, isUnrolled: Bool = false,
    _ body: () throws -> Void
  ) throws {
    let outer = environment
    let counter = stack.variable(dimension.name, .index)
    environment.bind(dimension, LaneCoordinate(.variable(counter)))
    stack.open(binding: [dimension])
    try body()
    let statements = stack.close()
    environment = outer
    stack.append(.loop(CountedLoop(counter, from: lower, to: upper, unrolled: isUnrolled, statements)))
  }
}

extension Expression {
  /// Integers in the order of `float32` numbers, -0 before +0 and the contract's NaN, which every NaN is, behind all.
  fileprivate var numbersInOrder: Expression {
    let isNumber = compared(.equal, self)
    let ordered = bitCast(to: .i32).signsTurned
    return .apply(.select, [isNumber, ordered, .integer(0x7FC0_0000, ordered.type)], ordered.type)
  }

  /// Negative integers with all bits but the first turned: twice is nothing.
  fileprivate var signsTurned: Expression {
    let turned = Expression.apply(.not, [apply(.and, .integer(Int64(Int32.max), type))], type)
    return .apply(.select, [compared(.greaterOrEqual, .integer(0, type)), self, turned], type)
  }
}
