@testable import DeepSeek
import Foundation
import JSON
import Safetensors
import Testing
import TileIR

@Suite struct CheckpointTests {
  @Test(arguments: [ModelFiles.tiny, ModelFiles.nano]) func everyTensorHasARole(folder: String) throws {
    let configuration = try Configuration(folder: folder)
    let checkpoint = try SafetensorsCheckpoint(folder: folder)
    let weights = try Weights(checkpoint, configuration)
    #expect(weights.hasDrafter)
    #expect(weights.expertForm == .fp4)
    #expect(weights.byteCount == checkpoint.records.reduce(0) { $0 + $1.range.count })
    let down = weights[.expert(.layer(2), 7, .down)]
    #expect(down.form == .fp4)
    #expect(down.shape == [256, 128])
    #expect(down.tensor.shape == [256, 64])
    #expect(down.scales?.shape == [256, 4])
    let query = weights[.block(.layer(1), .indexQuery)]
    #expect(query.form == .fp8)
    #expect(query.tensor.name == "layers.1.attn.indexer.wq_b.weight")
    #expect(query.scales?.type == .e8m0)
    #expect(weights[.drafter(.streamProjection)].shape == [256, 256])
    #expect(weights.has(.block(.layer(1), .routerTable)) && !weights.has(.block(.layer(1), .routerBias)))
    #expect(weights.has(.block(.layer(2), .routerBias)) && !weights.has(.block(.layer(2), .routerTable)))
    #expect(!weights.has(.block(.layer(2), .indexQuery)) && !weights.has(.block(.layer(0), .compressorNorm)))
  }

  @Test func sizesOfTheReleases() throws {
    // 284 and 1,600 billion parameters, 13 and 49 billion of them active, as published.
    let flash = Inventory(released: Release.flash.configuration)
    let flashMain = flash.parameters - flash.rows.last!.parameters
    #expect(flash.rows.last!.part == .drafter)
    #expect(abs(Double(flashMain) / 284e9 - 1) < 0.01, "\(flashMain)")
    #expect(abs(Double(flash.activeParameters) / 13e9 - 1) < 0.05, "\(flash.activeParameters)")
    let pro = Inventory(released: Release.pro.configuration)
    #expect(abs(Double(pro.parameters) / 1.6e12 - 1) < 0.03, "\(pro.parameters)")
    #expect(abs(Double(pro.activeParameters) / 49e9 - 1) < 0.05, "\(pro.activeParameters)")
  }

  @Test func anInventoryCountsEveryByte() throws {
    let configuration = try Configuration(folder: ModelFiles.tiny)
    let weights = try Weights(folder: ModelFiles.tiny, configuration)
    let inventory = Inventory(weights)
    #expect(inventory.bytes == weights.byteCount)
    #expect(inventory.rows.map(\.part) == ExpectedWeight.Part.allCases)
    #expect(inventory == Inventory(released: configuration))
    let experts = try #require(inventory.rows.first { $0.part == .routedExperts })
    #expect(experts.parameters == 6 * 8 * 3 * 128 * 256)
    #expect(experts.activeParameters == 6 * 3 * 3 * 128 * 256)
  }

  @Test func cachesOfTheReleases() throws {
    let flash = CacheSize(Release.flash.configuration)
    #expect(flash.bytesPerToken == 6880)
    #expect(CacheSize(Release.pro.configuration).bytesPerToken == 9848)
    #expect(flash.fixedBytes == 43 * 128 * 1024 + 21 * (64 + 16) * 1024 + 20 * 512 * 1024)
    #expect(flash.longest(sequences: 1, within: flash.bytes(tokens: 1000)) ?? 0 >= 1000)
    #expect(flash.longest(sequences: 1, within: flash.bytes(tokens: 1000) - 1) ?? 0 < 1000)
    #expect(flash.longest(sequences: 1, within: .max) == 1_048_576)
    #expect(flash.longest(sequences: 2, within: flash.fixedBytes) == nil)
  }

