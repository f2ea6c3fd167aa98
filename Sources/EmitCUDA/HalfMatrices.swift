import MachineIR

/// Products of matrices of halves, and the halves of codes.
extension CUDADialect {
  /// The function that adds a product of 16 x 16 by 16 x 8 halves.
  func multiplyHalves() -> String {
    multiplyFragments(
      "multiply_halves", "tessera_mma_f16_16x8x16", "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32", sums: "f32",
      why: "d += a b of a warp's fragments, for sums below 2^24 of their unit.")
  }

  /// The function that gives a part of two of the four E4M3 codes of a register, by binary16 arithmetic on both at once.
  ///
  /// With 1536 added a number is rounded to an integer; what that leaves of it is exact.
  func halvesOfE4M3(pair: Int, part: Int, _ type: MachineType) -> String {
    let (i32, u32) = (declare("i32"), declare("u32"))
    let halves = halfArithmetic(u32)
    let numbers = onlyOnAGPU("tessera_e4m3x2_numbers") {
      // Without the instruction: a code's bits are those of a half of 2^-8 of its number.
      inline(
        u32, "tessera_e4m3x2_numbers", "\(u32) codes",
        body: """
          #if __CUDA_ARCH__ >= 890
            \(u32) y;
            asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(y) : "h"((unsigned short)codes));
            return y;
          #else
            const \(u32) upper = __byte_perm(codes, 0, 0x1404);
            return \(halves.multiplyAdd)((upper & 0x80008000) | (upper >> 1 & 0x3f803f80), 0x5c005c00, 0x80008000);
          #endif
          """, why: "The numbers of the codes in the two lowest bytes, as halves.")
    }
    let nearest = add("half_nearest") {
      inline(
        u32, "half_nearest", "\(u32) x", returns: "\(halves.subtract)(\(halves.add)(x, 0x66006600), 0x66006600)",
        why: "x rounded to integers.")
    }
    let name = "part_\(part)_of_e4m3_pair_\(pair)"
    return lanewise(name, arity: 1, type) {
      let value = part == 0 ? "\(nearest)(x)" : "\(halves.subtract)(x, \(nearest)(x))"
      return """
        __device__ \(often()) \(i32) \(name)(\(i32) codes) {
          const \(u32) x = \(numbers)((\(u32))codes\(pair == 0 ? "" : " >> 16"));
          return (\(i32))\(value);
        }
        """
    }
  }

  /// The function that gives two of the eight E2M1 codes of a register as halves.
  ///
  /// The three bits of a code's size, as the lowest of a half's exponent and the highest of its fraction, are a half of
  /// 2^-14 of its number; a product with a power of two is exact.
  func halvesOfE2M1(pair: Int, _ type: MachineType) -> String {
    let (i32, u32) = (declare("i32"), declare("u32"))
    let halves = halfArithmetic(u32)
    let (sign, size) = (HalfMatrices.signShifts[pair], HalfMatrices.sizeShifts[pair])
    func shifted(_ places: Int) -> String { places == 0 ? "codes" : "codes << \(places)" }
    let name = "numbers_of_e2m1_pair_\(pair)"
    return lanewise(name, arity: 2, type) {
      let bits =
        sign == size
        ? "\(shifted(sign)) & 0x8e008e00" : "(\(shifted(sign)) & 0x80008000) | (\(shifted(size)) & 0x0e000e00)"
      // The exponent field of 2^9, which is 2^-5 above 2^14, in both halves.
      return """
        __device__ \(often()) \(i32) \(name)(\(i32) codes, \(i32) shift) {
          const \(u32) power = 0x60006000 + ((\(u32))shift << 10) * 0x10001;
          return (\(i32))\(halves.multiplyAdd)((\(u32))(\(bits)), power, 0x80008000);
        }
        """
    }
  }

  /// How functions are declared that are inlined hundreds of times: the model's compiler takes minutes where it must.
  private func often() -> String {
    onlyOnAGPU("TESSERA_OFTEN") { "#define TESSERA_OFTEN __forceinline__" }
  }

  /// The functions that add, subtract, and multiply and add two halves in a word each, every result rounded once.
  private func halfArithmetic(_ u32: String) -> (add: String, subtract: String, multiplyAdd: String) {
    func function(_ name: String, _ instruction: String, _ operands: [String]) -> String {
      onlyOnAGPU(name) {
        let inputs = operands.map { "\"r\"(\($0))" }.joined(separator: ", ")
        let places = (0...operands.count).map { "%\($0)" }.joined(separator: ", ")
        return inline(
          u32, name, operands.map { "\(u32) \($0)" }.joined(separator: ", "),
          body: """
              \(u32) y;
              asm("\(instruction) \(places);" : "=r"(y) : \(inputs));
              return y;
            """)
      }
    }
    return (
      function("tessera_add_f16x2", "add.rn.f16x2", ["a", "b"]),
      function("tessera_subtract_f16x2", "sub.rn.f16x2", ["a", "b"]),
      function("tessera_fma_f16x2", "fma.rn.f16x2", ["a", "b", "c"])
    )
  }
}
