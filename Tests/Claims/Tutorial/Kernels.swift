import Tiles

// The operators of Documentation/writing-an-operator.md; a test holds every block there to stand here.

func addBias(channels: Int) -> Kernel {
  Kernel("add_bias") { k in
    let rows = k.dimension("rows", in: 0...65_536)      // bound by each launch
    let channels = Dimension("channels", channels)      // fixed in this instance
    let x = k.input("x", BFloat16.self, [rows, channels])
    let bias = k.weight("bias", Float.self, [channels])
    let y = k.output("y", BFloat16.self, [rows, channels])
    k.parallel(rows) { r in
      let sum = x[r].cast(to: Float.self) + bias[channels]
      y[r] = sum.cast(to: BFloat16.self)
    }
  }
}

func logSumExp() -> Kernel {
  Kernel("log_sum_exp") { k in
    let rows = k.dimension("rows", in: 0...65_536)
    let width = k.dimension("width", in: 1...65_536)
    let x = k.input("x", Float.self, [rows, width])
    let most = k.output("most", Float.self, [rows])
    let total = k.output("total", Float.self, [rows])
    k.parallel(rows) { r in
      let m = x[r].max(along: width)
      most[r] = m
      total[r] = exp(x[r] - m).sum(along: width, order: .interleaved(128))
    }
  }
}

func linearSilu(inputs: Int, outputs: Int) -> Kernel {
  Kernel("linear_silu") { k in
    let rows = k.dimension("rows", in: 0...65_536)
    let (inputs, outputs) = (Dimension("inputs", inputs), Dimension("outputs", outputs))
    let x = k.input("x", Float.self, [rows, inputs])
    let w = k.weight("w", Float.self, [outputs, inputs])
    let y = k.output("y", Float.self, [rows, outputs])
    k.parallel(rows, outputs) { r, o in
      y[r, o] = silu(product(x[r], w[o], contracting: inputs, .ordered(.chained(512), .fused)))
    }
  }
}

func pairMaximum(channels: Int) -> Kernel {
  Kernel("pair_maximum") { k in
    let rows = k.dimension("rows", in: 0...65_536)
    let pairs = Dimension("pairs", channels / 2)
    let x = k.input("x", Float.self, [rows, Dimension("channels", channels)])
    let y = k.output("y", Float.self, [rows, pairs])
    k.require(channels % 2 == 0, "channels come in pairs")
    k.parallel(rows) { r in
      y[r] = x[r, Position(pairs) * 2].maximum(x[r, Position(pairs) * 2 + 1])
    }
  }
}

func appendRows(span: Int, width: Int) -> Kernel {
  Kernel("append_rows") { k in
    let rows = k.dimension("rows", in: 0...span)
    let (slots, width) = (Dimension("slots", span), Dimension("width", width))
    let start = k.scalar("start", in: 0...1_000_000)
    let x = k.input("x", Float.self, [rows, width])
    let ring = k.state("ring", Float.self, [slots, width])
    k.parallel(rows) { r in
      ring[(start.position + r.position) % span, width] = x[r]
    }
  }
}

func recentMean(span: Int, most: Int) -> Kernel {
  Kernel("recent_mean") { k in
    let rows = k.dimension("rows", in: 0...65_536)
    let slots = Dimension("slots", span)
    let table = k.input("table", Float.self, [slots])
    let picks = k.input("picks", Int32.self, [rows, Dimension("picks", most)], .coordinate(of: slots))
    let counts = k.input("counts", Int32.self, [rows], .range(1, most))
    let y = k.output("y", Float.self, [rows])
    k.parallel(rows) { r in
      let chosen = k.axis("chosen", in: 1...most, length: Position(counts[r]))
      let value = table[Position(picks[r, Position(chosen)])]
      let total = value.sum(along: chosen, order: .sequential)
      y[r] = total / counts[r].cast(to: Float.self)
    }
  }
}

func perExpertScale(experts: Int, width: Int) -> Kernel {
  Kernel("per_expert_scale") { k in
    let rows = k.dimension("rows", in: 0...65_536)
    let (experts, width) = (Dimension("experts", experts), Dimension("width", width))
    let offsets = k.input("offsets", Int32.self, [experts.bounds], .partition(of: rows))
    let x = k.input("x", Float.self, [rows, width])
    let scale = k.weight("scale", Float.self, [experts])
    let y = k.output("y", Float.self, [rows, width])
    k.parallel(segments: offsets, over: experts) { e, r in
      y[r] = x[r] * scale[e]
    }
  }
}

func sinkhorn(rounds: Int, size: Int) -> Kernel {
  Kernel("sinkhorn") { k in
    let tokens = k.dimension("tokens", in: 0...65_536)
    let (rows, columns) = (Dimension("rows", size), Dimension("columns", size))
    let x = k.input("x", Float.self, [tokens, rows, columns])
    let y = k.output("y", Float.self, [tokens, rows, columns])
    k.parallel(tokens) { t in
      y[t] = k.iterate(rounds, carrying: exp(x[t])) { m, _ in
        let byRows = m / m.sum(along: columns, order: .sequential)
        return byRows / byRows.sum(along: rows, order: .sequential)
      }
    }
  }
}

/// x scaled to root mean square 1 along `axis`.
func normalised(_ x: Tile<Float>, along axis: Dimension, count: Int) -> Tile<Float> {
  let meanSquare = (x * x).sum(along: axis, order: .interleaved(256)) / Float(count)
  return x * (meanSquare + 1e-6).reciprocalSquareRoot()
}

func normedResidual(width: Int) -> Kernel {
  Kernel("normed_residual") { k in
    let rows = k.dimension("rows", in: 0...65_536)
    let channels = Dimension("channels", width)
    let x = k.input("x", Float.self, [rows, channels])
    let residual = k.input("residual", Float.self, [rows, channels])
    let y = k.output("y", Float.self, [rows, channels])
    k.parallel(rows) { r in
      let sum = x[r] + residual[r]
      k.assert(sum.max(along: channels) .< 1e30, "the residual stream stays finite")
      y[r] = normalised(sum, along: channels, count: width)
    }
  }
}
