import Tiles

/// Root-mean-square normalisation of rows with a gain for each channel.
///
/// - Mathematics: y = bf(g (x / sqrt(mean(x^2) + epsilon))), mean over the row.
/// - Shapes: x bf16 [rows, width], gain fp32 [width], y bf16 [rows, width].
/// - Numeric class: the sum of squares is `interleaved(256)`, unfused; the mean is one division; the
///   root and one over it round each; products round one after the other, the result to bf16.
/// - Edge cases: a NaN makes its row NaN; an infinity makes its row 0 and itself NaN; squares that
///   overflow make finite rows 0; no rows give an empty result.
/// - Source: Zhang and Sennrich 2019, arXiv 1910.07467; DeepSeek-V4 specification, section 4.
public func rmsNorm(width: Int, epsilon: Float = 1e-6) -> Kernel {
  Kernel("rms_norm") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let width = Dimension("width", width)
    let x = k.input("x", BFloat16.self, [rows, width])
    let gain = k.weight("gain", Float.self, [width])
    let y = k.output("y", BFloat16.self, [rows, width])
    k.parallel(rows) { r in
      let v = x[r].cast(to: Float.self)
      y[r] = v.rootMeanSquareNormalised(along: width, gain: gain[width], epsilon: epsilon)
        .cast(to: BFloat16.self)
    }
  }
}
