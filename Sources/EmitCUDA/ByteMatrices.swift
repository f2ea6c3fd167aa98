import MachineIR

/// Products of matrices of bytes.
extension CUDADialect {
  /// The function that adds a product of 16 x 32 by 32 x 8 bytes. The device model has the instruction under the
  /// name that the text gives it for a GPU.
  func multiplyBytes() -> String {
    lanes()
    let (i32, u32) = (declare("i32"), declare("u32"))
    add("tessera_mma_s8_16x8x32") {
      let text = inline(
        "void", "tessera_mma_s8_16x8x32", "\(i32) d[4], const \(u32) a[4], const \(u32) b[2]",
        body: Self.multiplyFragments("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32", sums: "+r"),
        why: "d += a b of a warp's fragments, exactly.")
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

  /// An instruction on fragments of four sums, four registers on the left and two on the right.
  static func multiplyFragments(_ instruction: String, sums: String) -> String {
    func registers(_ numbers: Range<Int>) -> String {
      "{\(numbers.map { "%\($0)" }.joined(separator: ", "))}"
    }
    func operands(_ constraint: String, _ name: String, _ count: Int) -> String {
      (0..<count).map { "\"\(constraint)\"(\(name)[\($0)])" }.joined(separator: ", ")
    }
    return """
        asm volatile(
            "\(instruction) "
            "\(registers(0..<4)), \(registers(4..<8)), \(registers(8..<10)), \(registers(0..<4));"
            : \(operands(sums, "d", 4))
            : \(operands("r", "a", 4)), \(operands("r", "b", 2)));
      """
  }
}
