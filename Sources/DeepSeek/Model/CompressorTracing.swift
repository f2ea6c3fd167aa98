import Operators
import Steps

/// Compressors and the lightning indexer.
extension LayerTracer {
  /// The sequences of the caches.
  var sequences: Size { Size(options.cache.sequences) }

  private var indexer: IndexerShape {
    IndexerShape(heads: shape.indexHeadCount, channels: shape.indexHeadSize)
  }

  /// A layer's compressed entries with those that this step completes, and the tails of unfinished groups.
  /// // [sequences, capacity, channels]
  func compressed(
    _ layer: String, _ kind: Configuration.Compression, _ down: StepBuilder.Results
  ) throws -> Steps.View {
    let overlaps = kind == .sparse
    let constants = CompressorShape(
      ratio: kind.ratio, overlaps: overlaps, span: caches.span(overlaps ? 2 * kind.ratio : kind.ratio),
      latent: latents, indexer: overlaps ? indexer : nil)
    let entries = b.state(
      "\(layer).entries\(kind.ratio)", element, [sequences, capacity(kind), Size(shape.headSize)])
    var views = ["closer": closers[kind.ratio]!, "entries": entries].merging(place) { $1 }
    views.merge(rotary(kind)) { $1 }
    func add(_ parameter: String, _ name: String, _ projected: String, _ channels: Int) {
      let width = shape.compressorWidth(kind, head: channels)
      views["\(parameter)kv"] = down["\(projected)_kv"]
      views["\(parameter)gate"] = down["\(projected)_gate"]
      views["\(parameter)ape"] = wide("\(layer).attn.\(name).ape", kind.ratio, width)
      views["\(parameter)norm"] = wide("\(layer).attn.\(name).norm.weight", channels)
      let tail = [sequences, Size(constants.span), Size(width)]
      views["\(parameter)kv_tail"] = b.state("\(layer).\(name).kv.tail", .float32, tail)
      views["\(parameter)gate_tail"] = b.state("\(layer).\(name).gate.tail", .float32, tail)
    }
    add("", "compressor", "compressor", shape.headSize)
    if overlaps {
      add("index_", "indexer.compressor", "index", shape.indexHeadSize)
      views.merge(indexKeys(layer)) { $1 }
    }
    try b.launch(compress(constants, arithmetic: arithmetic), views)
    return entries
  }

  private func capacity(_ kind: Configuration.Compression) -> Size {
    Size(options.cache.capacity(ratio: kind.ratio))
  }

  /// The indexer's keys, one for each compressed entry.
  private func indexKeys(_ layer: String) -> [String: Steps.View] {
    let (rows, channels) = ([sequences, capacity(.sparse)], shape.indexHeadSize)
    guard isQuantised else {
      return ["index_keys": b.state("\(layer).keys.entries4", .float32, rows + [Size(channels)])]
    }
    return [
      "index_keys_codes": b.state("\(layer).keys.codes.entries4", .e2m1, rows + [Size(channels)]),
      "index_keys_scale": b.state("\(layer).keys.scale.entries4", .e8m0, rows + [Size(channels / 32)]),
    ]
  }

  /// Which entries the indexer chooses for each token: `picks` and `counts`.
  func picked(
    _ layer: String, _ down: StepBuilder.Results, _ queries: StepBuilder.Results
  ) throws -> [String: Steps.View] {
    let ratio = Configuration.Compression.sparse.ratio
    // Entries of the longest sequence of the run; 1 where there are none yet.
    let reach = b.number("reach", in: 1...options.cache.capacity(ratio: ratio))
    let scores = try b.launch(
      indexScores(indexer, ratio: ratio, arithmetic: arithmetic),
      [
        "weights": down["weights"], "sequence": sequence, "position": position,
      ].merging(quantised("index", queries, "index")) { $1 }.merging(indexKeys(layer)) { $1 },
      extents: ["reach": reach])["scores"]
    let chosen = try b.launch(
      indexPicks(picks: shape.indexPicks, ratio: ratio, arithmetic: arithmetic),
      ["scores": scores, "position": position])
    return ["picks": chosen["picks"], "counts": chosen["counts"]]
  }
}
