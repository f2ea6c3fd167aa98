import MachineIR
import TileIR

/// Values of expressions, and the accesses inside them.
extension KernelWalk {
  mutating func evaluate(_ expression: Expression) -> AbstractValue {
    switch expression {
    case .variable(let variable): return values[variable.name] ?? .unknown
    case .integer(let value, let type):
      if type.scalar == .mask {
        let never = Polynomial(-1)
        return .condition(value == 0 ? Condition(whenTrue: [never]) : Condition(whenFalse: [never]))
      }
      return .integer(Polynomial(Int(value)))
    case .float, .table: return .unknown
    case .laneNumbers(let lanes): return .integer(lane(of: lanes))
    case .apply(let instruction, let operands, let type): return apply(instruction, operands, type)
    case .broadcast(let inner, _): return value(inner)
    case .load(let access, let type, let active):
      let place = touch(access, type.lanes, active, isWrite: false)
      return masked(element(of: access.buffer, at: place, type), access.buffer, type, active)
    case .gather(let access, let lanes, let type, let active):
      let place = touchApart(access, lanes, type.lanes, active, isWrite: false)
      return masked(element(of: access.buffer, at: place, type), access.buffer, type, active)
    case .element(let array, let indices):
      judgeStored(array.name, judgeElement(array, indices), bits: 0)
      return fresh(array.name, array.type.scalar)
    case .raw(let buffer, let offset, let type):
      let first = integer(offset)
      touchRaw(buffer, first, type, isWrite: false)
      return contents(buffer, type, at: type.lanes > 1 ? first + lane(of: type.lanes) : first)
    case .gatherRaw(let buffer, let offset, let lanes, let type):
      let place = integer(offset) + integer(lanes)
      touchRaw(buffer, place, type.with(lanes: 1), isWrite: false)
      return contents(buffer, type, at: place)
    case .conditional(let condition, let a, let b):
      return choose(self.condition(condition), a, b, expression.type)
    }
  }

  /// What an element of a parameter, a workspace or an array of the kernel's own is.
  private mutating func element(of buffer: String, at place: Polynomial, _ type: MachineType) -> AbstractValue
  {
    guard let parameter = kernel.buffers.first(where: { $0.name == buffer }) else {
      return contents(buffer, type, at: place)
    }
    return loaded(parameter, place, type)
  }

  private mutating func contents(_ buffer: String, _ type: MachineType, at place: Polynomial) -> AbstractValue
  {
    guard let range = type.scalar.values, type.scalar == .i32 || type.scalar == .i64 else {
      return fresh(buffer, type.scalar)
    }
    let value = contents.load(buffer, range, &prover)
    switch value {
    case .integer(let a): if let top = a.top { loadPlaces[top] = (nil, place) }
    case .packed(let high, let low):
      for top in [high.top, low.top].compactMap({ $0 }) { loadPlaces[top] = (nil, place) }
    default: break
    }
    return value
  }

  /// The side that a condition chooses; each side's accesses happen where it holds.
  private mutating func choose(
    _ condition: Condition, _ a: Expression, _ b: Expression, _ type: MachineType
  ) -> AbstractValue {
    let count = prover.facts.count
    for fact in condition.whenTrue { prover.push(fact) }
    let x = value(a)
    prover.pop(to: count)
    for fact in condition.whenFalse { prover.push(fact) }
    let y = value(b)
    prover.pop(to: count)
    return join(condition, x, y, type)
  }

  mutating func join(
    _ condition: Condition, _ x: AbstractValue, _ y: AbstractValue, _ type: MachineType
  ) -> AbstractValue {
    switch (x, y) {
    case (.integer(let x), .integer(let y)):
      if x == y { return .integer(x) }
      let alternatives = [
        SymbolTable.Alternative(value: x, facts: condition.whenTrue),
        SymbolTable.Alternative(value: y, facts: condition.whenFalse),
      ]
      return .integer(
        Polynomial(prover.with { $0.add("choice", meaning: .choice, alternatives: alternatives) }))
    case (.condition(let x), .condition(let y)):
      // True where the chosen side is; a side that is never true leaves only the other.
      let isXFalse = x.whenTrue == [Polynomial(-1)]
      let isYFalse = y.whenTrue == [Polynomial(-1)]
      var result = Condition()
      if isYFalse {
        result.whenTrue = condition.whenTrue + x.whenTrue
        // One of two reasons why it does not hold: a number that says which.
        let reasons = [
          SymbolTable.Alternative(value: Polynomial(1), facts: condition.whenTrue + x.whenFalse),
          SymbolTable.Alternative(value: Polynomial(0), facts: condition.whenFalse),
        ]
        result.whenFalse = [
          Polynomial(prover.with { $0.add("reason", meaning: .choice, alternatives: reasons) })
        ]
      }
      if isXFalse { result.whenTrue = condition.whenFalse + y.whenTrue }
      if x.whenFalse == [Polynomial(-1)] { result.whenFalse = condition.whenFalse + y.whenFalse }
      if y.whenFalse == [Polynomial(-1)] { result.whenFalse = condition.whenTrue + x.whenFalse }
      return .condition(result)
    default: return fresh("choice", type.scalar)
    }
  }

