import Foundation
import JSON
import Runtime
import Testing

@testable import DeepSeek

@Suite struct PromptTests {
  private static let folder = ModelFiles.root + "/Fixtures/encoding"

  /// The digests of the fixture's own texts.
  private static let digests = FixedTexts.Digests(
    maximumEffort: ContentHash.digest(Array("Think as long as it takes, and \"check\" twice.\n\n".utf8)),
    toolsBefore: ContentHash.digest(
      Array(
        "## Tools\n\nWrite <｜DSML｜tool_calls> to call one; think before </think>. Braces: {}\n\n".utf8)),
    toolsAfter: ContentHash.digest(Array("\n\nNothing else.".utf8)))

  static let conversations = Result {
    try JSONValue(parsing: Array(Data(contentsOf: URL(fileURLWithPath: folder + "/conversations.json")))).array!
      .map { $0.object! }
  }

  /// Conversations with the texts that the specification gives them, written by hand.
  @Test func conversationsAsText() throws {
    let encoding = try ChatEncoding(fixedTexts: FixedTexts(modelFolder: Self.folder, digests: Self.digests))
    #expect(encoding.fixedTexts.note == nil)
    let cases = try Self.conversations.get()
    #expect(cases.count > 30)
    for value in cases {
      let text = try encoding.text(
        of: Message.conversation(value["messages"]!), mode: ChatMode(rawValue: value["mode"]!.string!)!,
        dropsThinking: value["drop_thinking"]?.bool ?? true,
        effort: value["effort"].map { ReasoningEffort(rawValue: $0.string!)! })
      #expect(text == value["text"]!.string!, "\(value["name"]!.string!)")
    }
  }

  @Test func toolsBesideTheMessages() throws {
    let tools = #""tools": [{"type": "function", "function": {"name": "f"}}]"#
    let function = try JSONValue(parsing: #"{"name": "f"}"#)
    let beside = try JSONValue(parsing: #"{"messages": [{"role": "user", "content": "a"}], \#(tools)}"#)
    var expected = Message(.system, "")
    expected.tools = [function]
    #expect(try Message.conversation(beside) == [expected, Message(.user, "a")])
    let system = try JSONValue(parsing: #"{"messages": [{"role": "system", "content": "s"}], \#(tools)}"#)
    expected.content = "s"
    #expect(try Message.conversation(system) == [expected])
  }

  /// A turn that was written is taken apart into the same turn.
  @Test func answersComeBack() throws {
    let calls = [
      ToolCall(name: "weather", arguments: #"{"city": "Köln \"x\"\n", "days": 2, "deep": {"x": [true, null]}}"#),
      ToolCall(name: "now", arguments: "{}"),
    ]
    for mode in ChatMode.allCases {
      for (content, calls) in [("", calls), ("two\n\nlines", calls), ("plain", [])] {
        var message = Message(.assistant, content)
        message.reasoning = "because"
        message.toolCalls = calls
        let before = [Message(.user, "q")]
        let encoding = try ChatEncoding(fixedTexts: FixedTexts(modelFolder: Self.folder))
        let prompt = try encoding.text(of: before, mode: mode)
        let whole = try encoding.text(of: before + [message], mode: mode)
        #expect(whole.hasPrefix(prompt))
        let answer = whole.dropFirst(prompt.count)
        for answer in [answer, answer.dropLast("<｜end▁of▁sentence｜>".count)] {
          let found = try Answer(String(answer), mode: mode)
          #expect(found.reasoning == (mode == .thinking ? "because" : nil))
          #expect(found.content == content)
          #expect(found.toolCalls == calls)
        }
      }
    }
  }

  @Test func thoughtsWithoutAnEnd() throws {
    let answer = try Answer("so far", mode: .thinking)
    #expect(answer.reasoning == "so far" && answer.content == "" && answer.toolCalls.isEmpty)
  }

  /// A marker is found whatever character it stands beside.
  @Test func markersBesideCombiningCharacters() throws {
    let calls = "<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>"
    let answer = try Answer("b\r\n\n" + calls, mode: .chat)
    #expect(answer.content.utf8.elementsEqual("b\r".utf8))
    #expect(answer.toolCalls == [ToolCall(name: "f", arguments: "{}")])
    let thinking = try Answer("a</think>\u{301}b", mode: .thinking)
    #expect(thinking.reasoning == "a")
    #expect(thinking.content.utf8.elementsEqual("\u{301}b".utf8))
  }

  @Test func literalsOfPython() throws {
    let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: Self.folder + "/encoding/prompts.py")))
    let literals = PythonLiteral.all(in: bytes)
    #expect(literals.contains(PythonLiteral(name: "dsml_token", value: "｜DSML｜")))
    #expect(literals.contains(PythonLiteral(name: "think_end", value: "</think>")))
    #expect(
      literals.contains(
        PythonLiteral(name: "EFFORT_MAX", value: "Think as long as it takes, and \"check\" twice.\n\n")))
    #expect(literals.contains { $0.name == "TOOLS_TEMPLATE" && $0.value.hasSuffix("Nothing else.") })
    #expect(literals.contains { $0.value == "single 中!" })
    #expect(literals.contains { $0.value == "raw \\n" })
    #expect(!literals.contains { $0.value == "bytes" })
    #expect(PythonLiteral.all(in: Array("x = 'open\ny = 1".utf8)) == [])
  }

  /// A source cannot make its texts grow: only short values are put in.
  @Test func templates() {
    func template(_ source: String) -> PromptTemplate {
      let literals = PythonLiteral.all(in: Array(source.utf8))
      return PromptTemplate(literals.last!, names: PromptTemplate.names(in: literals))
    }
    #expect(template("a = 'x'\nf('{a}{{{b}}}{A}')").texts == ["x{", "}x"])
    let long = String(repeating: "x", count: 300)
    #expect(template("a = '\(long)'\nf('{a}{a}')").texts == ["", "", ""])
    #expect(template("'{' '}' 'open {'").texts == ["", "open {"])
  }

  @Test func aModelThatCannotChat() throws {
    let nano = try Tokenizer(folder: ModelFiles.nano, vocabularySize: 1024)
    #expect { try ChatEncoding(folder: ModelFiles.nano, nano) } throws: {
      "\($0)" == "\(ModelFiles.nano)/tokenizer.json: the marker <｜User｜>, without which no model can chat expected, "
        + "none found"
    }
    let splits = try Tokenizer(file: ModelFiles.root + "/Fixtures/tokenizers/deepseek-splits.json")
    let encoding = try ChatEncoding(folder: ModelFiles.nano, splits)
    let note = try #require(encoding.fixedTexts.note)
    #expect(note.hasPrefix("this checkpoint has no encoding folder"))
    #expect(try encoding.text(of: [Message(.user, "hi")], mode: .chat).hasSuffix("hi<｜Assistant｜></think>"))
  }
}
