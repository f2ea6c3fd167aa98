import DeepSeek
import Foundation
import JSON
import Safetensors

/// A reader with files that it accepts.
///
/// `read` is given damaged bytes. It returns whether they were accepted, having checked what holds for all
/// that is accepted, and throws what the reader throws; `Broken` says that something does not hold.
struct Target {
  let name: String
  let seeds: [[UInt8]]
  let read: (_ bytes: [UInt8], _ folder: String) throws -> Void
}

/// Something that must hold of an accepted file does not.
struct Broken: Error, CustomStringConvertible {
  let description: String
}

private func require(_ condition: Bool, _ what: String) throws {
  if !condition { throw Broken(description: what) }
}

extension Target {
  /// Every reader, with seeds from the project's fixtures.
  static func all(fixtures: String) throws -> [Target] {
    func bytes(_ path: String) throws -> [UInt8] {
      Array(try Data(contentsOf: URL(fileURLWithPath: fixtures + "/" + path)))
    }
    let configurations = try ["v4-tiny/config.json"].map(bytes)
      + ["v4-flash", "v4-flash-saved-again", "v4-flash-deepseek-names"].map { try bytes("configurations/\($0).json") }
    let tokenizer = try bytes("tokenizers/deepseek-splits.json")
    let conversations = try JSONValue(parsing: bytes("encoding/conversations.json")).array ?? []
    let messages = conversations.compactMap { $0.object?["messages"] }.map { Array($0.pythonText.utf8) }
    let texts = conversations.compactMap { $0.object?["text"]?.string }.map { Array($0.utf8) }
    return [
      Target(name: "safetensors", seeds: safetensorsSeeds, read: readSafetensors),
      Target(name: "index", seeds: indexSeeds, read: readIndex),
      Target(name: "config", seeds: configurations, read: readConfiguration),
      Target(name: "generation", seeds: generationSeeds, read: readGeneration),
      Target(name: "tokenizer", seeds: [tokenizer], read: readTokenizer),
      Target(name: "conversation", seeds: messages, read: readConversation),
      Target(name: "answer", seeds: texts, read: readAnswer),
      Target(name: "encoding", seeds: [try bytes("encoding/encoding/prompts.py")], read: readEncoding),
    ]
  }

  // MARK: Tensor files

