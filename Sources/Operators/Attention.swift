import Tiles

/// Which compressed entries an attention's tokens see.
public enum AttentionEntries: Sendable {
  /// None: a layer with its window only.
  case none
  /// Those that the indexer chose, at most so many.
  case picked(Int)
  /// All that are complete: one for each group of so many tokens. No sequence has more than `most`; memory
  /// that a thread computes in is made for so many.
  case all(ratio: Int, most: Int)

  /// All that are complete, as many as positions allow.
  public static func all(ratio: Int) -> AttentionEntries { .all(ratio: ratio, most: mostRows / ratio) }

  /// Positions of which no token sees more entries than there may be.
  var positions: ClosedRange<Int> {
    guard case .all(let ratio, let most) = self else { return 1...mostRows }
    return 1...min(mostRows, (most + 1) * ratio - 1)
  }
}

/// The constants of an attention.
public struct AttentionShape: Sendable {
  public let heads, window, span: Int
  public let latent: LatentShape
  public let entries: AttentionEntries

  /// `span` slots of the ring: at least window - 1, and the longest draft that may be rolled back.
  public init(heads: Int, latent: LatentShape, window: Int, span: Int, entries: AttentionEntries) {
    self.heads = heads
    self.latent = latent
    self.window = window
    self.span = span
    self.entries = entries
  }
}

/// Multi-query attention of each token over its sliding window and its compressed entries, with a sink in
/// the denominator, the rotation of its result undone; keys and values are the same latent rows. The step's
/// rows go into the ring.
///
/// - Mathematics, for a token of position p and head h: keys are its sequence's rows at positions
///   max(0, p - window + 1) ... p, ascending, then its entries, ascending: none, those at picks[t, 0 ..<
///   counts[t]], or 0 ..< (p + 1) / ratio. s = (q k) channels^-1/2, M = max s, e = exp(s - M), o = bf(sum
///   of bf(e) k / (sum of e + exp(sink - M))), y = bf(the inverse of RoPE at p). The weights of the value
///   product are rounded, those of the denominator are not.
/// - Shapes: q [tokens, heads, channels]; rows [tokens, channels], those of this step; ring [sequences,
///   span, channels], state, which holds rows of positions before the step's, span >= window - 1; entries
///   [sequences, capacity, channels]; picks int32 [tokens, slots], counts int32 [tokens]; sink fp32 [heads];
///   cos and sin fp32 [positions, rotated/2]; sequence, position, first and count as `Batch` says; y
///   [tokens, heads channels]. q, rows, ring, entries and y are bf16, in float32 fp32.
/// - Numeric class, quantised: scores `fixedPoint(21)` over whole head rows; the value product
///   `fixedPointFolded(21)` over blocks of 128 keys; in float32 both are `chained(512)`, unfused, and
///   nothing is rounded to bf16. The sum of exponentials is `interleaved(128)` along the key list; the
///   quotient is a product with one correctly rounded reciprocal a head.
/// - Edge cases: at the first positions the window is shorter; there may be no entries; a pick beyond its
///   count is not read; NaN in a visible row makes every head of the token NaN; of a step's rows that meet
///   in one slot of the ring the last stays.
/// - Source: DeepSeek-V4 specification, section 6, steps 5 to 7, and section 11; contract section 2b.
public func attention(_ shape: AttentionShape, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("attention") { k in
    let (channels, heads) = (Dimension("channels", shape.latent.channels), Dimension("heads", shape.heads))
    let width = Dimension("width", shape.heads * shape.latent.channels)
    let span = Dimension("span", shape.span)
    let positions = k.dimension("positions", in: shape.entries.positions)
    let capacity = k.dimension("capacity", in: 1...mostRows)
    var complete: (Dimension, Int)?
    if case .all(let ratio, _) = shape.entries { complete = (capacity, ratio) }
    let batch = Batch(k, positions: positions, entries: complete, writesRings: true)
    let (tokens, sequences) = (batch.tokens, batch.sequences)
    let q = FloatBuffer(k, .input, "q", [tokens, heads, channels], arithmetic)
    let rows = FloatBuffer(k, .input, "rows", [tokens, channels], arithmetic)
    let ring = FloatBuffer(k, .state, "ring", [sequences, span, channels], arithmetic)
    let entries = EntryList(k, shape.entries, batch, capacity, channels, arithmetic)
    let sink = k.weight("sink", Float.self, [heads])
    let rotation = Rotation(k, channels, rotated: shape.latent.rotated, positions)
    let y = FloatBuffer(k, .output, "y", [tokens, width], arithmetic)
    k.require(shape.span >= shape.window - 1, "the ring holds the rest of a window")
    let still = k.axis("still", rotation.still)
    let scale = 1 / Float(shape.latent.channels).squareRoot()
    k.parallel(tokens, heads) { t, h in
      // The window: positions lowest ... p, of which those before start lie in the ring.
      let (p, start) = (batch.position[t], batch.start(of: t))
      let lowest = (p - Int32(shape.window - 1)).maximum(0)
      let fresh = lowest.maximum(start)
      let old = k.axis("old", in: 0...shape.window - 1, length: Position(fresh - lowest))
      let new = k.axis("new", in: 1...shape.window, length: Position(p - fresh + 1))
      let cached = ring[
        Position(batch.sequence[t]), (Position(lowest) + Position(old)) % shape.span, channels]
      let own = rows[Position(batch.first[t] + (fresh - start)) + Position(new), channels]
      let (keys, key) = entries.joined(k, t, p, (old, cached), (new, own))
      let score = product(
        q[t, h], key, contracting: channels, arithmetic.product(block: shape.latent.channels)) * scale
      let most = score.max(along: keys)
      let e = exp(score - most)
      let total = e.sum(along: keys, order: .interleaved(128)) + exp(sink[h] - most)
      let sum = product(
        arithmetic.rounded(e), key, contracting: keys, arithmetic.valueProduct(channels))
      let o = arithmetic.rounded(sum * (1 / total))
      let turned = rotation.turned(o, at: Position(p), inverse: true)
      let place = h.position * shape.latent.channels
      y[t, place + rotation.even] = turned.even
      y[t, place + rotation.odd] = turned.odd
      if rotation.still > 0 { y[t, place + Position(still)] = o.at(channels, Position(still)) }
    }
    k.parallel(tokens) { t in
      ring.write(
        rows[t, channels], at: Position(batch.sequence[t]), Position(batch.position[t]) % shape.span,
        channels, where: batch.isLast(t, span: shape.span))
    }
  }
}

