import CFamily
import MachineIR
import TileIR

extension Storage {
  /// What the names of functions say about it.
  var suffix: String {
    switch self {
    case .plain: ""
    case .extended(let scalar): "_from_\(scalar)"
    case .truth: "_from_bool"
    case .packed(let signed): signed ? "_from_s4" : "_from_u4"
    }
  }
}

/// Contiguous loads and stores.
extension Prelude {
  /// Parameters that name a place: a packed element has no address of its own.
  func place(_ storage: Storage, isConst: Bool) -> String {
    let pointer = "\(isConst ? "const " : "")\(storage.memory) *p"
    return storage.isPacked ? "\(pointer), i64 offset" : pointer
  }

  /// `value`, lanes as in memory, as register lanes.
  private func extend(_ value: String, _ storage: Storage, _ lanes: Int) -> String {
    let target = vector(storage.register, lanes)
    switch storage {
    case .plain: return value
    case .extended: return convert(value, to: target, lanes)
    case .truth: return "\(convert(value, to: target, lanes)) != 0"
    case .packed(let signed):
      let codes = convert(value, to: target, lanes)
      return signed ? "(\(codes) ^ 8) - 8" : codes
    }
  }

  func load(_ storage: Storage, lanes: Int) -> String {
    let t = vector(storage.register, lanes)
    let name = "load_\(t)\(storage.suffix)"
    if case .packed(let signed) = storage { return loadPacked(name, signed: signed, lanes: lanes) }
    let raw = "*(const \(unaligned(storage.memory, lanes)) *)p"
    return add(name) {
      inline(t, name, place(storage, isConst: true), returns: extend(raw, storage, lanes))
    }
  }

  /// The text of one element's load; a truth value is 0 or 1.
  func loadElement(_ storage: Storage, _ base: String, _ offset: String) -> String {
    switch storage {
    case .plain, .extended: "\(base)[\(offset)]"
    case .truth: "\(base)[\(offset)] != 0"
    case .packed: "\(load(storage, lanes: 1))(\(base), \(offset))"
    }
  }

  /// The statement that stores one element; `value` is a primary expression.
  func storeElement(
    _ storage: Storage, _ base: String, _ offset: String, _ value: String
  ) -> String {
    switch storage {
    case .plain: "\(base)[\(offset)] = \(value);"
    case .extended, .truth: "\(base)[\(offset)] = (\(storage.memory))\(value);"
    case .packed: "\(store(storage, lanes: 1))(\(base), \(offset), \(value));"
    }
  }

  private func loadPacked(_ name: String, signed: Bool, lanes: Int) -> String {
    let t = vector("i32", lanes)
    let storage = Storage.packed(signed: signed)
    if lanes == 1 {
      return add(name) {
        let nibble = "p[offset >> 1] >> (offset & 1) * 4 & 15"
        return inline(
          t, name, place(storage, isConst: true), returns: signed ? "((\(nibble)) ^ 8) - 8" : nibble)
      }
    }
    let (bytes, pairs, codes) = (
      unaligned("u8", lanes / 2), vector("u16", lanes / 2), vector("u8", lanes))
    let plainBytes = vector("u8", lanes / 2)
    return add(name) {
      let load =
        lanes == 2
        ? "const \(plainBytes) packed = p[offset >> 1];"
        : "const \(plainBytes) packed = *(const \(bytes) *)(p + (offset >> 1));"
      let spread =
        lanes == 2
        ? "const \(codes) codes = {packed & 15, packed >> 4};"
        : """
          const \(pairs) pairs = \(convert("packed", to: pairs, lanes / 2));
            const \(codes) codes = (\(codes))((pairs | pairs << 4) & 0x0f0f);
          """
      return inline(
        t, name, place(storage, isConst: true),
        body: "  \(load)\n  \(spread)\n  return \(extend("codes", storage, lanes));",
        why: "Two codes a byte, the even one in the low half; the offset is even.")
    }
  }

  /// A store of whole cache lines past the caches.
  func stream(_ storage: Storage, lanes: Int) throws -> String {
    guard machine.has(.streamingStores), isX86, !storage.isPacked else {
      throw Refusal("the machine has no streaming stores of \(storage.memory)")
    }
    let t = vector(storage.register, lanes)
    let name = "stream_\(t)\(storage.suffix.replacingPrefix("_from", with: "_as"))"
    let (plain, anywhere) = (vector(storage.memory, lanes), unaligned(storage.memory, lanes))
    vector("u64", 1)
    return add(name) {
      inline(
        "void", name, "\(storage.memory) *p, \(t) x, i64 streams",
        body: """
            typedef \(plain) lines __attribute__((aligned(64)));
            const \(plain) value = \(narrow("x", storage, lanes));
            if (streams && ((u64)p & 63) == 0) {
              __builtin_nontemporal_store(value, (lines *)p);
            } else {
              *(\(anywhere) *)p = value;
            }
          """,
        why: "Whole cache lines that are not read first and not kept, where the result is larger than caches.")
    }
  }

  func store(_ storage: Storage, lanes: Int) -> String {
    let t = vector(storage.register, lanes)
    let name = "store_\(t)\(storage.suffix.replacingPrefix("_from", with: "_as"))"
    if case .packed = storage { return storePacked(name, storage, lanes: lanes) }
    let cell = unaligned(storage.memory, lanes)
    return add(name) {
      inline(
        "void", name, "\(place(storage, isConst: false)), \(t) x",
        body: "  *(\(cell) *)p = \(narrow("x", storage, lanes));")
    }
  }

  /// Register lanes as they lie in memory.
  func narrow(_ value: String, _ storage: Storage, _ lanes: Int) -> String {
    let target = vector(storage.memory, lanes)
    switch storage {
    case .plain: return value
    case .truth where lanes > 1: return convert("\(value) & 1", to: target, lanes)
    case .truth: return "(u8)\(value)"
    case .extended, .packed: return convert(value, to: target, lanes)
    }
  }

  private func storePacked(_ name: String, _ storage: Storage, lanes: Int) -> String {
    let t = vector("i32", lanes)
    let parameters = "\(place(storage, isConst: false)), \(t) x"
    if lanes == 1 {
      return add(name) {
        inline(
          "void", name, parameters,
          body: """
              u8 *const byte = p + (offset >> 1);
              const i32 shift = (i32)(offset & 1) * 4;
              *byte = (u8)((*byte & ~(15 << shift)) | (x & 15) << shift);
            """,
          why: "Changes its own half of the byte only; the other half belongs to the same cell.")
      }
    }
    let (bytes, pairs, codes) = (
      unaligned("u8", lanes / 2), vector("u16", lanes / 2), vector("u8", lanes))
    return add(name) {
      let narrowed = convert("x & 15", to: codes, lanes)
      let body =
        lanes == 2
        ? "  p[offset >> 1] = (u8)((x[0] & 15) | (x[1] & 15) << 4);"
        : """
            const \(pairs) spread = (\(pairs))\(narrowed);
            *(\(bytes) *)(p + (offset >> 1)) = \(convert("spread | spread >> 4", to: vector("u8", lanes / 2), lanes / 2));
          """
      return inline(
        "void", name, parameters, body: body,
        why: "Two codes a byte, the even one in the low half; the offset is even.")
    }
  }
}

extension String {
  fileprivate func replacingPrefix(_ prefix: String, with other: String) -> String {
    hasPrefix(prefix) ? other + dropFirst(prefix.count) : self
  }
}