  // MARK: Instructions

  private mutating func apply(
    _ instruction: Instruction, _ operands: [Expression], _ type: MachineType
  ) -> AbstractValue {
    let arguments = operands.map { value($0) }
    switch instruction {
    case .compare(let comparison):
      guard case .integer(let a) = settled(arguments[0], operands[0].type),
        case .integer(let b) = settled(arguments[1], operands[1].type)
      else { return .condition(.unknown) }
      if b == Polynomial(0), let condition = condition(of: a) {
        if comparison == .notEqual { return .condition(condition) }
        if comparison == .equal { return .condition(condition.negated) }
      }
      return .condition(Condition(comparison, a, b))
    case .select: return select(arguments, type)
    case .multiplyBytes: judge(.bytes)
    case .multiplyHalves: judge(.halves)
    case .lane(let lane): return self.lane(lane, of: arguments[0], lanes: operands[0].type.lanes)
    case .or:
      // Key in the upper half, coordinate in the lower.
      guard type == .index, case .apply(.shiftLeft, let shifted, _) = operands[0],
        shifted[1].constantValue == 32,
        case .integer(let high) = value(shifted[0]), case .integer(let low) = arguments[1], fits(low),
        prover.isAtLeastZero(low)
      else { break }
      return .packed(high: high, low: low)
    case .and, .shiftRightArithmetic:
      guard case .packed(let high, let low) = arguments[0] else { break }
      if instruction == .and, operands[1].constantValue == 0xFFFF_FFFF { return .integer(low) }
      if instruction != .and, operands[1].constantValue == 32 { return .integer(high) }
    default: break
    }
    if type.scalar == .mask { return .condition(mask(instruction, arguments)) }
    switch (instruction, arguments[0]) {
    case (.convert, .condition(let condition)):
      return type.scalar.values == nil ? .unknown : .integer(truth(condition))
    case (.convert, .integer(let a)): return converted(a, operands[0].type, type)
    default: break
    }
    guard type.scalar == .i32 || type.scalar == .i64 else { return fresh("value", type.scalar) }
    // Sums and products wrap to the same bits whether or not their parts did.
    let isRing = [.add, .subtract, .multiply, .negate].contains(instruction)
    var taken = arguments
    if !isRing {
      for position in taken.indices { taken[position] = settled(taken[position], operands[position].type) }
    }
    guard let result = arithmetic(instruction, taken) else { return fresh("value", type.scalar) }
    return .integer(result)
  }

  private func mask(_ instruction: Instruction, _ arguments: [AbstractValue]) -> Condition {
    guard case .condition(let a) = arguments[0] else { return .unknown }
    if instruction == .not { return a.negated }
    guard arguments.count > 1, case .condition(let b) = arguments[1] else { return .unknown }
    switch instruction {
    case .and: return .and(a, b)
    case .or: return .or(a, b)
    default: return .unknown
    }
  }

  private mutating func select(_ arguments: [AbstractValue], _ type: MachineType) -> AbstractValue {
    guard case .condition(let condition) = arguments[0] else { return fresh("choice", type.scalar) }
    return join(condition, arguments[1], arguments[2], type)
  }

  private mutating func converted(_ a: Polynomial, _ source: MachineType, _ type: MachineType)
    -> AbstractValue
  {
    switch type.scalar {
    case .i64: return settled(.integer(a), source)
    case .i32: return .integer(a)
    default: return fresh("value", type.scalar)
    }
  }

  /// An `i32` as the integer that its bits are: what has been computed where that provably fits, else any.
  mutating func settled(_ value: AbstractValue, _ type: MachineType) -> AbstractValue {
    guard type.scalar == .i32, case .integer(let a) = value, !fits(a) else { return value }
    return fresh("wrapped", .i32)
  }

