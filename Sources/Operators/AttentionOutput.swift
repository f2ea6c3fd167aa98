import Tiles

/// The first half of an attention's low-rank output: each group of heads by a weight of its own.
///
/// - Mathematics: z[t, g rank + r] = bf(sum over i of o[t, g inputs + i] wo_a[g, r, i]).
/// - Shapes: o [tokens, groups inputs], `inputs` being the channels of a group's heads one after the other;
///   wo_a [groups, rank, inputs]; z [tokens, groups rank]; bf16, the weight as FP8 dequantised and rounded;
///   in float32 fp32.
/// - Numeric class: `fixedPoint(21)` in blocks of 128 inputs; in float32 `chained(512)`, unfused.
/// - Edge cases: a NaN or an infinity makes every product of its block NaN; no tokens give an empty result.
/// - Source: DeepSeek-V4 specification, section 6, step 8; contract section 2b.
public func outputGroups(
  groups: Int, inputs: Int, rank: Int, arithmetic: Arithmetic = .quantised
) -> Kernel {
  Kernel("output_groups") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let (group, inputs) = (Dimension("groups", groups), Dimension("inputs", inputs))
    let ranks = Dimension("ranks", rank)
    let o = FloatBuffer(
      k, .input, "o", [tokens, Dimension("width", groups * inputs.extent!)], arithmetic)
    let weight = FloatBuffer(k, .weight, "wo_a", [group, ranks, inputs], arithmetic)
    let z = FloatBuffer(k, .output, "z", [tokens, Dimension("outputs", groups * rank)], arithmetic)
    k.parallel(tokens, group, ranks) { t, g, r in
      z[t, g.position * rank + r.position] = product(
        o[t, g.position * inputs.extent! + Position(inputs)], weight[g, r, inputs], contracting: inputs,
        arithmetic.product())
    }
  }
}

/// The end of an attention sub-layer: the output's second product and the way back into the streams.
///
/// - Mathematics: o = bf(x wo_b^T); y[t, k] = bf(post[k] o + sum over j of comb[j, k] streams[j]).
/// - Shapes: x_codes and x_scale of x [tokens, inputs], in float32 x fp32; wo_b E4M3 [hidden, inputs] with
///   scales, in float32 fp32; streams, post and comb as `hcPre` has and gives them; y [tokens, n, hidden],
///   bf16, in float32 fp32.
/// - Numeric class: `exactBlock(128)`, in float32 `chained(512)`, unfused; sums over streams `sequential`.
/// - Edge cases: as `linearFP8`.
/// - Source: DeepSeek-V4 specification, sections 5.1 ("HCpost") and 6, step 8.
public func outputUpdate(
  inputs: Int, streams: HyperConnections, arithmetic: Arithmetic = .quantised
) -> Kernel {
  Kernel("output_update") { k in
    let axes = HyperConnectionAxes(k, streams)
    let inputs = Dimension("inputs", inputs)
    let x = LinearRows(k, "x", [axes.tokens], inputs, arithmetic)
    let weight = LinearWeight(k, "wo_b", axes.hidden, inputs, .fp8, arithmetic)
    let update = StreamsUpdate(k, axes, arithmetic)
    k.parallel(axes.tokens, axes.hidden) { t, o in
      update.store(x.times(weight, at: [t], o), at: t, o)
    }
  }
}
