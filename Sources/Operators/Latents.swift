import Tiles

/// Channels of a cached row that share a scale.
let latentBlock = 64

/// The channels of an attention's rows.
public struct LatentShape: Sendable {
  /// Channels of a head, which are those of a cached row, and how many of the last are rotated.
  public let channels, rotated: Int
  /// Added to mean squares.
  public let epsilon: Float

  public init(channels: Int, rotated: Int, epsilon: Float = 1e-6) {
    self.channels = channels
    self.rotated = rotated
    self.epsilon = epsilon
  }
}

/// The low-rank query and the shared latent behind their projections: norms, and the latent's rotation
/// and simulated FP8.
///
/// - Mathematics: a' = RMS(a; q_norm), quantised by Q8; kv' = RoPE(RMS(kv; kv_norm)) at the token's
///   position, then S8 in blocks of 64 on the channels that are not rotated.
/// - Shapes: a bf16 [tokens, rank], kv bf16 [tokens, channels]; position int32 [tokens], rows of the
///   tables cos and sin fp32 [positions, rotated/2]; q_norm fp32 [rank], kv_norm fp32 [channels]; results
///   y_codes and y_scale for a', rows bf16 [tokens, channels] for kv'. In the float32 arithmetic all are
///   fp32, y is a' itself, and nothing is quantised. Channels in front of the rotated ones are a multiple
///   of 64.
/// - Numeric class: mean squares `interleaved(256)`, unfused; one rounding to bf16 after each norm and
///   after the rotation.
/// - Edge cases: a NaN makes its row NaN; no tokens give empty results.
/// - Source: DeepSeek-V4 specification, section 6, steps 1 and 4.
public func latentNorms(
  _ shape: LatentShape, rank: Int, arithmetic: Arithmetic = .quantised
) -> Kernel {
  Kernel("latent_norms") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let positions = k.dimension("positions", in: 1...mostRows)
    let (rank, channels) = (Dimension("rank", rank), Dimension("channels", shape.channels))
    let a = FloatBuffer(k, .input, "a", [tokens, rank], arithmetic)
    let kv = FloatBuffer(k, .input, "kv", [tokens, channels], arithmetic)
    let position = k.input("position", Int32.self, [tokens], .coordinate(of: positions))
    let aGain = k.weight("q_norm", Float.self, [rank])
    let kvGain = k.weight("kv_norm", Float.self, [channels])
    let rotation = Rotation(k, channels, rotated: shape.rotated, positions)
    let y = LinearRowsOutput(k, "y", [tokens], rank, arithmetic)
    let rows = FloatBuffer(k, .output, "rows", [tokens, channels], arithmetic)
    k.parallel(tokens) { t in
      y.store(
        arithmetic.rounded(
          a[t].rootMeanSquareNormalised(along: rank, gain: aGain[rank], epsilon: shape.epsilon)),
        at: [t])
    }
    let still = LatentBlocks(k, "still", rotation.still, arithmetic)
    k.parallel(tokens) { t in
      let normed = arithmetic.rounded(
        kv[t].rootMeanSquareNormalised(along: channels, gain: kvGain[channels], epsilon: shape.epsilon))
      let turned = rotation.turned(normed, at: Position(position[t]))
      rows[t, rotation.even] = turned.even
      rows[t, rotation.odd] = turned.odd
      still.store(normed, along: channels) { rows[t, $0] = $1 }
    }
  }
}

/// The channels of a cached row that are not rotated, by blocks that share a scale.
struct LatentBlocks {
  private let blocks, lane: Dimension
  private let arithmetic: Arithmetic

  /// Declares the axes `name`_blocks and `name`_lane for `count` channels, a multiple of 64.
  init(_ k: Trace, _ name: String, _ count: Int, _ arithmetic: Arithmetic) {
    self.arithmetic = arithmetic
    let block = arithmetic == .quantised ? latentBlock : count
    k.require(
      count == 0 || count % block == 0, "the channels that are not rotated are a multiple of \(latentBlock)")
    blocks = k.axis("\(name)_blocks", count == 0 ? 0 : count / block)
    lane = k.axis("\(name)_lane", block)
  }

