import Tiles

/// What block-scaled E4M3 weights stand for, as numbers.
///
/// - Mathematics: y[m, o, i] = w[m, o, i] 2^(scale[m, o/128, i/128] - 127), rounded to the result's type.
/// - Shapes: w [matrices, outputs, inputs], scale E8M0 [matrices, outputs/128, inputs/128] (quotients
///   rounded up), y [matrices, outputs, inputs], fp32 or bf16.
/// - Numeric class: the product is exact unless it overflows or falls below 2^-149; one rounding to bf16.
/// - Edge cases: a NaN code or scale code 255 gives NaN; no matrices give an empty result.
/// - Source: DeepSeek-V4 specification, section 3, "Weight dequantisation".
public func dequantiseFP8<Result: TileElement>(
  inputs: Int, outputs: Int, result: Result.Type = Float.self
) -> Kernel {
  Kernel("dequantise_fp8") { k in
    let matrices = k.dimension("matrices", in: 0...mostRows)
    let (inputs, outputs) = (Dimension("inputs", inputs), Dimension("outputs", outputs))
    let w = k.input("w", E4M3.self, [matrices, outputs, inputs])
    let scale = k.input("scale", E8M0.self, [matrices, outputs.blocks(of: 128), inputs.blocks(of: 128)])
    let y = k.output("y", Result.self, [matrices, outputs, inputs])
    k.parallel(matrices, outputs) { m, o in
      let s = scale[m, o.position / 128, Position(inputs) / 128].cast(to: Float.self)
      y[m, o] = (w[m, o, inputs].cast(to: Float.self) * s).cast(to: Result.self)
    }
  }
}

/// What block-scaled E2M1 weights stand for, as numbers.
///
/// - Mathematics: y[m, o, i] = w[m, o, i] 2^(scale[m, o, i/32] - 127).
/// - Shapes: w [matrices, outputs, inputs] (packed, the even column in the low nibble), scale E8M0
///   [matrices, outputs, inputs/32], y fp32 [matrices, outputs, inputs]. `inputs` is even.
/// - Numeric class: the product is exact unless it falls below 2^-149.
/// - Edge cases: scale code 255 gives NaN; no matrices give an empty result.
/// - Source: DeepSeek-V4 specification, section 3, "Weight dequantisation".
public func dequantiseFP4(inputs: Int, outputs: Int) -> Kernel {
  Kernel("dequantise_fp4") { k in
    let matrices = k.dimension("matrices", in: 0...mostRows)
    let (inputs, outputs) = (Dimension("inputs", inputs), Dimension("outputs", outputs))
    let w = k.input("w", E2M1.self, [matrices, outputs, inputs])
    let scale = k.input("scale", E8M0.self, [matrices, outputs, inputs.blocks(of: 32)])
    let y = k.output("y", Float.self, [matrices, outputs, inputs])
    k.parallel(matrices, outputs) { m, o in
      let s = scale[m, o, Position(inputs) / 32].cast(to: Float.self)
      y[m, o] = w[m, o, inputs].cast(to: Float.self) * s
    }
  }
}

/// bf16 numbers as fp32.
///
/// - Shapes: x bf16 and y fp32 [rows, width], both bound at launch.
/// - Numeric class: exact.
/// - Edge cases: NaN becomes the canonical one; no rows give an empty result.
public func widen() -> Kernel {
  Kernel("widen") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let width = k.dimension("width", in: 0...mostRows)
    let x = k.input("x", BFloat16.self, [rows, width])
    let y = k.output("y", Float.self, [rows, width])
    k.parallel(rows) { r in y[r] = x[r].cast(to: Float.self) }
  }
}
