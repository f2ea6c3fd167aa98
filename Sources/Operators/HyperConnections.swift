import Tiles

/// The constants of a model's hyper-connections.
public struct HyperConnections: Sendable {
  public let streams, hidden, iterations: Int
  /// Added to gates, to Sinkhorn's sums and rows (`epsilon`), and to mean squares (`normEpsilon`).
  public let epsilon, normEpsilon: Float

  public init(
    streams: Int = 4, hidden: Int, iterations: Int = 20, epsilon: Float = 1e-6, normEpsilon: Float = 1e-6
  ) {
    self.streams = streams
    self.hidden = hidden
    self.iterations = iterations
    self.epsilon = epsilon
    self.normEpsilon = normEpsilon
  }
}

/// What a sub-layer takes from the residual streams: their gated sum, normed, and how its result goes back.
///
/// - Mathematics, with f a token's streams one after the other, rho = 1 / sqrt(mean(f^2) + normEpsilon),
///   m = (f hc_fn^T) rho: pre[j] = sigmoid(m[j] hc_scale[0] + hc_base[j]) + epsilon; post[j] = 2 sigmoid(
///   m[n+j] hc_scale[1] + hc_base[n+j]); comb is the n x n matrix A[j, k] = m[2n + j n + k] hc_scale[2] +
///   hc_base[...] after a softmax over k, + epsilon, a division by its column sums + epsilon, then
///   iterations - 1 times one by its row sums + epsilon and one by its column sums + epsilon. u = bf(sum
///   over j of pre[j] x[j]), y = bf(gain (u / sqrt(mean(u^2) + normEpsilon))).
/// - Shapes: streams x [tokens, n, hidden]; hc_fn fp32 [(2 + n) n, n hidden], hc_base fp32 [(2 + n) n],
///   hc_scale fp32 [3], gain fp32 [hidden]; y [tokens, hidden], y_codes and y_scale its Q8; post fp32
///   [tokens, n]; comb fp32 [tokens, n, n], source stream first. Streams and y are bf16; in the float32
///   arithmetic they are fp32 and there is no Q8.
/// - Numeric class: the product with hc_fn and the mean squares are `interleaved(256)`, unfused; sums over
///   streams are `sequential`; divisions are divisions, but for the softmax's one reciprocal a row.
/// - Edge cases: a NaN in a token's streams makes the token's results NaN; no tokens give empty results.
/// - Source: DeepSeek-V4 specification, section 5.1; contract section 2b.
public func hcPre(_ shape: HyperConnections, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("hc_pre") { k in
    let axes = HyperConnectionAxes(k, shape)
    let (tokens, streams, targets, hidden) = (axes.tokens, axes.streams, axes.targets, axes.hidden)
    let n = shape.streams
    let mixes = Dimension("mixes", (2 + n) * n)
    let x = FloatBuffer(k, .input, "streams", [tokens, streams, hidden], arithmetic)
    let fn = k.weight("hc_fn", Float.self, [mixes, axes.flat])
    let base = k.weight("hc_base", Float.self, [mixes])
    let scale = k.weight("hc_scale", Float.self, [Dimension("gates", 3)])
    let gain = k.weight("gain", Float.self, [hidden])
    let y = FloatBuffer(k, .output, "y", [tokens, hidden], arithmetic)
    let codes = arithmetic == .quantised ? LinearRowsOutput(k, "y", [tokens], hidden, arithmetic) : nil
    let post = k.output("post", Float.self, [tokens, streams])
    let comb = k.output("comb", Float.self, [tokens, streams, targets])
    k.parallel(tokens) { t in
      let m = axes.mixed(x, fn, along: mixes, at: t)
      func gate(_ at: Position, _ number: Int) -> Tile<Float> {
        m.at(mixes, at) * scale[number] + base[at]
      }
      let pre = gate(Position(streams), 0).steppedSigmoid() + shape.epsilon
      post[t] = 2 * gate(Position(streams) + n, 1).steppedSigmoid()
      let logits = gate(Position(streams) * n + Position(targets) + 2 * n, 2)
      comb[t] = k.sinkhorn(logits, streams, targets, shape)
      let u = arithmetic.rounded(
        (pre * x[t, streams, hidden]).sum(along: streams, order: .sequential))
      let normed = arithmetic.rounded(
        u.rootMeanSquareNormalised(along: hidden, gain: gain[hidden], epsilon: shape.normEpsilon))
      y[t] = normed
      codes?.store(normed, at: [t])
    }
  }
}

