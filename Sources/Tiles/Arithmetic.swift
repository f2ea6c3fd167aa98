import TileIR

/// binary32, nearest-even, subnormals kept; no operation is ever fused with another.
extension Tile where Element == Float {
  private func constant(_ value: Float) -> Tile { constant(value.bitPattern, Float.self) }

  public static func + (a: Tile, b: Tile) -> Tile { a.binary(.add, b) }
  public static func - (a: Tile, b: Tile) -> Tile { a.binary(.subtract, b) }
  public static func * (a: Tile, b: Tile) -> Tile { a.binary(.multiply, b) }
  /// Correctly rounded.
  public static func / (a: Tile, b: Tile) -> Tile { a.binary(.divide, b) }
  public static func + (a: Tile, b: Float) -> Tile { a + a.constant(b) }
  public static func - (a: Tile, b: Float) -> Tile { a - a.constant(b) }
  public static func * (a: Tile, b: Float) -> Tile { a * a.constant(b) }
  public static func / (a: Tile, b: Float) -> Tile { a / a.constant(b) }
  public static func + (a: Float, b: Tile) -> Tile { b.constant(a) + b }
  public static func - (a: Float, b: Tile) -> Tile { b.constant(a) - b }
  public static func * (a: Float, b: Tile) -> Tile { b.constant(a) * b }
  public static func / (a: Float, b: Tile) -> Tile { b.constant(a) / b }
  public static prefix func - (a: Tile) -> Tile { a.unary(.negate) }

  public var magnitude: Tile { unary(.absolute) }
  /// Correctly rounded.
  public func squareRoot() -> Tile { unary(.squareRoot) }
  /// 1/sqrt(x), correctly rounded as one function.
  public func reciprocalSquareRoot() -> Tile { unary(.reciprocalSquareRoot) }
  /// One rounding of `self * b + c`.
  public func fusedMultiply(_ b: Tile, add c: Tile) -> Tile {
    trace.append(.elementwise(.fusedMultiplyAdd), [id, b.id, c.id], at: c.location)
  }

  /// NaN if either is NaN; +0 above -0.
  public func maximum(_ b: Tile) -> Tile { binary(.maximum, b) }
  public func maximum(_ b: Float) -> Tile { maximum(constant(b)) }
  public func minimum(_ b: Tile) -> Tile { binary(.minimum, b) }
  public func minimum(_ b: Float) -> Tile { minimum(constant(b)) }
  /// The nearest value within `range`; NaN stays NaN.
  public func clamped(to range: ClosedRange<Float>) -> Tile {
    minimum(range.upperBound).maximum(range.lowerBound)
  }
  /// The value after a round trip through a narrower type: `bf(x)` of the model specifications.
  public func rounded<R: TileElement>(
    to narrow: R.Type, file: String = #fileID, line: Int = #line
  ) -> Tile {
    cast(to: narrow, file: file, line: line).cast(to: Float.self, file: file, line: line)
  }

  public static func .< (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.less), b) }
  public static func .<= (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.lessOrEqual), b) }
  public static func .> (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.greater), b) }
  public static func .>= (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.greaterOrEqual), b) }
  public static func .== (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.equal), b) }
  public static func .!= (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.notEqual), b) }
  public static func .< (a: Tile, b: Float) -> Tile<Bool> { a .< a.constant(b) }
  public static func .<= (a: Tile, b: Float) -> Tile<Bool> { a .<= a.constant(b) }
  public static func .> (a: Tile, b: Float) -> Tile<Bool> { a .> a.constant(b) }
  public static func .>= (a: Tile, b: Float) -> Tile<Bool> { a .>= a.constant(b) }
  public static func .== (a: Tile, b: Float) -> Tile<Bool> { a .== a.constant(b) }
  public var isNaN: Tile<Bool> { self .!= self }

  /// A named scalar function of every element.
  public func applying(
    _ function: ScalarFunction, file: String = #fileID, line: Int = #line
  ) -> Tile {
    trace.append(.call(function), [id], at: SourceLocation(file: file, line: line))
  }
}

