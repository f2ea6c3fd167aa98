import MachineIR

/// Products of matrices of bytes.
extension CUDADialect {
  /// The function that adds a product of 16 x 32 by 32 x 8 bytes.
  func multiplyBytes() -> String {
    multiplyFragments(
      "multiply_bytes", "tessera_mma_s8_16x8x32", "mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32", sums: "i32",
      why: "d += a b of a warp's fragments, exactly.")
  }
}
