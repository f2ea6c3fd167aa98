import DeepSeek
import Foundation
import Safetensors

/// What `info` prints.
struct ModelReport: Encodable {
  struct Part: Encodable {
    let name: String
    let parameters: Int
    let activeParameters: Int
    let bytes: Int
  }

  /// A length of sequences, and how many fit beside the weights.
  struct Context: Encodable {
    let tokens: Int
    let bytesPerSequence: Int
    let sequences: Int
  }

  let model: String
  let architecture = "deepseek_v4"
  /// The released model whose sizes these are, and what differs from it.
  let release: String?
  let differences: [String]
  let layers: [String: Int]
  let hiddenSize: Int
  let vocabularySize: Int
  let heads: Int
  let headSize: Int
  let experts: Int
  let expertsPerToken: Int
  let maximumPositions: Int
  /// Nil where the folder has no tensors.
  let files: Int?
  let expertFormat: String
  let hasDrafter: Bool
  let parts: [Part]
  let parameters: Int
  let activeParameters: Int
  let bytes: Int
  let tokens: Int?
  /// Whether conversations can be encoded for it, and what is missing; nil without a tokenizer.
  let chat: String?
  let cacheBytesPerToken: Double
  let cacheFixedBytes: Int
  let memory: HostMemory
  let weightsFit: Bool
  let contexts: [Context]

  init(folder: String, memory: HostMemory) throws {
    let configuration = try Configuration(folder: folder)
    let hasTensors = [SafetensorsCheckpoint.singleName, SafetensorsCheckpoint.indexName].contains {
      FileManager.default.fileExists(atPath: folder + "/" + $0)
    }
    let checkpoint = hasTensors ? try SafetensorsCheckpoint(folder: folder) : nil
    let weights = try checkpoint.map { try Weights($0, configuration) }
    let inventory = weights.map(Inventory.init) ?? Inventory(released: configuration)
    let hasTokenizer = FileManager.default.fileExists(atPath: folder + "/tokenizer.json")

    model = folder
    let known = Release(configuration)
    release = known?.rawValue
    differences = known?.differences(from: configuration) ?? []
    layers = Dictionary(
      uniqueKeysWithValues: Configuration.Compression.allCases.map { ($0.name, configuration.layers(with: $0).count) })
    hiddenSize = configuration.hiddenSize
    vocabularySize = configuration.vocabularySize
    heads = configuration.headCount
    headSize = configuration.headSize
    experts = configuration.expertCount
    expertsPerToken = configuration.expertPicks
    maximumPositions = configuration.maximumPositions
    files = checkpoint?.files.count
    expertFormat = weights?.expertForm.rawValue ?? (configuration.expertFormat == .fp8 ? "FP8" : "FP4")
    hasDrafter = weights?.hasDrafter ?? (configuration.drafter == .nextToken)
    parts = inventory.rows.map {
      Part(
        name: $0.part.rawValue, parameters: $0.parameters, activeParameters: $0.activeParameters, bytes: $0.bytes)
    }
    parameters = inventory.parameters
    activeParameters = inventory.activeParameters
    bytes = inventory.bytes
    let tokenizer = hasTokenizer
      ? try Tokenizer(folder: folder, vocabularySize: configuration.vocabularySize) : nil
    tokens = tokenizer?.tokenCount
    chat = try tokenizer.map { try Self.chat(folder, $0) }
    let cache = CacheSize(configuration)
    cacheBytesPerToken = cache.bytesPerToken
    cacheFixedBytes = cache.fixedBytes
    self.memory = memory
    weightsFit = bytes <= memory.availableBytes
    contexts = Self.lengths(upTo: configuration.maximumPositions).map { tokens in
      let size = cache.bytes(tokens: tokens)
      return Context(
        tokens: tokens, bytesPerSequence: size,
        sequences: max(0, memory.availableBytes - inventory.bytes) / size)
    }
  }

  private static func chat(_ folder: String, _ tokenizer: Tokenizer) throws -> String {
    guard let marker = ChatEncoding.missingMarker(tokenizer) else {
      return try FixedTexts(modelFolder: folder).note.map { "yes; \($0)" } ?? "yes"
    }
    return "no: its tokenizer has no \(marker)"
  }

  /// Powers of eight tokens below the model's limit, and the limit.
  private static func lengths(upTo limit: Int) -> [Int] {
    sequence(first: 512) { $0 * 8 }.prefix { $0 < limit } + [limit]
  }

  // MARK: Text

  var text: String {
    var lines = ["\(release ?? "DeepSeek-V4 of its own sizes") in \(model)"]
    lines += differences.map { "  differs: \($0)" }
    lines.append(
      "  \(layers.values.reduce(0, +)) layers: "
        + Configuration.Compression.allCases.map { "\(layers[$0.name] ?? 0) \($0.name)" }.joined(separator: ", ")
        + (hasDrafter ? "; one more that drafts (MTP)" : ""))
    lines.append("  hidden \(hiddenSize), \(heads) heads of \(headSize), \(experts) experts, \(expertsPerToken) a token")
    lines.append(
      "  vocabulary \(vocabularySize)" + (tokens.map { ", of which the tokenizer uses \($0)" } ?? ", no tokenizer.json"))
    if let chat { lines.append("  chat: \(chat)") }
    lines.append("  up to \(maximumPositions) positions")
    lines.append(
      files.map { "  \(count($0, "file")), experts in \(expertFormat)" }
        ?? "  no tensors here; bytes are those of a release with experts in \(expertFormat)")
    lines.append("")
    lines.append(columns(partRows))
    lines.append("")
    lines += memoryLines
    return lines.joined(separator: "\n")
  }

  private var partRows: [[String]] {
    let total = Part(name: "all", parameters: parameters, activeParameters: activeParameters, bytes: bytes)
    return [["part", "parameters", "active", "bytes"]]
      + (parts + [total]).map {
        [$0.name, countText($0.parameters), countText($0.activeParameters), bytesText($0.bytes)]
      }
  }

  private var memoryLines: [String] {
    var lines = [
      "A sequence keeps \(bytesText(cacheFixedBytes)) and \(bytesText(cacheBytesPerToken)) a token. This machine has "
        + "\(bytesText(memory.totalBytes)), of which \(bytesText(memory.availableBytes)) are available."
    ]
    if !weightsFit {
      lines.append("The weights do not fit: they would be read from disk again and again.")
    }
    let rows = contexts.map { ["\($0.tokens)", bytesText($0.bytesPerSequence), "\($0.sequences)"] }
    lines.append(columns([["context", "a sequence", "sequences beside the weights"]] + rows))
    return lines
  }
}

extension Configuration.Compression {
  /// As papers and the help name a layer's attention.
  var name: String {
    switch self {
    case .none: "window"
    case .sparse: "CSA"
    case .heavy: "HCA"
    }
  }
}