/// The rows in front of the vocabulary's product: the streams' gated sum, normed.
///
/// - Mathematics: rho and m as in `hcPre`, m of n numbers; pre[j] = sigmoid(m[j] hc_scale[0] + hc_base[j])
///   + epsilon; h = bf(sum over j of pre[j] x[j]); y = bf(gain (h / sqrt(mean(h^2) + normEpsilon))).
/// - Shapes: streams x [tokens, n, hidden]; row int32 [rows], the tokens that are wanted; hc_fn fp32
///   [n, n hidden], hc_base fp32 [n], hc_scale fp32 [1], gain fp32 [hidden]; y [rows, hidden]; bf16, in
///   the float32 arithmetic fp32.
/// - Numeric class and edge cases: those of `hcPre`; rows may repeat.
/// - Source: DeepSeek-V4 specification, section 5.1, "HChead".
public func hcHead(_ shape: HyperConnections, arithmetic: Arithmetic = .quantised) -> Kernel {
  Kernel("hc_head") { k in
    let axes = HyperConnectionAxes(k, shape)
    let (streams, hidden) = (axes.streams, axes.hidden)
    let rows = k.dimension("rows", in: 0...mostRows)
    let x = FloatBuffer(k, .input, "streams", [axes.tokens, streams, hidden], arithmetic)
    let row = k.input("row", Int32.self, [rows], .coordinate(of: axes.tokens))
    let fn = k.weight("hc_fn", Float.self, [streams, axes.flat])
    let base = k.weight("hc_base", Float.self, [streams])
    let scale = k.weight("hc_scale", Float.self, [Dimension("gates", 1)])
    let gain = k.weight("gain", Float.self, [hidden])
    let y = FloatBuffer(k, .output, "y", [rows, hidden], arithmetic)
    k.parallel(rows) { r in
      let t = Position(row[r])
      let m = axes.mixed(x, fn, along: streams, at: t)
      let pre = (m * scale[0] + base[streams]).steppedSigmoid() + shape.epsilon
      let h = arithmetic.rounded(
        (pre * x[t, streams, hidden]).sum(along: streams, order: .sequential))
      y[r] = h.rootMeanSquareNormalised(along: hidden, gain: gain[hidden], epsilon: shape.normEpsilon)
    }
  }
}

/// The axes of the residual streams.
struct HyperConnectionAxes {
  let tokens, streams, targets, hidden, flat: Dimension
  private let shape: HyperConnections

  init(_ k: Trace, _ shape: HyperConnections) {
    self.shape = shape
    tokens = k.dimension("tokens", in: 0...mostRows)
    streams = Dimension("streams", shape.streams)
    targets = Dimension("targets", shape.streams)
    hidden = Dimension("hidden", shape.hidden)
    flat = Dimension("flat", shape.streams * shape.hidden)
  }

  /// (f fn^T) / sqrt(mean(f^2) + normEpsilon) of the token at `t`, f its streams one after the other.
  fileprivate func mixed(
    _ x: FloatBuffer, _ fn: Tensor<Float>, along mixes: Dimension, at t: any Coordinate
  ) -> Tile<Float> {
    let f = x[t, Position(flat) / shape.hidden, Position(flat) % shape.hidden]
    let squares = (f * f).sum(along: flat, order: .interleaved(256))
    let rho = (squares / Float(flat.extent!) + shape.normEpsilon).reciprocalRoot()
    let sums = product(
      f, fn[mixes, flat], contracting: flat, .ordered(.interleaved(256), .unfused))
    return sums * rho
  }
}

extension Trace {
  /// Sinkhorn's normalisation of exp(logits), rows along `sources`, columns along `targets`.
  fileprivate func sinkhorn(
    _ logits: Tile<Float>, _ sources: Dimension, _ targets: Dimension, _ shape: HyperConnections
  ) -> Tile<Float> {
    let e = exp(logits - logits.max(along: targets))
    let first = e * (1 / e.sum(along: targets, order: .sequential)) + shape.epsilon
    func divided(_ c: Tile<Float>, along axis: Dimension) -> Tile<Float> {
      c / (c.sum(along: axis, order: .sequential) + shape.epsilon)
    }
    return iterate(shape.iterations - 1, carrying: divided(first, along: sources)) { c, _ in
      divided(divided(c, along: targets), along: sources)
    }
  }
}

/// How a sub-layer's result goes back into the streams: the epilogue of its last product.
struct StreamsUpdate {
  private let axes: HyperConnectionAxes
  private let arithmetic: Arithmetic
  private let x, y: FloatBuffer
  private let post, comb: Tensor<Float>

  /// Declares streams, post and comb as `hcPre` has and gives them, and the output `y`, like streams.
  init(_ k: Trace, _ axes: HyperConnectionAxes, _ arithmetic: Arithmetic) {
    self.axes = axes
    self.arithmetic = arithmetic
    let (tokens, streams, targets, hidden) = (axes.tokens, axes.streams, axes.targets, axes.hidden)
    x = FloatBuffer(k, .input, "streams", [tokens, streams, hidden], arithmetic)
    post = k.input("post", Float.self, [tokens, targets])
    comb = k.input("comb", Float.self, [tokens, streams, targets])
    y = FloatBuffer(k, .output, "y", [tokens, targets, hidden], arithmetic)
  }

  /// y[t, k] = bf(post[k] bf(o) + sum over j of comb[j, k] x[j]) for a block of tokens and channels.
  func store(_ o: Tile<Float>, at t: Block, _ channel: Block) {
    let kept = (comb[t] * x[t, channel]).sum(along: axes.streams, order: .sequential)
    y[t, channel] = post[t] * arithmetic.rounded(o) + kept
  }
}
