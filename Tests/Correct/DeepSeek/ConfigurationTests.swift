import DeepSeek
import JSON
import Testing

@Suite struct ConfigurationTests {
  private func released(_ name: String) throws -> Configuration {
    try Configuration(file: ModelFiles.root + "/Fixtures/configurations/\(name).json")
  }

  @Test func theReleasesAreRecognised() throws {
    for (name, release) in [("v4-flash", Release.flash), ("v4-pro", .pro)] {
      let configuration = try released(name)
      #expect(configuration == release.configuration)
      #expect(Release(configuration) == release)
      #expect(release.differences(from: configuration) == [])
    }
    #expect(Release.flash.differences(from: Release.pro.configuration).count > 5)
  }

  @Test func layersByKind() throws {
    let kinds = { (release: Release) in
      Configuration.Compression.allCases.map { release.configuration.layers(with: $0).count }
    }
    #expect(kinds(.flash) == [2, 21, 20])
    #expect(kinds(.pro) == [0, 30, 31])
    #expect(Release.flash.configuration.layers[42] == .sparse)
  }

  /// DeepSeek's own names, and what Hugging Face writes when it saves a model again.
  @Test(arguments: ["v4-flash-deepseek-names", "v4-flash-saved-again"])
  func otherNamesSayTheSame(name: String) throws {
    #expect(try released(name) == Release.flash.configuration)
  }

  @Test func theTinyAndTheNanoModel() throws {
    let tiny = try Configuration(folder: ModelFiles.tiny)
    #expect(tiny.layers == [.none, .sparse, .heavy, .sparse, .heavy, .none])
    #expect(tiny.headSize == 128)
    #expect(tiny.swigluLimit == 2)
    #expect(tiny.yarn.originalLength == 256)
    #expect(tiny.drafter == .nextToken)
    #expect(Release(tiny) == nil)
    let nano = try Configuration(folder: ModelFiles.nano)
    #expect(nano.layers.last == .sparse)
    #expect(nano.vocabularySize == 1024)
  }

  @Test func aLaterRevision() throws {
    var object = try ModelFiles.object(ModelFiles.root + "/Fixtures/configurations/v4-flash.json")
    let ratios = object["compress_ratios"]!.array! + [.number(JSONNumber(0)), .number(JSONNumber(0))]
    object = object.setting("compress_ratios", to: .array(ratios))
      .setting("dspark_block_size", to: .number(JSONNumber(5)))
    let configuration = try Configuration(object, file: "config.json")
    #expect(configuration.drafter == .multiStage)
    #expect(configuration.layers == Release.flash.configuration.layers)
    #expect(Release.flash.differences(from: configuration) == [])
  }

  @Test func expertsWithoutAFormatAreDecidedLater() throws {
    let object = try ModelFiles.object(ModelFiles.tiny + "/config.json").setting("expert_dtype", to: nil)
    #expect(try Configuration(object, file: "config.json").expertFormat == nil)
  }

  @Test func howTextIsDrawn() throws {
    let nano = try GenerationDefaults(folder: ModelFiles.nano, Configuration(folder: ModelFiles.nano))
    #expect(nano.temperature == 0.8)
    #expect(nano.topK == 40)
    #expect(nano.topP == 1)
    #expect(nano.endTokens == [1])
    let tiny = try GenerationDefaults(folder: ModelFiles.tiny, Configuration(folder: ModelFiles.tiny))
    #expect(tiny.temperature == 1 && tiny.topK == nil && tiny.endTokens == [1])
    let greedy = try JSONValue(parsing: #"{"do_sample": false, "temperature": 2, "top_k": 0, "eos_token_id": [1, 5]}"#)
    let found = try GenerationDefaults(greedy.object!, file: "g", Configuration(folder: ModelFiles.tiny))
    #expect(found.temperature == 0 && found.topK == nil && found.endTokens == [1, 5])
  }
}
