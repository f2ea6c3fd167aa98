import MachineIR

/// Products of matrices of bytes, and the bytes that they take.
extension CUDADialect {
  /// The function that adds a product of 16 x 32 by 32 x 8 bytes. The device model has the instruction under the
  /// name that the text gives it for a GPU.
  func multiplyBytes() -> String {
    lanes()
    let (i32, u32) = (declare("i32"), declare("u32"))
    add("tessera_mma_s8_16x8x32") {
      func registers(_ numbers: Range<Int>) -> String {
        "{\(numbers.map { "%\($0)" }.joined(separator: ", "))}"
      }
      func operands(_ constraint: String, _ name: String, _ count: Int) -> String {
        (0..<count).map { "\"\(constraint)\"(\(name)[\($0)])" }.joined(separator: ", ")
      }
      let text = inline(
        "void", "tessera_mma_s8_16x8x32", "\(i32) d[4], const \(u32) a[4], const \(u32) b[2]",
        body: """
            asm volatile(
                "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 "
                "\(registers(0..<4)), \(registers(4..<8)), \(registers(8..<10)), \(registers(0..<4));"
                : \(operands("+r", "d", 4))
                : \(operands("r", "a", 4)), \(operands("r", "b", 2)));
          """, why: "d += a b of a warp's fragments, exactly.")
      return "#ifndef TESSERA_DEVICE_MODEL\n\(text)\n#endif"
    }
    return add("multiply_bytes") {
      inline(
        "Lanes<\(i32), 4>", "multiply_bytes",
        "Lanes<\(i32), 4> sum, Lanes<\(i32), 4> left, Lanes<\(i32), 2> right",
        body: """
            tessera_mma_s8_16x8x32(sum.at, (const \(u32) *)left.at, (const \(u32) *)right.at);
            return sum;
          """)
    }
  }

  /// The function that gives a slice of the four E4M3 codes of a register, by binary16 arithmetic on two at a time.
  ///
  /// A code's bits are those of a half of 2^-8 of its number. Adding 1.5 times a power of two leaves the number rounded
  /// to the last place of the sum, as an integer in the sum's low bits; what that leaves of the number is exact.
  func sliceOfE4M3(_ slice: Int, _ type: MachineType) -> String {
    let (i32, u32) = (declare("i32"), declare("u32"))
    let halves = halfArithmetic(u32)
    let parts = add("e4m3_halves") {
      inline(
        u32, "e4m3_halves", "\(u32) codes",
        returns: "(codes & 0x80008000) | (codes >> 1 & 0x3f803f80)",
        why: "2^-8 of the numbers whose codes are the upper bytes of both halves of a word, as halves.")
    }
    // The last place of 192 is 2^14 / 2^17 of the integer, that of 1.5 is 2^7 / 2^17.
    let (upper, lower, scale) = ("0x5a005a00", "0x3e003e00", "0x58005800")
    let rest = add("e4m3_rest") {
      inline(
        u32, "e4m3_rest", "\(u32) x, \(u32) sum, \(u32) magic",
        returns: "\(halves.subtract)(x, \(halves.subtract)(sum, magic))",
        why: "What is left of x where `sum` is x rounded, plus the magic number.")
    }
    let name = "slice_\(slice)_of_e4m3"
    let sums: [String] = [
      "\(halves.add)(x, \(upper))",
      "\(halves.add)(\(rest)(x, \(halves.add)(x, \(upper)), \(upper)), \(lower))",
    ]
    let sum: String =
      switch slice {
      case 2: "return \(sums[0]);"
      case 1: "return \(sums[1]);"
      default:
        """
        const \(u32) left = \(rest)(x, \(sums[0]), \(upper));
          const \(u32) last = \(rest)(left, \(halves.add)(left, \(lower)), \(lower));
          return \(halves.multiplyAdd)(last, \(scale), \(lower));
        """
      }
    let pair = add("\(name)_halves") { inline(u32, "\(name)_halves", "\(u32) x", body: "  \(sum)") }
    // Inlined hundreds of times it takes the model's compiler minutes.
    let often = add("TESSERA_OFTEN") {
      "#ifndef TESSERA_DEVICE_MODEL\n#define TESSERA_OFTEN __forceinline__\n#endif"
    }
    return lanewise(name, arity: 1, type) {
      """
      __device__ \(often) \(i32) \(name)(\(i32) codes) {
        const \(u32) even = \(pair)(\(parts)((\(u32))codes << 8));
        const \(u32) odd = \(pair)(\(parts)((\(u32))codes));
        return (\(i32))__byte_perm(even, odd, 0x6240);
      }
      """
    }
  }

  /// The functions that add, subtract, and multiply and add two halves in a word each, every result rounded once.
  private func halfArithmetic(_ u32: String) -> (add: String, subtract: String, multiplyAdd: String) {
    func function(_ name: String, _ instruction: String, _ operands: [String]) -> String {
      add(name) {
        let inputs = operands.map { "\"r\"(\($0))" }.joined(separator: ", ")
        let places = (0...operands.count).map { "%\($0)" }.joined(separator: ", ")
        let text = inline(
          u32, name, operands.map { "\(u32) \($0)" }.joined(separator: ", "),
          body: """
              \(u32) y;
              asm("\(instruction) \(places);" : "=r"(y) : \(inputs));
              return y;
            """)
        return "#ifndef TESSERA_DEVICE_MODEL\n\(text)\n#endif"
      }
    }
    return (
      function("tessera_add_f16x2", "add.rn.f16x2", ["a", "b"]),
      function("tessera_subtract_f16x2", "sub.rn.f16x2", ["a", "b"]),
      function("tessera_fma_f16x2", "fma.rn.f16x2", ["a", "b", "c"])
    )
  }

  /// The function that looks up four nibbles of a register.
  func bytesOfNibbles(_ table: ByteTable, _ type: MachineType) -> String {
    let name = "bytes_of_nibbles_\(table.name)"
    let (i32, u32) = (declare("i32"), declare("u32"))
    let words = (0..<4).map { word -> String in
      let bytes = (0..<4).reduce(UInt32(0)) { $0 | UInt32(table.bytes[4 * word + $1]) << UInt32(8 * $1) }
      return "0x\(String(bytes, radix: 16))"
    }
    return lanewise(name, arity: 1, type) {
      inline(
        i32, name, "\(i32) nibbles",
        body: """
            const \(u32) low = __byte_perm(\(words[0]), \(words[1]), nibbles & 0x7777);
            const \(u32) high = __byte_perm(\(words[2]), \(words[3]), nibbles & 0x7777);
            return (\(i32))__byte_perm(low, high, 0x3210 | (nibbles & 0x8888) >> 1);
          """,
        why: "Three bits of each nibble pick from either half of the table, the fourth says from which.")
    }
  }
}
