import JSON

/// Calls of functions in the model's own markup (DSML); nothing in it is escaped.
enum ToolMarkup {
  static let mark = "｜DSML｜"
  /// How a block of calls begins, up to what may follow the word.
  static let opening = "\n\n<\(mark)tool_calls"
  static let closing = "\n</\(mark)tool_calls>"

  /// The block of some calls, with the empty line before it; nothing where there are none.
  static func text(of calls: [ToolCall]) -> String {
    if calls.isEmpty { return "" }
    return opening + ">\n" + calls.map(invocation).joined(separator: "\n") + closing
  }

  private static func invocation(_ call: ToolCall) -> String {
    let parameters = parameters(of: call.arguments).map { name, value in
      let (kind, text) = value.string.map { ("true", $0) } ?? ("false", value.pythonText)
      return "<\(mark)parameter name=\"\(name)\" string=\"\(kind)\">\(text)</\(mark)parameter>"
    }
    return "<\(mark)invoke name=\"\(call.name)\">\n" + parameters.joined(separator: "\n") + "\n</\(mark)invoke>"
  }

  /// Arguments that are no JSON object are one parameter of this name.
  private static func parameters(of arguments: String) -> [(name: String, value: JSONValue)] {
    guard let object = try? JSONValue(parsing: arguments).object else { return [("arguments", .string(arguments))] }
    return object.members.map { ($0.key, $0.value) }
  }
}
