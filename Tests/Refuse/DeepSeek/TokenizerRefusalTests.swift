import Foundation
import JSON
import Testing

@testable import DeepSeek

/// Tokenizers that would give other tokens than their own library are refused by their place in the file.
@Suite struct TokenizerRefusalTests {
  private func refusal(_ object: JSONObject) -> String? {
    do {
      _ = try Tokenizer(TokenizerFile(Array(JSONValue.object(object).pythonText.utf8), path: "tokenizer.json"))
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// The nano model's tokenizer without merges and with its short tokens only.
  private static let base = Result {
    let file = try ModelFiles.object(ModelFiles.nano + "/tokenizer.json")
    let short = file["model"]!.object!["vocab"]!.object!.members.filter { $0.key.utf8.count < 3 || $0.key.hasPrefix("<") }
    return file.setting("model.merges", to: .array([])).setting("model.vocab", to: .object(JSONObject(short)))
  }

  @Test(arguments: [
    ("pre_tokenizer.type", #""Whitespace""#, #"pre_tokenizer.type: Split or ByteLevel expected, "Whitespace" found"#),
    ("pre_tokenizer.add_prefix_space", "true", "pre_tokenizer.add_prefix_space: false expected, true found"),
    ("pre_tokenizer", #"{"type": "Sequence", "pretokenizers": []}"#,
     "pre_tokenizer: ByteLevel at the end expected, none found"),
    ("pre_tokenizer",
     #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "[a-z]+"}, "behavior": "Isolated"}]}"#,
     #"pre_tokenizer.pretokenizers[0].pattern: a pattern of DeepSeek or GPT-2 expected, "[a-z]+" found"#),
    ("pre_tokenizer",
     #"{"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "\\p{N}{1,3}"}, "behavior": "Removed"}]}"#,
     #"pre_tokenizer.pretokenizers[0]: behavior Isolated, not inverted expected, "Removed" found"#),
    ("pre_tokenizer", "null", "pre_tokenizer.type: Split or ByteLevel expected, null found"),
    ("normalizer", #"{"type": "NFC"}"#, "normalizer: null or an empty Sequence expected, NFC found"),
    ("post_processor", #"{"type": "TemplateProcessing"}"#,
     #"post_processor: null or ByteLevel, which adds no tokens expected, "TemplateProcessing" found"#),
    ("decoder", "null", "decoder: ByteLevel expected, null found"),
    ("truncation", #"{"max_length": 5}"#, "truncation: null expected, an object found"),
    ("model.type", #""Unigram""#, #"model.type: BPE expected, "Unigram" found"#),
    ("model.dropout", "0.1", "model.dropout: null expected, 0.1 found"),
    ("model.byte_fallback", "true", "model.byte_fallback: null expected, true found"),
    ("model.end_of_word_suffix", #""</w>""#, #"model.end_of_word_suffix: null expected, "</w>" found"#),
    ("model.vocab.!", "99999999", "model.vocab.!: a token below 4194304 expected, 99999999 found"),
    ("model.vocab.!", "-1", "model.vocab.!: a token below 4194304 expected, -1 found"),
    ("model.vocab.!", "3", "model.vocab.\": a token of its own expected, 3, that of ! found"),
    ("model.vocab.Ġ", nil, "model.vocab: a token for each byte expected, none for Ġ found"),
    ("model.merges", #"[["a", "b", "c"]]"#, "model.merges[0]: two tokens expected, 3 found"),
    ("model.merges", #"["ab"]"#, "model.merges[0]: two tokens expected, 1 found"),
    ("model.merges", #"["q 8"]"#, "model.merges[0]: two tokens whose text is a token expected, q and 8 found"),
    ("model.merges", #"["t h", "t h"]"#, "model.merges[1]: a pair of its own expected, t and h again found"),
    ("added_tokens", #"[{"id": 0, "content": ""}]"#, #"added_tokens[0].content: a text expected, "" found"#),
    ("added_tokens", #"[{"content": "x"}]"#, "added_tokens[0].id: a token below 4194304 expected, no such field found"),
    ("added_tokens", #"[{"id": 1000000000.0, "content": "x"}]"#, "added_tokens[0].id: a token below 4194304 expected, 1000000000.0 found"),
    ("added_tokens", #"[{"id": 2000, "content": "x", "lstrip": true}]"#, "added_tokens[0].lstrip: false expected, true found"),
    ("added_tokens", #"[{"id": 2, "content": "<x>"}]"#, "added_tokens: 2 for ! alone expected, it for <x> too found"),
    ("model", nil, "model: an object expected, no such field found"),
    ("pre_tokenizer", nil, "pre_tokenizer: an object expected, no such field found"),
  ] as [(String, String?, String)])
  func wrongParts(place: String, value: String?, message: String) throws {
    let changed = try Self.base.get().setting(place, to: value.map { try JSONValue(parsing: $0) })
    #expect(refusal(changed) == "tokenizer.json: " + message)
  }

  @Test func textsThatAreNoTokenizer() throws {
    #expect { try Tokenizer(TokenizerFile(Array("{".utf8), path: "t")) } throws: {
      "\($0)" == "t: JSON of a tokenizer expected, a mistake in line 1, column 2: a string expected, the end found found"
    }
    #expect(throws: ModelRefusal.self) { try Tokenizer(TokenizerFile(Array("{}".utf8), path: "t")) }
  }

  @Test func moreTokensThanTheModel() throws {
    #expect { try Tokenizer(folder: ModelFiles.nano, vocabularySize: 512) } throws: {
      "\($0)".hasSuffix("tokenizer.json: tokens below the model's vocab_size 512 expected, token 1023 found")
    }
  }

  @Test func settingsThatAddTokens() throws {
    let folder = try TemporaryFolder()
    for name in ["tokenizer.json", "tokenizer_config.json"] {
      try FileManager.default.copyItem(atPath: ModelFiles.nano + "/" + name, toPath: folder.file(name))
    }
    #expect(throws: Never.self) { try Tokenizer(folder: folder.path, vocabularySize: 1024) }
    try Data(#"{"add_bos_token": true}"#.utf8).write(to: URL(fileURLWithPath: folder.file("tokenizer_config.json")))
    #expect { try Tokenizer(folder: folder.path, vocabularySize: 1024) } throws: {
      "\($0)".hasSuffix("tokenizer_config.json: add_bos_token: false expected, true found")
    }
  }
}
