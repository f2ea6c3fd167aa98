import CFamily
import MachineIR

/// Rearrangements of lanes and the integer instructions with no C operator.
extension Prelude {
  /// 0, 1, 2, … in i32 lanes.
  func laneNumbers(_ lanes: Int) -> String {
    let name = "lane_numbers_\(lanes)"
    let t = vector("i32", lanes)
    return add(name) {
      let items = (0..<lanes).map { Layout.text("\($0)") }
      let list = Layout.group(open: "{", items: items, separator: ",", close: "};")
      return Layout.sequence([.text("static const \(t) \(name) = "), list]).broken(at: 0, indent: 2)
    }
  }

  /// The lanes of two vectors one after the other.
  func concatenate(_ half: MachineType) -> String {
    concatenate(Self.scalarName(half.scalar), half.lanes)
  }

  func concatenate(_ scalar: String, _ half: Int) -> String {
    let (t, h) = (vector(scalar, half * 2), vector(scalar, half))
    return add("concatenate_\(t)") {
      let parts = half == 1 ? ("v[0]", "v[1]") : ("v.lo", "v.hi")
      return inline(
        t, "concatenate_\(t)", "\(h) a, \(h) b",
        body: "  \(t) v;\n  \(parts.0) = a;\n  \(parts.1) = b;\n  return v;")
    }
  }

  /// The lanes of two vectors in turns.
  func interleave(_ half: MachineType) -> String {
    let scalar = Self.scalarName(half.scalar)
    let (t, h) = (vector(scalar, half.lanes * 2), vector(scalar, half.lanes))
    return add("interleave_\(t)") {
      let lanes = (0..<half.lanes).map { "\($0), \($0 + half.lanes)" }.joined(separator: ", ")
      return inline(
        t, "interleave_\(t)", "\(h) a, \(h) b", returns: "__builtin_shufflevector(a, b, \(lanes))")
    }
  }

  /// acc + sums of four u8 x i8 products, exact in i32.
  func dot4(lanes: Int) throws -> String {
    guard machine.has(.dot4), isX86 else {
      throw Refusal("the machine has no exact dot product of four bytes (dot4)")
    }
    guard lanes >= 4 else { throw Refusal("dot4 of \(lanes) lanes; at least 4 expected") }
    let (t, u, s) = (vector("i32", lanes), vector("u8", 4 * lanes), vector("i8", 4 * lanes))
    let name = "dot4_\(t)"
    let parameters = "\(t) acc, \(u) a, \(s) b"
    if lanes > 16 {
      let half = try dot4(lanes: lanes / 2)
      let both = concatenate("i32", lanes / 2)
      return add(name) {
        inline(
          t, name, parameters,
          returns: "\(both)(\(half)(acc.lo, a.lo, b.lo), \(half)(acc.hi, a.hi, b.hi))")
      }
    }
    let register = builtinVector("i32", bytes: 4 * lanes)
    return add(name) {
      inline(
        t, name, parameters,
        returns: "(\(t))__builtin_ia32_vpdpbusd\(32 * lanes)((\(register))acc, (\(register))a, (\(register))b)",
        why: "acc + a[4l] b[4l] + … + a[4l + 3] b[4l + 3] in lane l: exact, nothing saturates.")
    }
  }

  /// Bytes of a table of 16 by the low 4 bits of each lane.
  func lookup16(_ table: MachineType, lanes: Int) throws -> String {
    guard machine.has(.lookup16) else { throw Refusal("the machine has no byte shuffle (lookup16)") }
    guard lanes >= 16 else { throw Refusal("lookup16 of \(lanes) lanes; at least 16 expected") }
    let scalar = Self.scalarName(table.scalar)
    let (t, v, at) = (vector(scalar, 16), vector(scalar, lanes), vector("u8", lanes))
    let name = "lookup16_\(v)"
    let parameters = "\(t) table, \(at) at"
    let why = "table[at & 15] in every lane."
    let widest = isX86 ? (usesAVX512 ? 64 : 32) : 16
    if lanes > widest {
      let half = try lookup16(table, lanes: lanes / 2)
      let both = concatenate(scalar, lanes / 2)
      return add(name) {
        inline(
          v, name, parameters, returns: "\(both)(\(half)(table, at.lo), \(half)(table, at.hi))")
      }
    }
    if isX86 {
      var wide = "table"
      var width = 16
      while width < lanes {
        wide = "\(concatenate(scalar, width))(\(wide), \(wide))"
        width *= 2
      }
      let register = builtinVector("i8", bytes: lanes)
      return add(name) {
        inline(
          v, name, parameters,
          returns: "(\(v))__builtin_ia32_pshufb\(lanes * 8)((\(register))\(wide), (\(register))(at & 15))",
          why: why)
      }
    }
    return add(name) {
      typedefsForNEON()
      return inline(
        v, name, parameters,
        returns: "(\(v))__builtin_neon_vqtbl1q_v((neon_i8x16)table, (neon_i8x16)(at & 15), 32)",
        why: why)
    }
  }

  /// Bytes of a table of 128 by the low 7 bits of each lane.
  func lookup128(lanes: Int) throws -> String {
    guard machine.has(.lookup128), isX86 else {
      throw Refusal("the machine has no byte shuffle of 128 (lookup128)")
    }
    guard lanes == 64 else { throw Refusal("lookup128 of \(lanes) lanes; 64 expected") }
    let (table, bytes) = (vector("u8", 128), vector("u8", 64))
    let register = builtinVector("i8", bytes: 64)
    return add("lookup128") {
      inline(
        bytes, "lookup128", "\(table) table, \(bytes) at",
        returns:
          "(\(bytes))__builtin_ia32_vpermi2varqi512((\(register))table.lo, (\(register))at, (\(register))table.hi)",
        why: "table[at & 127] in every lane.")
    }
  }

  /// Constant bytes.
  func table(_ table: ByteTable) -> String {
    let t = vector("u8", table.bytes.count)
    return add(table.name) {
      let items = table.bytes.map { Layout.text("\($0)") }
      let list = Layout.group(open: "{", items: items, separator: ",", close: "};")
      return Layout.sequence([.text("static const \(t) \(table.name) = "), list]).broken(at: 0, indent: 2)
    }
  }

  private func typedefsForNEON() {
    add("neon_i8x16") {
      vector("i8", 1)
      return "typedef __attribute__((neon_vector_type(16))) i8 neon_i8x16;"
    }
  }

  /// Whether every lane of a mask holds.
  func allLanes(_ lanes: Int) -> String {
    let t = vector("i32", lanes)
    return add("all_lanes_\(t)") {
      inline("i32", "all_lanes_\(t)", "\(t) mask", returns: "__builtin_reduce_and(mask) != 0")
    }
  }

  /// Raises the launch's sticky status.
  func raiseStatus() -> String {
    add("raise_status") {
      """
      // The first failed check stays. Two cells that fail at once may both find 0: either's code is right.
      static inline void raise_status(const tessera_launch *launch, i32 code) {
        if (__atomic_load_n(launch->status, __ATOMIC_RELAXED) == 0) {
          __atomic_store_n(launch->status, code, __ATOMIC_RELAXED);
        }
      }
      """
    }
  }
}
