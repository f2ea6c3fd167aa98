import Tiles

/// The constants of a layer's experts.
public struct ExpertShape: Sendable {
  public let experts, picks, hidden, inner: Int
  /// Of the gated activation; nil clamps nothing.
  public let limit: Float?
  /// How the routed experts' weights are stored; shared ones are FP8.
  public let format: WeightFormat

  public init(
    experts: Int, picks: Int, hidden: Int, inner: Int, limit: Float?, format: WeightFormat = .fp4
  ) {
    self.experts = experts
    self.picks = picks
    self.hidden = hidden
    self.inner = inner
    self.limit = limit
    self.format = format
  }
}

/// The first half of the routed experts: each slot's token through its expert's gate and up products, the
/// clamped activation, and the routing weight.
///
/// - Mathematics, for slot j with s = permutation[j], its token s / picks and its expert e:
///   G = bf(x w1[e]^T), U = bf(x w3[e]^T), w = weight[token, s mod picks],
///   y = bf(w (silu(min(G, limit)) clamp(U, -limit, limit))).
/// - Shapes: x_codes and x_scale of x [tokens, hidden], in float32 x fp32; weight fp32 [tokens, picks];
///   offsets int32 [experts + 1] and permutation int32 [slots] as `expertDispatch` gives them; w1 and w3
///   [experts, inner, hidden] with scales as `WeightFormat` says, in float32 fp32; y bf16 [slots, inner],
///   in float32 fp32, where the products are not rounded.
/// - Numeric class: `exactBlock(128)`; silu is elementary; `chained(512)`, unfused, in float32.
/// - Edge cases: an expert without slots reads nothing; no tokens give an empty result; NaN as `swiglu`.
/// - Source: DeepSeek-V4 specification, section 9; contract section 2b.
public func expertsUp(_ shape: ExpertShape, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("experts_up") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let slots = k.dimension("slots", in: 0...mostRows * shape.picks)
    let (experts, picks) = (Dimension("experts", shape.experts), Dimension("picks", shape.picks))
    let (hidden, inner) = (Dimension("hidden", shape.hidden), Dimension("inner", shape.inner))
    let x = LinearRows(k, "x", [tokens], hidden, arithmetic)
    let weight = k.input("weight", Float.self, [tokens, picks])
    let offsets = k.input("offsets", Int32.self, [experts.bounds], .partition(of: slots))
    let permutation = k.input("permutation", Int32.self, [slots], .permutation(of: slots))
    k.require(Position(lengthOf: slots), isAtMost: Position(lengthOf: tokens) * shape.picks)
    let w1 = LinearWeight(k, "w1", parts: [experts], inner, hidden, shape.format, arithmetic)
    let w3 = LinearWeight(k, "w3", parts: [experts], inner, hidden, shape.format, arithmetic)
    let y = FloatBuffer(k, .output, "y", [slots, inner], arithmetic)
    k.parallel(segments: offsets, over: experts, and: inner) { e, j, o in
      let slot = Position(permutation[j])
      let token = slot / shape.picks
      let gate = arithmetic.rounded(x.times(w1, at: [token], o, part: [e]))
      let up = arithmetic.rounded(x.times(w3, at: [token], o, part: [e]))
      y[j, o] = weight[token, slot % shape.picks] * swiglu(gate: gate, up: up, limit: shape.limit)
    }
  }
}

/// The second half of the routed experts: y = bf(x w2[e]^T) for the slots of each expert e.
///
/// - Shapes: x_codes and x_scale of x [slots, inner], in float32 x fp32; offsets int32 [experts + 1];
///   w2 [experts, hidden, inner] with scales, in float32 fp32; y bf16 [slots, hidden], in float32 fp32.
/// - Numeric class and edge cases: those of `expertsUp`.
/// - Source: DeepSeek-V4 specification, section 9; contract section 2b.
public func expertsDown(_ shape: ExpertShape, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("experts_down") { k in
    let slots = k.dimension("slots", in: 0...mostRows * shape.picks)
    let experts = Dimension("experts", shape.experts)
    let (hidden, inner) = (Dimension("hidden", shape.hidden), Dimension("inner", shape.inner))
    let x = LinearRows(k, "x", [slots], inner, arithmetic)
    let offsets = k.input("offsets", Int32.self, [experts.bounds], .partition(of: slots))
    let w2 = LinearWeight(k, "w2", parts: [experts], hidden, inner, shape.format, arithmetic)
    let y = FloatBuffer(k, .output, "y", [slots, hidden], arithmetic)
    k.parallel(segments: offsets, over: experts, and: hidden) { e, j, o in
      y[j, o] = x.times(w2, at: [j], o, part: [e])
    }
  }
}

