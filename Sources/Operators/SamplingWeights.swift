import Tiles

/// What the next token is drawn by: the exponentials of logits at a temperature, not yet divided by their
/// sum.
///
/// - Mathematics: y[r, v] = e^((x[r, v] - max of x[r]) / temperature[r]).
/// - Shapes: x and y fp32 [rows, vocabulary], temperature fp32 [rows], positive.
/// - Numeric class: exact but for the difference, the quotient (correctly rounded) and the exponential.
/// - Edge cases: -infinity gives 0; a row that holds NaN or +infinity becomes NaN where they stand and
///   around; a temperature of 0 or NaN gives NaN at the maximum.
/// - Source: DeepSeek-V4 specification, section 14.
public func samplingWeights(vocabulary: Int) -> Kernel {
  Kernel("sampling_weights") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let vocabulary = Dimension("vocabulary", vocabulary)
    let x = k.input("x", Float.self, [rows, vocabulary])
    let temperature = k.input("temperature", Float.self, [rows])
    let y = k.output("y", Float.self, [rows, vocabulary])
    k.parallel(rows) { r in
      y[r] = exp((x[r] - x[r].max(along: vocabulary)) / temperature[r])
    }
  }
}
