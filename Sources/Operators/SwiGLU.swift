import Tiles

/// The gated activation of an expert, with clamped halves and an optional weight for each row.
///
/// - Mathematics: G = min(gate, limit), U = clamp(up, -limit, limit), y = bf(w (silu(G) U)). The gate has
///   no lower limit; without a limit nothing is clamped; without a routing weight w is left out.
/// - Shapes: gate, up and y bf16 [rows, width], weight fp32 [rows].
/// - Numeric class: silu is elementary; products round one after the other in fp32, the result to bf16.
/// - Edge cases: NaN passes through both clamps; a gate of -infinity times any finite `up` follows
///   silu(-infinity) = -0.
/// - Source: Shazeer 2020, arXiv 2002.05202; DeepSeek-V4 specification, section 9.
public func swiglu(width: Int, limit: Float? = nil, routed: Bool = false) -> Kernel {
  Kernel("swiglu") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let width = Dimension("width", width)
    let gate = k.input("gate", BFloat16.self, [rows, width])
    let up = k.input("up", BFloat16.self, [rows, width])
    let weight = routed ? k.input("weight", Float.self, [rows]) : nil
    let y = k.output("y", BFloat16.self, [rows, width])
    k.parallel(rows) { r in
      let activated = swiglu(
        gate: gate[r].cast(to: Float.self), up: up[r].cast(to: Float.self), limit: limit)
      y[r] = (weight.map { $0[r] * activated } ?? activated).cast(to: BFloat16.self)
    }
  }
}

/// silu(min(gate, limit)) clamp(up, -limit, limit), in fp32.
func swiglu(gate: Tile<Float>, up: Tile<Float>, limit: Float?) -> Tile<Float> {
  guard let limit else { return silu(gate) * up }
  return silu(gate.minimum(limit)) * up.clamped(to: -limit...limit)
}
