import Formats

/// Elements as the numbers that they stand for. A code is an element's bits in the low bits of a word.
extension ElementType {
  /// Whether values are integers.
  public var isInteger: Bool {
    switch self {
    case .int32, .int8, .uint8, .int4: true
    default: false
    }
  }

  /// The bits that a code may set.
  public var mask: UInt32 { bitWidth == 32 ? .max : (1 << UInt32(bitWidth)) - 1 }

  /// The code that every NaN becomes where bits are visible; nil for types without NaN.
  public var canonicalNaN: UInt32? {
    switch self {
    case .float32: 0x7FC0_0000
    case .bfloat16: UInt32(BFloat16(rounding: .nan).bitPattern)
    case .float16: UInt32(Half(rounding: .nan).bitPattern)
    case .e4m3: UInt32(E4M3(rounding: .nan).bitPattern)
    case .e5m2: UInt32(E5M2(rounding: .nan).bitPattern)
    case .e8m0: UInt32(E8M0(rounding: .nan).bitPattern)
    case .e2m1, .int32, .int8, .uint8, .int4, .bool: nil
    }
  }

  /// The code itself, or the canonical one if it is a NaN.
  public func canonical(_ code: UInt32) -> UInt32 {
    guard let canonicalNaN, number(code).isNaN else { return code }
    return canonicalNaN
  }

  /// The value of a code of a floating type; NaN is the canonical one.
  public func number(_ code: UInt32) -> Float {
    switch self {
    case .float32: Float(bitPattern: code).canonical
    case .bfloat16: BFloat16(bitPattern: UInt16(code)).float
    case .float16: Half(bitPattern: UInt16(code)).float
    case .e4m3: E4M3(bitPattern: UInt8(code)).float
    case .e5m2: E5M2(bitPattern: UInt8(code)).float
    case .e8m0: E8M0(bitPattern: UInt8(code)).float
    case .e2m1: E2M1(bitPattern: UInt8(code)).float
    case .int32, .int8, .uint8, .int4, .bool:
      preconditionFailure("\(rawValue) is not a floating type")
    }
  }

  /// The code of a floating type nearest to `value`: ties to even, overflow and NaN as in the format.
  public func code(rounding value: Float) -> UInt32 {
    switch self {
    case .float32: value.canonical.bitPattern
    case .bfloat16: UInt32(BFloat16(rounding: value).bitPattern)
    case .float16: UInt32(Half(rounding: value).bitPattern)
    case .e4m3: UInt32(E4M3(rounding: value).bitPattern)
    case .e5m2: UInt32(E5M2(rounding: value).bitPattern)
    case .e8m0: UInt32(E8M0(rounding: value).bitPattern)
    case .e2m1: UInt32(E2M1(rounding: value).bitPattern)
    case .int32, .int8, .uint8, .int4, .bool:
      preconditionFailure("\(rawValue) is not a floating type")
    }
  }

  /// The value of a code of an integer type; 0 or 1 for `bool`.
  public func integer(_ code: UInt32) -> Int {
    switch self {
    case .int32: Int(Int32(bitPattern: code))
    case .int8: Int(Int8(bitPattern: UInt8(code)))
    case .uint8, .bool: Int(code)
    case .int4: Int4(bitPattern: UInt8(code)).value
    default: preconditionFailure("\(rawValue) is not an integer type")
    }
  }

  /// The values that an integer type holds; 0...1 for `bool`.
  public var integers: ClosedRange<Int> {
    switch self {
    case .int32: Int(Int32.min)...Int(Int32.max)
    case .int8: -128...127
    case .uint8: 0...255
    case .int4: -8...7
    case .bool: 0...1
    default: preconditionFailure("\(rawValue) is not an integer type")
    }
  }

  /// The code of an integer type nearest to `value`: saturating.
  public func code(saturating value: Int) -> UInt32 {
    let held = min(max(value, integers.lowerBound), integers.upperBound)
    return UInt32(truncatingIfNeeded: held) & mask
  }

  /// The code of `target` for a code of this type: what `Elementwise.convert` means.
  ///
  /// Widening is exact and narrowing rounds once, to nearest even. Between a floating and an integer
  /// type the value passes through the type that has arithmetic: integers become `float32` (rounded)
  /// before a narrower float, floats become the nearest `int32` (saturating, NaN is 0) before a
  /// narrower integer. Integers saturate. `bool` is 0 or 1.
  public func convert(_ code: UInt32, to target: ElementType) -> UInt32 {
    switch (isFloating, target.isFloating) {
    case (true, true): target.code(rounding: number(code))
    case (true, false): target.code(saturating: Int(Int32(saturatingNearestEven: number(code))))
    case (false, true): target.code(rounding: Float(integer(code)))
    case (false, false): target.code(saturating: integer(code))
    }
  }
}
