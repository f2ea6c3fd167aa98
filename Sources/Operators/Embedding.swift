import Tiles

/// The residual streams of tokens: as many copies of each token's embedding.
///
/// - Mathematics: y[t, j] = table[token[t]].
/// - Shapes: token int32 [tokens], table [vocabulary, hidden], y [tokens, streams, hidden]; bf16, in
///   float32 fp32.
/// - Numeric class: exact.
/// - Edge cases: a token outside of the vocabulary is refused before the launch.
/// - Source: DeepSeek-V4 specification, section 5.
public func embed(streams: Int, hidden: Int, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("embed") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let vocabulary = k.dimension("vocabulary", in: 1...mostRows)
    let (streams, hidden) = (Dimension("streams", streams), Dimension("hidden", hidden))
    let token = k.input("token", Int32.self, [tokens], .coordinate(of: vocabulary))
    let table = FloatBuffer(k, .weight, "table", [vocabulary, hidden], arithmetic)
    let y = FloatBuffer(k, .output, "y", [tokens, streams, hidden], arithmetic)
    k.parallel(tokens) { t in y[t, streams, hidden] = table[Position(token[t]), hidden] }
  }
}
