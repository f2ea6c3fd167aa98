import JSON

extension Configuration {
  /// Reads and checks the `config.json` of a folder.
  ///
  /// Fields may have the names of DeepSeek's own code or those of Hugging Face's.
  /// - Throws: `ModelRefusal` with every field that is wrong, what was expected and what was found;
  ///   `SafetensorsError` where the file cannot be read.
  public init(folder: String) throws { try self.init(file: folder + "/config.json") }

  public init(file: String) throws {
    try self.init(ModelFile.object(in: file), file: file)
  }

  /// Reads and checks a configuration; `file` is named in refusals.
  public init(_ object: JSONObject, file: String) throws {
    var fields = ConfigurationFields(object)
    Self.checkArchitecture(&fields)
    if !fields.problems.isEmpty { throw ModelRefusal(file, fields.problems) }
    let configuration = Configuration(&fields)
    if fields.problems.isEmpty { configuration.checkConsistency(&fields) }
    if !fields.problems.isEmpty { throw ModelRefusal(file, fields.problems) }
    self = configuration
  }

  /// Another architecture is refused by its name and for nothing else.
  private static func checkArchitecture(_ fields: inout ConfigurationFields) {
    // DeepSeek's own file has no name in it; its field for the hidden size has one of its own.
    let isNamed = fields.has("model_type", "architectures")
    if isNamed {
      fields.choice("model_type", of: ["deepseek_v4"])
      _ = fields.list("architectures", atMost: 8, expected: "DeepseekV4ForCausalLM") { value in
        value.string == "DeepseekV4ForCausalLM" ? value.string : nil
      }
    } else if !fields.has("dim") {
      fields.refuse("model_type", expected: "deepseek_v4", found: "no such field")
    }
  }

  private init(_ f: inout ConfigurationFields) {
    vocabularySize = f.integer("vocab_size", in: 2...(1 << 24))
    hiddenSize = f.integer("hidden_size", "dim", in: 128...(1 << 16), multipleOf: 128)
    let layerCount = f.integer("num_hidden_layers", "n_layers", in: 1...1024)
    headCount = f.integer("num_attention_heads", "n_heads", in: 1...4096)
    _ = f.optionalInteger("num_key_value_heads", in: 1...1)
    headSize = f.integer("head_dim", in: 66...(1 << 14))
    if let share = f.optionalNumber("partial_rotary_factor", in: 0...1), !f.has("qk_rope_head_dim", "rope_head_dim") {
      ropeSize = Int((share * Double(headSize)).rounded())
    } else {
      ropeSize = f.integer("qk_rope_head_dim", "rope_head_dim", in: 2...(1 << 12), multipleOf: 2)
    }
    queryRank = f.integer("q_lora_rank", in: 128...(1 << 16), multipleOf: 128)
    outputGroups = f.integer("o_groups", in: 1...4096)
    outputRank = f.integer("o_lora_rank", in: 1...(1 << 16))
    window = f.integer("sliding_window", "window_size", in: 1...(1 << 20))
    let (main, extra) = Self.compressions(&f, layerCount: layerCount)
    layers = main
    indexHeadCount = f.integer("index_n_heads", in: 1...4096)
    indexHeadSize = f.integer("index_head_dim", in: 32...4096, multipleOf: 32)
    indexPicks = f.integer("index_topk", in: 1...(1 << 20))

    ropeTheta = f.number("rope_theta", "rope_parameters.main.rope_theta", in: 1...1e12)
    compressedRopeTheta = f.number(
      "compress_rope_theta", "rope_parameters.compress.rope_theta", in: 1...1e12)
    f.choice(
      "rope_scaling.type", "rope_scaling.rope_type", "rope_parameters.compress.rope_type",
      "rope_parameters.compress.type", of: ["yarn"], isRequired: !f.has("rope_factor"))
    yarn = Yarn(
      factor: f.number("rope_scaling.factor", "rope_factor", "rope_parameters.compress.factor", in: 1...1e6),
      originalLength: f.integer(
        "rope_scaling.original_max_position_embeddings", "original_seq_len",
        "rope_parameters.compress.original_max_position_embeddings", in: 1...(1 << 24)),
      betaFast: f.number(
        "rope_scaling.beta_fast", "beta_fast", "rope_parameters.compress.beta_fast", in: 1e-3...1e6),
      betaSlow: f.number(
        "rope_scaling.beta_slow", "beta_slow", "rope_parameters.compress.beta_slow", in: 1e-3...1e6))
    // Sines are defined up to 2^21.
    maximumPositions = f.integer("max_position_embeddings", "max_seq_len", in: 1...(1 << 21))

    streamCount = f.integer("hc_mult", in: 1...16)
    sinkhornIterations = f.integer("hc_sinkhorn_iters", in: 1...1000)
    hyperConnectionEpsilon = f.number("hc_eps", in: 0...1)
    normEpsilon = f.number("rms_norm_eps", "norm_eps", in: 1e-30...1)

    expertSize = f.integer("moe_intermediate_size", "moe_inter_dim", in: 128...(1 << 16), multipleOf: 128)
    expertCount = f.integer("n_routed_experts", in: 1...(1 << 14))
    expertPicks = f.integer("num_experts_per_tok", "n_activated_experts", in: 1...256)
    _ = f.integer("n_shared_experts", in: 1...1)
    hashLayerCount = Self.hashLayers(&f, layerCount: layerCount)
    f.choice("scoring_func", "score_func", of: ["sqrtsoftplus"])
    routedScale = f.number("routed_scaling_factor", "route_scale", in: 1e-6...1e6)
    f.flag("norm_topk_prob", mustBe: true)
    f.choice("topk_method", of: ["noaux_tc"], isRequired: false)
    swigluLimit = f.number("swiglu_limit", in: 1e-6...1e30)
    f.choice("hidden_act", of: ["silu"], isRequired: false)
    f.flag("tie_word_embeddings", mustBe: false)
    f.flag("attention_bias", mustBe: false)

    expertFormat =
      f.has("expert_dtype") ? ExpertFormat(rawValue: f.choice("expert_dtype", of: ["fp4", "fp8"])) : nil
    Self.checkQuantisation(&f)
    let drafts = f.optionalInteger("num_nextn_predict_layers", "n_mtp_layers", in: 0...8) ?? 1
    drafter = f.has("dspark_block_size") || drafts > 1 ? .multiStage : drafts == 1 ? .nextToken : .none
    if let extra, extra.contains(where: { $0 != .none }) || extra.count > 8 {
      f.refuse(
        "compress_ratios", expected: "\(layerCount) ratios and at most 8 zeros for the layers that draft",
        found: "\(extra.map(\.ratio)) after the layers'")
    }
    beginToken = f.tokens("bos_token_id", below: vocabularySize)?.first ?? 0
    endTokens = f.tokens("eos_token_id", below: vocabularySize) ?? [1]
  }

