import Tiles

/// The two norms in front of a multi-token prediction layer: of the next token's embedding, and of the
/// residual streams at the position before it.
///
/// - Mathematics: e = RMS(table[token]; enorm), h[j] = RMS(streams[j]; hnorm), both quantised by Q8.
/// - Shapes: token int32 [tokens], the token after each position; table [vocabulary, hidden]; streams
///   [tokens, n, hidden]; enorm and hnorm fp32 [hidden]; e_codes, e_scale of [tokens, hidden], h_codes,
///   h_scale of [tokens, n, hidden]. table and streams are bf16; in float32 all are fp32, e and h the norms.
/// - Numeric class: mean squares `interleaved(256)`, unfused; one rounding to bf16 in front of Q8.
/// - Edge cases: a token outside of the vocabulary is refused before the launch.
/// - Source: DeepSeek-V4 specification, section 10.
public func nextTokenNorms(_ shape: HyperConnections, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("next_token_norms") { k in
    let axes = HyperConnectionAxes(k, shape)
    let (tokens, streams, hidden) = (axes.tokens, axes.streams, axes.hidden)
    let vocabulary = k.dimension("vocabulary", in: 1...mostRows)
    let token = k.input("token", Int32.self, [tokens], .coordinate(of: vocabulary))
    let table = FloatBuffer(k, .weight, "table", [vocabulary, hidden], arithmetic)
    let x = FloatBuffer(k, .input, "streams", [tokens, streams, hidden], arithmetic)
    let (enorm, hnorm) = (k.weight("enorm", Float.self, [hidden]), k.weight("hnorm", Float.self, [hidden]))
    let e = LinearRowsOutput(k, "e", [tokens], hidden, arithmetic)
    let h = LinearRowsOutput(k, "h", [tokens, streams], hidden, arithmetic)
    func normed(_ row: Tile<Float>, _ gain: Tensor<Float>) -> Tile<Float> {
      arithmetic.rounded(
        row.rootMeanSquareNormalised(along: hidden, gain: gain[hidden], epsilon: shape.normEpsilon))
    }
    k.parallel(tokens) { t in e.store(normed(table[Position(token[t]), hidden], enorm), at: [t]) }
    k.parallel(tokens, streams) { t, j in h.store(normed(x[t, j, hidden], hnorm), at: [t, j]) }
  }
}

/// The streams that a multi-token prediction layer begins with.
///
/// - Mathematics: y[t, j] = bf(e[t] + bf(h[t, j] h_proj^T)).
/// - Shapes: e [tokens, hidden], the embedding's projection; h_codes and h_scale of h [tokens, n, hidden], in
///   float32 h fp32; h_proj E4M3 [hidden, hidden] with scales, in float32 fp32; y [tokens, n, hidden].
///   e and y are bf16, in float32 fp32.
/// - Numeric class: `exactBlock(128)`, in float32 `chained(512)`, unfused.
/// - Edge cases: as `linearFP8`.
/// - Source: DeepSeek-V4 specification, section 10.
public func nextTokenInput(_ shape: HyperConnections, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("next_token_input") { k in
    let axes = HyperConnectionAxes(k, shape)
    let (tokens, streams, hidden) = (axes.tokens, axes.streams, axes.hidden)
    let outputs = Dimension("outputs", shape.hidden)
    let e = FloatBuffer(k, .input, "e", [tokens, outputs], arithmetic)
    let h = LinearRows(k, "h", [tokens, streams], hidden, arithmetic)
    let weight = LinearWeight(k, "h_proj", outputs, hidden, .fp8, arithmetic)
    let y = FloatBuffer(k, .output, "y", [tokens, streams, outputs], arithmetic)
    k.parallel(tokens, streams, outputs) { t, j, o in
      y[t, j, o] = e[t, o] + arithmetic.rounded(h.times(weight, at: [t, j], o))
    }
  }
}
