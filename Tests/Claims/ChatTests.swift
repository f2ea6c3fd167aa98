import Foundation
import Testing

/// What `tessera chat` promises, on the miniature with a tokenizer that has the markers of conversations. Its
/// weights were trained on none, so only the course of a conversation is judged, not what is said.
@Suite struct ChatTests {
  @Test func aConversationTakesTurnsAndBeginsAnew() throws {
    try withChattingModel { folder in
      func answers(_ lines: String...) throws -> String {
        let outcome = try Command.run(
          "tessera", ["chat", folder, "--temperature", "0", "--max-tokens", "12"],
          input: lines.joined(separator: "\n") + "\n")
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("this checkpoint has no encoding folder"))
        let turns = lines.prefix { $0 != "/quit" }.count { !$0.hasPrefix("/") && !$0.isEmpty }
        #expect(outcome.errors.components(separatedBy: "a second; prompt of").count == turns + 1)
        return outcome.output
      }
      let first = try answers("Who are you?")
      #expect(!first.isEmpty)
      #expect(try answers("Who are you?", "", "/reset", "Who are you?", "/quit", "Not read.") == first + first)
      let both = try answers("Who are you?", "Who are you?")
      #expect(both.hasPrefix(first) && both != first + first)
    }
  }

  @Test func thoughtsAreShownAndForgotten() throws {
    try withChattingModel { folder in
      let outcome = try Command.run(
        "tessera",
        ["chat", folder, "--think", "--system", "Be brief.", "--temperature", "0", "--max-tokens", "12"],
        input: "Who are you?\nAnd now?\n")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(!outcome.output.isEmpty)
    }
  }

  @Test func aTextThatTheCheckpointLacksIsNamed() throws {
    try withChattingModel { folder in
      let outcome = try Command.run("tessera", ["chat", folder, "--think", "--effort", "max"], input: "Hello\n")
      #expect(outcome.status == 1)
      #expect(outcome.output.isEmpty)
      #expect(outcome.errors.contains("the text for reasoning effort max expected"))
    }
  }

  /// A folder with the miniature's weights and its tokenizer, whose last tokens have become markers.
  private func withChattingModel(_ body: (String) throws -> Void) throws {
    let source = URL(fileURLWithPath: ModelTests.nano)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("chat-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for name in ["config.json", "generation_config.json", "model.safetensors"] {
      try FileManager.default.createSymbolicLink(
        at: folder.appendingPathComponent(name), withDestinationURL: source.appendingPathComponent(name))
    }
    let data = try Data(contentsOf: source.appendingPathComponent("tokenizer.json"))
    var tokenizer = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    var model = try #require(tokenizer["model"] as? [String: Any])
    var vocabulary = try #require(model["vocab"] as? [String: Int])
    var added = try #require(tokenizer["added_tokens"] as? [[String: Any]])
    let last = vocabulary.sorted { $0.value > $1.value }
    var replaced: Set<String> = []
    for (marker, (token, id)) in zip(["<｜User｜>", "<｜Assistant｜>", "<think>", "</think>"], last) {
      vocabulary[token] = nil
      replaced.insert(token)
      added.append([
        "id": id, "content": marker, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
        "special": true,
      ])
    }
    let merges = try #require(model["merges"] as? [Any]).filter { merge in
      let parts = merge as? [String] ?? (merge as? String)?.components(separatedBy: " ") ?? []
      return !replaced.contains(parts.joined())
    }
    (model["vocab"], model["merges"]) = (vocabulary, merges)
    (tokenizer["model"], tokenizer["added_tokens"]) = (model, added)
    try JSONSerialization.data(withJSONObject: tokenizer).write(to: folder.appendingPathComponent("tokenizer.json"))
    try body(folder.path)
  }
}
