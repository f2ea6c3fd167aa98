import Tiles

/// In which arithmetic an attention runs (numeric contract, section 2b).
public enum AttentionArithmetic: Sendable {
  /// bf16 rows; scores in `fixedPoint(21)` over whole head rows, weights rounded to bf16, their product
  /// with the rows in `fixedPointFolded(21)` over blocks of 128 keys.
  case quantised
  /// fp32 rows; both products in `chained(512)`, unfused; nothing is rounded to bf16.
  case float32
}

/// Multi-query attention of each token over its sliding window and its chosen compressed entries, with a
/// sink in the denominator; keys and values are the same latent rows.
///
/// - Mathematics, for token t at position p = start + t and head h: keys are the rows at positions
///   max(0, p - window + 1) ... p, ascending, then the entries picks[t, 0 ..< counts[t]], in their order.
///   s = (q k) scale, M = max s, e = exp(s - M), y = bf(sum of bf(e) k / (sum of e + exp(sink - M))). The
///   weights of the value product are rounded, those of the denominator are not.
/// - Shapes: q [tokens, heads, channels]; rows [tokens, channels], those of this chunk; ring [span,
///   channels], state, rows of positions before `start` at slot position mod span, span >= window - 1;
///   entries [capacity, channels], state; picks int32 [tokens, slots]; counts int32 [tokens]; sink fp32
///   [heads]; y [tokens, heads, channels].
/// - Numeric class: as `AttentionArithmetic` says; the sum of exponentials is `interleaved(128)` along the
///   key list; the quotient is a product with one correctly rounded reciprocal a head.
/// - Edge cases: at the first positions the window is shorter; counts may be 0; a pick beyond its count is
///   not read; NaN in a visible row makes every head of the token NaN.
/// - Source: DeepSeek-V4 specification, section 6, steps 5 and 6; contract section 2b.
public func attention(
  heads: Int, channels: Int, window: Int, span: Int, picks: Int,
  arithmetic: AttentionArithmetic = .quantised
) -> Kernel {
  let shape = AttentionShape(
    heads: heads, channels: channels, window: window, span: span, picks: picks)
  switch arithmetic {
  case .quantised: return attention(BFloat16.self, shape, arithmetic)
  case .float32: return attention(Float.self, shape, arithmetic)
  }
}

private struct AttentionShape {
  let heads, channels, window, span, picks: Int
}

private func attention<Element: TileElement>(
  _: Element.Type, _ shape: AttentionShape, _ arithmetic: AttentionArithmetic
) -> Kernel {
  Kernel("attention") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let capacity = k.dimension("capacity", in: 1...mostRows)
    let heads = Dimension("heads", shape.heads)
    let channels = Dimension("channels", shape.channels)
    let (span, slots) = (Dimension("span", shape.span), Dimension("slots", shape.picks))
    let start = k.scalar("start", in: 0...mostRows)
    let q = k.input("q", Element.self, [tokens, heads, channels])
    let rows = k.input("rows", Element.self, [tokens, channels])
    let ring = k.state("ring", Element.self, [span, channels])
    let entries = k.state("entries", Element.self, [capacity, channels])
    let picks = k.input("picks", Int32.self, [tokens, slots], .coordinate(of: capacity))
    let counts = k.input("counts", Int32.self, [tokens], .range(0, shape.picks))
    let sink = k.weight("sink", Float.self, [heads])
    let y = k.output("y", Element.self, [tokens, heads, channels])
    k.require(shape.span >= shape.window - 1, "the ring holds the rest of a window")
    k.parallel(tokens, heads) { t, h in
      // The window: positions first ... p, of which those before start lie in the ring.
      let p = t.coordinate + start.tile()
      let first = (p - Int32(shape.window - 1)).maximum(0)
      let fresh = first.maximum(start.tile())
      let old = k.axis("old", in: 0...shape.window - 1, length: Position(fresh - first))
      let new = k.axis("new", in: 1...shape.window, length: Position(p - fresh + 1))
      let chosen = k.axis("chosen", in: 0...shape.picks, length: Position(counts[t]))
      let keys = k.joined("keys", old, new, chosen)
      let key = keys(
        ring[(Position(first) + Position(old)) % shape.span, channels],
        rows[Position(fresh - start.tile()) + Position(new), channels],
        entries[Position(picks[t, Position(chosen)]), channels]
      ).cast(to: Float.self)
      let scale = 1 / Float(shape.channels).squareRoot()
      let score = product(
        q[t, h].cast(to: Float.self), key, contracting: channels, arithmetic.scores(channels)) * scale
      let most = score.max(along: keys.dimension)
      let e = exp(score - most)
      let total = e.sum(along: keys.dimension, order: .interleaved(128)) + exp(sink[h] - most)
      let sum = product(
        e.rounded(to: Element.self), key, contracting: keys.dimension, arithmetic.values(channels))
      y[t, h] = (sum * (1 / total)).cast(to: Element.self)
    }
  }
}

extension AttentionArithmetic {
  fileprivate func scores(_ channels: Dimension) -> ProductClass {
    switch self {
    case .quantised: .fixedPoint(bits: 21, block: channels.extent!)
    case .float32: .ordered(.chained(512), .unfused)
    }
  }

  fileprivate func values(_ channels: Dimension) -> ProductClass {
    switch self {
    case .quantised: .fixedPointFolded(bits: 21, block: 128, axis: channels)
    case .float32: .ordered(.chained(512), .unfused)
    }
  }
}
