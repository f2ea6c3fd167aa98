import MachineIR

/// Products of matrices of `f64`.
extension CUDADialect {
  /// The function that adds a product of 8 x 4 by 4 x 8 numbers. The device model has the instruction under the name
  /// that the text gives it for a GPU.
  func multiplyDoubles() -> String {
    lanes()
    let f64 = declare("f64")
    onlyOnAGPU("tessera_mma_f64_8x8x4") {
      inline(
        "void", "tessera_mma_f64_8x8x4", "\(f64) d[2], \(f64) a, \(f64) b",
        body: """
            asm("mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%0, %1}, {%2}, {%3}, {%0, %1};"
                : "+d"(d[0]), "+d"(d[1]) : "d"(a), "d"(b));
          """, why: "d += a b of a warp's fragments, for sums below 2^53.")
    }
    return add("multiply_doubles") {
      inline(
        "Lanes<\(f64), 2>", "multiply_doubles", "Lanes<\(f64), 2> sum, \(f64) left, \(f64) right",
        body: """
            tessera_mma_f64_8x8x4(sum.at, left, right);
            return sum;
          """)
    }
  }
}
