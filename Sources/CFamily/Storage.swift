import MachineIR
import TileIR

/// How elements of a buffer become register lanes.
package enum Storage: Hashable {
  /// Lanes as they lie in memory.
  case plain(String)
  /// Integers or codes extended to i32: the C type in memory.
  case extended(String)
  /// Bytes that are 0 or 1, as a mask.
  case truth
  /// Two elements a byte, the even one in the low nibble.
  case packed(signed: Bool)

  package init(_ element: ElementType) {
    switch element {
    case .float32: self = .plain("f32")
    case .int32: self = .plain("i32")
    case .bool: self = .truth
    case .int4: self = .packed(signed: true)
    case .e2m1: self = .packed(signed: false)
    default: self = .extended(element.cStorage)
    }
  }

  /// As register lanes of `scalar`: elements of 16 bits may come as they lie in memory.
  package init(_ element: ElementType, as scalar: MachineScalar) {
    self = scalar == .i16 && element.bitWidth == 16 ? .plain("i16") : Storage(element)
  }

  /// The C type of a pointer to it.
  package var memory: String {
    switch self {
    case .plain(let scalar), .extended(let scalar): scalar
    case .truth, .packed: "u8"
    }
  }
  /// The lane type in registers.
  package var register: String {
    if case .plain(let scalar) = self { scalar } else { "i32" }
  }
  /// Throws where a value's lanes are not what this memory takes.
  package func requireLanes(of value: Expression, in buffer: String) throws {
    let scalar = value.type.scalar.cName
    guard scalar == register else {
      throw Refusal("\(buffer) takes \(register) lanes, the value has \(scalar)")
    }
  }

  package var isPacked: Bool { if case .packed = self { true } else { false } }
}

extension ElementType {
  /// The C type of one element in memory; packed elements lie in bytes.
  package var cStorage: String {
    switch self {
    case .float32: "f32"
    case .bfloat16, .float16: "u16"
    case .int32: "i32"
    case .int8: "i8"
    case .e4m3, .e5m2, .e8m0, .uint8, .bool, .e2m1, .int4: "u8"
    }
  }
}

extension MachineScalar {
  /// The C type of a lane; truth values are `i32` lanes.
  package var cName: String { self == .mask ? "i32" : rawValue }
  package var isFloat: Bool { self == .f32 || self == .f64 }
  package var isNarrow: Bool { self == .i8 || self == .u8 || self == .i16 }
}
