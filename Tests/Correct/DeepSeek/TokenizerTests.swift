import Foundation
import JSON
import Operators
import Testing
import TileIR

@testable import DeepSeek

@Suite struct TokenizerTests {
  private static let splits = ModelFiles.root + "/Fixtures/tokenizers/deepseek-splits.json"
  private static let nano = ModelFiles.nano + "/tokenizer.json"

  /// What Hugging Face's library gave, on a set of texts that touch every alternative of the patterns.
  @Test(arguments: [("nano", nano), ("deepseek-splits", splits)])
  func recordedTokens(name: String, file: String) throws {
    let tokenizer = try Tokenizer(file: file)
    let recorded = try ModelFiles.object(ModelFiles.root + "/Fixtures/tokenizers/recorded.json")
    let texts = recorded["texts"]!.array!.map { $0.string! }
    let expected = recorded[name]!.array!.map { $0.array!.map { $0.number!.integer! } }
    #expect(texts.count > 60)
    for (text, tokens) in zip(texts, expected) {
      #expect(tokenizer.encode(text) == tokens, "\(text.debugDescription.prefix(80))")
      #expect(tokenizer.decode(tokens, special: true).unicodeScalars.elementsEqual(text.unicodeScalars))
    }
  }

  @Test func promptsOfTheNanoModel() throws {
    let tokenizer = try Tokenizer(folder: ModelFiles.nano, vocabularySize: 1024)
    let golden = try ModelFiles.object(ModelFiles.nano + "/golden.json")["cases"]!.array!
    for value in golden.map({ $0.object! }) {
      let ids = { (key: String) in value[key]!.array!.map { $0.number!.integer! } }
      #expect(tokenizer.encode(value["prompt"]!.string!) == ids("prompt_ids"))
      #expect(tokenizer.decode(ids("greedy_ids")) == value["text"]!.string!)
    }
  }

  @Test func markers() throws {
    let tokenizer = try Tokenizer(file: Self.splits)
    #expect(tokenizer.tokenCount == 1030)
    #expect(tokenizer.token("<think>") == 1026)
    #expect(tokenizer.token("the") == nil)
    #expect(tokenizer.encode("<think>") == [1026])
    // What a user writes is text.
    #expect(!tokenizer.encode("<think>", addedTokens: false).contains(1026))
    #expect(tokenizer.decode(tokenizer.encode("<think>", addedTokens: false)) == "<think>")
    #expect(tokenizer.isSpecial(0) && !tokenizer.isSpecial(1026))
    #expect(tokenizer.decode([0, 1026, 1]) == "<think>")
    let whole = tokenizer.decode([0, 1026, 1], special: true)
    #expect(whole == "<｜begin▁of▁sentence｜><think><｜end▁of▁sentence｜>")
    #expect(tokenizer.decode([-1, 5000, 1026, .max]) == "<think>")
  }

  /// With `ignore_merges` a piece that is a token is one, whatever merging would give.
  @Test func wholePieces() throws {
    var file = try ModelFiles.object(Self.nano)
    file = file.setting("model.merges", to: .array([])).setting("model.ignore_merges", to: .bool(true))
    let tokenizer = try Tokenizer(TokenizerFile(Array(JSONValue.object(file).pythonText.utf8), path: "t"))
    let whole = tokenizer.encode(" the")
    #expect(whole.count == 1)
    #expect(tokenizer.decode(whole) == " the")
    #expect(tokenizer.encode(" theq").count == 5)
  }

  /// Tokens come one by one; what is printed is whole characters, and together the same text.
  @Test func streamsOfTokens() throws {
    let tokenizer = try Tokenizer(file: Self.splits)
    var random = SplitMix64(seed: 7)
    let texts = ["héllo 中文 😀👩‍👩‍👧", "\u{FFFD}é", "🇩🇪"]
    var cases = texts.map { tokenizer.encode($0) }
    // Bytes at random: most of them are no text.
    for _ in 0..<300 { cases.append((0..<12).map { _ in Int(random.next() % 258) }) }
    // Characters cut anywhere.
    for text in texts {
      let bytes = try text.utf8.map { byte in try #require(tokenizer.token(ofByte: byte)) }
      for cut in bytes.indices {
        cases.append(Array(bytes[cut...]))
        cases.append(Array(bytes[..<cut]))
      }
    }
    for tokens in cases {
      var stream = tokenizer.stream()
      let parts = tokens.map { stream.append($0) }
      #expect(parts.joined() + stream.finish() == tokenizer.decode(tokens))
    }
    for text in texts {
      var stream = tokenizer.stream()
      let parts = tokenizer.encode(text).map { stream.append($0) }
      #expect(parts.joined().unicodeScalars.elementsEqual(text.unicodeScalars))
      #expect(stream.finish() == "")
    }
  }

  /// A piece of a million letters takes n log n steps, and so does a text of many pieces.
  @Test func longPieces() throws {
    let tokenizer = try Tokenizer(file: Self.splits)
    let text = String(repeating: "ab", count: 20_000)
    let tokens = tokenizer.encode(text)
    #expect(tokenizer.decode(tokens) == text)
    #expect(tokens.count <= 20_000)
  }
}

extension Tokenizer {
  /// The token that adds one byte.
  fileprivate func token(ofByte byte: UInt8) -> Int? {
    (0..<tokenCount).first { contents(of: $0, special: false).elementsEqual([byte]) }
  }
}
