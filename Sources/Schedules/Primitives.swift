import MachineIR
import TileIR

/// Whole-axis primitives with loops of their own: argmax, scans, top-k and sorts. Elements along the
/// axis are taken one at a time, except by an argmax.
extension RegionLowering {
  func lower(special id: ValueID) throws {
    let node = program[id]
    if let histogram = histogram(id) { return try lower(histogram, id) }
    switch node.operation {
    case .product(let dimension, let productClass, let left, let right):
      try lowerProduct(id, dimension, productClass, scaledLeft: left, scaledRight: right)
    case .reduce(.sum(let order?), let dimension): try lowerOrderedSum(id, order, dimension)
    case .reduce(.argmax, let dimension): try lowerArgmax(id, dimension)
    case .scan(let dimension, let inclusive): try lowerScan(id, dimension, inclusive: inclusive)
    case .topK(let dimension, let into):
      isSorted(topK: id) ? try lowerSelection(id, dimension, into) : try lowerTopK(id, dimension, into)
    case .sort(let dimension):
      if isInOrder(operandOf: id) { return try lowerInOrder(id, dimension) }
      hasNetwork(dimension) ? try lowerNetwork(id, dimension) : try lowerSort(id, dimension, byKey: false)
    case .stableOrder(let dimension):
      if domains[dimension] == nil, let keys = keyCount(node.operands[0]) {
        try lowerCountingOrder(id, dimension, keys: keys)
      } else {
        try lowerSort(id, dimension, byKey: true)
      }
    default:
      throw Refusal(
        diagnostic: Diagnostic("\(name(of: id)) cannot be lowered", at: [node.location]))
    }
  }

  /// Loops over the inner axes of `id` other than `dimension`, one element at a time.
  func forEachRow(
    _ id: ValueID, without dimension: Dimension, _ body: () throws -> Void
  ) throws {
    let axes = analysis.innerAxes(id).filter { $0 != dimension }
    let nest = Nest(loops: axes, vector: nil, lanes: 1, group: 1, work: [])
    stack.append(.note(name(of: id), program[id].location))
    try open(axes[...], nest, body)
  }

  /// `i32` lanes whose order is that of the contract: -0 as +0, NaN below -infinity.
  func orderedKey(_ value: Expression) -> Expression {
    let named = stack.define("element", value)
    let zero = Expression.float(0, lanes: named.type.lanes)
    let bits = stack.define("bits", Expression.apply(.add, [named, zero], named.type).bitCast(to: .i32))
    let sign = bits.apply(.shiftRightArithmetic, .integer(31, bits.type))
      .apply(.and, .integer(0x7FFF_FFFF, bits.type))
    let key = bits.apply(.xor, sign)
    let (isNaN, least) = (named.compared(.notEqual, named), Expression.integer(Int64(Int32.min), bits.type))
    return stack.define(
      "key", named.type.lanes == 1 ? .conditional(isNaN, least, key) : .apply(.select, [isNaN, least, key], bits.type))
  }

  /// Each lane keeps the first of its largest elements; of two lanes the larger element stays, or the lower coordinate.
  private func lowerArgmax(_ id: ValueID, _ dimension: Dimension) throws {
    let operand = program[id].operands[0]
    let vector = chooseVector([dimension], roots: [operand], work: nil)
    let lanes = vector == nil ? 1 : self.lanes(along: dimension, limit: machine.lanes(of: .i32))
    let type = MachineType(.i32, lanes)
    try forEachRow(id, without: dimension) {
      let best = stack.variable("best", type)
      let place = stack.variable("argmax", type)
      stack.append(.declare(best, .integer(Int64(Int32.min), type)))
      // Of an empty axis, or one of NaN, the first.
      stack.append(.declare(place, .integer(0, type)))
      func step() throws {
        let key = orderedKey(try emitWide(operand, environment))
        let at = coordinateValue(environment.coordinates[dimension]!, lanes)
        var isBetter = key.compared(.greater, .variable(best))
        if let active = environment.active, lanes > 1 { isBetter = isBetter.apply(.and, activeMask(active, lanes)) }
        isBetter = stack.define("is_better", isBetter)
        stack.append(.assign(best, .apply(.select, [isBetter, key, .variable(best)], type)))
        stack.append(.assign(place, .apply(.select, [isBetter, at, .variable(place)], type)))
      }
      if lanes == 1 {
        try scalarLoop(dimension, step)
      } else {
        try vectorLoop(dimension, lanes: lanes, group: 1, step)
      }
      try keep(foldArgmax(.variable(best), .variable(place)), id)
    }
  }

