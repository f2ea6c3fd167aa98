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