/// The first half of the shared expert: as `expertsUp` for every token, without a routing weight.
///
/// - Shapes: x_codes and x_scale of x [tokens, hidden], in float32 x fp32; w1 and w3 E4M3 [inner, hidden]
///   with scales, in float32 fp32; y bf16 [tokens, inner], in float32 fp32.
/// - Numeric class and edge cases: those of `expertsUp`.
/// - Source: DeepSeek-V4 specification, section 9 (the shared expert is clamped too).
public func sharedUp(_ shape: ExpertShape, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("shared_up") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let (hidden, inner) = (Dimension("hidden", shape.hidden), Dimension("inner", shape.inner))
    let x = LinearRows(k, "x", [tokens], hidden, arithmetic)
    let w1 = LinearWeight(k, "w1", inner, hidden, .fp8, arithmetic)
    let w3 = LinearWeight(k, "w3", inner, hidden, .fp8, arithmetic)
    let y = FloatBuffer(k, .output, "y", [tokens, inner], arithmetic)
    k.parallel(tokens, inner) { t, o in
      let gate = arithmetic.rounded(x.times(w1, at: [t], o))
      let up = arithmetic.rounded(x.times(w3, at: [t], o))
      y[t, o] = swiglu(gate: gate, up: up, limit: shape.limit)
    }
  }
}

/// The end of a feed-forward sub-layer: the shared expert's second product, the routed experts' results
/// added up, and the way back into the residual streams.
///
/// - Mathematics: shared = bf(x w2^T); o = bf(sum of the token's routed rows + shared), rows in ascending
///   order of their experts; y[t, k] = bf(post[k] o + sum over j of comb[j, k] streams[j]).
/// - Shapes: x_codes and x_scale of x [tokens, inner], in float32 x fp32; w2 E4M3 [hidden, inner] with
///   scales, in float32 fp32; routed [slots, hidden]; inverse int32 [slots] as `expertDispatch` gives it;
///   streams, post and comb as `hcPre` has and gives them; y [tokens, n, hidden]. routed, streams and y are
///   bf16, in float32 fp32.
/// - Numeric class: `exactBlock(128)`, in float32 `chained(512)`, unfused; sums over experts and streams
///   are `sequential`.
/// - Edge cases: a token that has an expert twice adds both rows; no tokens give an empty result.
/// - Source: DeepSeek-V4 specification, sections 5.1 ("HCpost") and 9; contract section 2b.
public func sharedDown(
  _ shape: ExpertShape, streams: HyperConnections, arithmetic: Arithmetic = .quantised
) -> Kernel {
  Kernel("shared_down") { k in
    let axes = HyperConnectionAxes(k, streams)
    let (tokens, hidden) = (axes.tokens, axes.hidden)
    let (picks, inner) = (Dimension("picks", shape.picks), Dimension("inner", shape.inner))
    let slots = k.slots(tokens, picks)
    let x = LinearRows(k, "x", [tokens], inner, arithmetic)
    let w2 = LinearWeight(k, "w2", hidden, inner, .fp8, arithmetic)
    let routed = FloatBuffer(k, .input, "routed", [slots, hidden], arithmetic)
    let inverse = k.input("inverse", Int32.self, [slots], .permutation(of: slots))
    let update = StreamsUpdate(k, axes, arithmetic)
    let pick = k.axis("picks", shape.picks)
    k.require(shape.hidden == streams.hidden, "one width of hidden rows")
    k.parallel(tokens, hidden) { t, o in
      let shared = arithmetic.rounded(x.times(w2, at: [t], o))
      // Slots stand expert by expert, so a token's rows ascend with its experts.
      let rows = inverse[t.position * shape.picks + Position(pick)].sorted(along: pick)
      let sum = routed[Position(rows), o].sum(along: pick, order: .sequential)
      update.store(sum + shared, at: t, o)
    }
  }
}
