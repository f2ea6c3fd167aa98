import Operators
import Steps
import TileIR

/// Attention: low-rank queries over one shared latent, its window and its compressed entries.
extension LayerTracer {
  var latents: LatentShape {
    LatentShape(channels: shape.headSize, rotated: shape.ropeSize, epsilon: Float(shape.normEpsilon))
  }

  /// Cosines and sines by position: those of a layer with compressed entries turn more slowly.
  func rotary(_ kind: Configuration.Compression) -> [String: Steps.View] {
    let name = kind == .none ? "rotary" : "rotary.compressed"
    let size = [Size(options.cache.context), Size(shape.ropeSize / 2)]
    return [
      "cos": b.weight("\(name).cos", .float32, size), "sin": b.weight("\(name).sin", .float32, size),
    ]
  }

  /// What the attention of every token sees of its sequence. // [tokens, heads channels]
  func attention(
    _ layer: String, _ kind: Configuration.Compression, _ taken: StepBuilder.Results
  ) throws -> Steps.View {
    let down = try downProjections(layer, kind, taken)
    let latent = try b.launch(
      latentNorms(latents, rank: shape.queryRank, arithmetic: arithmetic),
      [
        "a": down["a"], "kv": down["kv"], "position": position,
        "q_norm": wide("\(layer).attn.q_norm.weight", shape.queryRank),
        "kv_norm": wide("\(layer).attn.kv_norm.weight", shape.headSize),
      ].merging(rotary(kind)) { $1 })
    let queries = try queries(layer, kind, latent)
    var views = [
      "q": queries["y"], "rows": latent["rows"], "sink": wide("\(layer).attn.attn_sink", shape.headCount),
      "ring": b.state(
        "\(layer).window", element, [sequences, Size(caches.span(shape.window)), Size(shape.headSize)]),
    ].merging(place) { $1 }.merging(rotary(kind)) { $1 }
    let seen: AttentionEntries
    switch kind {
    case .none: seen = .none
    case .heavy:
      views["entries"] = try compressed(layer, kind, down)
      seen = .all(ratio: kind.ratio, most: mostEntries(kind))
    case .sparse:
      views["entries"] = try compressed(layer, kind, down)
      views.merge(try picked(layer, down, queries)) { $1 }
      seen = .picked(shape.indexPicks)
    }
    return try b.launch(
      Operators.attention(
        AttentionShape(
          heads: shape.headCount, latent: latents, window: shape.window, span: caches.span(shape.window),
          entries: seen), arithmetic: arithmetic),
      views)["y"]
  }

  /// A power of two that holds the entries of a sequence: contexts of about one length share a program.
  private func mostEntries(_ kind: Configuration.Compression) -> Int {
    var most = 1
    while most < options.cache.capacity(ratio: kind.ratio) { most *= 2 }
    return most
  }

  /// Where every token stands.
  var place: [String: Steps.View] {
    ["sequence": sequence, "position": position, "first": first, "count": count]
  }

  /// The rotated queries, and those of the indexer where there is one.
  private func queries(
    _ layer: String, _ kind: Configuration.Compression, _ latent: StepBuilder.Results
  ) throws -> StepBuilder.Results {
    let width = shape.headCount * shape.headSize
    let indexWidth = shape.indexHeadCount * shape.indexHeadSize
    var list: [Projection] = [.quantised("wq_b", "q", outputs: width)]
    var weights = linear("wq_b", "\(layer).attn.wq_b", width, shape.queryRank)
    if kind == .sparse {
      list.append(.quantised("index_wq_b", "index_q", outputs: indexWidth))
      weights.merge(
        linear("index_wq_b", "\(layer).attn.indexer.wq_b", indexWidth, shape.queryRank)) { $1 }
    }
    let up = try b.launch(
      projections(list, inputs: shape.queryRank, arithmetic: arithmetic),
      quantised("x", latent, "y").merging(weights) { $1 })
    var views = ["q": up["q"], "position": position].merging(rotary(kind)) { $1 }
    if kind == .sparse { views["index_q"] = up["index_q"] }
    return try b.launch(
      queryRotation(
        latents, heads: shape.headCount,
        indexer: kind == .sparse ? IndexerShape(heads: shape.indexHeadCount, channels: shape.indexHeadSize) : nil,
        arithmetic: arithmetic), views)
  }

  /// The down projections of a sub-layer's rows: query and latent, and what the compressors and the indexer
  /// take from the same rows.
  func downProjections(
    _ layer: String, _ kind: Configuration.Compression, _ taken: StepBuilder.Results
  ) throws -> StepBuilder.Results {
    let (rank, channels, hidden) = (shape.queryRank, shape.headSize, shape.hiddenSize)
    var list: [Projection] = [
      .quantised("wq_a", "a", outputs: rank), .quantised("wkv", "kv", outputs: channels),
    ]
    var views = quantised("x", taken, "y")
    views.merge(linear("wq_a", "\(layer).attn.wq_a", rank, hidden)) { $1 }
    views.merge(linear("wkv", "\(layer).attn.wkv", channels, hidden)) { $1 }
    func add(_ projection: Projection, _ parameter: String, _ name: String, _ outputs: Int) {
      list.append(projection)
      views[parameter] = plain("\(layer).attn.\(name).weight", outputs, hidden)
    }
    if kind != .none {
      views["x"] = taken["y"]
      let width = channels * (kind == .sparse ? 2 : 1)
      add(.wide("compressor_wkv", "compressor_kv", outputs: width), "compressor_wkv", "compressor.wkv", width)
      add(
        .wide("compressor_wgate", "compressor_gate", outputs: width), "compressor_wgate", "compressor.wgate",
        width)
    }
    if kind == .sparse {
      let width = 2 * shape.indexHeadSize
      add(.wide("index_wkv", "index_kv", outputs: width), "index_wkv", "indexer.compressor.wkv", width)
      add(.wide("index_wgate", "index_gate", outputs: width), "index_wgate", "indexer.compressor.wgate", width)
      let factor = indexerFactor(heads: shape.indexHeadCount, channels: shape.indexHeadSize)
      add(
        .plain("weights_proj", "weights", outputs: shape.indexHeadCount, factor: factor), "weights_proj",
        "indexer.weights_proj", shape.indexHeadCount)
    }
    return try b.launch(projections(list, inputs: hidden, arithmetic: arithmetic), views)
  }
}
