import CFamily
import MachineIR
import TileIR

/// Conversions from and to narrow floats that a GPU has an instruction for.
extension CUDADialect {
  /// The function `name` by an instruction, where there is one; where there is none, in some architectures and in the
  /// device model, it is what it is defined as.
  func byInstruction(_ function: ScalarFunction, _ name: String, _ definition: () throws -> String) rethrows -> String {
    switch function {
    case .bfloat16Narrowing: narrowBFloat16(name)
    case .e4m3Narrowing: ofE4M3(narrowE4M3(name), otherwise: try definition())
    case .e4m3Widening: ofE4M3(widenE4M3(name), otherwise: try definition())
    default: try definition()
    }
  }

  /// Conversions of E4M3 came with compute capability 8.9.
  private func ofE4M3(_ instruction: String, otherwise definition: String) -> String {
    """
    #if __CUDA_ARCH__ >= 890 && !defined(TESSERA_DEVICE_MODEL)
    \(instruction)
    #else
    \(definition)
    #endif
    """
  }

  private func narrowBFloat16(_ name: String) -> String {
    let (i32, f32, u16) = (declare("i32"), declare("f32"), declare("u16"))
    let rounded = onlyOnAGPU("tessera_bf16_code") {
      inline(
        i32, "tessera_bf16_code", "\(f32) x",
        body: """
            \(u16) y;
            asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y) : "f"(x));
            return y;
          """, why: "The code of the bf16 number nearest to x, ties to even.")
    }
    return inline(
      i32, name, "\(f32) x", returns: "x != x ? 0x7fc0 : \(rounded)(x)", why: "With the NaN of the contract.")
  }

  private func narrowE4M3(_ name: String) -> String {
    let (i32, f32, u16) = (declare("i32"), declare("f32"), declare("u16"))
    return inline(
      i32, name, "\(f32) x",
      body: """
          \(u16) y;
          asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(y) : "f"(0.0f), "f"(x));
          return x != x ? 0x7f : y;
        """, why: "The code nearest to x, ties to even, at most 448.")
  }

  private func widenE4M3(_ name: String) -> String {
    let (i32, f32, u16, u32) = (declare("i32"), declare("f32"), declare("u16"), declare("u32"))
    return inline(
      f32, name, "\(i32) code",
      body: """
          \(u32) halves;
          \(f32) y;
          asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(halves) : "h"((\(u16))code));
          asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"((\(u16))halves));
          return y;
        """, why: "The number of a code, by way of a half.")
  }
}