  private func foldArgmax(_ keys: Expression, _ places: Expression) -> Expression {
    var (keys, places) = (keys, places)
    while keys.type.lanes > 1 {
      func halves(_ value: Expression) -> (low: Expression, high: Expression) {
        let half = value.type.with(lanes: value.type.lanes / 2)
        return (
          stack.define("low", .apply(.lowHalf, [value], half)), stack.define("high", .apply(.highHalf, [value], half))
        )
      }
      let (key, place) = (halves(keys), halves(places))
      let isHigh = stack.define(
        "is_high",
        key.high.compared(.greater, key.low)
          .apply(.or, key.high.compared(.equal, key.low).apply(.and, place.high.compared(.less, place.low))))
      keys = stack.define("best", .apply(.select, [isHigh, key.high, key.low], key.low.type))
      places = stack.define("argmax", .apply(.select, [isHigh, place.high, place.low], place.low.type))
    }
    return places
  }

  private func lowerScan(_ id: ValueID, _ dimension: Dimension, inclusive: Bool) throws {
    let operand = program[id].operands[0]
    let type = MachineType(program[id].type.register)
    try forEachRow(id, without: dimension) {
      let sum = stack.variable("running", type)
      stack.append(.declare(sum, type.scalar == .f32 ? .float(0) : .integer(0, type)))
      try scalarLoop(dimension) {
        let next = Expression.variable(sum).apply(.add, try emit(operand, environment))
        if inclusive { stack.append(.assign(sum, next)) }
        try keep(.variable(sum), id)
        if !inclusive { stack.append(.assign(sum, next)) }
      }
    }
  }

  /// Keeps the largest so far in order: each element goes behind those not less than it, so that ties
  /// stay with the lower coordinate.
  private func lowerTopK(_ id: ValueID, _ dimension: Dimension, _ into: Dimension) throws {
    let operand = program[id].operands[0]
    let k = into.extent!
    let keys = scratch("top_keys", .i64, count: .constant(k))
    let places = scratch("top_places", .i32, count: .constant(k))
    try forEachRow(id, without: into) {
      let fill = stack.variable("slot", .index)
      // Where the axis always has k elements every slot gets one, and places are coordinates from the start.
      let none: Int64 = dimension.range.lowerBound >= k ? 0 : -1
      stack.append(
        .loop(
          CountedLoop(
            fill, from: .constant(0), to: .constant(k),
            [
              .storeRaw(buffer: keys, offset: .variable(fill), .integer(Int64.min, .index)),
              .storeRaw(buffer: places, offset: .variable(fill), .integer(none, MachineType(.i32))),
            ])))
      let last = Expression.raw(buffer: keys, offset: .constant(k - 1), .index)
      try forEachKey(operand, dimension) { key, at in
        let key = stack.define("wide_key", key.converted(to: .i64))
        stack.append(
          .branch(key.compared(.greater, last), insertion(key, at.converted(to: .i32), keys, places, k), []))
      }
      try scalarLoop(into) {
        let slot = environment.coordinates[into]!.base
        try keep(.raw(buffer: places, offset: slot, MachineType(.i32)), id)
      }
    }
  }

  /// A loop over the elements along a dimension, with an integer in their order and the coordinate of each. A vector core
  /// makes these integers a vector at a time, and its scalar unit reads them: by itself each would wait for main memory.
  private func forEachKey(
    _ operand: ValueID, _ dimension: Dimension, _ body: (_ key: Expression, _ at: Expression) throws -> Void
  ) throws {
    guard machine.npu != nil else {
      return try scalarLoop(dimension) {
        try body(orderedKey(try emit(operand, environment)), environment.coordinates[dimension]!.base)
      }
    }
    let array = exactScratch("next_keys", .i32, Self.keysAtOnce)
    try lanesLoop(dimension, from: .constant(0), to: try length(dimension), lanes: Self.keysAtOnce) {
      stack.append(
        .storeRaw(buffer: array, offset: .constant(0), orderedKey(try emitWide(operand, environment))))
      let (first, count) = (environment.coordinates[dimension]!.base, environment.active ?? .constant(Self.keysAtOnce))
      let lane = stack.variable("lane", .index)
      stack.open()
      try body(.raw(buffer: array, offset: .variable(lane), MachineType(.i32)), first + .variable(lane))
      stack.append(.loop(CountedLoop(lane, from: .constant(0), to: count, stack.close())))
    }
  }
  private static let keysAtOnce = 256

