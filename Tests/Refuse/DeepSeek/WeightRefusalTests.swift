import JSON
import Safetensors
import Testing

@testable import DeepSeek

/// Checkpoints that are not those of their configuration, one mistake at a time.
@Suite struct WeightRefusalTests {
  let configuration: Configuration
  let records: [TensorRecord]

  init() throws {
    configuration = try Configuration(folder: ModelFiles.tiny)
    records = try Array(SafetensorsCheckpoint(folder: ModelFiles.tiny).records)
  }

  private func problems(_ change: (TensorRecord) -> [TensorRecord]) -> [String] {
    WeightMatching(configuration, records.flatMap(change)).problems.map(\.description)
  }

  /// The record under another name, type or shape.
  private func changed(
    _ record: TensorRecord, name: String? = nil, type: StorageType? = nil, shape: [Int]? = nil
  ) -> TensorRecord {
    TensorRecord(
      name: name ?? record.name, type: type ?? record.type, shape: shape ?? record.shape, range: record.range)
  }

  @Test func nothingIsWrong() { #expect(problems { [$0] } == []) }

  @Test(arguments: [
    ("norm.weight", "BF16 or F32 [256]"),
    ("layers.2.attn.wq_a.weight", "F8_E4M3 [128, 256] with scales or BF16 or F32 [128, 256]"),
    ("layers.2.ffn.experts.5.w2.weight", "I8 [256, 64] with scales"),
    ("layers.1.ffn.gate.tid2eid", "I64 or I32 [512, 3]"),
    ("layers.5.ffn.gate.bias", "BF16 or F32 [8]"),
    ("mtp.0.enorm.weight", "BF16 or F32 [256]"),
  ])
  func aMissingTensor(name: String, expected: String) {
    let found = problems { $0.name == name ? [] : [$0] }
    #expect(found.first == "tensor \(name): \(expected) expected, none found")
    // Scales without their codes are told too.
    #expect(found.count == (expected.contains("scales") ? 2 : 1))
  }

  @Test func missingScales() {
    let name = "layers.2.attn.wkv.scale"
    #expect(problems { $0.name == name ? [] : [$0] } == ["tensor \(name): F8_E8M0 [1, 2] expected, none found"])
  }

  @Test func anotherShape() {
    #expect(
      problems { [$0.name == "layers.2.attn.wkv.scale" ? changed($0, shape: [2, 1]) : $0] }
        == ["tensor layers.2.attn.wkv.scale: F8_E8M0 [1, 2] expected, F8_E8M0 [2, 1] found"])
    #expect(
      problems { [$0.name == "layers.2.attn.wkv.weight" ? changed($0, shape: [256, 128]) : $0] } == [
        "tensor layers.2.attn.wkv.weight: F8_E4M3 [128, 256] with scales or BF16 or F32 [128, 256] expected, "
          + "F8_E4M3 [256, 128] found"
      ])
  }

  @Test func anotherType() {
    #expect(
      problems { [$0.name == "embed.weight" ? changed($0, type: .float16) : $0] }
        == ["tensor embed.weight: BF16 or F32 [512, 256] expected, F16 [512, 256] found"])
    #expect(
      problems { [$0.name == "layers.0.ffn.gate.tid2eid" ? changed($0, type: .uint8) : $0] }
        == ["tensor layers.0.ffn.gate.tid2eid: I64 or I32 [512, 3] expected, U8 [512, 3] found"])
    #expect(
      problems { [$0.name == "layers.0.attn.wq_a.scale" ? changed($0, type: .float32) : $0] }
        == ["tensor layers.0.attn.wq_a.scale: F8_E8M0 [1, 2] expected, F32 [1, 2] found"])
  }

  @Test func aTensorTooMany() {
    let added = problems { record in
      record.name == "norm.weight"
        ? [record, changed(record, name: "layers.6.attn_norm.weight"), changed(record, name: "a\nb")] : [record]
    }
    #expect(added == [
      "tensor a\\nb: no tensor of this name expected, BF16 [256] found",
      "tensor layers.6.attn_norm.weight: no tensor of this name expected, BF16 [256] found",
    ])
  }

  /// What another library writes when it saves this model is not what it reads.
  @Test func aNameThatOnlyLooksRight() {
    let found = problems { record in
      [record.name == "layers.0.attn.kv_norm.weight" ? changed(record, name: "model.layers.0.attn.norm.weight") : record]
    }
    #expect(found == [
      "tensor layers.0.attn.kv_norm.weight: BF16 or F32 [128] expected, none found",
      "tensor model.layers.0.attn.norm.weight: no tensor of this name expected, BF16 [128] found",
    ])
  }

  @Test func oneWeightUnderTwoNames() {
    let found = problems { record in
      record.name == "norm.weight" ? [record, changed(record, name: "model.norm.weight")] : [record]
    }
    #expect(found == ["tensor model.norm.weight: one tensor for norm.weight expected, another, norm.weight found"])
  }

  @Test func copiesInTheDraftingBlockAreLeftOut() {
    let found = problems { record in
      record.name == "embed.weight"
        ? [record, changed(record, name: "mtp.0.emb.tok_emb.weight"), changed(record, name: "mtp.0.head.weight")]
        : [record]
    }
    #expect(found == [])
  }

  @Test func aDraftingBlockIsWholeOrAbsent() {
    #expect(problems { $0.name.hasPrefix("mtp.") ? [] : [$0] } == [])
    let parts = problems { $0.name.hasPrefix("mtp.0.attn.") ? [] : [$0] }
    #expect(parts.count == 8 && parts.allSatisfy { $0.hasPrefix("tensor mtp.0.attn.") })
  }

  @Test func draftersThatAreNotUsedAreLeftOut() throws {
    let later = try Configuration(
      ModelFiles.object(ModelFiles.tiny + "/config.json").setting("dspark_block_size", to: .number(JSONNumber(5))),
      file: "config.json")
    let odd = records.map { $0.name.hasPrefix("mtp.0.attn") ? changed($0, name: "mtp.2.markov_head.markov_w1.weight\($0.name)") : $0 }
    let matching = WeightMatching(later, odd)
    #expect(matching.problems.isEmpty && !matching.hasDrafter)
  }

  @Test func expertsOfTwoForms() throws {
    let any = try Configuration(
      ModelFiles.object(ModelFiles.tiny + "/config.json").setting("expert_dtype", to: nil), file: "config.json")
    let mixed = records.map { record in
      record.name == "layers.3.ffn.experts.1.w1.weight"
        ? changed(record, type: .e4m3, shape: [128, 256])
        : record.name == "layers.3.ffn.experts.1.w1.scale" ? changed(record, shape: [1, 2]) : record
    }
    #expect(
      WeightMatching(any, mixed).problems.map(\.description)
        == ["tensor layers.3.ffn.experts.1.w1.weight: FP4 as in the first expert expected, FP8 found"])
    // A configuration that says which form is believed.
    #expect(
      WeightMatching(configuration, mixed).problems.map(\.description)
        == ["tensor layers.3.ffn.experts.1.w1.weight: I8 [128, 128] with scales expected, F8_E4M3 [128, 256] found"])
  }

  @Test func aLongListIsCut() throws {
    let folder = try TemporaryFolder()
    try SafetensorsFile.write([OutgoingTensor("x", .uint8, [0], bytes: [])], to: folder.file("model.safetensors"))
    #expect { try Weights(folder: folder.path, configuration) } throws: { error in
      let lines = "\(error)".split(separator: "\n")
      return lines.count == 22 && lines[0].hasPrefix("\(folder.path): ") && lines[0].hasSuffix(" problems")
        && lines[1] == "  tensor embed.weight: BF16 or F32 [512, 256] expected, none found"
        && lines[21].hasPrefix("  and ")
    }
  }
}
