import Tiles

/// Rows divided by their root mean square and gated, y = x / sqrt(mean(x²) + 1e-6) · silu(gate).
func gatedNorm(width: Int) -> Kernel {
  Kernel("gated_norm") { k in
    let rows = k.dimension("rows", in: 0...1_000_000)
    let width = Dimension("width", width)
    let x = k.input("x", BFloat16.self, [rows, width])
    let gate = k.input("gate", BFloat16.self, [rows, width])
    let y = k.output("y", BFloat16.self, [rows, width])
    k.parallel(rows) { r in
      let v = x[r].cast(to: Float.self)
      let meanSquare = (v * v).sum(along: width, order: .interleaved(256)) / Float(width.extent!)
      let normalised = v * (meanSquare + 1e-6).reciprocalSquareRoot()
      y[r] = (normalised * silu(gate[r].cast(to: Float.self))).cast(to: BFloat16.self)
    }
  }
}
