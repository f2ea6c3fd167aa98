import Operators
import Steps
import TileIR
import Tiles

/// Builds a model's steps: the layers run once and leave launches.
struct StepTracer {
  let shape: Configuration
  let options: Model.Options
  let caches: CacheLayout

  init(_ shape: Configuration, _ options: Model.Options) {
    self.shape = shape
    self.options = options
    caches = CacheLayout(room: options.cache)
  }

  /// One pass of the model over a batch.
  ///
  /// Inputs, int32: `ids`, `sequence`, `position`, `first` and `count`, one for each of `tokens`;
  /// `closer4` and `closer128`, rows of tokens that complete a group; `row`, the tokens whose logits are
  /// wanted. `temperature`, fp32, one for each wanted row. Outputs: `logits`, `best` (the largest) and
  /// `weights` (what a draw takes) of the wanted rows.
  func forward() throws -> Step {
    let layer = LayerTracer(self, StepBuilder("forward"))
    let count = shape.layers.count
    var x = try layer.embedding(into: layer.target(0, of: count))
    for (number, kind) in shape.layers.enumerated() {
      let routing: LayerTracer.Routing = shape.usesHashRouting(layer: number) ? .byToken : .byScore
      x = try layer.block(
        "layers.\(number)", kind, routing, x, into: layer.target(number + 1, of: count))
    }
    try layer.head("", x, norm: "norm.weight", draws: true)
    return try layer.b.finish()
  }

  /// Whether there is a drafting layer and it is wanted.
  var hasDrafts: Bool { options.drafts && shape.drafter == .nextToken }

  /// One layer by itself: takes `streams.in` and gives `streams.out`.
  func layer(_ number: Int) throws -> Step {
    let layer = LayerTracer(self, StepBuilder("layers.\(number)"), hasHead: false)
    let x = layer.b.input("streams.in", layer.element, layer.streamsShape)
    let routing: LayerTracer.Routing = shape.usesHashRouting(layer: number) ? .byToken : .byScore
    _ = try layer.block(
      "layers.\(number)", shape.layers[number], routing, x,
      into: layer.b.output("streams.out", layer.element, layer.streamsShape))
    return try layer.b.finish()
  }

  /// The drafting layer behind a run of the model: `ids` are the tokens behind each position.
  func draft() throws -> Step {
    let layer = LayerTracer(self, StepBuilder("draft"))
    let x = try layer.block("mtp.0", .none, .byScore, layer.draftStreams())
    try layer.head("mtp.0.", x, norm: "mtp.0.norm.weight", draws: false)
    return try layer.b.finish()
  }

  /// Weights that no checkpoint holds: cosines and sines by position.
  func tables() -> [String: HostTensor] {
    let plain = RotaryTable(rotated: shape.ropeSize, base: shape.ropeTheta)
    let compressed = RotaryTable(
      rotated: shape.ropeSize, base: shape.compressedRopeTheta,
      yarn: RotaryTable.Yarn(
        factor: shape.yarn.factor, originalLength: shape.yarn.originalLength, betaFast: shape.yarn.betaFast,
        betaSlow: shape.yarn.betaSlow))
    var tensors: [String: HostTensor] = [:]
    for (name, table) in [("rotary", plain), ("rotary.compressed", compressed)] {
      let (cos, sin) = table.table(of: 0..<options.cache.context)
      let size = [options.cache.context, shape.ropeSize / 2]
      tensors["\(name).cos"] = HostTensor(.float32, size, numbers: cos)
      tensors["\(name).sin"] = HostTensor(.float32, size, numbers: sin)
    }
    return tensors
  }
}
