import Tiles

/// How a router chooses experts.
public enum ExpertChoice: Sendable {
  /// Those with the largest scores, to which a bias of each expert is added for choosing only.
  case scores
  /// Those that a table has for the token's number.
  case hashed
}

/// Which experts a token goes to, and with which weights.
///
/// - Mathematics: s = sqrt(softplus(x gate^T)); ids are the `picks` largest of s + bias, largest first, or
///   tid2eid[token]; weight[i] = s[id i] / (sum of the chosen s) scale.
/// - Shapes: x [tokens, hidden], gate [experts, hidden], bf16, in float32 fp32; bias fp32 [experts], or
///   token int32 [tokens] and tid2eid int32 [vocabulary, picks]; id int32 [tokens, picks], weight fp32
///   [tokens, picks].
/// - Numeric class: the product is `interleaved(256)`, unfused; softplus is elementary; the sum of the
///   chosen is `sequential` in their order.
/// - Edge cases: of equal scores the lower id is chosen; NaN is below every score; a weight is NaN where
///   all chosen scores are 0.
/// - Source: DeepSeek-V4 specification, section 9.
public func router(
  hidden: Int, experts: Int, picks: Int, scale: Float, choice: ExpertChoice,
  arithmetic: Arithmetic = .quantised
) -> Kernel {
  Kernel("router") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let (hidden, experts) = (Dimension("hidden", hidden), Dimension("experts", experts))
    let picks = Dimension("picks", picks)
    let x = FloatBuffer(k, .input, "x", [tokens, hidden], arithmetic)
    let gate = FloatBuffer(k, .weight, "gate", [experts, hidden], arithmetic)
    k.require(picks.extent! <= experts.extent!, "no more picks than experts")
    let choose: (Block, Tile<Float>) -> Tile<Int32>
    switch choice {
    case .scores:
      let bias = k.weight("bias", Float.self, [experts])
      choose = { ($1 + bias[experts]).topK(along: experts, into: picks) }
    case .hashed:
      let vocabulary = k.dimension("vocabulary", in: 1...mostRows)
      let token = k.input("token", Int32.self, [tokens], .coordinate(of: vocabulary))
      let table = k.weight("tid2eid", Int32.self, [vocabulary, picks], .coordinate(of: experts))
      choose = { t, _ in table[Position(token[t]), picks] }
    }
    let id = k.output("id", Int32.self, [tokens, picks], .coordinate(of: experts))
    let weight = k.output("weight", Float.self, [tokens, picks])
    k.parallel(tokens) { t in
      let logits = product(
        x[t], gate[experts, hidden], contracting: hidden, .ordered(.interleaved(256), .unfused))
      let scores = softplus(logits).squareRoot()
      let chosen = choose(t, scores)
      let score = scores.at(experts, Position(chosen))
      id[t] = chosen
      weight[t] = score / score.sum(along: picks, order: .sequential) * scale
    }
  }
}
