import Foundation
import JSON
import Operators
import Testing
import TileIR

@testable import DeepSeek

/// Against Hugging Face's `tokenizers` with the vocabulary of DeepSeek-V4 itself.
@Suite(
  .enabled(
    if: ProjectPython.isInstalled,
    "the project's Python is not installed in .tools/python; `make test` installs it"))
struct TokenizerOracleTests {
  private static let script = "tokenizers_tokens.py"

  /// The tokenizers under test, with the oracle's names for them.
  private static let tokenizers = Result {
    let path = String(decoding: try ProjectPython.output(of: script, ["deepseek", "path"]), as: UTF8.self)
    let nano = ModelFiles.nano + "/tokenizer.json"
    return [(try Tokenizer(file: path), "deepseek"), (try Tokenizer(file: nano), nano)]
  }

  private func oracle(_ name: String, _ task: String, _ value: JSONValue) throws -> Data {
    let folder = try TemporaryFolder()
    let file = folder.file("given.json")
    try Data(value.pythonText.utf8).write(to: URL(fileURLWithPath: file))
    return try ProjectPython.output(of: Self.script, [name, task, file])
  }

  @Test func encodingAgrees() throws {
    let texts = try MixedText.texts(seed: 1)
    #expect(texts.reduce(0) { $0 + $1.utf8.count } > 300_000)
    for (tokenizer, name) in try Self.tokenizers.get() {
      let data = try oracle(name, "encode", .array(texts.map { .string($0) }))
      var words = data.withUnsafeBytes { bytes in
        bytes.bindMemory(to: UInt32.self).map { Int(UInt32(littleEndian: $0)) }
      }[...]
      var differing = 0
      for text in texts {
        let count = words.removeFirst()
        let expected = Array(words.prefix(count))
        words = words.dropFirst(count)
        let found = tokenizer.encode(text)
        if found != expected {
          differing += 1
          if differing < 4 {
            let place = zip(found, expected).prefix { $0 == $1 }.count
            let before = tokenizer.decode(expected.prefix(place).suffix(3), special: true)
            Issue.record(
              """
              \(name): after \(before.debugDescription) \(expected.dropFirst(place).prefix(4)) expected, \
              \(found.dropFirst(place).prefix(4)) found
              """)
          }
        }
        if !tokenizer.decode(found, special: true).utf8.elementsEqual(text.utf8) {
          Issue.record("\(name): \(text.prefix(60).debugDescription) does not come back")
        }
      }
      #expect(differing == 0)
      #expect(words.isEmpty)
    }
  }

  @Test func decodingAgrees() throws {
    var random = SplitMix64(seed: 3)
    for (tokenizer, name) in try Self.tokenizers.get() {
      let lists = (0..<400).map { number in
        (0..<20).map { _ in
          // Single bytes, any tokens, and numbers beyond them.
          Int(random.next() % UInt64(number % 2 == 0 ? 260 : tokenizer.tokenCount + 50))
        }
      }
      let given = JSONValue.array(lists.map { .array($0.map { .number(JSONNumber($0)) }) })
      let expected = try JSONValue(parsing: Array(oracle(name, "decode", given))).array!
      var broken = 0
      for (tokens, value) in zip(lists, expected) {
        let text = tokenizer.decode(tokens)
        #expect(text.utf8.elementsEqual(value.string!.utf8), "\(tokens)")
        var stream = tokenizer.stream()
        let streamed = tokens.map { stream.append($0) }.joined() + stream.finish()
        #expect(streamed.utf8.elementsEqual(value.string!.utf8), "\(tokens)")
        if text.contains("\u{FFFD}") { broken += 1 }
      }
      #expect(broken > 100)
    }
  }

  /// Every character of the first plane, and a sample of the others.
  @Test func characterClassesAgree() throws {
    let table = [UInt8](try ProjectPython.output(of: Self.script, ["deepseek", "classes"]))
    try #require(table.count == 0x110000)
    var differing: [UInt32] = []
    let rest = stride(from: UInt32(0x1_0000), to: 0x11_0000, by: 7)
    for value in [UInt32](0..<0x1_0000) + rest {
      guard let scalar = Unicode.Scalar(value) else { continue }
      let classes = CharacterClasses.of(scalar)
      // Bits 0 to 5 are the oracle's.
      if UInt8(truncatingIfNeeded: classes.rawValue) & 0x3F != table[Int(value)] { differing.append(value) }
    }
    #expect(differing == [])
  }
}
