import JSON

/// A `tokenizer.json`, read and checked: byte-level pair encoding with known splitting patterns.
///
/// Whatever would change tokens and is not known is refused by its place in the file.
struct TokenizerFile {
  struct AddedToken {
    let content: String
    let token: Int
    let isSpecial: Bool
    /// Found only after those that are not.
    let isNormalized: Bool
  }

  /// A larger file is refused.
  static let longest = 1 << 27
  /// A larger token is refused.
  static let largestToken = 1 << 22

  let path: String
  private(set) var splitters: [Splitter] = []
  private(set) var addedTokens: [AddedToken] = []
  private(set) var ignoresMerges = false
  private var vocabularyEntries: [(content: String, token: Int)] = []
  private var mergeEntries: [(left: String, right: String)] = []

  init(_ bytes: [UInt8], path: String) throws {
    self.path = path
    var sections: Set<String> = []
    do {
      var reader = JSONReader(bytes)
      try reader.object { reader, key in
        sections.insert(key)
        switch key {
        case "added_tokens": try readAddedTokens(&reader)
        case "normalizer": try checkNormalizer(try reader.value())
        case "pre_tokenizer": try readSplitters(try reader.value())
        case "post_processor": try checkByteLevel(try reader.value(), key, isRequired: false)
        case "decoder": try checkByteLevel(try reader.value(), key, isRequired: true)
        case "truncation", "padding":
          let value = try reader.value()
          guard value == .null else { throw refusal(key, "null", value.summary) }
        case "model": try readModel(&reader)
        default: try reader.skip()
        }
      }
      try reader.end()
    } catch let error as JSONError {
      throw ModelRefusal(path, expected: "JSON of a tokenizer", found: "a mistake in \(error)")
    }
    for section in ["model", "pre_tokenizer", "decoder"] where !sections.contains(section) {
      throw refusal(section, "an object", "no such field")
    }
  }

  /// Nothing may be added around a text: prompts hold their own markers.
  static func checkSettings(_ path: String) throws {
    guard ModelFile.exists(path) else { return }
    var fields = ConfigurationFields(try ModelFile.object(in: path))
    fields.flag("add_bos_token", mustBe: false)
    fields.flag("add_eos_token", mustBe: false)
    if !fields.problems.isEmpty { throw ModelRefusal(path, fields.problems) }
  }

  private func refusal(_ place: String, _ expected: String, _ found: String) -> ModelRefusal {
    ModelRefusal(path, place, expected: expected, found: found)
  }

  // MARK: Parts around the model

  private mutating func readAddedTokens(_ reader: inout JSONReader) throws {
    try reader.array { reader, index in
      let place = "added_tokens[\(index)]"
      guard let object = try reader.value().object else { throw refusal(place, "an object", "another value") }
      guard let content = object["content"]?.string, !content.isEmpty else {
        throw refusal("\(place).content", "a text", object["content"]?.summary ?? "no such field")
      }
      guard let token = object["id"]?.number?.integer, (0..<Self.largestToken).contains(token) else {
        throw refusal(
          "\(place).id", "a token below \(Self.largestToken)", object["id"]?.summary ?? "no such field")
      }
      for flag in ["single_word", "lstrip", "rstrip"] {
        let value = object[flag] ?? .bool(false)
        guard value == .bool(false) else { throw refusal("\(place).\(flag)", "false", value.summary) }
      }
      let special = object["special"]?.bool ?? false
      addedTokens.append(
        AddedToken(
          content: content, token: token, isSpecial: special,
          isNormalized: object["normalized"]?.bool ?? !special))
    }
  }

  private func checkNormalizer(_ value: JSONValue) throws {
    if value == .null { return }
    let type = value.object?["type"]?.string
    guard type == "Sequence", value.object?["normalizers"]?.array?.isEmpty == true else {
      throw refusal("normalizer", "null or an empty Sequence", type ?? value.summary)
    }
  }

  private mutating func readSplitters(_ value: JSONValue) throws {
    let list = value.object?["type"]?.string == "Sequence" ? value.object?["pretokenizers"]?.array : nil
    var isByteLevel = false
    for (index, value) in (list ?? [value]).enumerated() {
      let place = list == nil ? "pre_tokenizer" : "pre_tokenizer.pretokenizers[\(index)]"
      let object = value.object ?? JSONObject([])
      guard !isByteLevel else { throw refusal(place, "nothing after ByteLevel", value.summary) }
      switch object["type"]?.string {
      case "Split":
        guard let pattern = object["pattern"]?.object?["Regex"]?.string, let splitter = Splitter(pattern: pattern)
        else {
          throw refusal(
            "\(place).pattern", "a pattern of DeepSeek or GPT-2",
            object["pattern"]?.object?.members.first?.value.summary ?? "none")
        }
        guard object["behavior"]?.string == "Isolated", object["invert"] ?? .bool(false) == .bool(false) else {
          throw refusal(place, "behavior Isolated, not inverted", object["behavior"]?.summary ?? "none")
        }
        splitters.append(splitter)
      case "ByteLevel":
        guard object["add_prefix_space"]?.bool == false else {
          throw refusal("\(place).add_prefix_space", "false", object["add_prefix_space"]?.summary ?? "no such field")
        }
        if object["use_regex"]?.bool ?? true { splitters.append(.gpt2Words) }
        isByteLevel = true
      default:
        throw refusal("\(place).type", "Split or ByteLevel", object["type"]?.summary ?? value.summary)
      }
    }
    guard isByteLevel else { throw refusal("pre_tokenizer", "ByteLevel at the end", "none") }
  }