  /// Whether an integer provably fits 32 bits here; as a lane's offset, beside the place it is added to.
  mutating func fits(_ a: Polynomial, beside base: Polynomial? = nil) -> Bool {
    let range = Int(Int32.min)...Int(Int32.max)
    guard a.isValid else { return false }
    if let constant = a.constant { return range.contains(constant) }
    if let least = prover.table.least(a), let most = prover.table.most(a), range.contains(least),
      range.contains(most)
    {
      return true
    }
    if fitsSpan(a, beside: base ?? Polynomial(0), isAccess: base != nil) { return true }
    return prover.isAtLeastZero(a - range.lowerBound) && prover.isAtLeastZero(a * -1 + range.upperBound)
  }

  /// Whether it is a sum of coordinates times strides of one parameter, each in bounds beside those of
  /// `base`: then it is at most what the buffer spans, which the launch checks to be below 2^31 elements.
  private mutating func fitsSpan(_ a: Polynomial, beside base: Polynomial, isAccess: Bool) -> Bool {
    let owners = a.parts.flatMap { Polynomial.symbols($0.symbols) }.compactMap(numbers.parameter(ofStride:))
    guard let parameter = owners.first, let coordinates = coordinates(parameter, a),
      let bases = self.coordinates(parameter, base)
    else { return false }
    for (position, axis) in plan.program.parameters[parameter].axes.enumerated() {
      let (coordinate, base) = (coordinates[position], bases[position])
      if coordinate == Polynomial(0) { continue }
      for goal in [coordinate, base, numbers.extent(axis) - 1 - coordinate - base] {
        if prover.isAtLeastZero(goal) { continue }
        // Offsets of an access are worth the solver; other integers are not.
        guard isJudged, isAccess, decide(goal, .noOverflow, "lane offsets").isProved else { return false }
      }
    }
    narrowSpans.insert(parameter)
    return true
  }

  private mutating func arithmetic(_ instruction: Instruction, _ arguments: [AbstractValue]) -> Polynomial? {
    guard case .integer(let a) = arguments[0] else { return nil }
    switch instruction {
    case .negate: return a * -1
    case .divideFloor(let n): return prover.with { $0.floor(a, by: n) }
    case .remainderFloor(let n): return remainder(of: a, by: n)
    case .bitCast: return nil
    default: break
    }
    guard arguments.count > 1, case .integer(let b) = arguments[1] else { return nil }
    switch instruction {
    case .add: return a + b
    case .subtract: return a - b
    case .multiply: return a * b
    case .minimum: return prover.with { $0.extremum(a, b, isMinimum: true) }
    case .maximum: return prover.with { $0.extremum(a, b, isMinimum: false) }
    case .quotient: return parts(a, b).quotient
    case .remainder: return parts(a, b).remainder
    case .shiftLeft: return b.constant.flatMap { (0..<31).contains($0) ? a * (1 << $0) : nil }
    case .shiftRightArithmetic:
      return b.constant.flatMap { n in
        (0..<62).contains(n) ? prover.with { $0.floor(a, by: 1 << n) } : nil
      }
    case .and:
      guard let bits = b.constant, bits >= 0 else { return nil }
      return Polynomial(prover.with { $0.add("bits", 0...bits) })
    default: return nil
    }
  }

  /// Quotient and remainder of a number that is not negative by a launch's number.
  private mutating func parts(_ a: Polynomial, _ n: Polynomial) -> (
    quotient: Polynomial, remainder: Polynomial
  ) {
    if n == Polynomial(1) { return (a, Polynomial(0)) }
    let isCellNumber = a.top.map { a == Polynomial($0) && prover.table[$0].count != nil } ?? false
    if let n = n.constant, n > 0, !isCellNumber {
      return (prover.with { $0.floor(a, by: n) }, remainder(of: a, by: n))
    }
    let key = Quotient(dividend: a, divisor: n)
    if let known = quotients[key] { return known }
    // Cell numbers are counted through: below count = n * rest, the quotient stays below rest.
    var count: Polynomial?
    if let top = a.top, a == Polynomial(top), let whole = prover.table[top].count {
      count = whole.exactQuotient(by: n)
    }
    if let count, prover.isAtLeastZero(n), prover.isAtLeastZero(count) {
      // A cell exists, so neither factor of the number of cells is 0.
      prover.push(n - 1)
      prover.push(count - 1)
    }
    judge(.noOverflow, "quotient of a number that is not negative", [a, n - 1])
    let symbols = prover.with { table -> (Symbol, Symbol) in
      let remainder = table.add("remainder", lowers: [.init(Polynomial(0))], uppers: [.init(n - 1)])
      let quotient = table.add(
        "quotient", lowers: [.init(Polynomial(0))], uppers: [.init(count.map { $0 - 1 } ?? a)])
      if let count { table.setCount(quotient, count) }
      table.setCount(remainder, n)
      return (quotient, remainder)
    }
    let result = (quotient: Polynomial(symbols.0), remainder: Polynomial(symbols.1))
    quotients[key] = result
    return result
  }

