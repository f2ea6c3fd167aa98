/// What a register holds while a machine program is interpreted.
///
/// Integers stand sign-extended in `bits` (`u8` zero-extended), floats as their bits, truth values as 0 and
/// 1. A lane may have no value (`Flaw`): it may be moved and masked away, and is reported where it reaches
/// memory that others see, an address or a decision.
struct RegisterValue {
  let type: MachineType
  var bits: [UInt64]
  /// The flaw of each lane, 0 for none; nil where no lane has one.
  var flaws: [UInt8]?

  init(_ type: MachineType, _ bits: [UInt64], _ flaws: [UInt8]? = nil) {
    self.type = type
    self.bits = bits
    self.flaws = flaws
  }

  init(_ type: MachineType, repeating bits: UInt64) {
    self.init(type, [UInt64](repeating: bits, count: type.lanes))
  }

  static func undefined(_ type: MachineType) -> RegisterValue {
    RegisterValue(
      type, [UInt64](repeating: 0xA5A5_A5A5_A5A5_A5A5, count: type.lanes).map { type.scalar.canonical($0) },
      [UInt8](repeating: Flaw.undefined.rawValue, count: type.lanes))
  }

  /// The first flaw among lanes `0 ..< count`.
  func flaw(before count: Int) -> Flaw? {
    guard let flaws else { return nil }
    return flaws.prefix(max(0, count)).lazy.compactMap(Flaw.init).first
  }

  mutating func spoil(_ lane: Int, _ flaw: UInt8) {
    if flaws == nil { flaws = [UInt8](repeating: 0, count: bits.count) }
    flaws![lane] = flaw
  }
}

extension MachineScalar {
  /// Bits in the form that `RegisterValue` keeps them.
  func canonical(_ bits: UInt64) -> UInt64 {
    switch self {
    case .f32: bits & 0xFFFF_FFFF
    case .f64, .i64: bits
    case .i8: UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: bits)))
    case .u8: bits & 0xFF
    case .i16: UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: bits)))
    case .i32: UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: bits)))
    case .mask: bits == 0 ? 0 : 1
    }
  }

  var isFloating: Bool { self == .f32 || self == .f64 }
}
