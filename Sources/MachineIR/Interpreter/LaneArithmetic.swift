import TileIR

/// What an instruction gives in one lane: bits as `RegisterValue` keeps them, and a flaw or 0.
///
/// Floats are IEEE 754 of the operand's width, nearest-even, nothing contracted or flushed.
enum LaneArithmetic {
  typealias Result = (bits: UInt64, flaw: UInt8)

  static func real(_ x: Float) -> UInt64 { UInt64(x.bitPattern) }
  static func real(_ x: Double) -> UInt64 { x.bitPattern }
  static func float(_ bits: UInt64) -> Float { Float(bitPattern: UInt32(truncatingIfNeeded: bits)) }
  static func double(_ bits: UInt64) -> Double { Double(bitPattern: bits) }

  /// The rule of an instruction that works lane by lane on operands of `source`, or nil where it is none
  /// or is not defined on them.
  static func rule(
    _ instruction: Instruction, _ source: MachineScalar, _ target: MachineScalar,
    _ arithmetic: FloatArithmetic = .ieee
  ) -> ((UInt64, UInt64, UInt64) -> Result)? {
    if source == .f32, let rule = floatRule(instruction, arithmetic) {
      return { a, b, c in (rule(a, b, c), 0) }
    }
    if source == .f64, let rule = doubleRule(instruction) { return { a, b, c in (rule(a, b, c), 0) } }
    switch instruction {
    case .compare(let comparison): return comparison.rule(source)
    case .and where !source.isFloating: return { a, b, _ in (a & b, 0) }
    case .or where !source.isFloating: return { a, b, _ in (a | b, 0) }
    case .xor where !source.isFloating: return { a, b, _ in (source.canonical(a ^ b), 0) }
    case .not:
      if source == .mask { return { a, _, _ in (a ^ 1, 0) } }
      return source.isFloating ? nil : { a, _, _ in (source.canonical(~a), 0) }
    case .convert: return { a, _, _ in convert(a, source, target) }
    default: return source.isFloating || source == .mask ? nil : integerRule(instruction, source)
    }
  }

  // MARK: Floats

  private static func floatRule(
    _ instruction: Instruction, _ arithmetic: FloatArithmetic
  ) -> ((UInt64, UInt64, UInt64) -> UInt64)? {
    switch instruction {
    case .add: { a, b, _ in real(arithmetic.sum(float(a), float(b))) }
    case .subtract: { a, b, _ in real(arithmetic.difference(float(a), float(b))) }
    case .multiply: { a, b, _ in real(arithmetic.product(float(a), float(b))) }
    case .divide: { a, b, _ in real(arithmetic.quotient(float(a), float(b))) }
    case .negate: { a, _, _ in a ^ 0x8000_0000 }
    case .absolute: { a, _, _ in a & 0x7FFF_FFFF }
    case .fusedMultiplyAdd: { a, b, c in real(arithmetic.fused(float(a), float(b), float(c))) }
    case .squareRoot: { a, _, _ in real(arithmetic.squareRoot(float(a))) }
    case .reciprocalSquareRoot: { a, _, _ in real(arithmetic.reciprocalSquareRoot(float(a))) }
    case .minimum: { a, b, _ in real(extremum(float(a), float(b), greater: false)) }
    case .maximum: { a, b, _ in real(extremum(float(a), float(b), greater: true)) }
    default: nil
    }
  }

  private static func doubleRule(_ instruction: Instruction) -> ((UInt64, UInt64, UInt64) -> UInt64)? {
    switch instruction {
    case .add: { a, b, _ in real(double(a) + double(b)) }
    case .subtract: { a, b, _ in real(double(a) - double(b)) }
    case .multiply: { a, b, _ in real(double(a) * double(b)) }
    case .divide: { a, b, _ in real(double(a) / double(b)) }
    case .negate: { a, _, _ in a ^ (1 << 63) }
    case .absolute: { a, _, _ in a & ~(1 << 63) }
    case .fusedMultiplyAdd: { a, b, c in real(double(c).addingProduct(double(a), double(b))) }
    case .squareRoot: { a, _, _ in real(double(a).squareRoot()) }
    case .minimum: { a, b, _ in real(extremum(double(a), double(b), greater: false)) }
    case .maximum: { a, b, _ in real(extremum(double(a), double(b), greater: true)) }
    default: nil
    }
  }

  /// NaN where either is NaN, +0 above -0.
  private static func extremum<T: BinaryFloatingPoint>(_ a: T, _ b: T, greater: Bool) -> T {
    if a.isNaN || b.isNaN { return .nan }
    if a == b { return (a.sign == .plus) == greater ? a : b }
    return (a > b) == greater ? a : b
  }

  // MARK: Integers

