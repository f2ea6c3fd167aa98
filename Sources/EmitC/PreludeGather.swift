import CFamily
import MachineIR

/// Loads and stores of one element a lane, at 32-bit offsets from a place.
extension Prelude {
  /// Lanes from `active` on are 0 and their memory is not touched.
  func gather(_ storage: Storage, lanes: Int, isPartial: Bool) -> String {
    let t = vector(storage.register, lanes)
    let offsets = vector("i32", lanes)
    let name = "gather_\(isPartial ? "active_" : "")\(t)\(storage.suffix)"
    let tail = isPartial ? ", i64 active" : ""
    let parameters = "\(place(storage, isConst: true)), \(offsets) at\(tail)"
    if case .plain(let scalar) = storage, usesAVX512, let builtin = Self.gatherBuiltin(scalar, lanes) {
      return gatherRegister(name, t, parameters, scalar, lanes, builtin, isPartial: isPartial)
    }
    if case .plain(let scalar) = storage, usesAVX512, Self.byteCount(scalar) * lanes > 64 {
      let half = gather(storage, lanes: lanes / 2, isPartial: isPartial)
      let both = concatenate(scalar, lanes / 2)
      let (low, high) = isPartial ? (", active", ", active - \(lanes / 2)") : ("", "")
      return add(name) {
        inline(
          t, name, parameters,
          returns: "\(both)(\(half)(p, at.lo\(low)), \(half)(p, at.hi\(high)))")
      }
    }
    let at = storage.isPacked ? "offset + from.lane[lane]" : "from.lane[lane]"
    let element = lane(of: storage, loadElement(storage, "p", at))
    let bound = isPartial ? "active" : "\(lanes)"
    return add(name) {
      inline(
        t, name, parameters,
        body: """
            const union { \(offsets) all; i32 lane[\(lanes)]; } from = {at};
            union { \(t) all; \(storage.register) lane[\(lanes)]; } x\(isPartial ? " = {0}" : "");
            #pragma clang loop vectorize(disable)\(isPartial ? " unroll(disable)" : "")
            for (i64 lane = 0; lane < \(bound); lane++) x.lane[lane] = \(element);
            return x.all;
          """)
    }
  }

  private func gatherRegister(
    _ name: String, _ t: String, _ parameters: String, _ scalar: String, _ lanes: Int,
    _ builtin: String, isPartial: Bool
  ) -> String {
    let size = Self.byteCount(scalar)
    let register = builtinVector(scalar, bytes: size * lanes)
    let offsets = builtinVector("i32", bytes: 4 * lanes)
    let mask = isPartial ? "(\(lanes == 16 ? "u16" : "u8"))\(activeMask())(active, \(lanes))" : "-1"
    if isPartial { vector(lanes == 16 ? "u16" : "u8", 1) }
    return add(name) {
      inline(
        t, name, parameters,
        body: """
            const \(register) zero = {0};
            return (\(t))\(builtin)(zero, (const void *)p, (\(offsets))at, \(mask), \(size));
          """)
    }
  }

  /// AVX-512's gather of one whole register.
  private static func gatherBuiltin(_ scalar: String, _ lanes: Int) -> String? {
    switch (scalar, lanes) {
    case ("f32", 16): "__builtin_ia32_gathersiv16sf"
    case ("i32", 16): "__builtin_ia32_gathersiv16si"
    case ("f64", 8): "__builtin_ia32_gathersiv8df"
    case ("i64", 8): "__builtin_ia32_gathersiv8di"
    default: nil
    }
  }

  /// Lanes in ascending order, so that of two at one place the later stays.
  func scatter(_ storage: Storage, lanes: Int, isPartial: Bool) -> String {
    let t = vector(storage.register, lanes)
    let offsets = vector("i32", lanes)
    let suffix = storage.suffix.isEmpty ? "" : "_as" + storage.suffix.dropFirst(5)
    let name = "scatter_\(isPartial ? "active_" : "")\(t)\(suffix)"
    let tail = isPartial ? ", i64 active" : ""
    let value = storage == .truth ? "(from.lane[lane] & 1)" : "from.lane[lane]"
    let at = storage.isPacked ? "offset + to.lane[lane]" : "to.lane[lane]"
    let element = storeElement(storage, "p", at, value)
    return add(name) {
      inline(
        "void", name, "\(place(storage, isConst: false)), \(offsets) at, \(t) x\(tail)",
        body: """
            const union { \(offsets) all; i32 lane[\(lanes)]; } to = {at};
            const union { \(t) all; \(storage.register) lane[\(lanes)]; } from = {x};
            #pragma clang loop vectorize(disable)\(isPartial ? " unroll(disable)" : "")
            for (i64 lane = 0; lane < \(isPartial ? "active" : "\(lanes)"); lane++) \(element)
          """,
        why: "Ascending, so that of two lanes at one place the later stays.")
    }
  }
}
