/// The released models that a configuration can be recognised as.
public enum Release: String, Hashable, Sendable, CaseIterable {
  case flash = "DeepSeek-V4-Flash"
  case pro = "DeepSeek-V4-Pro"

  /// The release whose widths and depth a configuration has.
  public init?(_ configuration: Configuration) {
    let sizes = [configuration.hiddenSize, configuration.layers.count, configuration.expertCount]
    switch sizes {
    case [4096, 43, 256]: self = .flash
    case [7168, 61, 384]: self = .pro
    default: return nil
    }
  }

  /// The configuration as it was released; `drafter` and `expertFormat` differ between revisions.
  public var configuration: Configuration {
    typealias Compression = Configuration.Compression
    let alternating = { (pairs: Int) in (0..<pairs).flatMap { _ in [Compression.sparse, .heavy] } + [.sparse] }
    return Configuration(
      vocabularySize: 129_280, hiddenSize: self == .flash ? 4096 : 7168,
      layers: self == .flash ? [.none, .none] + alternating(20) : [.heavy, .heavy] + alternating(29),
      headCount: self == .flash ? 64 : 128, headSize: 512, ropeSize: 64,
      queryRank: self == .flash ? 1024 : 1536, outputGroups: self == .flash ? 8 : 16, outputRank: 1024,
      window: 128, indexHeadCount: 64, indexHeadSize: 128, indexPicks: self == .flash ? 512 : 1024,
      ropeTheta: 10_000, compressedRopeTheta: 160_000,
      yarn: Configuration.Yarn(factor: 16, originalLength: 65_536, betaFast: 32, betaSlow: 1),
      maximumPositions: 1_048_576, streamCount: 4, sinkhornIterations: 20, hyperConnectionEpsilon: 1e-6,
      normEpsilon: 1e-6, expertSize: self == .flash ? 2048 : 3072, expertCount: self == .flash ? 256 : 384,
      expertPicks: 6, hashLayerCount: 3, routedScale: self == .flash ? 1.5 : 2.5, swigluLimit: 10,
      expertFormat: .fp4, drafter: .nextToken, beginToken: 0, endTokens: [1])
  }

  /// What of a configuration differs from the release, as `field: released, found`; revisions of weights
  /// and drafters are no difference.
  public func differences(from found: Configuration) -> [String] {
    let released = configuration
    func row<Value: Equatable>(_ name: String, _ path: KeyPath<Configuration, Value>) -> String? {
      released[keyPath: path] == found[keyPath: path]
        ? nil : "\(name): \(released[keyPath: path]) released, \(found[keyPath: path]) found"
    }
    let rows = [
      row("vocab_size", \.vocabularySize), row("compress_ratios", \.layers),
      row("num_attention_heads", \.headCount), row("head_dim", \.headSize), row("qk_rope_head_dim", \.ropeSize),
      row("q_lora_rank", \.queryRank), row("o_groups", \.outputGroups), row("o_lora_rank", \.outputRank),
      row("sliding_window", \.window), row("index_n_heads", \.indexHeadCount),
      row("index_head_dim", \.indexHeadSize), row("index_topk", \.indexPicks), row("rope_theta", \.ropeTheta),
      row("compress_rope_theta", \.compressedRopeTheta), row("rope_scaling", \.yarn),
      row("max_position_embeddings", \.maximumPositions), row("hc_mult", \.streamCount),
      row("hc_sinkhorn_iters", \.sinkhornIterations), row("hc_eps", \.hyperConnectionEpsilon),
      row("rms_norm_eps", \.normEpsilon), row("moe_intermediate_size", \.expertSize),
      row("num_experts_per_tok", \.expertPicks), row("num_hash_layers", \.hashLayerCount),
      row("routed_scaling_factor", \.routedScale), row("swiglu_limit", \.swigluLimit),
      row("bos_token_id", \.beginToken), row("eos_token_id", \.endTokens),
    ]
    return rows.compactMap(\.self)
  }
}
