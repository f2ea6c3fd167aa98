import TileIR

/// What a register lane holds.
public enum MachineScalar: String, Hashable, Sendable {
  case f32, f64
  case i8, u8, i16, i32, i64
  /// A truth value: all bits of a vector lane, or 0 and 1 alone.
  case mask

  public var byteCount: Int {
    switch self {
    case .i8, .u8: 1
    case .i16: 2
    case .f32, .i32, .mask: 4
    case .f64, .i64: 8
    }
  }
}

/// The type of a register value: a scalar, or a vector of a power of two of lanes. Vectors may be
/// wider than the machine's registers: a wide value is several registers that go together.
public struct MachineType: Hashable, Sendable {
  public let scalar: MachineScalar
  public let lanes: Int

  public init(_ scalar: MachineScalar, _ lanes: Int = 1) {
    self.scalar = scalar
    self.lanes = lanes
  }

  public static let index = MachineType(.i64)
  public func with(lanes: Int) -> MachineType { MachineType(scalar, lanes) }
}

extension ElementType {
  /// The lane type that a load of this storage type gives: integers and codes of narrow formats are
  /// zero- or sign-extended to `i32`; the bits of bf16 and fp16 likewise.
  public var register: MachineScalar {
    switch self {
    case .float32: .f32
    case .bool: .mask
    default: .i32
    }
  }
}