  /// Moves smaller entries down by one from the end and puts the new one where they began.
  private func insertion(
    _ key: Expression, _ place: Expression, _ keys: String, _ places: String, _ k: Int
  ) -> [MachineStatement] {
    let slot = stack.variable("slot", .index)
    let step = stack.variable("step", .index)
    let above = Expression.raw(
      buffer: keys, offset: Expression.variable(slot) - .constant(1), .index)
    let abovePlace = Expression.raw(
      buffer: places, offset: Expression.variable(slot) - .constant(1), MachineType(.i32))
    let moves = Expression.apply(
      .and,
      [
        Expression.variable(slot).compared(.greater, .constant(0)),
        Expression.conditional(
          Expression.variable(slot).compared(.greater, .constant(0)), above.compared(.less, key),
          .integer(0, MachineType(.mask))),
      ], MachineType(.mask))
    return [
      .declare(slot, .constant(k - 1)),
      .loop(
        CountedLoop(
          step, from: .constant(1), to: .constant(k),
          [
            .branch(
              moves,
              [
                .storeRaw(buffer: keys, offset: .variable(slot), above),
                .storeRaw(buffer: places, offset: .variable(slot), abovePlace),
                .assign(slot, Expression.variable(slot) - .constant(1)),
              ], [.leave])
          ])),
      .storeRaw(buffer: keys, offset: .variable(slot), key),
      .storeRaw(buffer: places, offset: .variable(slot), place),
    ]
  }

  /// A bottom-up merge sort, stable, in two arrays; with `byKey` the coordinates are sorted by the
  /// operand's values instead of the values themselves.
  private func lowerSort(_ id: ValueID, _ dimension: Dimension, byKey: Bool) throws {
    let operand = program[id].operands[0]
    // Key in the upper half, coordinate in the lower: one 64-bit comparison is stable by itself.
    let size = most(dimension)
    let front = scratch("sort_front", .i64, count: size)
    let back = scratch("sort_back", .i64, count: size)
    try forEachRow(id, without: dimension) {
      let count = try length(dimension)
      try scalarLoop(dimension) {
        let at = environment.coordinates[dimension]!.base
        let key = try emit(operand, environment).converted(to: .i64)
        let packed = key.apply(.shiftLeft, .constant(32)).apply(.or, at)
        stack.append(.storeRaw(buffer: front, offset: at, packed))
      }
      // Rounds double the width of sorted runs; 31 of them cover every length.
      let width = stack.variable("width", .index)
      stack.append(.declare(width, .constant(1)))
      let round = stack.variable("round", .index)
      stack.open()
      stack.append(.branch(Expression.variable(width).compared(.greaterOrEqual, count), [.leave], []))
      mergeRuns(front, back, .variable(width), count)
      let at = stack.variable("place", .index)
      stack.append(
        .loop(
          CountedLoop(
            at, from: .constant(0), to: count,
            [
              .storeRaw(
                buffer: front, offset: .variable(at),
                .raw(buffer: back, offset: .variable(at), .index))
            ])))
      stack.append(.assign(width, Expression.variable(width) * .constant(2)))
      stack.append(
        .loop(CountedLoop(round, from: .constant(0), to: .constant(31), stack.close())))
      try scalarLoop(dimension) {
        let at = environment.coordinates[dimension]!.base
        let packed = Expression.raw(buffer: front, offset: at, .index)
        let value =
          byKey
          ? packed.apply(.and, .integer(0xFFFF_FFFF, .index))
          : packed.apply(.shiftRightArithmetic, .constant(32))
        try keep(value.converted(to: .i32), id)
      }
    }
  }

  /// Merges neighbouring runs of `width`: every place of `back` takes the lesser head.
  private func mergeRuns(_ front: String, _ back: String, _ width: Expression, _ count: Expression) {
    let left = stack.variable("left", .index)
    let right = stack.variable("right", .index)
    let middle = stack.variable("middle", .index)
    let end = stack.variable("end", .index)
    for variable in [left, right, middle, end] { stack.append(.declare(variable, .constant(0))) }
    let place = stack.variable("place", .index)
    stack.open()
    let newRun: [MachineStatement] = [
      .assign(left, .variable(place)),
      .assign(middle, (Expression.variable(place) + width).minimum(count)),
      .assign(right, .variable(middle)),
      .assign(end, (Expression.variable(middle) + width).minimum(count)),
    ]
    stack.append(
      .branch(Expression.variable(place).compared(.greaterOrEqual, .variable(end)), newRun, []))
    func head(_ at: Variable) -> Expression { .raw(buffer: front, offset: .variable(at), .index) }
    let fromLeft = Expression.conditional(
      Expression.variable(left).compared(.less, .variable(middle)),
      Expression.conditional(
        Expression.variable(right).compared(.less, .variable(end)),
        head(left).compared(.lessOrEqual, head(right)), .integer(1, MachineType(.mask))),
      .integer(0, MachineType(.mask)))
    stack.append(
      .branch(
        fromLeft,
        [
          .storeRaw(buffer: back, offset: .variable(place), head(left)),
          .assign(left, Expression.variable(left) + .constant(1)),
        ],
        [
          .storeRaw(buffer: back, offset: .variable(place), head(right)),
          .assign(right, Expression.variable(right) + .constant(1)),
        ]))
    stack.append(.loop(CountedLoop(place, from: .constant(0), to: count, stack.close())))
  }
}
