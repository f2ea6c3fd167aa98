import Tiles

/// The product of E4M3 activations and E4M3 weights under power-of-two block scales, y = x W^T.
///
/// - Mathematics: y[t, o] = bf(sum over i of x[t, i] 2^(sx[t, i/128] - 127) w[o, i]
///   2^(sw[o/128, i/128] - 127)).
/// - Shapes: x [rows, inputs], x_scale [rows, inputs/128], w [outputs, inputs], w_scale [outputs/128,
///   inputs/128] (quotients rounded up), y bf16 [rows, outputs].
/// - Numeric class: `exactBlock(128)`: each block of 128 inputs is summed exactly and rounded once to
///   fp32, block sums are added in ascending order, the total is rounded once to bf16.
/// - Edge cases: a NaN code or scale code 255 makes the results that read it NaN; a last block of inputs
///   may be short; no rows give an empty result.
/// - Source: DeepSeek-V4 specification, section 3, "Quantised linear".
public func linearFP8(inputs: Int, outputs: Int) -> Kernel {
  Kernel("linear_fp8") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let (inputs, outputs) = (Dimension("inputs", inputs), Dimension("outputs", outputs))
    let blocks = inputs.blocks(of: 128)
    let x = k.input("x", E4M3.self, [rows, inputs])
    let xScale = k.input("x_scale", E8M0.self, [rows, blocks])
    let w = k.weight("w", E4M3.self, [outputs, inputs])
    let wScale = k.weight("w_scale", E8M0.self, [outputs.blocks(of: 128), blocks])
    let y = k.output("y", BFloat16.self, [rows, outputs])
    k.parallel(rows, outputs) { r, o in
      let block = Position(inputs) / 128
      let left = x[r].scaled(by: xScale[r, block])
      let right = w[o].scaled(by: wScale[o.position / 128, block])
      y[r, o] = product(left, right, contracting: inputs, .exactBlock(128)).cast(to: BFloat16.self)
    }
  }
}

/// As `linearFP8`, each segment of rows with the weights of its own expert.
///
/// - Shapes: offsets [experts + 1] cut the rows into one segment an expert, segments may be empty;
///   w [experts, outputs, inputs], w_scale [experts, outputs/128, inputs/128]; the rest as `linearFP8`.
/// - Numeric class and edge cases: those of `linearFP8`; no expert's rows change another's results.
/// - Source: DeepSeek-V4 specification, sections 3 and 9 (FP8 experts of the base checkpoints).
public func groupedLinearFP8(experts: Int, inputs: Int, outputs: Int) -> Kernel {
  Kernel("grouped_linear_fp8") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let (inputs, outputs) = (Dimension("inputs", inputs), Dimension("outputs", outputs))
    let (blocks, experts) = (inputs.blocks(of: 128), Dimension("experts", experts))
    let offsets = k.input("offsets", Int32.self, [experts.bounds], .partition(of: rows))
    let x = k.input("x", E4M3.self, [rows, inputs])
    let xScale = k.input("x_scale", E8M0.self, [rows, blocks])
    let w = k.weight("w", E4M3.self, [experts, outputs, inputs])
    let wScale = k.weight("w_scale", E8M0.self, [experts, outputs.blocks(of: 128), blocks])
    let y = k.output("y", BFloat16.self, [rows, outputs])
    k.parallel(segments: offsets, over: experts, and: outputs) { e, r, o in
      let block = Position(inputs) / 128
      let left = x[r].scaled(by: xScale[r, block])
      let right = w[e, o].scaled(by: wScale[e, o.position / 128, block])
      y[r, o] = product(left, right, contracting: inputs, .exactBlock(128)).cast(to: BFloat16.self)
    }
  }
}