/// The compressed entries behind a window.
private struct EntryList {
  private enum Kind {
    case none
    case picked(FloatBuffer, picks: Tensor<Int32>, counts: Tensor<Int32>)
    case all(FloatBuffer, ratio: Int)
  }
  private let kind: Kind
  private let batch: Batch
  private let channels: Dimension
  private let most: Int

  init(
    _ k: Trace, _ entries: AttentionEntries, _ batch: Batch, _ capacity: Dimension, _ channels: Dimension,
    _ arithmetic: Arithmetic
  ) {
    self.batch = batch
    self.channels = channels
    func buffer() -> FloatBuffer {
      FloatBuffer(k, .input, "entries", [batch.sequences, capacity, channels], arithmetic)
    }
    switch entries {
    case .none: (kind, most) = (.none, 0)
    case .picked(let count):
      let slots = Dimension("slots", count)
      most = count
      kind = .picked(
        buffer(),
        picks: k.input("picks", Int32.self, [batch.tokens, slots], .coordinate(of: capacity)),
        counts: k.input("counts", Int32.self, [batch.tokens], .range(0, count)))
    case .all(let ratio, let most): (kind, self.most) = (.all(buffer(), ratio: ratio), most)
    }
  }

  /// The key list of a token at position `p`: two parts of its window, then its entries.
  func joined(
    _ k: Trace, _ t: Block, _ p: Tile<Int32>, _ a: (Dimension, Tile<Float>), _ b: (Dimension, Tile<Float>)
  ) -> (Dimension, Tile<Float>) {
    func list(_ buffer: FloatBuffer, _ length: Position, _ index: (Dimension) -> Position)
      -> (Dimension, Tile<Float>)
    {
      let seen = k.axis("seen", in: 0...most, length: length)
      let entry = buffer[Position(batch.sequence[t]), index(seen), channels]
      let keys = k.joined("keys", a.0, b.0, seen)
      return (keys.dimension, keys(a.1, b.1, entry))
    }
    switch kind {
    case .none:
      let keys = k.joined("keys", a.0, b.0)
      return (keys.dimension, keys(a.1, b.1))
    case .picked(let buffer, let picks, let counts):
      return list(buffer, Position(counts[t])) { Position(picks[t, Position($0)]) }
    case .all(let buffer, let ratio):
      return list(buffer, Position((p + 1) / ratio)) { Position($0) }
    }
  }
}

extension Arithmetic {
  fileprivate func valueProduct(_ channels: Dimension) -> ProductClass {
    switch self {
    case .quantised: .fixedPointFolded(bits: 21, block: 128, axis: channels)
    case .float32: .ordered(.chained(512), .unfused)
    }
  }
}