  private static let safetensorsSeeds: [[UInt8]] = {
    func file(_ header: String, data: Int) -> [UInt8] {
      withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian, Array.init) + Array(header.utf8)
        + (0..<data).map { UInt8(truncatingIfNeeded: $0 % 2) }
    }
    return [
      file(
        #"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
          + #""b":{"dtype":"I64","shape":[1],"data_offsets":[24,32]},"#
          + #""c":{"dtype":"BF16","shape":[],"data_offsets":[32,34]},"#
          + #""d":{"dtype":"I8","shape":[2,2],"data_offsets":[34,38]},"#
          + #""e":{"dtype":"BOOL","shape":[0,5],"data_offsets":[38,38]}}"#,
        data: 38),
      file(
        #"{"x":{"dtype":"F8_E4M3","shape":[4,4],"data_offsets":[0,16]},"#
          + #""x.scale":{"dtype":"F8_E8M0","shape":[1,1],"data_offsets":[16,17]}}   "#,
        data: 17),
      file("{}", data: 0),
    ]
  }()

  private static func readSafetensors(_ bytes: [UInt8], _ folder: String) throws {
    let path = folder + "/x.safetensors"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let file = try SafetensorsFile(path: path)
    for record in file.records {
      guard let stored = file[record.name] else { throw Broken(description: "no tensor \(record.name)") }
      try require(record.range.upperBound <= bytes.count, "\(record.name) ends within the file")
      try require(stored.bytes.count == record.range.count, "\(record.name) has its bytes")
      // Every byte is touched.
      let sum = stored.bytes.reduce(0) { $0 &+ Int($1) }
      if let tensor = try? stored.tensor() {
        try require(tensor.bytes.reduce(0) { $0 &+ Int($1) } == sum, "\(record.name) is copied whole")
      }
      _ = try? stored.tensor(as: .e2m1)
      if let integers = try? stored.integers() {
        try require(integers.count == stored.elementCount, "\(record.name) has its elements")
      }
    }
  }

  private static let indexSeeds = [
    Array(#"{"metadata": {"total_size": 8}, "weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}"#.utf8)
  ]

  private static func readIndex(_ bytes: [UInt8], _ folder: String) throws {
    for name in ["a", "b"] where !FileManager.default.fileExists(atPath: "\(folder)/\(name).safetensors") {
      try SafetensorsFile.write(
        [OutgoingTensor(name, .uint8, [2], bytes: [1, 2])], to: "\(folder)/\(name).safetensors")
    }
    try Data(bytes).write(to: URL(fileURLWithPath: folder + "/model.safetensors.index.json"))
    let checkpoint = try SafetensorsCheckpoint(folder: folder)
    for record in checkpoint.records { try require(checkpoint[record.name] != nil, "\(record.name) is found") }
  }

  // MARK: Small files

  private static func object(_ bytes: [UInt8]) throws -> JSONObject {
    guard let object = try JSONValue(parsing: bytes).object else { throw JSONError("an object expected") }
    return object
  }

  private static func readConfiguration(_ bytes: [UInt8], _ folder: String) throws {
    let configuration = try Configuration(object(bytes), file: "config.json")
    _ = Release(configuration).map { $0.differences(from: configuration) }
    let cache = CacheSize(configuration)
    try require(cache.bytes(tokens: 1000) >= cache.fixedBytes, "caches grow")
    _ = cache.longest(sequences: 3, within: 1 << 40)
    // The list of weights of a large model takes a second to count.
    guard configuration.layers.count * configuration.expertCount <= 4096 else { return }
    let inventory = Inventory(released: configuration)
    try require(inventory.activeParameters <= inventory.parameters, "no more parameters are active than there are")
  }

  private static let configuration = Release.flash.configuration

  private static let generationSeeds = [
    Array(
      #"{"do_sample": true, "temperature": 0.8, "top_k": 40, "top_p": 1.0, "eos_token_id": [1, 2]}"#.utf8)
  ]

  private static func readGeneration(_ bytes: [UInt8], _ folder: String) throws {
    let defaults = try GenerationDefaults(object(bytes), file: "generation_config.json", configuration)
    try require(defaults.temperature >= 0 && defaults.topP > 0 && defaults.topP <= 1, "numbers are in range")
  }

  private static func readTokenizer(_ bytes: [UInt8], _ folder: String) throws {
    let path = folder + "/tokenizer.json"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let tokenizer = try Tokenizer(file: path)
    let text = "The 12345 中文かな <think> it's\r\n\n  a\u{301}b 😀 x\u{0}"
    let tokens = tokenizer.encode(text, addedTokens: false)
    try require(tokens.allSatisfy { $0 < tokenizer.tokenCount }, "tokens are below their number")
    var stream = tokenizer.stream(special: true)
    let streamed = tokens.map { stream.append($0) }.joined() + stream.finish()
    try require(streamed == tokenizer.decode(tokens, special: true), "a stream gives the same text")
    _ = tokenizer.encode(text)
  }

  private static func readConversation(_ bytes: [UInt8], _ folder: String) throws {
    let messages = try Message.conversation(JSONValue(parsing: bytes))
    let encoding = ChatEncoding(fixedTexts: try FixedTexts(modelFolder: folder))
    for mode in ChatMode.allCases {
      let text = try encoding.text(of: messages, mode: mode)
      try require(text.hasPrefix("<｜begin▁of▁sentence｜>"), "a prompt begins with its marker")
    }
  }

  private static func readAnswer(_ bytes: [UInt8], _ folder: String) throws {
    let text = String(decoding: bytes, as: UTF8.self)
    for mode in ChatMode.allCases { _ = try Answer(text, mode: mode) }
  }

  private static func readEncoding(_ bytes: [UInt8], _ folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder + "/encoding", withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: folder + "/encoding/prompts.py"))
    _ = try FixedTexts(modelFolder: folder)
  }
}