  private func checkByteLevel(_ value: JSONValue, _ place: String, isRequired: Bool) throws {
    if value == .null, !isRequired { return }
    guard value.object?["type"]?.string == "ByteLevel" else {
      throw refusal(
        place, isRequired ? "ByteLevel" : "null or ByteLevel, which adds no tokens",
        value.object?["type"]?.summary ?? value.summary)
    }
  }

  // MARK: The model

  private mutating func readModel(_ reader: inout JSONReader) throws {
    try reader.object { reader, key in
      let place = "model.\(key)"
      switch key {
      case "vocab":
        try reader.object { reader, content in
          let token = try reader.integer()
          guard (0..<Self.largestToken).contains(token) else {
            throw refusal("\(place).\(content)", "a token below \(Self.largestToken)", "\(token)")
          }
          vocabularyEntries.append((content, token))
        }
      case "merges":
        try reader.array { reader, index in mergeEntries.append(try merge(&reader, index)) }
      case "type":
        let type = try reader.value()
        guard type.string == "BPE" else { throw refusal(place, "BPE", type.summary) }
      case "ignore_merges": ignoresMerges = try reader.bool()
      case "unk_token":
        // Every byte has a token, so nothing is ever unknown.
        try reader.skip()
      case "dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback":
        let value = try reader.value()
        let isOff = value == .null || value == .bool(false) || value.string == "" || value.number?.double == 0
        guard isOff else { throw refusal(place, "null", value.summary) }
      default: try reader.skip()
      }
    }
  }

  /// A merge is an array of two texts or, in older files, one text with a space between.
  private func merge(_ reader: inout JSONReader, _ index: Int) throws -> (left: String, right: String) {
    var parts: [String] = []
    if try reader.kind() == .array {
      try reader.array { reader, _ in parts.append(try reader.string()) }
    } else {
      parts = try reader.string().utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        .map { String(Substring($0)) }
    }
    guard parts.count == 2 else { throw refusal("model.merges[\(index)]", "two tokens", "\(parts.count)") }
    return (parts[0], parts[1])
  }

  // MARK: Vocabulary

  /// Tokens and merges in the form that encoding needs.
  struct Vocabulary {
    /// Tokens by their bytes, and their numbers in the same order.
    var table = ByteStringTable()
    var tokens: [Int32] = []
    var byteTokens = [Int32](repeating: -1, count: 256)
    var merges: MergeTable
    /// What each token adds to a text; empty for numbers that are no tokens.
    var contents: [[UInt8]]

    func token(_ bytes: [UInt8]) -> Int32? {
      bytes.withUnsafeBufferPointer { table.number(of: $0) }.map { tokens[$0] }
    }
  }

  func vocabulary() throws -> Vocabulary {
    let largest = max(vocabularyEntries.map(\.token).max() ?? 0, addedTokens.map(\.token).max() ?? 0)
    // Tables by token must not be much larger than the file.
    let limit = 4 * (vocabularyEntries.count + addedTokens.count) + 65_536
    guard largest < limit else {
      throw refusal("model.vocab", "numbers below \(limit) for so few tokens", "\(largest)")
    }
    var vocabulary = Vocabulary(
      merges: MergeTable(capacity: mergeEntries.count), contents: [[UInt8]](repeating: [], count: largest + 1))
    var names: [Int: String] = [:]
    for (content, token) in vocabularyEntries {
      if let other = names.updateValue(content, forKey: token) {
        throw refusal("model.vocab.\(content)", "a token of its own", "\(token), that of \(other)")
      }
      // What no letters of the alphabet are is a marker: text, which no merge makes.
      guard let bytes = ByteLevelAlphabet.bytes(of: content) else {
        vocabulary.contents[token] = Array(content.utf8)
        continue
      }
      vocabulary.contents[token] = bytes
      guard !bytes.isEmpty else { continue }
      bytes.withUnsafeBufferPointer { _ = vocabulary.table.add($0) }
      vocabulary.tokens.append(Int32(token))
      if bytes.count == 1 { vocabulary.byteTokens[Int(bytes[0])] = Int32(token) }
    }
    if let byte = vocabulary.byteTokens.firstIndex(of: -1) {
      throw refusal(
        "model.vocab", "a token for each byte", "none for \(ByteLevelAlphabet.text(of: [UInt8(byte)]))")
    }
    for added in addedTokens {
      if let other = names.updateValue(added.content, forKey: added.token), other != added.content {
        throw refusal("added_tokens", "\(added.token) for \(other) alone", "it for \(added.content) too")
      }
      vocabulary.contents[added.token] =
        ByteLevelAlphabet.bytes(of: added.content) ?? Array(added.content.utf8)
    }
    try addMerges(&vocabulary)
    return vocabulary
  }

  private func addMerges(_ vocabulary: inout Vocabulary) throws {
    for (rank, entry) in mergeEntries.enumerated() {
      let place = "model.merges[\(rank)]"
      guard let left = ByteLevelAlphabet.bytes(of: entry.left), let right = ByteLevelAlphabet.bytes(of: entry.right),
        let leftToken = vocabulary.token(left), let rightToken = vocabulary.token(right),
        let token = vocabulary.token(left + right)
      else {
        throw refusal(place, "two tokens whose text is a token", "\(entry.left) and \(entry.right)")
      }
      guard vocabulary.merges.add(leftToken, rightToken, MergeTable.Merge(rank: UInt32(rank), token: token)) else {
        throw refusal(place, "a pair of its own", "\(entry.left) and \(entry.right) again")
      }
    }
  }
}
