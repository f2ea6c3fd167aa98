import TileIR

/// The type of a stored tensor's elements, named as safetensors files name it.
public enum StorageType: String, Hashable, Sendable, CaseIterable {
  case float32 = "F32"
  case bfloat16 = "BF16"
  case float16 = "F16"
  case e4m3 = "F8_E4M3"
  case e5m2 = "F8_E5M2"
  case e8m0 = "F8_E8M0"
  case int8 = "I8"
  case uint8 = "U8"
  case int32 = "I32"
  case int64 = "I64"
  case bool = "BOOL"

  public var byteWidth: Int {
    switch self {
    case .int64: 8
    case .float32, .int32: 4
    case .bfloat16, .float16: 2
    case .e4m3, .e5m2, .e8m0, .int8, .uint8, .bool: 1
    }
  }

  /// The element type of the language with the same bits; nil for `int64`, which tiles do not have.
  public var element: ElementType? {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    case .e4m3: .e4m3
    case .e5m2: .e5m2
    case .e8m0: .e8m0
    case .int8: .int8
    case .uint8: .uint8
    case .int32: .int32
    case .int64: nil
    case .bool: .bool
    }
  }

  /// How elements of a type are stored. Files have no 4-bit type: two elements share an `I8`.
  public init(storing element: ElementType) {
    switch element {
    case .float32: self = .float32
    case .bfloat16: self = .bfloat16
    case .float16: self = .float16
    case .e4m3: self = .e4m3
    case .e5m2: self = .e5m2
    case .e8m0: self = .e8m0
    case .int8, .e2m1, .int4: self = .int8
    case .uint8: self = .uint8
    case .int32: self = .int32
    case .bool: self = .bool
    }
  }
}
