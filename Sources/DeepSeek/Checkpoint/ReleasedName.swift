/// The names that checkpoints give their tensors, brought to those of DeepSeek's releases.
///
/// Accepted are the releases' own, the variants that DeepSeek's converter accepts, and Hugging Face's names
/// of modules, all with or without a leading `model.`. A name that is none of these comes back as it is.
func releasedName(_ stored: String) -> String {
  var parts = stored.split(separator: ".", omittingEmptySubsequences: false)
  if parts.first == "model" { parts.removeFirst() }
  guard let first = parts.first else { return stored }
  if parts.last == "weight_scale_inv" { parts[parts.count - 1] = "scale" }
  if (first == "layers" || first == "mtp"), parts.count > 2 {
    parts = parts[..<2] + blockName(Array(parts[2...]))
  } else if first == "hc_head", parts.count == 2 {
    parts = ["hc_head_\(parts[1].trimmingPrefix("hc_"))"]
  } else if let renamed = ["embed_tokens": "embed", "lm_head": "head"][first] {
    parts[0] = Substring(renamed)
  }
  return parts.joined(separator: ".")
}

/// What follows `layers.L.`.
private func blockName(_ parts: [Substring]) -> [Substring] {
  let rest = Array(parts.dropFirst())
  switch parts[0] {
  case "input_layernorm": return ["attn_norm"] + rest
  case "post_attention_layernorm": return ["ffn_norm"] + rest
  case "attn_hc" where rest.count == 1: return ["hc_attn_\(rest[0])"]
  case "ffn_hc" where rest.count == 1: return ["hc_ffn_\(rest[0])"]
  case "hc_head" where rest.count == 1: return ["hc_head_\(rest[0].trimmingPrefix("hc_"))"]
  case "attn", "self_attn": return ["attn"] + attentionName(rest)
  case "ffn", "mlp": return ["ffn"] + expertsName(rest)
  default: return parts
  }
}

/// What follows `attn.`.
private func attentionName(_ parts: [Substring]) -> [Substring] {
  guard let first = parts.first else { return parts }
  let rest = Array(parts.dropFirst())
  switch first {
  case "compressor":
    // Hugging Face has the indexer within the compressor, and the indexer's compressor within itself.
    guard rest.first == "indexer" else { return ["compressor"] + compressorName(rest) }
    let inner = rest.dropFirst().first == "scorer" ? Array(rest.dropFirst(2)) : Array(rest.dropFirst())
    let isCompressor = inner.first.map { compressorNames[$0] != nil } ?? false
    return ["indexer"] + (isCompressor ? ["compressor"] + compressorName(inner) : attentionName(inner))
  case "indexer":
    guard rest.first == "compressor" else { return ["indexer"] + attentionName(rest) }
    return ["indexer", "compressor"] + compressorName(Array(rest.dropFirst()))
  default:
    return [attentionNames[first] ?? first] + rest
  }
}

private func compressorName(_ parts: [Substring]) -> [Substring] {
  guard let first = parts.first else { return parts }
  return [compressorNames[first] ?? first] + parts.dropFirst()
}

/// What follows `ffn.`.
private func expertsName(_ parts: [Substring]) -> [Substring] {
  parts.map { expertsNames[$0] ?? $0 }
}

private let attentionNames: [Substring: Substring] = [
  "q_a_proj": "wq_a", "q_a_norm": "q_norm", "q_a_layernorm": "q_norm", "q_b_proj": "wq_b",
  "kv_proj": "wkv", "kv_a_layernorm": "kv_norm", "o_a_proj": "wo_a", "o_b_proj": "wo_b",
  "sinks": "attn_sink",
]

private let compressorNames: [Substring: Substring] = [
  "kv_proj": "wkv", "gate_proj": "wgate", "position_bias": "ape", "kv_norm": "norm",
]

private let expertsNames: [Substring: Substring] = [
  "gate_proj": "w1", "up_proj": "w3", "down_proj": "w2", "e_score_correction_bias": "bias",
]
