import CFamily
import MachineIR

/// Contiguous loads and stores of which only the first lanes are active: memory past them is not
/// touched, since it may not exist.
extension Prelude {
  func loadActive(_ storage: Storage, lanes: Int) -> String {
    let t = vector(storage.register, lanes)
    let name = "load_active_\(t)\(storage.suffix)"
    let parameters = "\(place(storage, isConst: true)), i64 active"
    let memoryBytes = Self.byteCount(storage.memory) * lanes
    guard usesAVX512, !storage.isPacked, memoryBytes >= 16 else {
      let element = loadElement(storage, "p", storage.isPacked ? "offset + lane" : "lane")
      return add(name) {
        inline(
          t, name, parameters,
          body: """
              union { \(storage.register) lane[\(lanes)]; \(t) all; } x = {.all = 0};
              #pragma clang loop vectorize(disable) unroll(disable)
              for (i64 lane = 0; lane < active; lane++) x.lane[lane] = \(lane(of: storage, element));
              return x.all;
            """)
      }
    }
    if memoryBytes > 64 {
      let half = loadActive(storage, lanes: lanes / 2)
      let both = concatenate(storage.register, lanes / 2)
      return add(name) {
        inline(
          t, name, parameters,
          returns: "\(both)(\(half)(p, active), \(half)(p + \(lanes / 2), active - \(lanes / 2)))")
      }
    }
    let raw = maskedLoad(storage.memory, lanes)
    return add(name) {
      let value = "\(raw)(p, active)"
      return inline(t, name, parameters, returns: extendLoaded(value, storage, lanes))
    }
  }

  private func extendLoaded(_ value: String, _ storage: Storage, _ lanes: Int) -> String {
    let target = vector(storage.register, lanes)
    switch storage {
    case .plain: return value
    case .truth: return "\(convert(value, to: target, lanes)) != 0"
    case .extended, .packed: return convert(value, to: target, lanes)
    }
  }

  /// A truth value alone is 0 or 1; a lane's is all bits.
  func lane(of storage: Storage, _ value: String) -> String {
    storage == .truth ? "-(\(value))" : value
  }

  func activeMask() -> String {
    add("active_mask") {
      vector("u64", 1)
      return inline(
        "u64", "active_mask", "i64 active, i64 lanes",
        returns: "active <= 0 ? 0 : ~0ul >> (64 - (active < lanes ? active : lanes))",
        why: "A bit a lane, lowest first; `active` may lie outside 0...lanes.")
    }
  }

  /// Lanes of one register as they lie in memory, those from `active` on 0.
  private func maskedLoad(_ scalar: String, _ lanes: Int) -> String {
    let t = vector(scalar, lanes)
    let mask = activeMask()
    let (integer, letters, maskType) = Self.maskedBuiltin(scalar, lanes)
    let register = builtinVector(integer, bytes: Self.byteCount(scalar) * lanes)
    let bits = Self.byteCount(scalar) * lanes * 8
    vector(maskType, 1)
    let name = "load_active_register_\(t)"
    return add(name) {
      inline(
        t, name, "const \(scalar) *p, i64 active",
        body: """
            const \(register) zero = {0};
            return (\(t))__builtin_ia32_load\(letters)\(bits)_mask(
              (const void *)p, zero, (\(maskType))\(mask)(active, \(lanes)));
          """)
    }
  }

  func storeActive(_ storage: Storage, lanes: Int) -> String {
    let t = vector(storage.register, lanes)
    let suffix = storage.suffix.isEmpty ? "" : "_as" + storage.suffix.dropFirst(5)
    let name = "store_active_\(t)\(suffix)"
    let parameters = "\(place(storage, isConst: false)), \(t) x, i64 active"
    let memoryBytes = Self.byteCount(storage.memory) * lanes
    guard usesAVX512, !storage.isPacked, memoryBytes >= 16 else {
      // A true lane is -1, in memory 1.
      let value = storage == .truth ? "(lanes.lane[lane] & 1)" : "lanes.lane[lane]"
      let element = storeElement(storage, "p", storage.isPacked ? "offset + lane" : "lane", value)
      return add(name) {
        inline(
          "void", name, parameters,
          body: """
              const union { \(t) all; \(storage.register) lane[\(lanes)]; } lanes = {x};
              #pragma clang loop vectorize(disable) unroll(disable)
              for (i64 lane = 0; lane < active; lane++) \(element)
            """)
      }
    }
    if memoryBytes > 64 {
      let half = storeActive(storage, lanes: lanes / 2)
      return add(name) {
        inline(
          "void", name, parameters,
          body: """
              \(half)(p, x.lo, active);
              \(half)(p + \(lanes / 2), x.hi, active - \(lanes / 2));
            """)
      }
    }
    let mask = activeMask()
    let (integer, letters, maskType) = Self.maskedBuiltin(storage.memory, lanes)
    let register = builtinVector(integer, bytes: memoryBytes)
    vector(maskType, 1)
    let narrowed = narrow("x", storage, lanes)
    return add(name) {
      inline(
        "void", name, parameters,
        body: """
            __builtin_ia32_store\(letters)\(memoryBytes * 8)_mask(
              (void *)p, (\(register))\(narrowed), (\(maskType))\(mask)(active, \(lanes)));
          """)
    }
  }

  /// The integer lanes, letters and mask type of AVX-512's masked moves.
  private static func maskedBuiltin(_ scalar: String, _ lanes: Int) -> (String, String, String) {
    let maskType = lanes == 64 ? "u64" : lanes == 32 ? "u32" : lanes == 16 ? "u16" : "u8"
    switch byteCount(scalar) {
    case 1: return ("i8", "dquqi", maskType)
    case 2: return ("i16", "dquhi", maskType)
    case 8: return ("i64", "dqudi", maskType)
    default: return ("i32", "dqusi", maskType)
    }
  }
}
