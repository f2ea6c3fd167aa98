import Tiles

/// The constants of a layer's compressor.
public struct CompressorShape: Sendable {
  /// Tokens of a group, which becomes one entry.
  public let ratio: Int
  /// Whether an entry also takes the group before its own: each token's row then has a half for the later
  /// entry and one for its own.
  public let overlaps: Bool
  /// Slots of the rings that keep rows of unfinished groups: at least the rows of an entry less one, and
  /// the longest draft that may be rolled back.
  public let span: Int
  public let latent: LatentShape
  /// The indexer's compressor beside the main one, if the layer has one.
  public let indexer: IndexerShape?

  public init(
    ratio: Int, overlaps: Bool, span: Int, latent: LatentShape, indexer: IndexerShape? = nil
  ) {
    self.ratio = ratio
    self.overlaps = overlaps
    self.span = span
    self.latent = latent
    self.indexer = indexer
  }

  /// Rows that an entry is made of.
  var members: Int { overlaps ? 2 * ratio : ratio }
  /// Channels of a token's row for entries of `channels`.
  func width(_ channels: Int) -> Int { overlaps ? 2 * channels : channels }
}

/// The entries of groups that this step completes, and the rows of groups that it leaves unfinished.
///
/// - Mathematics, for a token that closes group w = p / ratio, per channel: over the rows t of its group
///   (and, where groups overlap, the first halves of the group before and the second halves of its own)
///   g = gate[t] + ape[position mod ratio], e = bf(sum of softmax(g) kv[t]); rows before position 0 take no
///   part. The entry is RoPE(RMS(e; norm)) at position w ratio, then S8 in blocks of 64 on the channels
///   that are not rotated; the indexer's is S4(Had(RoPE(RMS(e; norm)))), kept as codes and scales. In
///   float32 nothing is rounded or quantised and the indexer's rows are not transformed.
/// - Shapes: closer int32 [closed], the rows of closing tokens, ascending; kv and gate fp32 [tokens, width],
///   width = channels, where groups overlap twice that; ape fp32 [ratio, width], norm fp32 [channels], cos
///   and sin fp32 [positions, rotated/2]; kv_tail and gate_tail fp32 [sequences, span, width], state; entries
///   [sequences, capacity, channels], state, bf16, in float32 fp32; sequence, position, first and count as
///   `Batch` says. The indexer's are index_kv and so on; its entries are index_keys_codes E2M1 [sequences,
///   capacity, indexChannels] and index_keys_scale E8M0 [.., indexChannels/32], in float32 index_keys fp32.
/// - Numeric class: softmax's and the weighted sums are `sequential` where groups overlap, else `tree`; the
///   softmax has one reciprocal a channel; mean squares `interleaved(256)`.
/// - Edge cases: no closing tokens write no entries; the first group of an overlapping compressor has its
///   own rows only; of rows that meet in one slot of a tail the last stays.
/// - Source: DeepSeek-V4 specification, section 7; contract section 2b.
public func compress(_ shape: CompressorShape, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("compress") { k in
    let positions = k.dimension("positions", in: 1...mostRows)
    let capacity = k.dimension("capacity", in: 1...mostRows)
    let batch = Batch(k, positions: positions, entries: (capacity, shape.ratio), writesRings: true)
    let closed = k.dimension("closed", in: 0...mostRows)
    let closer = k.input("closer", Int32.self, [closed], .coordinate(of: batch.tokens), .increasing)
    let channels = Dimension("channels", shape.latent.channels)
    let rotation = Rotation(k, channels, rotated: shape.latent.rotated, positions)
    let main = GroupRows(k, "", shape, batch, channels)
    let entries = FloatBuffer(k, .state, "entries", [batch.sequences, capacity, channels], arithmetic)
    let still = LatentBlocks(k, "still", rotation.still, arithmetic)
    k.parallel(closed) { c in
      let position = batch.position[Position(closer[c])]
      k.assert(position % shape.ratio .== Int32(shape.ratio - 1), "each closer completes a group")
    }
    k.parallel(closed) { c in
      let group = main.group(k, closedBy: closer[c])
      let row = main.entry(k, group, arithmetic)
      let turned = rotation.turned(row, at: group.entry * shape.ratio)
      let sequence = Position(batch.sequence[Position(closer[c])])
      entries[sequence, group.entry, rotation.even] = turned.even
      entries[sequence, group.entry, rotation.odd] = turned.odd
      still.store(row, along: channels) { entries[sequence, group.entry, $0] = $1 }
    }
    var compressors = [main]
    if let indexer = shape.indexer {
      let channels = Dimension("index_channels", indexer.channels)
      let rows = GroupRows(k, "index_", shape, batch, channels)
      let rotation = rotation.of(channels)
      let keys = IndexRows(
        k, .state, "index_keys", [batch.sequences, capacity], channels, arithmetic)
      k.parallel(closed) { c in
        let group = rows.group(k, closedBy: closer[c])
        let row = rows.entry(k, group, arithmetic)
        let turned = rotation.turned(row, at: group.entry * shape.ratio)
        let sequence = Position(batch.sequence[Position(closer[c])])
        keys.store(rotation.whole(row, turned, in: k), at: [sequence, group.entry], in: k)
      }
      compressors.append(rows)
    }
    for compressor in compressors { compressor.keepTails(k) }
  }
}

