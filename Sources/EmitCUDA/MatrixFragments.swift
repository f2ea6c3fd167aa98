import MachineIR

/// Products of matrices whose fragments are four sums, four registers on the left and two on the right.
extension CUDADialect {
  /// The function `name` that adds such a product by `instruction`. The device model has the instruction under the name
  /// `intrinsic`, which the text gives it for a GPU.
  func multiplyFragments(
    _ name: String, _ intrinsic: String, _ instruction: String, sums scalar: String, why: String
  ) -> String {
    lanes()
    let (sum, i32, u32) = (declare(scalar), declare("i32"), declare("u32"))
    onlyOnAGPU(intrinsic) {
      inline(
        "void", intrinsic, "\(sum) d[4], const \(u32) a[4], const \(u32) b[2]",
        body: Self.assembly(instruction, sums: scalar == "f32" ? "+f" : "+r"), why: why)
    }
    return add(name) {
      inline(
        "Lanes<\(sum), 4>", name, "Lanes<\(sum), 4> sum, Lanes<\(i32), 4> left, Lanes<\(i32), 2> right",
        body: """
            \(intrinsic)(sum.at, (const \(u32) *)left.at, (const \(u32) *)right.at);
            return sum;
          """)
    }
  }

  private static func assembly(_ instruction: String, sums: String) -> String {
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