  /// The ratios of the main layers and those of what follows them; Hugging Face's list has no others.
  private static func compressions(
    _ f: inout ConfigurationFields, layerCount: Int
  ) -> (main: [Compression], extra: [Compression]?) {
    let ratios = f.list("compress_ratios", atMost: 2048, expected: "0, 4 or 128") { value in
      value.number?.integer.flatMap(Compression.init)
    }
    let kinds: [String: Compression] = [
      "sliding_attention": .none, "compressed_sparse_attention": .sparse,
      "heavily_compressed_attention": .heavy,
    ]
    let types = f.list("layer_types", atMost: 2048, expected: kinds.keys.sorted().joined(separator: ", ")) {
      $0.string.flatMap { kinds[$0] }
    }
    guard let list = ratios ?? types else {
      if f.problems.isEmpty || !f.has("compress_ratios", "layer_types") {
        f.refuse("compress_ratios", expected: "a ratio for each layer", found: "no such field")
      }
      return ([], nil)
    }
    guard list.count >= layerCount else {
      f.refuse(
        ratios == nil ? "layer_types" : "compress_ratios",
        expected: "one for each of \(layerCount) layers", found: "\(list.count)")
      return ([], nil)
    }
    let main = Array(list.prefix(layerCount))
    if let types, Array(types.prefix(layerCount)) != main {
      f.refuse("layer_types", expected: "the kinds of compress_ratios", found: "others")
    }
    return (main, Array(list.dropFirst(layerCount)))
  }

  private static func hashLayers(_ f: inout ConfigurationFields, layerCount: Int) -> Int {
    let types = f.list("mlp_layer_types", atMost: 2048, expected: "hash_moe or moe") { value in
      value.string.flatMap { ["hash_moe", "moe"].contains($0) ? $0 : nil }
    }
    guard let types, !f.has("num_hash_layers", "n_hash_layers") else {
      return f.integer("num_hash_layers", "n_hash_layers", in: 0...layerCount)
    }
    let count = types.prefix { $0 == "hash_moe" }.count
    if types.count < layerCount || types.dropFirst(count).contains("hash_moe") {
      f.refuse(
        "mlp_layer_types", expected: "hash_moe for the first layers and moe for the rest of \(layerCount)",
        found: "\(types.count) in another order")
    }
    return count
  }

  private static func checkQuantisation(_ f: inout ConfigurationFields) {
    f.choice("torch_dtype", of: ["bfloat16", "float32"], isRequired: false)
    f.choice("dtype", of: ["bfloat16", "float32", "fp8"], isRequired: false)
    f.choice("scale_fmt", "quantization_config.scale_fmt", of: ["ue8m0"], isRequired: false)
    guard f.has("quantization_config") else { return }
    f.choice("quantization_config.quant_method", of: ["fp8"])
    f.choice("quantization_config.fmt", of: ["e4m3"], isRequired: false)
    f.choice("quantization_config.activation_scheme", of: ["dynamic"], isRequired: false)
    let name = "quantization_config.weight_block_size"
    let sizes = f.list(name, atMost: 2, expected: "\(scaleBlock)") { value in
      value.number?.integer == scaleBlock ? scaleBlock : nil
    }
    if let sizes, sizes.count != 2 {
      f.refuse(name, expected: "[\(scaleBlock), \(scaleBlock)]", found: "\(sizes)")
    }
  }
}
