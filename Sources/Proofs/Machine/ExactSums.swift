import MachineIR
import TileIR

/// Whether sums of integer products stay within their registers, whatever the data: bounds of what each round
/// of a loop adds, times how often it runs.
///
/// Sums are what begins with `dot4`, `multiplyBytes`, `multiplyHalves` or with products of bytes; integers that the
/// author's program computes are another matter, and the tile program's proof. An accumulator in a loop is what it was
/// before plus what a round adds, so one pass finds what that is, and another judges every step with what all rounds may
/// have added.
struct ExactSums {
  /// What is known of an integer: `base + range`, where a base is an accumulator at the start of a round. Of halves,
  /// and of sums of their products, they are so many units.
  struct Bounded: Hashable {
    var base: String?
    var range: ClosedRange<Int>?
    /// The exponent of the unit of halves and their sums, a power of two; nil for integers.
    var unit: Int?
    /// Whether it is a sum of products, or made of one.
    var isSum = false
    /// Whether it is bytes as they were loaded.
    var isBytes = false
    static let any = Bounded(base: nil, range: nil)

    /// The same relative to what it is at the start of a round.
    func unchanged(_ key: String) -> Bounded { Bounded(base: key, range: 0...0, unit: unit, isSum: isSum) }

    func joined(_ other: Bounded) -> Bounded {
      guard base == other.base, let a = range, let b = other.range, hasUnit(of: other) else {
        return Bounded(base: nil, range: nil, isSum: isSum || other.isSum)
      }
      return Bounded(
        base: base, range: min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound),
        unit: unit ?? other.unit, isSum: isSum || other.isSum)
    }
  }

  private let kernel: MachineKernel
  /// How often loops run at most, by counter; absent where no constant bounds it.
  private let trips: [String: Int]
  private var state: [String: Bounded] = [:]
  /// Values of counters of unrolled loops.
  private var constants: [String: Int] = [:]
  /// What on-chip arrays hold: all that is stored to them.
  private var contents: [String: Bounded] = [:]
  private var isJudged = false
  private var location: SourceLocation
  /// Whether each place where something is added to a sum is exact, by what it says.
  private(set) var verdicts: [(place: SourceLocation, sentence: String, isExact: Bool, bounds: Bounds?)] = []
  /// What a sum lies between, and what its register holds.
  struct Bounds: Hashable {
    let sum: ClosedRange<Int>
    let register: ClosedRange<Int>
  }

  init(_ kernel: MachineKernel, trips: [String: Int], at location: SourceLocation) {
    self.kernel = kernel
    self.trips = trips
    self.location = location
  }

  /// Judges every sum of the kernel; nothing to do where it has none.
  mutating func judge() {
    // What arrays hold is found first. Nothing is known of one that grows with each pass.
    var isStable = false
    for pass in 0..<16 where !isStable {
      let before = contents
      start()
      block(kernel.body)
      isStable = contents == before
      if pass >= 3 {
        for name in contents.keys where contents[name] != before[name] { contents[name]!.range = nil }
      }
    }
    if !isStable { for name in contents.keys { contents[name]!.range = nil } }
    start()
    isJudged = true
    block(kernel.body)
  }

  private mutating func start() {
    (state, constants) = ([:], [:])
  }

  // MARK: Statements

  private mutating func block(_ statements: [MachineStatement]) {
    let outer = location
    for statement in statements { step(statement) }
    location = outer
  }

  private mutating func step(_ statement: MachineStatement) {
    switch statement {
    case .define(let variable, let value), .declare(let variable, let value),
      .assign(let variable, let value):
      state[variable.name] = self.value(value)
    case .registers(let array): for key in keys(of: array.name) { state[key] = nil }
    case .setElement(let array, let indices, let value):
      let new = self.value(value)
      if let key = key(array, indices) {
        state[key] = new
      } else {
        // One of them, and it is not known which.
        for key in keys(of: array.name) { state[key] = state[key]!.joined(new) }
        state["\(array.name)[?]"] = state["\(array.name)[?]"]?.joined(new) ?? new
      }
    case .store(let access, let value, _): keep(self.value(value), in: access.buffer)
    case .stream(_, let value, _): _ = self.value(value)
    case .scatter(let access, _, let value, _): keep(self.value(value), in: access.buffer)
    case .storeRaw(let buffer, _, let value): keep(self.value(value), in: buffer)
    case .clear(let buffer, _, _): keep(Bounded(base: nil, range: 0...0), in: buffer)
    case .loop(let loop): run(loop)
    case .branch(let condition, let then, let otherwise):
      _ = value(condition)
      let before = state
      block(then)
      let taken = state
      state = before
      block(otherwise)
      for (key, value) in taken { state[key] = state[key].map { $0.joined(value) } ?? value }
    case .check(let condition, _): _ = value(condition)
    case .startCopy(let copy): keep(Bounded(base: nil, range: nil), in: copy.target)
    case .multiplySlices(let product): multiply(product)
    case .prefetch, .leave, .synchronise, .closeCopies, .awaitCopies: break
    case .note(_, let place): if let place { location = place }
    }
  }

  /// Of the bytes nothing is known.
  private mutating func multiply(_ product: SliceProduct) {
    let range = -product.largestSum...product.largestSum
    keep(Bounded(base: nil, range: range, isSum: true), in: product.target)
    guard isJudged, let register = MachineScalar.i32.register else { return }
    let isExact = register.lowerBound <= range.lowerBound && range.upperBound <= register.upperBound
    let sentence = "\(product.sums) sums of slices, \(range.lowerBound) to \(range.upperBound)"
    verdicts.append((location, sentence, isExact, Bounds(sum: range, register: register)))
  }

  private mutating func keep(_ value: Bounded, in array: String) {
    var value = value
    if value.base != nil { value = Bounded(base: nil, range: nil, isSum: value.isSum) }
    contents[array] = contents[array]?.joined(value) ?? value
  }

  // MARK: Loops

  private mutating func run(_ loop: CountedLoop) {
    if loop.isUnrolled, let lower = constant(loop.lower), let upper = constant(loop.upper),
      upper - lower <= 256
    {
      for counter in stride(from: lower, to: upper, by: loop.step) {
        constants[loop.counter.name] = counter
        block(loop.body)
      }
      constants[loop.counter.name] = nil
      return
    }
    let before = state
    let judged = isJudged
    isJudged = false
    for key in before.keys { state[key] = before[key]!.unchanged(key) }
    block(loop.body)
    let after = state
    isJudged = judged
    var (inside, end) = (before, before)
    for (key, initial) in before where after[key] != initial.unchanged(key) {
      let (first, last) = grown(initial, after[key] ?? .any, key, loop)
      (inside[key], end[key]) = (first, last)
    }
    state = inside
    if judged { block(loop.body) }
    // What the body alone sets is another value each round.
    state = end.merging(after.filter { before[$0.key] == nil }) { own, _ in own }
    for (key, value) in state where value.base != nil && before[value.base!] != nil && before[key] == nil {
      state[key] = Bounded(base: nil, range: nil, isSum: value.isSum)
    }
  }

  /// What a value is inside a loop, at the start of any round, and after it.
  private func grown(
    _ initial: Bounded, _ after: Bounded, _ key: String, _ loop: CountedLoop
  ) -> (inside: Bounded, end: Bounded) {
    let isSum = initial.isSum || after.isSum
    let unknown = Bounded(base: nil, range: nil, isSum: isSum)
    guard after.base == key else {
      // Set anew each round: what it was, or what a round leaves.
      guard after.base == nil else { return (unknown, unknown) }
      var both = initial.joined(after)
      both.isSum = isSum
      return (both, both)
    }
    guard let added = after.range, let range = initial.range, let rounds = trips[loop.counter.name] else {
      return after.range == 0...0 ? (initial, initial) : (unknown, unknown)
    }
    func bounds(_ count: Int) -> Bounded {
      guard let low = Self.product(min(0, added.lowerBound), count),
        let high = Self.product(max(0, added.upperBound), count),
        let result = Self.sum(range, low...high)
      else { return unknown }
      return Bounded(base: initial.base, range: result, unit: initial.unit, isSum: isSum)
    }
    return (bounds(max(0, rounds - 1)), bounds(max(0, rounds)))
  }

  // MARK: Register arrays

  private func keys(of array: String) -> [String] { state.keys.filter { $0.hasPrefix("\(array)[") } }

  private func key(_ array: RegisterArray, _ indices: [Expression]) -> String? {
    let places = indices.map { constant($0) }
    guard !places.contains(nil) else { return nil }
    return "\(array.name)[\(places.map { "\($0!)" }.joined(separator: ","))]"
  }

  private func constant(_ expression: Expression) -> Int? {
    switch expression {
    case .integer(let value, _): return Int(value)
    case .variable(let variable): return constants[variable.name]
    case .apply(let instruction, let operands, .index) where operands.count == 2:
      guard let a = constant(operands[0]), let b = constant(operands[1]) else { return nil }
      switch instruction {
      case .add: return a + b
      case .subtract: return a - b
      case .multiply: return a * b
      default: return nil
      }
    default: return nil
    }
  }

  // MARK: Values

  private mutating func value(_ expression: Expression) -> Bounded {
    let result = computed(expression)
    guard result.base == nil, let whole = expression.type.scalar.register else { return result }
    if let range = result.range, whole.lowerBound <= range.lowerBound, range.upperBound <= whole.upperBound {
      return result
    }
    return Bounded(base: nil, range: result.isSum ? nil : whole, isSum: result.isSum)
  }

  private mutating func computed(_ expression: Expression) -> Bounded {
    switch expression {
    case .variable(let variable):
      if let value = constants[variable.name] { return Bounded(base: nil, range: value...value) }
      return state[variable.name] ?? .any
    case .integer(let value, _): return Bounded(base: nil, range: Int(value)...Int(value))
    case .laneNumbers(let lanes): return Bounded(base: nil, range: 0...lanes - 1)
    case .float(let bits, let type):
      return type.scalar == .f32 && bits == 0 ? Bounded(base: nil, range: 0...0) : .any
    case .table: return .any
    case .broadcast(let inner, _): return value(inner)
    case .load(let access, let type, _), .gather(let access, _, let type, _):
      guard kernel.scratch.contains(where: { $0.name == access.buffer }) else {
        let isWhole = access.element.isInteger && type.scalar == access.element.register
        return Bounded(
          base: nil, range: isWhole && access.element.bitWidth < 32 ? access.element.integers : nil,
          isBytes: access.element == .int8)
      }
      return contents[access.buffer] ?? .any
    case .raw(let buffer, _, let type), .gatherRaw(let buffer, _, _, let type):
      guard let array = kernel.scratch.first(where: { $0.name == buffer }), array.type == type.scalar else {
        return .any
      }
      return contents[buffer] ?? .any
    case .element(let array, let indices):
      if let key = key(array, indices), keys(of: array.name).contains("\(array.name)[?]") == false {
        return state[key] ?? .any
      }
      let known = keys(of: array.name).map { state[$0]! }
      return known.dropFirst().reduce(known.first ?? .any) { $0.joined($1) }
    case .conditional(let condition, let a, let b):
      _ = value(condition)
      return value(a).joined(value(b))
    case .apply(let instruction, let operands, let type): return apply(instruction, operands, type)
    }
  }

  private mutating func apply(_ instruction: Instruction, _ operands: [Expression], _ type: MachineType)
    -> Bounded
  {
    let arguments = operands.map { value($0) }
    if let halves = halves(instruction, arguments, type) { return halves }
    guard type.scalar.values != nil else { return .any }
    var result: Bounded
    switch instruction {
    case .dot4:
      guard let a = arguments[1].range, let b = arguments[2].range, let product = Self.product(a, b),
        let added = Self.product(product, 4...4),
        let range = arguments[0].range.flatMap({ Self.sum($0, added) })
      else { return judged(Bounded(base: nil, range: nil, isSum: true), instruction, type) }
      result = Bounded(base: arguments[0].base, range: range, isSum: true)
      return judged(result, instruction, type)
    case .multiplyBytes:
      // Each lane holds four bytes, of which nothing is known.
      let bytes = MachineScalar.i8.values!
      guard let product = Self.product(bytes, bytes),
        let added = Self.product(product, ByteMatrices.depth...ByteMatrices.depth),
        let range = arguments[0].range.flatMap({ Self.sum($0, added) })
      else { return judged(Bounded(base: nil, range: nil, isSum: true), instruction, type) }
      return judged(Bounded(base: arguments[0].base, range: range, isSum: true), instruction, type)
    case .select: return arguments[1].joined(arguments[2])
    case .lowHalf, .highHalf, .evenLanes, .oddLanes, .lane: return arguments[0]
    case .concatenate, .interleave: return arguments[0].joined(arguments[1])
    case .convert where operands[0].type.scalar.values != nil:
      result = arguments[0]
      return result.isSum && type.scalar == .i32 ? judged(result, instruction, type) : result
    default: break
    }
    result = Bounded(base: nil, range: Self.range(instruction, arguments.map(\.range), type))
    result.isSum =
      arguments.contains(where: \.isSum) && Self.keepsSums.contains(instruction)
      || instruction == .multiply && arguments.allSatisfy(\.isBytes)
    // A base stands only where it is added to.
    let based = arguments.filter { $0.base != nil }
    if !based.isEmpty {
      let isSum = instruction == .add || instruction == .subtract && arguments[1].base == nil
      guard isSum, based.count == 1 else { return Bounded(base: nil, range: nil, isSum: result.isSum) }
      result.base = based[0].base
    }
    return result.isSum ? judged(result, instruction, type) : result
  }

  private static let keepsSums: Set<Instruction> = [.add, .subtract, .multiply, .negate, .shiftLeft]

  mutating func judged(_ value: Bounded, _ instruction: Instruction, _ type: MachineType) -> Bounded {
    guard isJudged else { return value }
    var isExact = false
    var known: Bounds?
    // Floats hold all integers of 24 bits.
    let floats = -HalfMatrices.exactSums...HalfMatrices.exactSums
    if value.base == nil, let range = value.range, let whole = type.scalar == .f32 ? floats : type.scalar.register {
      known = Bounds(sum: range, register: whole)
      isExact = whole.lowerBound <= range.lowerBound && range.upperBound <= whole.upperBound
    }
    let bounds = value.range.map { "\($0.lowerBound) to \($0.upperBound)" } ?? "without bounds"
    verdicts.append((location, "\(instruction) of \(type), \(bounds)", isExact, known))
    return value
  }

  // MARK: Arithmetic of bounds

  private static func range(
    _ instruction: Instruction, _ ranges: [ClosedRange<Int>?], _ type: MachineType
  ) -> ClosedRange<Int>? {
    let width = 8 * type.scalar.byteCount
    if instruction == .shiftRightLogical, let n = ranges[1], n.lowerBound == n.upperBound,
      (1..<width).contains(n.lowerBound),
      ranges[0].map({ $0.lowerBound < 0 }) ?? true, width < 64
    {
      return 0...(1 << (width - n.lowerBound)) - 1
    }
    if instruction == .and,
      let mask = ranges.compactMap({ $0 }).filter({ $0.lowerBound >= 0 }).map(\.upperBound).min()
    {
      return 0...mask
    }
    guard let a = ranges[0] else { return nil }
    if instruction == .negate { return product(a, -1 ... -1) }
    if instruction == .absolute {
      return a.lowerBound >= 0 ? a : product(a, -1 ... -1).map { 0...max($0.upperBound, a.upperBound) }
    }
    guard ranges.count > 1, let b = ranges[1] else { return nil }
    switch instruction {
    case .add: return sum(a, b)
    case .subtract: return product(b, -1 ... -1).flatMap { sum(a, $0) }
    case .multiply: return product(a, b)
    case .minimum: return min(a.lowerBound, b.lowerBound)...min(a.upperBound, b.upperBound)
    case .maximum: return max(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
    case .shiftLeft
    where b.lowerBound == b.upperBound && (0..<width).contains(b.lowerBound) && b.lowerBound < 62:
      return product(a, (1 << b.lowerBound)...(1 << b.lowerBound))
    case .shiftRightArithmetic, .shiftRightLogical:
      guard b.lowerBound == b.upperBound, (0..<width).contains(b.lowerBound),
        instruction == .shiftRightArithmetic || a.lowerBound >= 0
      else { return nil }
      return a.lowerBound >> b.lowerBound...a.upperBound >> b.lowerBound
    case .or, .xor:
      guard a.lowerBound >= 0, b.lowerBound >= 0 else { return nil }
      // All bits below the highest that one of them has.
      return 0...Int(bitPattern: UInt.max >> UInt((a.upperBound | b.upperBound).leadingZeroBitCount))
    default: return nil
    }
  }

  static func sum(_ a: ClosedRange<Int>, _ b: ClosedRange<Int>) -> ClosedRange<Int>? {
    let (low, lost) = a.lowerBound.addingReportingOverflow(b.lowerBound)
    let (high, alsoLost) = a.upperBound.addingReportingOverflow(b.upperBound)
    return lost || alsoLost ? nil : low...high
  }

  private static func product(_ a: Int, _ b: Int) -> Int? {
    let (value, lost) = a.multipliedReportingOverflow(by: b)
    return lost ? nil : value
  }

  static func product(_ a: ClosedRange<Int>, _ b: ClosedRange<Int>) -> ClosedRange<Int>? {
    let corners = [
      product(a.lowerBound, b.lowerBound), product(a.lowerBound, b.upperBound),
      product(a.upperBound, b.lowerBound),
      product(a.upperBound, b.upperBound),
    ].compactMap { $0 }
    return corners.count == 4 ? corners.min()!...corners.max()! : nil
  }
}

extension MachineScalar {
  /// All values of an integer register.
  fileprivate var register: ClosedRange<Int>? { self == .i64 ? Int.min...Int.max : values }
}