/// The rows that entries are made of: those of this step and, in rings, those before it.
private struct GroupRows {
  private let shape: CompressorShape
  private let batch: Batch
  private let channels, width: Dimension
  private let kv, gate, ape, norm, kvTail, gateTail: Tensor<Float>

  /// A group that a token closes.
  struct Group {
    let token, first, position, start: Tile<Int32>
    /// Its entry's number.
    let entry: Position
  }

  init(
    _ k: Trace, _ prefix: String, _ shape: CompressorShape, _ batch: Batch, _ channels: Dimension
  ) {
    self.shape = shape
    self.batch = batch
    self.channels = channels
    width = Dimension("\(prefix)width", shape.width(channels.extent!))
    let span = Dimension("span", shape.span)
    let tail = [batch.sequences, span, width]
    kv = k.input("\(prefix)kv", Float.self, [batch.tokens, width])
    gate = k.input("\(prefix)gate", Float.self, [batch.tokens, width])
    ape = k.weight("\(prefix)ape", Float.self, [Dimension("ratio", shape.ratio), width])
    norm = k.weight("\(prefix)norm", Float.self, [channels])
    kvTail = k.state("\(prefix)kv_tail", Float.self, tail)
    gateTail = k.state("\(prefix)gate_tail", Float.self, tail)
    k.require(shape.span >= shape.members - 1, "the rings hold the rest of an entry's rows")
  }

  func group(_ k: Trace, closedBy token: Tile<Int32>) -> Group {
    let position = batch.position[Position(token)]
    return Group(
      token: token, first: batch.first[Position(token)], position: position,
      start: batch.start(ofRow: token), entry: Position(position / shape.ratio))
  }

  /// RMS(bf(sum of softmax(gate) kv); norm), rounded to what the model stores.
  func entry(_ k: Trace, _ group: Group, _ arithmetic: Arithmetic) -> Tile<Float> {
    let members = k.axis("members", shape.members)
    // The last member is the closing token.
    let at = group.position - Int32(shape.members - 1) + k.coordinate(of: members)
    let half = Position(members) / shape.ratio * channels.extent!
    let channel = shape.overlaps ? half + Position(channels) : Position(channels)
    let sequence = Position(batch.sequence[Position(group.token)])
    func rows(_ own: Tensor<Float>, _ tail: Tensor<Float>) -> Tile<Float> {
      select(
        at .>= group.start, own[Position(group.first + (at - group.start)), channel],
        tail[sequence, Position(at) % shape.span, channel])
    }
    let bias = ape[Position(members) % shape.ratio, channel]
    let exists = at .>= 0
    let logits = select(exists, rows(gate, gateTail) + bias, -.infinity)
    let values = select(exists, rows(kv, kvTail), 0)
    let order: SummationOrder = shape.overlaps ? .sequential : .tree
    let e = exp(logits - logits.max(along: members))
    let weights = e * (1 / e.sum(along: members, order: order))
    let sum = arithmetic.rounded((weights * values).sum(along: members, order: order))
    return arithmetic.rounded(
      sum.rootMeanSquareNormalised(
        along: channels, gain: norm[channels], epsilon: shape.latent.epsilon))
  }

  /// Puts this step's rows into the rings.
  func keepTails(_ k: Trace) {
    k.parallel(batch.tokens) { t in
      let sequence = Position(batch.sequence[t])
      let slot = Position(batch.position[t]) % shape.span
      let isLast = batch.isLast(t, span: shape.span)
      kvTail.write(kv[t], at: sequence, slot, width, where: isLast)
      gateTail.write(gate[t], at: sequence, slot, width, where: isLast)
    }
  }
}
