import Tiles

/// The lightning indexer's score of each compressed entry for each token.
///
/// - Mathematics: score[t, e] = bf(sum over h of bf(bf(max(bf(q[t, h] key[e]), 0)) weights[t, h])) for
///   entries e < (p + 1) / ratio of the token's sequence, which are complete at its position p; -infinity
///   for others.
/// - Shapes: index_codes E2M1 [tokens, heads, channels] and index_scale E8M0 [.., channels/32] as
///   `queryRotation` gives them, in float32 index fp32; weights [tokens, heads]; index_keys_codes and
///   index_keys_scale [sequences, capacity, ..] as `compress` writes them, in float32 index_keys fp32;
///   sequence and position int32 [tokens]; scores [tokens, reach], reach bound by the launch: at least
///   every (p + 1) / ratio, at most the capacity. weights and scores are bf16, in float32 fp32.
/// - Numeric class: `exactBlock(128)`; the sum over heads is `tree`; in float32 `chained(512)`, unfused, and
///   nothing is rounded.
/// - Edge cases: a NaN in a query or a visible key makes its scores NaN; contents of invisible entries do
///   not matter.
/// - Source: DeepSeek-V4 specification, section 8; contract section 2b.
public func indexScores(
  _ shape: IndexerShape, ratio: Int, arithmetic: Arithmetic = .quantised
) -> Kernel {
  Kernel("index_scores") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let sequences = k.dimension("sequences", in: 1...mostSequences)
    let capacity = k.dimension("capacity", in: 1...mostRows)
    let reach = k.dimension("reach", in: 0...mostRows)
    let heads = Dimension("index_heads", shape.heads)
    let channels = Dimension("index_channels", shape.channels)
    let q = IndexRows(k, .input, "index", [tokens, heads], channels, arithmetic)
    let weights = FloatBuffer(k, .input, "weights", [tokens, heads], arithmetic)
    let keys = IndexRows(k, .input, "index_keys", [sequences, capacity], channels, arithmetic)
    let sequence = k.input("sequence", Int32.self, [tokens], .coordinate(of: sequences))
    let position = k.input("position", Int32.self, [tokens], .range(0, mostRows - 1))
    let scores = FloatBuffer(k, .output, "scores", [tokens, reach], arithmetic)
    k.require(Position(lengthOf: reach), isAtMost: Position(lengthOf: capacity))
    k.parallel(tokens, reach) { t, e in
      let dot = arithmetic.rounded(q.times(keys, at: [t, heads], [Position(sequence[t]), e]))
      let weighted = arithmetic.rounded(dot.maximum(0) * weights[t, heads])
      let isVisible = e.coordinate .< (position[t] + 1) / ratio
      scores[t, e] = select(isVisible, weighted.sum(along: heads, order: .tree), -.infinity)
    }
  }
}

/// The compressed entries that each token attends to: those with the highest scores.
///
/// - Mathematics: of the entries e < (p + 1) / ratio the `picks` with the largest scores, equal ones by lower
///   entry; picks in ascending order, counts how many there are.
/// - Shapes: scores [tokens, reach] as `indexScores` gives them, reach at least 1, bf16, in float32 fp32;
///   position int32 [tokens]; picks int32 [tokens, picks], 0 beyond the count; counts int32 [tokens].
/// - Numeric class: exact.
/// - Edge cases: NaN is below every score; while no more entries than picks are visible all are chosen.
/// - Source: DeepSeek-V4 specification, section 8.
public func indexPicks(picks: Int, ratio: Int, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("index_picks") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let reach = k.dimension("reach", in: 1...mostRows)
    let slots = Dimension("slots", picks)
    let scores = FloatBuffer(k, .input, "scores", [tokens, reach], arithmetic)
    let position = k.input(
      "position", Int32.self, [tokens], .range(0, mostRows - 1), .withEntries(in: reach, ratio: ratio))
    let chosen = k.output("picks", Int32.self, [tokens, slots], .coordinate(of: reach))
    let counts = k.output("counts", Int32.self, [tokens], .range(0, picks))
    k.parallel(tokens) { t in
      let complete = (position[t] + 1) / ratio
      let visible = k.axis("visible", in: 0...mostRows / ratio, length: Position(complete))
      let top = scores[t, Position(visible)].topK(along: visible, into: slots)
      // Where there are fewer, what fills up sorts behind them.
      let ascending = select(top .>= 0, top, Int32.max).sorted(along: slots)
      let count = complete.minimum(Int32(picks))
      chosen[t] = select(k.coordinate(of: slots) .< count, ascending, 0)
      counts[t] = count
    }
  }
}