  // MARK: Accesses

  /// Judges consecutive elements; returns the place of the lane at hand.
  mutating func touch(
    _ access: Access, _ lanes: Int, _ active: Expression?, isWrite: Bool
  ) -> Polynomial {
    let first = integer(access.offset)
    let active = active.map { integer($0) }
    let all = lanes > 1 ? first + lane(of: lanes) : first
    let place = active.map { unmasked(all, lanes, $0) } ?? all
    if access.element.bitWidth < 8, lanes > 1, active == nil { judgeEven(access.buffer, first) }
    let count = prover.facts.count
    let touched = active.map { restricted(place, lanes, $0) } ?? place
    judge(access.buffer, touched, bits: access.element.bitWidth, element: access.element, isWrite: isWrite)
    prover.pop(to: count)
    share(access.buffer, first, lanes: lanes, bits: access.element.bitWidth, isWrite: isWrite)
    note(access.buffer, place, isWrite: isWrite)
    return place
  }

  mutating func touchApart(
    _ access: Access, _ lanes: Expression, _ count: Int, _ active: Expression?, isWrite: Bool
  ) -> Polynomial {
    let first = integer(access.offset)
    let active = active.map { integer($0) }
    let facts = prover.facts.count
    if let active, active.isValid { prover.push(active - 1) }
    let all = integer(lanes)
    let offsets = active.map { unmasked(all, count, $0) } ?? all
    let touched = active.map { restricted(offsets, count, $0) } ?? offsets
    if isJudged, fits(touched, beside: first) || prover.isUnreachable() {
      find(.noOverflow, "lane offsets into \(access.buffer)", .proved(.affine))
    } else if isJudged {
      refuse(.noOverflow, "lane offsets into \(access.buffer)", "they may leave 32 bits", open: touched)
    }
    judge(
      access.buffer, first + touched, bits: access.element.bitWidth, element: access.element, isWrite: isWrite
    )
    prover.pop(to: facts)
    shareApart(access.buffer, first + offsets, lanes: count, bits: access.element.bitWidth, isWrite: isWrite)
    note(access.buffer, first + offsets, isWrite: isWrite)
    return first + offsets
  }

  /// A place in a lane below `active`, in a lane number of its own; that there is such a lane is a fact.
  private mutating func restricted(_ place: Polynomial, _ lanes: Int, _ active: Polynomial) -> Polynomial {
    guard active.isValid else { return place }
    let positive = pushPositive(active)
    guard lanes > 1, let all = lane(of: lanes).top else { return place }
    let own = prover.with {
      $0.add(
        "lane", lowers: [.init(Polynomial(0))], uppers: [.init(active - 1), .init(Polynomial(lanes - 1))])
    }
    for number in positive { prover.push(number - 1 - Polynomial(own)) }
    return prover.with { $0.replacing(place, all, Polynomial(own)) }
  }

  /// Takes it as a fact that a number is at least 1, and so the numbers that it is the least of, or that 0 is below;
  /// returns those, each of which the number does not exceed.
  private mutating func pushPositive(_ a: Polynomial) -> [Polynomial] {
    prover.push(a - 1)
    guard let top = a.top, a == Polynomial(top) else { return a.constant == nil ? [a] : [] }
    switch prover.table[top].meaning {
    case .minimum(let x, let y): return pushPositive(x) + pushPositive(y)
    case .maximum(let x, let y):
      if let x = x.constant, x <= 0 { return pushPositive(y) }
      if let y = y.constant, y <= 0 { return pushPositive(x) }
      return [a]
    case .number, .floor, .choice: return [a]
    }
  }

  mutating func touchRaw(_ buffer: String, _ first: Polynomial, _ type: MachineType, isWrite: Bool) {
    let place = type.lanes > 1 ? first + lane(of: type.lanes) : first
    judge(buffer, place, bits: 8 * type.scalar.byteCount, element: nil, isWrite: isWrite)
    share(buffer, first, lanes: type.lanes, bits: 8 * type.scalar.byteCount, isWrite: isWrite)
    note(buffer, place, isWrite: isWrite)
  }
}

/// A quotient that has been asked for.
struct Quotient: Hashable {
  let dividend: Polynomial
  let divisor: Polynomial
}