  /// Names of other writers, as section by section they differ from the release's.
  @Test(arguments: [
    ("model.embed_tokens.weight", "embed.weight"), ("lm_head.weight", "head.weight"),
    ("model.norm.weight", "norm.weight"), ("model.hc_head.hc_fn", "hc_head_fn"),
    ("model.layers.3.input_layernorm.weight", "layers.3.attn_norm.weight"),
    ("layers.3.post_attention_layernorm.weight", "layers.3.ffn_norm.weight"),
    ("model.layers.0.attn_hc.scale", "layers.0.hc_attn_scale"), ("model.layers.0.ffn_hc.base", "layers.0.hc_ffn_base"),
    ("model.layers.3.self_attn.q_a_proj.weight", "layers.3.attn.wq_a.weight"),
    ("model.layers.3.self_attn.q_a_proj.weight_scale_inv", "layers.3.attn.wq_a.scale"),
    ("layers.3.self_attn.q_a_layernorm.weight", "layers.3.attn.q_norm.weight"),
    ("layers.3.attn.kv_a_layernorm.weight", "layers.3.attn.kv_norm.weight"),
    ("model.layers.3.self_attn.kv_proj.weight", "layers.3.attn.wkv.weight"),
    ("model.layers.3.self_attn.o_a_proj.weight", "layers.3.attn.wo_a.weight"),
    ("model.layers.3.self_attn.sinks", "layers.3.attn.attn_sink"),
    ("model.layers.3.self_attn.compressor.gate_proj.weight", "layers.3.attn.compressor.wgate.weight"),
    ("model.layers.3.self_attn.compressor.position_bias", "layers.3.attn.compressor.ape"),
    ("model.layers.3.self_attn.compressor.kv_norm.weight", "layers.3.attn.compressor.norm.weight"),
    ("model.layers.3.self_attn.compressor.indexer.q_b_proj.weight", "layers.3.attn.indexer.wq_b.weight"),
    ("model.layers.3.self_attn.compressor.indexer.scorer.weights_proj.weight",
     "layers.3.attn.indexer.weights_proj.weight"),
    ("model.layers.3.self_attn.compressor.indexer.kv_proj.weight", "layers.3.attn.indexer.compressor.wkv.weight"),
    ("model.layers.3.self_attn.compressor.indexer.kv_norm.weight", "layers.3.attn.indexer.compressor.norm.weight"),
    ("model.layers.3.mlp.gate.e_score_correction_bias", "layers.3.ffn.gate.bias"),
    ("model.layers.3.mlp.experts.17.down_proj.weight", "layers.3.ffn.experts.17.w2.weight"),
    ("model.layers.3.mlp.shared_experts.gate_proj.weight", "layers.3.ffn.shared_experts.w1.weight"),
    ("model.mtp.0.self_attn.q_b_proj.weight_scale_inv", "mtp.0.attn.wq_b.scale"),
    ("layers.3.attn.indexer.compressor.wkv.weight", "layers.3.attn.indexer.compressor.wkv.weight"),
    ("something.else", "something.else"), ("layers.3", "layers.3"), ("model", "model"), ("", ""),
  ])
  func acceptedNames(stored: String, released: String) { #expect(releasedName(stored) == released) }

  @Test func releasedNamesStayAsTheyAre() throws {
    for weight in try Configuration(folder: ModelFiles.tiny).expectedWeights {
      #expect(releasedName(weight.name) == weight.name)
      #expect(releasedName("model." + weight.name) == weight.name)
    }
  }

  /// A checkpoint in plain BF16 and F32, in two files, under other names, without a drafter.
  @Test func plainWeightsUnderOtherNames() throws {
    let configuration = try Configuration(
      ModelFiles.object(ModelFiles.tiny + "/config.json").setting("expert_dtype", to: nil), file: "config.json")
    let folder = try TemporaryFolder()
    var map: [String] = []
    for shard in 0..<2 {
      let name = "model-\(shard).safetensors"
      let expected = configuration.expectedWeights.filter { !$0.name.hasPrefix("mtp.") }
      let mine = expected.enumerated().filter { $0.offset % 2 == shard }.map(\.element)
      try SafetensorsFile.write(
        mine.map { weight in
          let type: StorageType = weight.storage == .table ? .int32 : shard == 0 ? .bfloat16 : .float32
          let bytes = [UInt8](repeating: 0, count: weight.elementCount * type.byteWidth)
          let name = "model." + weight.name.replacing(".attn.wq_a", with: ".self_attn.q_a_proj")
          return OutgoingTensor(name, type, weight.shape, bytes: bytes)
        }, to: folder.file(name))
      map += mine.map { "\"model.\($0.name.replacing(".attn.wq_a", with: ".self_attn.q_a_proj"))\": \"\(name)\"" }
    }
    try Data(#"{"weight_map": {\#(map.joined(separator: ", "))}}"#.utf8)
      .write(to: URL(fileURLWithPath: folder.file("model.safetensors.index.json")))
    let weights = try Weights(folder: folder.path, configuration)
    #expect(!weights.hasDrafter)
    #expect(weights.expertForm == .plain)
    #expect(weights[.block(.layer(3), .queryDown)].scales == nil)
    #expect(weights[.block(.layer(0), .routerTable)].tensor.type == .int32)
    #expect(!weights.has(.drafter(.norm)))
  }
}
