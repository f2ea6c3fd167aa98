import TileIR

/// What an elementwise operation gives for one element; an integer result that is no int32 is a fault.
///
/// Floats are binary32 with subnormals, nearest-even; Swift contracts nothing and flushes nothing.
enum ElementwiseRules {
  /// What one element becomes.
  enum Outcome {
    case code(UInt32)
    case fault(FaultKind)
  }

  /// Whether int32 `add`, `subtract`, `multiply`, `negate` and `absolute` wrap, as in the body of a
  /// scalar function, or must not overflow, as everywhere else; and whether a bit cast from a float
  /// sees a NaN as it is, as in such a body, or the canonical one.
  enum Setting { case program, scalarFunction }

  /// The rule of `operation` on operands of these types, as a function of their codes.
  static func rule(
    _ operation: Elementwise, _ types: [ElementType], _ setting: Setting
  ) -> ([UInt32]) -> Outcome {
    let isFloat = types[0] == .float32
    switch operation {
    case .add: return isFloat ? floats { $0 + $1 } : integers("add", setting) { $0 + $1 }
    case .subtract: return isFloat ? floats { $0 - $1 } : integers("subtract", setting) { $0 - $1 }
    case .multiply: return isFloat ? floats { $0 * $1 } : integers("multiply", setting) { $0 * $1 }
    case .divide: return floats { $0 / $1 }
    case .minimum: return isFloat ? floats(least) : integers("minimum", setting) { min($0, $1) }
    case .maximum: return isFloat ? floats(greatest) : integers("maximum", setting) { max($0, $1) }
    case .negate: return isFloat ? float { -$0 } : integer("negate", setting) { -$0 }
    case .absolute: return isFloat ? float { $0.magnitude } : integer("absolute", setting) { abs($0) }
    case .squareRoot: return float { $0.squareRoot() }
    case .reciprocalSquareRoot: return float { Float(1 / Double($0).squareRoot()) }
    case .fusedMultiplyAdd:
      return { codes in
        let (a, b, c) = (Float(bitPattern: codes[0]), Float(bitPattern: codes[1]), Float(bitPattern: codes[2]))
        return .code(c.addingProduct(a, b).bitPattern)
      }
    case .compare(let comparison):
      return { codes in
        let holds =
          isFloat
          ? compare(comparison, Float(bitPattern: codes[0]), Float(bitPattern: codes[1]))
          : compare(comparison, Int32(bitPattern: codes[0]), Int32(bitPattern: codes[1]))
        return .code(holds ? 1 : 0)
      }
    case .and: return { .code($0[0] & $0[1]) }
    case .or: return { .code($0[0] | $0[1]) }
    case .xor: return { .code($0[0] ^ $0[1]) }
    case .not:
      let mask: UInt32 = types[0] == .bool ? 1 : .max
      return { .code(~$0[0] & mask) }
    case .shiftLeft: return shift { $0 << $1 }
    case .shiftRightLogical: return shift { $0 >> $1 }
    case .shiftRightArithmetic:
      return shift { UInt32(bitPattern: Int32(bitPattern: $0) >> Int32(bitPattern: $1)) }
    case .divideFloor(let divisor):
      return integer("divide", setting) { $0.floorDivided(by: divisor) }
    case .remainderFloor(let divisor):
      return integer("remainder", setting) { $0 - $0.floorDivided(by: divisor) * divisor }
    case .select: return { .code($0[0] != 0 ? $0[1] : $0[2]) }
    case .convert(let target):
      let source = types[0]
      return { .code(source.convert($0[0], to: target)) }
    case .bitCast:
      let source = types[0]
      if setting == .scalarFunction { return { .code($0[0]) } }
      return { .code(source.canonical($0[0])) }
    }
  }

  /// NaN if either is NaN; +0 above -0.
  static func greatest(_ a: Float, _ b: Float) -> Float {
    if a.isNaN || b.isNaN { return .nan }
    if a == b { return a.sign == .plus ? a : b }
    return a > b ? a : b
  }

  /// NaN if either is NaN; -0 below +0.
  static func least(_ a: Float, _ b: Float) -> Float {
    if a.isNaN || b.isNaN { return .nan }
    if a == b { return a.sign == .minus ? a : b }
    return a < b ? a : b
  }

  private static func float(_ body: @escaping (Float) -> Float) -> ([UInt32]) -> Outcome {
    { .code(body(Float(bitPattern: $0[0])).bitPattern) }
  }

  private static func floats(_ body: @escaping (Float, Float) -> Float) -> ([UInt32]) -> Outcome {
    { .code(body(Float(bitPattern: $0[0]), Float(bitPattern: $0[1])).bitPattern) }
  }

  private static func integer(
    _ name: String, _ setting: Setting, _ body: @escaping (Int) -> Int
  ) -> ([UInt32]) -> Outcome {
    { codes in int32(body(Int(Int32(bitPattern: codes[0]))), name, setting) }
  }

  private static func integers(
    _ name: String, _ setting: Setting, _ body: @escaping (Int, Int) -> Int
  ) -> ([UInt32]) -> Outcome {
    { codes in
      int32(body(Int(Int32(bitPattern: codes[0])), Int(Int32(bitPattern: codes[1]))), name, setting)
    }
  }

  /// `value` may be as large as the product of two int32.
  private static func int32(_ value: Int, _ name: String, _ setting: Setting) -> Outcome {
    let wrapped = Int32(truncatingIfNeeded: value)
    if setting == .program, Int(wrapped) != value { return .fault(.overflow(name, value)) }
    return .code(UInt32(bitPattern: wrapped))
  }

  private static func shift(_ body: @escaping (UInt32, UInt32) -> UInt32) -> ([UInt32]) -> Outcome {
    { codes in
      guard codes[1] < 32 else { return .fault(.shift(Int(Int32(bitPattern: codes[1])))) }
      return .code(body(codes[0], codes[1]))
    }
  }

  private static func compare<T: Comparable>(_ comparison: Comparison, _ a: T, _ b: T) -> Bool {
    switch comparison {
    case .equal: a == b
    case .notEqual: a != b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    }
  }
}
