import MachineIR
import TileIR

/// Groups of E2M1 codes that have scales of their own within a block of a `CubeOperand`.
///
/// A line's numbers of a block become integers under one power of two: those of a group are shifted by what its scale
/// has above the least scale of the groups that have a number besides zero. Where that is more than slices have room for,
/// the line lies *apart* in this block: its integers are not shifted but stand in the last slice alone, and its exponent
/// tells that its values are to be found in another way (`ApartColumns`). Where it is little the first slice holds whole
/// integers and their signs, and the second zeros: a matrix of which all lines are so *narrow* has products of one slice.
struct CubeGroups {
  /// How many a block has, and how deep each is.
  let count: Int
  let depth: Int
  /// Positions of workspaces. Scales: `int32` [matrix][tile][block][line], the codes of the groups' scales, a byte each.
  /// Spreads: `int32` [matrix][tile][block], the most of the lines' (`narrow`, `wide`, `apart`); widest: `int32` [matrix], the
  /// most of all its blocks'.
  let scales: Int
  let spreads: Int
  let widest: Int

  /// Two slices: few checkpoints have neighbouring groups whose scales are further apart than they allow, and each slice
  /// more is one more sum to bring back. An E2M1 number is at most twelve halves.
  static let slices = 2
  static let mostShift = 10
  /// Up to which one slice is enough: twelve halves by 2^3 and a sign are a byte.
  static let mostNarrowShift = 3
  /// How far scales of a block's groups are from each other: within what one slice has room for, two, or beyond.
  static let (narrow, wide, apart) = (0, 1, 2)
  /// The exponent of a line that lies apart, below those of all numbers; beside a NaN of the other operand still NaN.
  static let apartExponent = Expression.integer(-(1 << 14), MachineType(.i32))

  /// Groups whose scales stand in a word.
  static func fit(_ count: Int) -> Bool { count == 2 || count == 4 }

  /// The integers of E2M1 codes, in halves: 0, 1, 2, 3, 4, 6, 8, 12 and a sign.
  static func integers(_ codes: Expression) -> Expression {
    func constant(_ value: Int) -> Expression { ByteFragments.integer(value, codes.type.lanes) }
    let size = codes.apply(.and, constant(7))
    func beyond(_ number: Int) -> Expression {
      size.apply(.subtract, constant(number)).apply(.maximum, constant(0))
    }
    let number = size.apply(.add, beyond(4)).apply(.add, beyond(6).apply(.multiply, constant(2)))
    let isNegative = codes.compared(.greaterOrEqual, constant(8))
    return .apply(.select, [isNegative, number.apply(.negate), number], codes.type)
  }

  /// The value of each lane's group.
  func spread(_ values: [Expression], over lanes: Int) -> Expression {
    let all = values.map { $0.broadcast(to: lanes) }
    return all.dropLast().enumerated().reversed().reduce(all[count - 1]) { others, next in
      let isBefore = Expression.laneNumbers(lanes).compared(
        .less, ByteFragments.integer((next.offset + 1) * depth, lanes))
      return .apply(.select, [isBefore, next.element, others], others.type)
    }
  }
}

/// What a kernel that cuts a tile finds of groups: the scales of the line at hand, the most that a block's lines are spread,
/// and 1 where the line at hand has a second slice, else 0.
struct GroupVariables {
  let scales: Variable
  let spread: Variable
  let hasSecond: Variable

  init(_ stack: inout ScopeStack) {
    let word = MachineType(.i32)
    scales = stack.variable("scales", word)
    spread = stack.variable("spread", word)
    hasSecond = stack.variable("has_second", word)
  }

  /// The slices of integers, the first and the second.
  func slices(of integers: Expression) -> [Expression] {
    let lanes = integers.type.lanes
    let bits = ByteFragments.integer(ByteFragments.sliceBits, lanes)
    let second = integers.apply(.shiftRightArithmetic, bits)
      .apply(.multiply, Expression.variable(hasSecond).broadcast(to: lanes))
    return [integers.apply(.subtract, second.apply(.shiftLeft, bits)), second]
  }
}

