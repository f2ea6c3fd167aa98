import DeepSeek
import JSON
import Testing

@Suite struct PromptRefusalTests {
  @Test(arguments: [
    ("{}", "conversation: messages: a list of messages expected, an object found"),
    ("[1]", "conversation: messages[0]: an object expected, 1 found"),
    (#"[{"role": "user"}, {"role": "robot"}]"#,
     "conversation: messages[1].role: system or user or assistant or tool or developer or latest_reminder "
       + "expected, \"robot\" found"),
    (#"[{"role": "user", "content": 5}]"#, "conversation: messages[0].content: a text or a list of parts expected, 5 found"),
    (#"[{"role": "user", "content": [1]}]"#, "conversation: messages[0].content[0].type: a text expected, 1 found"),
    (#"[{"role": "user", "task": "sing"}]"#,
     "conversation: messages[0].task: query or authority or domain or title or action or read_url expected, \"sing\" found"),
    (#"[{"role": "assistant", "tool_calls": [{}]}]"#,
     "conversation: messages[0].tool_calls[0].function.name: a text expected, none found"),
    (#"[{"role": "system", "tools": [{"name": "f"}]}]"#,
     "conversation: messages[0].tools[0].function: an object expected, no such field found"),
  ])
  func conversations(text: String, message: String) {
    #expect { try Message.conversation(JSONValue(parsing: text)) } throws: { "\($0)" == message }
  }

  /// Texts that a checkpoint does not hold are missed when they are needed, by name.
  @Test func textsThatAreNotThere() throws {
    var tools = Message(.system, "")
    tools.tools = [.object(JSONObject([]))]
    var format = Message(.system, "")
    format.responseFormat = .null
    let none = try ChatEncoding(fixedTexts: FixedTexts(modelFolder: ModelFiles.nano))
    let other = try ChatEncoding(fixedTexts: FixedTexts(modelFolder: ModelFiles.root + "/Fixtures/encoding"))
    #expect(other.fixedTexts.note?.contains("does not hold the known texts for: reasoning effort max, tools;") == true)
    for (messages, effort, what) in [
      ([tools], nil, "tools"), ([format], nil, "response formats"),
      ([Message(.user, "a")], ReasoningEffort.max, "reasoning effort max"),
    ] {
      #expect { try none.text(of: messages, mode: .thinking, effort: effort) } throws: {
        "\($0)" == "\(ModelFiles.nano)/encoding: the text for \(what) expected, no such folder found"
      }
      if what != "response formats" {
        #expect { try other.text(of: messages, mode: .thinking, effort: effort) } throws: {
          "\($0)".hasSuffix("/encoding: the text for \(what) expected, none that is known found")
        }
      }
    }
  }

  @Test(arguments: [
    ("x", "tool calls, byte 24: \">\" expected, \"x\" found"),
    (">", "tool calls, byte 25: \"\\n<｜DSML｜invoke name=\\\"\" expected, the end found"),
    (">\n<｜DSML｜invoke name=\"f", "tool calls, byte 50: \"\\\">\\n\" somewhere expected, \"f\" found"),
    (">\n<｜DSML｜invoke name=\"f\">\nx", "tool calls, byte 54: \"\\n\" expected, \"x\" found"),
    (">\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"yes\">", "tool calls, byte 92: \"false\" expected, \"yes\\\">\" found"),
    (">\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"true\">1</｜DSML｜parameter>\n"
      + "<｜DSML｜parameter name=\"a\" string=\"true\">", "tool calls, byte 149: a parameter of another name expected, \"a\\\" string=\\\"true\\\">\" found"),
    (">\n<｜DSML｜invoke name=\"f\">\n\n</｜DSML｜invoke>\n</｜DSML｜tool_calls> and", "tool calls, byte 98: the end expected, \" and\" found"),
  ])
  func brokenCalls(text: String, message: String) {
    #expect { try Answer("a\n\n<｜DSML｜tool_calls" + text, mode: .chat) } throws: { "\($0)" == message }
  }
}
