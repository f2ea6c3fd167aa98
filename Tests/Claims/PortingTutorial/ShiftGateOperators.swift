import Tiles

/// Rows normed, then mixed with the row before: y = mix n + (1 - mix) n', n' that of the position before.
func shiftedNorm(width: Int, span: Int) -> Kernel {
  Kernel("shifted_norm") { k in
    let rows = k.dimension("rows", in: 0...65_536)
    let (slots, width) = (Dimension("slots", span), Dimension("width", width))
    let start = k.scalar("start", in: 0...1_000_000)
    let x = k.input("x", Float.self, [rows, width])
    let gain = k.weight("gain", Float.self, [width])
    let mix = k.weight("mix", Float.self, [width])
    let ring = k.state("ring", Float.self, [slots, width])
    let y = k.output("y", Float.self, [rows, width])
    func normed(_ x: Tile<Float>) -> Tile<Float> {
      let meanSquare = (x * x).sum(along: width, order: .interleaved(256)) / Float(width.extent!)
      return x * (meanSquare + 1e-5).reciprocalSquareRoot() * gain[width]
    }
    k.parallel(rows) { r in
      // The row before: of this run, or, for its first row, what the last run left.
      let own = normed(x[Position((r.coordinate - 1).maximum(0)), width])
      let kept = ring[(start.position + (span - 1)) % span, width]
      let before = select(r.coordinate .== 0, kept, own)
      y[r] = mix[width] * normed(x[r]) + (1 - mix[width]) * before
    }
    // Regions follow one another: what the last run left has been read before this run's rows take its place.
    k.parallel(rows) { r in
      let isLast = r.coordinate .>= k.length(of: rows) - Int32(span)
      ring.write(normed(x[r]), at: (start.position + r.position) % span, width, where: isLast)
    }
  }
}

/// silu(x gate^T) (x up^T): two products and what follows them in one launch.
func gatedUp(inputs: Int, outputs: Int) -> Kernel {
  Kernel("gated_up") { k in
    let rows = k.dimension("rows", in: 0...65_536)
    let (inputs, outputs) = (Dimension("inputs", inputs), Dimension("outputs", outputs))
    let x = k.input("x", Float.self, [rows, inputs])
    let gate = k.weight("gate", Float.self, [outputs, inputs])
    let up = k.weight("up", Float.self, [outputs, inputs])
    let y = k.output("y", Float.self, [rows, outputs])
    k.parallel(rows, outputs) { r, o in
      let g = product(x[r], gate[o], contracting: inputs, .ordered(.chained(512), .unfused))
      let u = product(x[r], up[o], contracting: inputs, .ordered(.chained(512), .unfused))
      y[r, o] = silu(g) * u
    }
  }
}

/// x down^T added to a residual.
func addedDown(inputs: Int, outputs: Int) -> Kernel {
  Kernel("added_down") { k in
    let rows = k.dimension("rows", in: 0...65_536)
    let (inputs, outputs) = (Dimension("inputs", inputs), Dimension("outputs", outputs))
    let x = k.input("x", Float.self, [rows, inputs])
    let down = k.weight("down", Float.self, [outputs, inputs])
    let residual = k.input("residual", Float.self, [rows, outputs])
    let y = k.output("y", Float.self, [rows, outputs])
    k.parallel(rows, outputs) { r, o in
      y[r, o] = residual[r, o] + product(x[r], down[o], contracting: inputs, .ordered(.chained(512), .unfused))
    }
  }
}