extension RegionLowering {
  /// Integers of a line's block of E2M1 codes, and their exponent.
  func cutGroups(
    _ operand: CubeOperand, _ groups: CubeGroups, _ line: Environment, _ start: Expression, _ codes: Expression,
    _ integers: Variable, _ exponent: Variable, _ found: GroupVariables
  ) throws {
    let (type, word) = (integers.type, exponent.type)
    func constant(_ value: Int) -> Expression { .integer(Int64(value), word) }
    func choice(_ condition: Expression, _ a: Expression, _ b: Expression) -> Expression {
      .apply(.select, [condition, a, b], word)
    }
    // The scalar unit's, which shifts by what it finds.
    func held(_ name: String, _ value: Expression) -> Expression {
      let variable = stack.variable(name, word)
      stack.append(.declare(variable, value))
      return .variable(variable)
    }
    // A group without a number has a scale that says nothing; that of one past the end is the last one's.
    let last = try length(operand.depth) - .constant(1)
    let scales = try (0..<groups.count).map { group in
      var inner = line
      let first = start + .constant(group * groups.depth)
      inner.bind(operand.depth, LaneCoordinate(group == 0 ? first : first.minimum(last), alignment: groups.depth))
      return held("scale", try emitWide(operand.scale!, inner))
    }
    let isZero = codes.apply(.and, ByteFragments.integer(7, type.lanes)).compared(
      .equal, ByteFragments.integer(0, type.lanes))
    let bits = groups.spread((0..<groups.count).map { constant(1 << $0) }, over: type.lanes)
    let numbers = held(
      "groups_with_numbers",
      foldLanes(.apply(.select, [isZero, .integer(0, type), bits], type)) { $0.apply(.or, $1) })
    let hasNumbers = (0..<groups.count).map {
      numbers.apply(.and, constant(1 << $0)).compared(.notEqual, constant(0))
    }
    let own = zip(hasNumbers, scales)
    let least = stack.define(
      "least", own.map { choice($0, $1, constant(255)) }.reduce(constant(255)) { $0.apply(.minimum, $1) })
    let most = stack.define(
      "most", own.map { choice($0, $1, constant(0)) }.reduce(constant(0)) { $0.apply(.maximum, $1) })
    let range = stack.define("range", most.apply(.subtract, least))
    let isApart = range.compared(.greater, constant(CubeGroups.mostShift))
    let isWide = range.compared(.greater, constant(CubeGroups.mostNarrowShift))
    let factors = scales.map { scale -> Expression in
      let shift = scale.apply(.subtract, least).apply(.maximum, constant(0)).apply(
        .minimum, constant(CubeGroups.mostShift))
      let inLast = choice(isApart, constant(ByteFragments.sliceBits * (CubeGroups.slices - 1)), shift)
      return stack.define("factor", constant(1).apply(.shiftLeft, inLast))
    }
    stack.append(
      .assign(
        integers, CubeGroups.integers(codes).apply(.multiply, groups.spread(factors, over: type.lanes))))
    let worst = scales.dropFirst().reduce(scales[0]) { $0.apply(.maximum, $1) }
    let power = choice(isApart, CubeGroups.apartExponent, least.apply(.subtract, constant(operand.bias)))
    stack.append(.assign(exponent, choice(worst.compared(.equal, constant(255)), CubeOperand.endless, power)))
    stack.append(.assign(found.scales, GroupScales.apart(scales)))
    stack.append(.assign(found.hasSecond, choice(isWide, constant(1), constant(0))))
    // What is NaN has no value that lies apart.
    let isFlagged = Expression.variable(exponent).compared(.equal, CubeGroups.apartExponent)
    let ofLine = choice(isFlagged, constant(CubeGroups.apart), .variable(found.hasSecond))
    stack.append(.assign(found.spread, ofLine.apply(.maximum, .variable(found.spread))))
  }
}