  /// Calls `write` with the channels' coordinates and their S8, in the float32 arithmetic with them as
  /// they are; not at all where there are none.
  func store(
    _ row: Tile<Float>, along channels: Dimension, _ write: (Position, Tile<Float>) -> Void
  ) {
    guard blocks.extent! > 0 else { return }
    let channel = Position(blocks) * lane.extent! + Position(lane)
    let values = row.at(channels, channel)
    write(channel, arithmetic == .quantised ? values.simulatedS8(along: lane) : values)
  }
}

/// The queries behind their projection: their second, unweighted norm and rotation, and those of the
/// indexer, rotated, transformed and quantised to FP4.
///
/// - Mathematics: each head of q: q' = bf(q bf(1 / sqrt(bf(bf(mean(bf(q^2))) + epsilon)))), then RoPE at the
///   token's position. Each head of the indexer's q: S4(Had(RoPE(q))), kept as codes and scales. In the
///   float32 arithmetic q' = q (1 / sqrt(mean(q^2) + epsilon)), and the indexer's q is rotated only: the
///   transform leaves its products with equally transformed keys as they are.
/// - Shapes: q bf16 [tokens, heads channels], position int32 [tokens], cos and sin as `latentNorms`;
///   y bf16 [tokens, heads, channels]. With an indexer: index_q bf16 [tokens, indexHeads indexChannels];
///   index_codes E2M1 [tokens, indexHeads, indexChannels], index_scale E8M0 [tokens, indexHeads,
///   indexChannels/32]; in float32 index fp32 [tokens, indexHeads, indexChannels].
/// - Numeric class: means are `interleaved(256)` sums and one division; the transform is `tree`.
/// - Edge cases: a NaN makes its head NaN, in the indexer scale code 255; no tokens give empty results.
/// - Source: DeepSeek-V4 specification, sections 6 (steps 2 and 3) and 8.
public func queryRotation(
  _ shape: LatentShape, heads: Int, indexer: IndexerShape? = nil, arithmetic: Arithmetic = .quantised
) -> Kernel {
  Kernel("query_rotation") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let positions = k.dimension("positions", in: 1...mostRows)
    let (heads, channels) = (Dimension("heads", heads), Dimension("channels", shape.channels))
    let width = Dimension("width", heads.extent! * shape.channels)
    let q = FloatBuffer(k, .input, "q", [tokens, width], arithmetic)
    let position = k.input("position", Int32.self, [tokens], .coordinate(of: positions))
    let rotation = Rotation(k, channels, rotated: shape.rotated, positions)
    let y = FloatBuffer(k, .output, "y", [tokens, heads, channels], arithmetic)
    let still = k.axis("still", rotation.still)
    k.parallel(tokens, heads) { t, h in
      let v = q[t, h.position * shape.channels + Position(channels)]
      let normed = arithmetic.unweightedNorm(v, along: channels, epsilon: shape.epsilon)
      let turned = rotation.turned(normed, at: Position(position[t]))
      y[t, h, rotation.even] = turned.even
      y[t, h, rotation.odd] = turned.odd
      if rotation.still > 0 { y[t, h, Position(still)] = normed.at(channels, Position(still)) }
    }
    if let indexer {
      let heads = Dimension("index_heads", indexer.heads)
      let channels = Dimension("index_channels", indexer.channels)
      let width = Dimension("index_width", indexer.heads * indexer.channels)
      let q = FloatBuffer(k, .input, "index_q", [tokens, width], arithmetic)
      let rotation = rotation.of(channels)
      let rows = IndexRows(k, .output, "index", [tokens, heads], channels, arithmetic)
      k.parallel(tokens, heads) { t, h in
        let v = q[t, h.position * indexer.channels + Position(channels)]
        let turned = rotation.turned(v, at: Position(position[t]))
        rows.store(rotation.whole(v, turned, in: k), at: [t, h], in: k)
      }
    }
  }
}

extension Arithmetic {
  /// q over its root mean square; in the quantised arithmetic every step is a bf16 tensor operation.
  fileprivate func unweightedNorm(
    _ q: Tile<Float>, along channels: Dimension, epsilon: Float
  ) -> Tile<Float> {
    let squares = rounded(q * q).sum(along: channels, order: .interleaved(256))
    let mean = rounded(squares / Float(channels.extent!))
    return rounded(q * rounded(rounded(mean + epsilon).reciprocalRoot()))
  }
}