/// int32. Defined programs never overflow; the prover and the reference hold them to it.
extension Tile where Element == Int32 {
  private func constant(_ value: Int32) -> Tile {
    constant(UInt32(bitPattern: value), Int32.self)
  }

  public static func + (a: Tile, b: Tile) -> Tile { a.binary(.add, b) }
  public static func - (a: Tile, b: Tile) -> Tile { a.binary(.subtract, b) }
  public static func * (a: Tile, b: Tile) -> Tile { a.binary(.multiply, b) }
  public static func + (a: Tile, b: Int32) -> Tile { a + a.constant(b) }
  public static func - (a: Tile, b: Int32) -> Tile { a - a.constant(b) }
  public static func * (a: Tile, b: Int32) -> Tile { a * a.constant(b) }
  /// Floor division by a positive constant.
  public static func / (a: Tile, b: Int) -> Tile { a.unary(.divideFloor(b)) }
  /// Remainder of floor division by a positive constant.
  public static func % (a: Tile, b: Int) -> Tile { a.unary(.remainderFloor(b)) }
  public static func & (a: Tile, b: Tile) -> Tile { a.binary(.and, b) }
  public static func | (a: Tile, b: Tile) -> Tile { a.binary(.or, b) }
  public static func ^ (a: Tile, b: Tile) -> Tile { a.binary(.xor, b) }
  public static func & (a: Tile, b: Int32) -> Tile { a & a.constant(b) }
  public static func | (a: Tile, b: Int32) -> Tile { a | a.constant(b) }
  public static func ^ (a: Tile, b: Int32) -> Tile { a ^ a.constant(b) }
  public static func << (a: Tile, b: Int32) -> Tile { a.binary(.shiftLeft, a.constant(b)) }
  /// Shift right that keeps the sign.
  public static func >> (a: Tile, b: Int32) -> Tile {
    a.binary(.shiftRightArithmetic, a.constant(b))
  }
  /// Shift right that brings in zeros.
  public func shiftedRightLogical(_ b: Int32) -> Tile {
    binary(.shiftRightLogical, constant(b))
  }
  public static prefix func - (a: Tile) -> Tile { a.unary(.negate) }

  public func maximum(_ b: Tile) -> Tile { binary(.maximum, b) }
  public func maximum(_ b: Int32) -> Tile { maximum(constant(b)) }
  public func minimum(_ b: Tile) -> Tile { binary(.minimum, b) }
  public func minimum(_ b: Int32) -> Tile { minimum(constant(b)) }

  public static func .< (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.less), b) }
  public static func .<= (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.lessOrEqual), b) }
  public static func .> (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.greater), b) }
  public static func .>= (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.greaterOrEqual), b) }
  public static func .== (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.equal), b) }
  public static func .!= (a: Tile, b: Tile) -> Tile<Bool> { a.binary(.compare(.notEqual), b) }
  public static func .< (a: Tile, b: Int32) -> Tile<Bool> { a .< a.constant(b) }
  public static func .<= (a: Tile, b: Int32) -> Tile<Bool> { a .<= a.constant(b) }
  public static func .> (a: Tile, b: Int32) -> Tile<Bool> { a .> a.constant(b) }
  public static func .>= (a: Tile, b: Int32) -> Tile<Bool> { a .>= a.constant(b) }
  public static func .== (a: Tile, b: Int32) -> Tile<Bool> { a .== a.constant(b) }
  public static func .!= (a: Tile, b: Int32) -> Tile<Bool> { a .!= a.constant(b) }
}

extension Tile where Element == Bool {
  public static func .& (a: Tile, b: Tile) -> Tile { a.binary(.and, b) }
  public static func .| (a: Tile, b: Tile) -> Tile { a.binary(.or, b) }
  public static func .^ (a: Tile, b: Tile) -> Tile { a.binary(.xor, b) }
  public static prefix func .! (a: Tile) -> Tile { a.unary(.not) }
}
