import JSON

/// How a checkpoint wants its text drawn, from `generation_config.json`.
public struct GenerationDefaults: Hashable, Sendable {
  /// 0: the most likely token each time.
  public var temperature: Double
  /// The share of probability that is drawn from, above 0 and at most 1.
  public var topP: Double
  /// Only so many of the most likely tokens are drawn from; nil for all.
  public var topK: Int?
  /// Tokens that end an answer.
  public var endTokens: [Int]

  /// Reads the file of a folder; where there is none, the release's values and the configuration's tokens.
  ///
  /// - Throws: `ModelRefusal` with every field that is wrong.
  public init(folder: String, _ configuration: Configuration) throws {
    let path = folder + "/generation_config.json"
    let object = ModelFile.exists(path) ? try ModelFile.object(in: path) : JSONObject([])
    try self.init(object, file: path, configuration)
  }

  public init(_ object: JSONObject, file: String, _ configuration: Configuration) throws {
    var fields = ConfigurationFields(object)
    temperature = fields.optionalNumber("temperature", in: 0...100) ?? 1
    topP = fields.optionalNumber("top_p", in: 1e-9...1) ?? 1
    // 0 means all, as elsewhere.
    topK = fields.optionalInteger("top_k", in: 0...(1 << 30)).flatMap { $0 == 0 ? nil : $0 }
    if fields.optionalFlag("do_sample") == false { temperature = 0 }
    endTokens = fields.tokens("eos_token_id", below: configuration.vocabularySize) ?? configuration.endTokens
    if !fields.problems.isEmpty { throw ModelRefusal(file, fields.problems) }
  }
}
