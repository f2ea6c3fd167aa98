import TileIR

/// A named register or loop counter; names are unique in a kernel.
public struct Variable: Hashable, Sendable {
  public let name: String
  public let type: MachineType
  public init(_ name: String, _ type: MachineType) {
    self.name = name
    self.type = type
  }
}

/// An operation on registers: same-shaped operands, lane by lane, unless said otherwise.
/// Floating operations round to nearest even; integers wrap.
public enum Instruction: Hashable, Sendable {
  case add, subtract, multiply, negate, absolute
  case divide, fusedMultiplyAdd, squareRoot, reciprocalSquareRoot
  /// Contract minimum and maximum: NaN wins, +0 above -0.
  case minimum, maximum
  case compare(Comparison)
  case and, or, xor, not
  case shiftLeft, shiftRightLogical, shiftRightArithmetic
  /// Scalar `i64` quotient and remainder of numbers that are not negative.
  case quotient, remainder
  /// By a positive constant, rounding down; `i64` and `i32`.
  case divideFloor(Int), remainderFloor(Int)
  case select
  /// Numeric conversion: int to float, f64 to f32 (nearest even), widening and truncating integers,
  /// mask to integer (0 and 1). f32 to i32 saturates, NaN gives 0, nearest even.
  case convert
  /// The same bits; lanes may join or split, the lowest first.
  case bitCast
  /// A named function of the contract, lane by lane.
  case call(ScalarFunction)
  /// Lanes 0..<n/2 or n/2..<n of a vector.
  case lowHalf, highHalf
  /// Lanes of even or odd number.
  case evenLanes, oddLanes
  /// Lanes of two vectors one after the other.
  case concatenate
  /// Lanes of two vectors in turns, the first's first.
  case interleave
  /// acc + the exact sum of four neighbouring u8 x i8 products: operands acc (i32 x n), u8 x 4n,
  /// i8 x 4n. Exact: no saturation.
  case dot4
  /// acc + the exact matrix product of signed bytes that a warp computes together, its operands acc, left and right
  /// as `ByteMatrices` lays them out.
  case multiplyBytes
  /// acc + the matrix product of `f64` that a warp computes together, its operands acc, left and right as
  /// `DoubleMatrices` lays them out. Only for integers whose sums are below 2^53, in whatever order they meet: exact.
  case multiplyDoubles
  /// acc + the matrix product of halves that a warp computes together, its operands acc (`f32`), left and right as
  /// `HalfMatrices` lays them out. Only for products whose sums are multiples of one unit and below 2^24 of it, in
  /// whatever order they meet: exact.
  case multiplyHalves
  /// Two halves: part 0 or 1 of the numbers of pair 0 or 1 of the four E4M3 codes in each `i32` lane, as `HalfMatrices`
  /// says.
  case halvesOfE4M3(pair: Int, part: Int)
  /// Two halves: the numbers of one of the four pairs of E2M1 codes in each `i32` lane of operand 0, times
  /// 2^(shift - 5), shift operand 1 (`i32`), as `HalfMatrices` says.
  case halvesOfE2M1(pair: Int)
  /// Bytes of a table of 16 (operand 0, u8 or i8 x 16) picked by the low 4 bits of each lane of
  /// operand 1 (u8): a byte shuffle.
  case lookup16
  /// As `lookup16`, of a table of 128 bytes by the low 7 bits.
  case lookup128
  /// RNE32 of the exact real sum of its operands, finite f64 or NaN: one rounding.
  case roundedSum
  /// One lane of a vector, as a scalar.
  case lane(Int)
}

/// A memory access: `buffer[offset]`, counted in elements of the buffer; consecutive lanes read
/// consecutive elements.
public struct Access: Hashable, Sendable {
  public let buffer: String
  public let element: ElementType
  public let offset: Expression
  public init(_ buffer: String, _ element: ElementType, _ offset: Expression) {
    self.buffer = buffer
    self.element = element
    self.offset = offset
  }
}

/// A value of a machine program. Trees, not graphs: what is used twice is declared as a variable.
public indirect enum Expression: Hashable, Sendable {
  case variable(Variable)
  /// An integer in every lane.
  case integer(Int64, MachineType)
  /// An `f32` or `f64` in every lane, by the bits of the `f64` that it equals; NaN is the canonical one.
  case float(UInt64, MachineType)
  /// 0, 1, 2, … in `i32` lanes.
  case laneNumbers(Int)
  /// Constant bytes under a name, in `u8` lanes.
  case table(ByteTable)
  case apply(Instruction, [Expression], MachineType)
  case broadcast(Expression, Int)
  /// Consecutive elements; where `active` is given, lanes from it on are 0 and not touched in memory.
  /// Lanes are of the element's register type, or of `i16` where elements have 16 bits.
  case load(Access, MachineType, active: Expression?)
  /// One element a lane, at the `i64`-sum of the access' offset and the `i32` lane offsets; lanes
  /// from `active` on are 0 and not touched.
  case gather(Access, lanes: Expression, MachineType, active: Expression?)
  /// An element of a register array.
  case element(RegisterArray, [Expression])
  /// A raw vector of a wide memory array on chip, in the array's own lane type.
  case raw(buffer: String, offset: Expression, MachineType)
  /// One element a lane of an on-chip array of its own lane type.
  case gatherRaw(buffer: String, offset: Expression, lanes: Expression, MachineType)
  /// Only the side that the scalar condition chooses is computed.
  case conditional(Expression, Expression, Expression)

  public var type: MachineType {
    switch self {
    case .variable(let variable): variable.type
    case .integer(_, let type), .float(_, let type), .apply(_, _, let type), .load(_, let type, _),
      .gather(_, _, let type, _), .raw(_, _, let type), .gatherRaw(_, _, _, let type): type
    case .laneNumbers(let lanes): MachineType(.i32, lanes)
    case .table(let table): MachineType(.u8, table.bytes.count)
    case .broadcast(let value, let lanes): value.type.with(lanes: lanes)
    case .element(let array, _): array.type
    case .conditional(_, let a, _): a.type
    }
  }
}

