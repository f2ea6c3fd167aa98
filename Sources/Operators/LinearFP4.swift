import Tiles

/// The product of E4M3 activations and E2M1 weights under power-of-two block scales, y = x W^T.
///
/// - Mathematics: y[t, o] = bf(sum over i of x[t, i] 2^(sx[t, i/128] - 127) w[o, i]
///   2^(sw[o, i/32] - 127)).
/// - Shapes: x [rows, inputs], x_scale [rows, inputs/128], w [outputs, inputs] (packed, the even
///   column in the low nibble), w_scale [outputs, inputs/32] (quotients rounded up), y bf16
///   [rows, outputs]. `inputs` is even.
/// - Numeric class: `exactBlock(128)`, the four weight scales of a block included.
/// - Edge cases: as `linearFP8`; E2M1 has no NaN.
/// - Source: DeepSeek-V4 specification, section 3, "Quantised linear"; contract section 2.
public func linearFP4(inputs: Int, outputs: Int) -> Kernel {
  Kernel("linear_fp4") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let (inputs, outputs) = (Dimension("inputs", inputs), Dimension("outputs", outputs))
    let x = k.input("x", E4M3.self, [rows, inputs])
    let xScale = k.input("x_scale", E8M0.self, [rows, inputs.blocks(of: 128)])
    let w = k.weight("w", E2M1.self, [outputs, inputs])
    let wScale = k.weight("w_scale", E8M0.self, [outputs, inputs.blocks(of: 32)])
    let y = k.output("y", BFloat16.self, [rows, outputs])
    k.parallel(rows, outputs) { r, o in
      let left = x[r].scaled(by: xScale[r, Position(inputs) / 128])
      let right = w[o].scaled(by: wScale[o, Position(inputs) / 32])
      y[r, o] = product(left, right, contracting: inputs, .exactBlock(128)).cast(to: BFloat16.self)
    }
  }
}

/// As `linearFP4`, each segment of rows with the weights of its own expert.
///
/// - Shapes: offsets [experts + 1] cut the rows into one segment an expert, segments may be empty;
///   w [experts, outputs, inputs], w_scale [experts, outputs, inputs/32]; the rest as `linearFP4`.
/// - Numeric class and edge cases: those of `linearFP4`; no expert's rows change another's results.
/// - Source: DeepSeek-V4 specification, sections 3 and 9.
public func groupedLinearFP4(experts: Int, inputs: Int, outputs: Int) -> Kernel {
  Kernel("grouped_linear_fp4") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let (inputs, outputs) = (Dimension("inputs", inputs), Dimension("outputs", outputs))
    let experts = Dimension("experts", experts)
    let offsets = k.input("offsets", Int32.self, [experts.bounds], .partition(of: rows))
    let x = k.input("x", E4M3.self, [rows, inputs])
    let xScale = k.input("x_scale", E8M0.self, [rows, inputs.blocks(of: 128)])
    let w = k.weight("w", E2M1.self, [experts, outputs, inputs])
    let wScale = k.weight("w_scale", E8M0.self, [experts, outputs, inputs.blocks(of: 32)])
    let y = k.output("y", BFloat16.self, [rows, outputs])
    k.parallel(segments: offsets, over: experts, and: outputs) { e, r, o in
      let left = x[r].scaled(by: xScale[r, Position(inputs) / 128])
      let right = w[e, o].scaled(by: wScale[e, o, Position(inputs) / 32])
      y[r, o] = product(left, right, contracting: inputs, .exactBlock(128)).cast(to: BFloat16.self)
    }
  }
}
