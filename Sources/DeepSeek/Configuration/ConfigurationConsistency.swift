extension Configuration {
  /// Experts of all layers; five times those of V4-Pro.
  static let mostExperts = 1 << 17

  /// What fields ask of each other. Each check names the field that a reader would change.
  func checkConsistency(_ fields: inout ConfigurationFields) {
    let width = headSize - ropeSize
    if width <= 0 || width % 64 != 0 || ropeSize < 2 || ropeSize % 2 != 0 {
      // Cached keys are quantised in blocks of 64 channels.
      fields.refuse("qk_rope_head_dim", expected: "head_dim \(headSize) less a multiple of 64", found: "\(ropeSize)")
    }
    if headCount % outputGroups != 0 {
      fields.refuse("o_groups", expected: "a divisor of the \(headCount) heads", found: "\(outputGroups)")
    } else if headCount / outputGroups * headSize % Self.scaleBlock != 0 {
      fields.refuse(
        "o_groups", expected: "groups whose heads have a multiple of \(Self.scaleBlock) channels",
        found: "\(headCount / outputGroups) heads of \(headSize)")
    }
    if outputGroups * outputRank % Self.scaleBlock != 0 {
      fields.refuse(
        "o_lora_rank", expected: "with \(outputGroups) groups a multiple of \(Self.scaleBlock) channels",
        found: "\(outputRank)")
    }
    if indexHeadSize & (indexHeadSize - 1) != 0 {
      // The Hadamard transform has no other lengths.
      fields.refuse("index_head_dim", expected: "a power of two", found: "\(indexHeadSize)")
    }
    if indexHeadSize < ropeSize {
      fields.refuse("index_head_dim", expected: "at least the \(ropeSize) rotated channels", found: "\(indexHeadSize)")
    }
    if expertPicks > expertCount {
      fields.refuse("num_experts_per_tok", expected: "at most the \(expertCount) experts", found: "\(expertPicks)")
    }
    // A hostile file must not make a list of weights that fills the memory.
    if layers.count * expertCount > Self.mostExperts {
      fields.refuse(
        "n_routed_experts", expected: "at most \(Self.mostExperts) in \(layers.count) layers together",
        found: "\(layers.count * expertCount)")
    }
    if yarn.betaFast <= yarn.betaSlow {
      fields.refuse("beta_fast", expected: "more than beta_slow \(yarn.betaSlow)", found: "\(yarn.betaFast)")
    }
  }
}
