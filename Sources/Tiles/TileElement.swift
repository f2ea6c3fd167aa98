import Formats
import TileIR

/// A Swift type that tensors and tiles can hold.
///
/// Arithmetic exists on `Float`, `Int32` and `Bool` tiles; the others are storage formats, widened
/// before use: a wrong element type is a compile error.
public protocol TileElement: Sendable {
  static var elementType: ElementType { get }
}

/// A format whose values are small integers times one power of two: operands of `exactBlock`.
public protocol GridElement: TileElement {}

extension Float: TileElement { public static var elementType: ElementType { .float32 } }
extension Int32: TileElement { public static var elementType: ElementType { .int32 } }
extension Bool: TileElement { public static var elementType: ElementType { .bool } }
extension UInt8: TileElement { public static var elementType: ElementType { .uint8 } }
extension BFloat16: TileElement { public static var elementType: ElementType { .bfloat16 } }
extension Half: TileElement { public static var elementType: ElementType { .float16 } }
extension E5M2: TileElement { public static var elementType: ElementType { .e5m2 } }
extension E8M0: TileElement { public static var elementType: ElementType { .e8m0 } }
extension E4M3: GridElement { public static var elementType: ElementType { .e4m3 } }
extension E2M1: GridElement { public static var elementType: ElementType { .e2m1 } }
extension Int8: GridElement { public static var elementType: ElementType { .int8 } }
extension Int4: GridElement { public static var elementType: ElementType { .int4 } }
