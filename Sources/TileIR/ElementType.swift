/// The type of one element of a tensor or tile.
///
/// Storage widths are in `bitWidth`; 4-bit types are packed two to a byte along the last axis,
/// the even element in the low nibble. Arithmetic exists on `float32`, `int32` and `bool` only:
/// everything else is storage and is converted before use.
public enum ElementType: String, Hashable, Sendable, CaseIterable {
  case float32, bfloat16, float16
  case e4m3, e5m2, e8m0, e2m1
  case int32, int8, uint8, int4
  case bool

  /// Bits of one element in memory; `bool` takes a byte.
  public var bitWidth: Int {
    switch self {
    case .float32, .int32: 32
    case .bfloat16, .float16: 16
    case .e4m3, .e5m2, .e8m0, .int8, .uint8, .bool: 8
    case .e2m1, .int4: 4
    }
  }

  /// Floating formats, the power-of-two scale format included.
  public var isFloating: Bool {
    switch self {
    case .float32, .bfloat16, .float16, .e4m3, .e5m2, .e8m0, .e2m1: true
    case .int32, .int8, .uint8, .int4, .bool: false
    }
  }

  /// Whether values lie on a grid whose products are small integers: the operands of `exactBlock`.
  public var isGrid: Bool {
    switch self {
    case .e4m3, .e2m1, .int8, .int4: true
    default: false
    }
  }

  /// Bytes that `count` consecutive elements take; a last half byte counts whole.
  public func byteCount(of count: Int) -> Int { (count * bitWidth + 7) / 8 }
}
