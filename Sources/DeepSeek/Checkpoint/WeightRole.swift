/// What a weight is for: its place in the model, whatever a file calls it.
///
/// `name` is the name in DeepSeek's releases, such as `layers.3.attn.wq_a.weight`.
public enum WeightRole: Hashable, Sendable {
  case model(ModelWeight)
  case block(Block, BlockWeight)
  /// By the expert's number.
  case expert(Block, Int, ExpertWeight)
  case drafter(DrafterWeight)

  public var name: String {
    switch self {
    case .model(let weight): weight.rawValue
    case .block(let block, let weight): "\(block.prefix).\(weight.rawValue)"
    case .expert(let block, let expert, let weight):
      "\(block.prefix).ffn.experts.\(expert).\(weight.rawValue)"
    case .drafter(let weight): "mtp.0.\(weight.rawValue)"
    }
  }
}

/// A transformer block.
public enum Block: Hashable, Sendable {
  /// A main layer, from 0.
  case layer(Int)
  /// The block that predicts the token after next.
  case drafter

  var prefix: String {
    switch self {
    case .layer(let number): "layers.\(number)"
    case .drafter: "mtp.0"
    }
  }
}

/// Weights that the model has once.
public enum ModelWeight: String, Hashable, Sendable, CaseIterable {
  /// [vocabulary, hidden]
  case embedding = "embed.weight"
  /// [vocabulary, hidden]
  case head = "head.weight"
  /// [hidden]
  case norm = "norm.weight"
  /// [streams, streams · hidden], [streams], [1]: how the streams become one.
  case mixFunction = "hc_head_fn"
  case mixBase = "hc_head_base"
  case mixScale = "hc_head_scale"
}

/// Weights of a block, routed experts aside. H heads of d channels, D hidden channels.
public enum BlockWeight: String, Hashable, Sendable, CaseIterable {
  /// [D]
  case attentionNorm = "attn_norm.weight"
  case expertNorm = "ffn_norm.weight"
  /// [(2 + n) n, n D], [(2 + n) n], [3] for n streams, before and after each half of the block.
  case attentionMixFunction = "hc_attn_fn"
  case attentionMixBase = "hc_attn_base"
  case attentionMixScale = "hc_attn_scale"
  case expertMixFunction = "hc_ffn_fn"
  case expertMixBase = "hc_ffn_base"
  case expertMixScale = "hc_ffn_scale"
  /// [query rank, D]
  case queryDown = "attn.wq_a.weight"
  /// [query rank]
  case queryNorm = "attn.q_norm.weight"
  /// [H d, query rank]
  case queryUp = "attn.wq_b.weight"
  /// [d, D]: the latent that is key and value.
  case latent = "attn.wkv.weight"
  /// [d]
  case latentNorm = "attn.kv_norm.weight"
  /// [groups · output rank, H d / groups]
  case outputDown = "attn.wo_a.weight"
  /// [D, groups · output rank]
  case outputUp = "attn.wo_b.weight"
  /// [H]
  case sink = "attn.attn_sink"
  /// [c d, D] with c = 2 in CSA layers and 1 in HCA layers.
  case compressorLatent = "attn.compressor.wkv.weight"
  case compressorGate = "attn.compressor.wgate.weight"
  /// [ratio, c d]
  case compressorPositions = "attn.compressor.ape"
  /// [d]
  case compressorNorm = "attn.compressor.norm.weight"
  /// [index heads · index channels, query rank]
  case indexQuery = "attn.indexer.wq_b.weight"
  /// [index heads, D]
  case indexWeights = "attn.indexer.weights_proj.weight"
  /// As the compressor's, with index channels in place of d.
  case indexCompressorLatent = "attn.indexer.compressor.wkv.weight"
  case indexCompressorGate = "attn.indexer.compressor.wgate.weight"
  case indexCompressorPositions = "attn.indexer.compressor.ape"
  case indexCompressorNorm = "attn.indexer.compressor.norm.weight"
  /// [experts, D]
  case router = "ffn.gate.weight"
  /// [experts]; layers that route by score.
  case routerBias = "ffn.gate.bias"
  /// [vocabulary, picks] of expert numbers; layers that route by token.
  case routerTable = "ffn.gate.tid2eid"
  /// [I, D], [I, D], [D, I] for the I channels of an expert.
  case sharedGate = "ffn.shared_experts.w1.weight"
  case sharedUp = "ffn.shared_experts.w3.weight"
  case sharedDown = "ffn.shared_experts.w2.weight"
}

/// Weights of a routed expert: [I, D], [I, D], [D, I].
public enum ExpertWeight: String, Hashable, Sendable, CaseIterable {
  case gate = "w1.weight"
  case up = "w3.weight"
  case down = "w2.weight"
}

/// Weights that the drafting block has beside those of a block.
public enum DrafterWeight: String, Hashable, Sendable, CaseIterable {
  /// [D, D]: of the next token's embedding.
  case embeddingProjection = "e_proj.weight"
  /// [D, D]: of each stream.
  case streamProjection = "h_proj.weight"
  /// [D]
  case embeddingNorm = "enorm.weight"
  case streamNorm = "hnorm.weight"
  case norm = "norm.weight"
  /// As the model's.
  case mixFunction = "hc_head_fn"
  case mixBase = "hc_head_base"
  case mixScale = "hc_head_scale"
}