/// What a byte shuffle looks up: the same name always means the same bytes.
public struct ByteTable: Hashable, Sendable {
  public let name: String
  public let bytes: [UInt8]
  public init(_ name: String, _ bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }
}

/// Registers under one name with constant indices (after unrolling), such as the accumulators of a
/// matrix product.
public struct RegisterArray: Hashable, Sendable {
  public let name: String
  public let type: MachineType
  public let extents: [Int]
  public init(_ name: String, _ type: MachineType, _ extents: [Int]) {
    self.name = name
    self.type = type
    self.extents = extents
  }
}

// MARK: Building

extension Expression {
  /// An `i64` constant: offsets, bounds, counters.
  public static func constant(_ value: Int) -> Expression { .integer(Int64(value), .index) }

  public static func float(_ value: Float, lanes: Int = 1) -> Expression {
    .float(Double(value).bitPattern, MachineType(.f32, lanes))
  }

  /// The value of an `i64` constant.
  public var constantValue: Int? {
    if case .integer(let value, let type) = self, type == .index { Int(value) } else { nil }
  }

  public func apply(_ instruction: Instruction, _ others: Expression...) -> Expression {
    .apply(instruction, [self] + others, type)
  }

  public static func + (a: Expression, b: Expression) -> Expression {
    switch (a.constantValue, b.constantValue) {
    case (let x?, let y?): .constant(x + y)
    case (0, _): b
    case (_, 0): a
    default: a.apply(.add, b)
    }
  }
  public static func - (a: Expression, b: Expression) -> Expression {
    switch (a.constantValue, b.constantValue) {
    case (let x?, let y?): .constant(x - y)
    case (_, 0): a
    case _ where a == b: .constant(0)
    default: a.apply(.subtract, b)
    }
  }
  public static func * (a: Expression, b: Expression) -> Expression {
    switch (a.constantValue, b.constantValue) {
    case (let x?, let y?): .constant(x * y)
    case (0, _), (_, 0): .constant(0)
    case (1, _): b
    case (_, 1): a
    default: a.apply(.multiply, b)
    }
  }
  public func divided(by n: Int) -> Expression {
    if let x = constantValue { return .constant(Int((Double(x) / Double(n)).rounded(.down))) }
    return n == 1 ? self : apply(.divideFloor(n))
  }
  public func remainder(by n: Int) -> Expression {
    n == 1 ? .constant(0) : apply(.remainderFloor(n))
  }
  public func minimum(_ b: Expression) -> Expression {
    if let x = constantValue, let y = b.constantValue { return .constant(min(x, y)) }
    return apply(.minimum, b)
  }
  public func maximum(_ b: Expression) -> Expression {
    if let x = constantValue, let y = b.constantValue { return .constant(max(x, y)) }
    return apply(.maximum, b)
  }
  public func compared(_ comparison: Comparison, _ b: Expression) -> Expression {
    .apply(.compare(comparison), [self, b], MachineType(.mask, type.lanes))
  }
  public func converted(to scalar: MachineScalar) -> Expression {
    type.scalar == scalar ? self : .apply(.convert, [self], MachineType(scalar, type.lanes))
  }
  /// The same bits in lanes of `scalar`; a vector keeps its bytes, so the number of lanes follows.
  public func bitCast(to scalar: MachineScalar) -> Expression {
    if type.scalar == scalar { return self }
    let lanes = type.lanes * type.scalar.byteCount / scalar.byteCount
    return .apply(.bitCast, [self], MachineType(scalar, lanes))
  }
  /// 2^(code - bias) in f64 for codes in `i32` lanes; NaN for 255.
  public func powerOfTwo(bias: Int) -> Expression {
    let code = converted(to: .i64)
    let power = code.apply(.add, .integer(Int64(1023 - bias), code.type))
      .apply(.shiftLeft, .integer(52, code.type)).bitCast(to: .f64)
    let nan = Expression.float(Double.nan.bitPattern, power.type)
    return .apply(.select, [code.compared(.equal, .integer(255, code.type)), nan, power], power.type)
  }
  public func broadcast(to lanes: Int) -> Expression {
    if type.lanes == lanes { return self }
    switch self {
    case .integer(let value, let type): return .integer(value, type.with(lanes: lanes))
    case .float(let bits, let type): return .float(bits, type.with(lanes: lanes))
    default: return .broadcast(self, lanes)
    }
  }
}