  /// Arithmetic that leaves `i32` or `i64` has no value; bytes and halves wrap, as code on packed lanes
  /// means them to.
  private static func integerRule(
    _ instruction: Instruction, _ type: MachineScalar
  ) -> ((UInt64, UInt64, UInt64) -> Result)? {
    func checked(_ body: @escaping (Int64, Int64) -> (partialValue: Int64, overflow: Bool))
      -> (UInt64, UInt64, UInt64) -> Result
    {
      let isChecked = type == .i32 || type == .i64
      return { a, b, _ in
        let (value, overflow) = body(Int64(bitPattern: a), Int64(bitPattern: b))
        let kept = type.canonical(UInt64(bitPattern: value))
        let isLost = isChecked && (overflow || kept != UInt64(bitPattern: value))
        return (kept, isLost ? Flaw.overflow.rawValue : 0)
      }
    }
    func plain(_ body: @escaping (Int64, Int64) -> Int64) -> (UInt64, UInt64, UInt64) -> Result {
      { a, b, _ in
        (type.canonical(UInt64(bitPattern: body(Int64(bitPattern: a), Int64(bitPattern: b)))), 0)
      }
    }
    func shift(_ body: @escaping (UInt64, UInt64) -> UInt64) -> (UInt64, UInt64, UInt64) -> Result {
      let width = UInt64(8 * type.byteCount)
      return { a, b, _ in
        b < width ? (type.canonical(body(a, b)), 0) : (0, Flaw.shift.rawValue)
      }
    }
    switch instruction {
    case .add: return checked { $0.addingReportingOverflow($1) }
    case .subtract: return checked { $0.subtractingReportingOverflow($1) }
    case .multiply: return checked { $0.multipliedReportingOverflow(by: $1) }
    case .negate: return checked { a, _ in Int64(0).subtractingReportingOverflow(a) }
    case .absolute: return checked { a, _ in a < 0 ? Int64(0).subtractingReportingOverflow(a) : (a, false) }
    case .minimum: return plain { min($0, $1) }
    case .maximum: return plain { max($0, $1) }
    case .shiftLeft: return shift { $0 << $1 }
    case .shiftRightLogical:
      let ones = type.byteCount == 8 ? UInt64.max : (1 << UInt64(8 * type.byteCount)) - 1
      return shift { ($0 & ones) >> $1 }
    case .shiftRightArithmetic: return shift { UInt64(bitPattern: Int64(bitPattern: $0) >> Int64($1)) }
    case .quotient, .remainder:
      let isQuotient = instruction == .quotient
      return { a, b, _ in
        let (x, y) = (Int64(bitPattern: a), Int64(bitPattern: b))
        guard x >= 0, y > 0 else { return (0, Flaw.division.rawValue) }
        return (UInt64(isQuotient ? x / y : x % y), 0)
      }
    case .divideFloor(let n):
      return plain { a, _ in a >= 0 ? a / Int64(n) : -((Int64(n) - 1 - a) / Int64(n)) }
    case .remainderFloor(let n):
      return plain { a, _ in (a % Int64(n) + Int64(n)) % Int64(n) }
    default: return nil
    }
  }

  // MARK: Conversions

  private static func convert(
    _ bits: UInt64, _ source: MachineScalar, _ target: MachineScalar
  ) -> Result {
    switch (source, target) {
    case _ where source == target: return (bits, 0)
    case (.f32, .f64): return (real(Double(float(bits))), 0)
    case (.f64, .f32): return (real(Float(double(bits))), 0)
    case (.f32, .i32):
      let x = float(bits)
      if x.isNaN { return (0, 0) }
      let whole = x.rounded(.toNearestOrEven)
      let integer = whole >= 0x1p31 ? Int64(Int32.max) : whole <= -0x1p31 ? Int64(Int32.min) : Int64(whole)
      return (UInt64(bitPattern: integer), 0)
    case (_, .f32): return (real(Float(Int64(bitPattern: bits))), 0)
    case (_, .f64): return (real(Double(Int64(bitPattern: bits))), 0)
    case (.f64, _), (.f32, _), (_, .mask): return (0, Flaw.narrowed.rawValue)
    default:
      // A byte of either sign may come back as it went; wider integers must fit.
      let kept = target.canonical(bits)
      let unsigned = bits & (target.byteCount == 8 ? .max : (1 << UInt64(8 * target.byteCount)) - 1)
      let fits = kept == bits || (target.byteCount < 4 && unsigned == bits)
      return (kept, fits ? 0 : Flaw.narrowed.rawValue)
    }
  }

  // MARK: Exact sums

  /// The exact sum of `terms` rounded once to `f32`: parts that do not overlap (Shewchuk 1997), added from
  /// the least up with rounding to odd.
  static func roundedSum(_ terms: [Double]) -> Float {
    var parts = terms
    for i in 1..<max(1, terms.count) {
      var carry = parts[i]
      for j in 0..<i {
        let (sum, error) = twoSum(carry, parts[j])
        parts[j] = error
        carry = sum
      }
      parts[i] = carry
    }
    let total = parts.dropFirst().reduce(parts[0]) { sumRoundedToOdd($0, $1) }
    return Float(total + 0.0)
  }

  private static func twoSum(_ a: Double, _ b: Double) -> (sum: Double, error: Double) {
    let sum = a + b
    let part = sum - a
    return (sum, (a - (sum - part)) + (b - part))
  }

  private static func sumRoundedToOdd(_ a: Double, _ b: Double) -> Double {
    let (sum, error) = twoSum(a, b)
    guard error > 0 || error < 0, sum.bitPattern & 1 == 0 else { return sum }
    let towardZero = (error > 0) != (sum > 0)
    return Double(bitPattern: towardZero ? sum.bitPattern - 1 : sum.bitPattern + 1)
  }
}

extension Comparison {
  fileprivate func rule(_ type: MachineScalar) -> (UInt64, UInt64, UInt64) -> LaneArithmetic.Result {
    switch type {
    case .f32: { a, b, _ in (holds(LaneArithmetic.float(a), LaneArithmetic.float(b)) ? 1 : 0, 0) }
    case .f64: { a, b, _ in (holds(LaneArithmetic.double(a), LaneArithmetic.double(b)) ? 1 : 0, 0) }
    default: { a, b, _ in (holds(Int64(bitPattern: a), Int64(bitPattern: b)) ? 1 : 0, 0) }
    }
  }
}
