import DeepSeek
import JSON
import Testing

/// Wrong fields are refused by name, with what was expected and what was found.
@Suite struct ConfigurationRefusalTests {
  private func refusal(_ object: JSONObject) -> String? {
    do {
      _ = try Configuration(object, file: "config.json")
      return nil
    } catch {
      return "\(error)"
    }
  }

  private func tiny() throws -> JSONObject { try ModelFiles.object(ModelFiles.tiny + "/config.json") }

  @Test(arguments: [
    ("model_type", #""deepseek_v41""#, #"model_type: deepseek_v4 expected, "deepseek_v41" found"#),
    ("model_type", #""llama""#, #"model_type: deepseek_v4 expected, "llama" found"#),
    ("architectures", #"["DeepseekV3ForCausalLM"]"#,
     #"architectures[0]: DeepseekV4ForCausalLM expected, "DeepseekV3ForCausalLM" found"#),
    ("hidden_size", "100", "hidden_size: a multiple of 128 in 128...65536 expected, 100 found"),
    ("hidden_size", "\"256\"", "hidden_size: a multiple of 128 in 128...65536 expected, \"256\" found"),
    ("hidden_size", "1e400", "hidden_size: a multiple of 128 in 128...65536 expected, 1e400 found"),
    ("vocab_size", "-1", "vocab_size: an integer in 2...16777216 expected, -1 found"),
    ("vocab_size", "1e30", "vocab_size: an integer in 2...16777216 expected, 1e30 found"),
    ("num_key_value_heads", "4", "num_key_value_heads: an integer in 1...1 expected, 4 found"),
    ("qk_rope_head_dim", "62", "qk_rope_head_dim: head_dim 128 less a multiple of 64 expected, 62 found"),
    ("qk_rope_head_dim", "63", "qk_rope_head_dim: a multiple of 2 in 2...4096 expected, 63 found"),
    ("o_groups", "8", "o_groups: a divisor of the 4 heads expected, 8 found"),
    ("o_lora_rank", "65", "o_lora_rank: with 2 groups a multiple of 128 channels expected, 65 found"),
    ("compress_ratios", "[0, 4, 8, 4, 128, 0, 0]", "compress_ratios[2]: 0, 4 or 128 expected, 8 found"),
    ("compress_ratios", "[0, 4, 128]", "compress_ratios: one for each of 6 layers expected, 3 found"),
    ("compress_ratios", "[0, 4, 128, 4, 128, 0, 4]",
     "compress_ratios: 6 ratios and at most 8 zeros for the layers that draft expected, [4] after the layers' found"),
    ("compress_ratios", "4", "compress_ratios: a list of at most 2048 elements expected, 4 found"),
    ("compress_ratios", "null", "compress_ratios: a ratio for each layer expected, no such field found"),
    ("index_head_dim", "96", "index_head_dim: a power of two expected, 96 found"),
    ("index_head_dim", "32", "index_head_dim: at least the 64 rotated channels expected, 32 found"),
    ("num_experts_per_tok", "9", "num_experts_per_tok: at most the 8 experts expected, 9 found"),
    ("num_hash_layers", "7", "num_hash_layers: an integer in 0...6 expected, 7 found"),
    ("n_shared_experts", "2", "n_shared_experts: an integer in 1...1 expected, 2 found"),
    ("rope_scaling.type", "\"linear\"", "rope_scaling.type: yarn expected, \"linear\" found"),
    ("rope_scaling", "null", nil),
    ("rope_scaling.beta_slow", "40", "beta_fast: more than beta_slow 40.0 expected, 32.0 found"),
    ("scoring_func", "\"sigmoid\"", "scoring_func: sqrtsoftplus expected, \"sigmoid\" found"),
    ("hidden_act", "\"gelu\"", "hidden_act: silu expected, \"gelu\" found"),
    ("tie_word_embeddings", "true", "tie_word_embeddings: false expected, true found"),
    ("norm_topk_prob", "false", "norm_topk_prob: true expected, false found"),
    ("swiglu_limit", "0", "swiglu_limit: a number in 1e-06...1e+30 expected, 0 found"),
    ("rms_norm_eps", "\"x\"", "rms_norm_eps: a number in 1e-30...1.0 expected, \"x\" found"),
    ("expert_dtype", "\"int4\"", "expert_dtype: fp4 or fp8 expected, \"int4\" found"),
    ("quantization_config.weight_block_size", "[32, 32]",
     "quantization_config.weight_block_size[0]: 128 expected, 32 found"),
    ("quantization_config.weight_block_size", "[128]",
     "quantization_config.weight_block_size: [128, 128] expected, [128] found"),
    ("quantization_config.scale_fmt", "\"float\"", "quantization_config.scale_fmt: ue8m0 expected, \"float\" found"),
    ("quantization_config.quant_method", "\"gptq\"", "quantization_config.quant_method: fp8 expected, \"gptq\" found"),
    ("max_position_embeddings", "4194304",
     "max_position_embeddings: an integer in 1...2097152 expected, 4194304 found"),
    ("eos_token_id", "512", "eos_token_id: an integer in 0...511 expected, 512 found"),
    ("dim", "512", "dim: 256 as in hidden_size expected, 512 found"),
  ] as [(String, String, String?)])
  func wrongFields(field: String, value: String, message: String?) throws {
    let found = refusal(try tiny().setting(field, to: try JSONValue(parsing: value)))
    if let message {
      #expect(found == "config.json: " + message)
    } else {
      #expect(found?.contains("\n  rope_scaling.factor: a number in 1.0...1000000.0 expected, no such field found") == true)
    }
  }

  /// Every field that has no agreed default is missed by name.
  @Test func missingFields() throws {
    let optional: Set<String> = [
      "architectures", "torch_dtype", "num_key_value_heads", "norm_topk_prob", "topk_method", "hidden_act",
      "num_nextn_predict_layers", "tie_word_embeddings", "attention_bias", "attention_dropout", "bos_token_id",
      "eos_token_id", "initializer_range", "use_cache", "expert_dtype", "quantization_config",
    ]
    for member in try tiny().members {
      let found = refusal(try tiny().setting(member.key, to: nil))
      if optional.contains(member.key) {
        #expect(found == nil, "\(member.key)")
      } else {
        #expect(found?.contains(member.key) == true && found?.contains("no such field") == true, "\(member.key)")
      }
    }
  }

  @Test func everyProblemIsTold() throws {
    let object = try tiny().setting("hc_mult", to: .string("x")).setting("window_size", to: .number(JSONNumber(0)))
      .setting("o_groups", to: nil)
    let found = try #require(refusal(object))
    #expect(found.hasPrefix("config.json: 3 problems\n"))
    for name in ["hc_mult", "window_size", "o_groups"] { #expect(found.contains("\n  \(name): ")) }
  }

  @Test func expertsBeyondEveryMemory() throws {
    let object = try tiny().setting("num_hidden_layers", to: .number(JSONNumber(1024)))
      .setting("compress_ratios", to: .array([JSONValue](repeating: .number(JSONNumber(0)), count: 1024)))
      .setting("n_routed_experts", to: .number(JSONNumber(16_384)))
    #expect(
      refusal(object)
        == "config.json: n_routed_experts: at most 131072 in 1024 layers together expected, 16777216 found")
  }

  @Test func textsThatAreNoConfiguration() throws {
    #expect(refusal(JSONObject([])) == "config.json: model_type: deepseek_v4 expected, no such field found")
    #expect { try Configuration(folder: "/absent") } throws: {
      "\($0)" == "/absent/config.json: a file that can be read expected, No such file or directory found"
    }
  }

  @Test(arguments: [
    ("temperature", "-1", "temperature: a number in 0.0...100.0 expected, -1 found"),
    ("top_p", "0", "top_p: a number in 1e-09...1.0 expected, 0 found"),
    ("top_k", "1.5", "top_k: an integer in 0...1073741824 expected, 1.5 found"),
    ("do_sample", "1", "do_sample: true or false expected, 1 found"),
    ("eos_token_id", "[1, 1024]", "eos_token_id[1]: a token below 1024 expected, 1024 found"),
  ])
  func wrongGenerationFields(field: String, value: String, message: String) throws {
    let configuration = try Configuration(folder: ModelFiles.nano)
    let object = JSONObject([JSONObject.Member(field, try JSONValue(parsing: value))])
    #expect { try GenerationDefaults(object, file: "g.json", configuration) } throws: { "\($0)" == "g.json: " + message }
  }
}
