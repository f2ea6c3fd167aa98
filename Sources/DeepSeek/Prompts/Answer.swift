import JSON

/// What a model answered, taken apart.
public struct Answer: Hashable, Sendable {
  /// What it thought; nil in chat mode.
  public let reasoning: String?
  public let content: String
  public let toolCalls: [ToolCall]

  /// Takes the text after a prompt apart; the end marker may follow it or be missing.
  ///
  /// In thinking mode everything is thought as long as the thinking has not ended. Calls of functions must
  /// follow the grammar to the letter, and nothing may follow them.
  /// - Throws: `AnswerError` with the place where calls do not follow it.
  public init(_ text: String, mode: ChatMode) throws(AnswerError) {
    // Bytes, because a marker's last letter and what follows it can be one character to Swift.
    var rest = Array(text.utf8)[...]
    let end = Array(ChatEncoding.Marker.end.rawValue.utf8)
    if rest.suffix(end.count).elementsEqual(end) { rest.removeLast(end.count) }
    if mode == .thinking {
      guard let end = rest.firstRange(of: ChatEncoding.Marker.thinkEnd.rawValue.utf8) else {
        reasoning = String(decoding: rest, as: UTF8.self)
        content = ""
        toolCalls = []
        return
      }
      reasoning = String(decoding: rest[..<end.lowerBound], as: UTF8.self)
      rest = rest[end.upperBound...]
    } else {
      reasoning = nil
    }
    guard let start = rest.firstRange(of: ToolMarkup.opening.utf8) else {
      content = String(decoding: rest, as: UTF8.self)
      toolCalls = []
      return
    }
    content = String(decoding: rest[..<start.lowerBound], as: UTF8.self)
    var parser = ToolCallParser(rest: rest[start.upperBound...])
    toolCalls = try parser.calls()
  }
}

/// Where calls of functions do not follow their grammar.
public struct AnswerError: Error, Hashable, Sendable, CustomStringConvertible {
  public let expected: String
  /// What stands there, cut to a few characters.
  public let found: String
  /// UTF-8 bytes before it in the answer.
  public let offset: Int

  public var description: String {
    "tool calls, byte \(offset): \(expected) expected, \(found.isEmpty ? "the end" : found.jsonLiteral) found"
  }
}

/// Reads what follows `<｜DSML｜tool_calls`. Positions are those in the whole answer.
private struct ToolCallParser {
  var rest: ArraySlice<UInt8>

  mutating func calls() throws(AnswerError) -> [ToolCall] {
    var calls: [ToolCall] = []
    try take(">")
    repeat {
      try take("\n<\(ToolMarkup.mark)invoke name=\"")
      calls.append(try call())
    } while !begins(with: ToolMarkup.closing)
    try take(ToolMarkup.closing)
    guard rest.isEmpty else { throw mistake("the end") }
    return calls
  }

  private mutating func call() throws(AnswerError) -> ToolCall {
    let name = try text(before: "\">\n")
    var members: [String] = []
    var names: Set<String> = []
    let parameter = "<\(ToolMarkup.mark)parameter name=\""
    while begins(with: parameter) {
      try take(parameter)
      let place = self
      let key = try text(before: "\" string=\"")
      guard names.insert(key).inserted else { throw place.mistake("a parameter of another name") }
      let isText = begins(with: "true")
      try take(isText ? "true" : "false")
      try take("\">")
      let value = try text(before: "</\(ToolMarkup.mark)parameter>\n")
      members.append("\(key.jsonLiteral): \(isText ? value.jsonLiteral : value)")
    }
    // A call without parameters has an empty line in their place.
    if members.isEmpty { try take("\n") }
    try take("</\(ToolMarkup.mark)invoke>")
    return ToolCall(name: name, arguments: "{\(members.joined(separator: ", "))}")
  }

  private func begins(with text: String) -> Bool { rest.starts(with: text.utf8) }

  private mutating func take(_ expected: String) throws(AnswerError) {
    guard begins(with: expected) else { throw mistake(expected.jsonLiteral) }
    rest = rest.dropFirst(expected.utf8.count)
  }

  private mutating func text(before end: String) throws(AnswerError) -> String {
    guard let range = rest.firstRange(of: end.utf8) else { throw mistake("\(end.jsonLiteral) somewhere") }
    defer { rest = rest[range.upperBound...] }
    return String(decoding: rest[..<range.lowerBound], as: UTF8.self)
  }

  func mistake(_ expected: String) -> AnswerError {
    AnswerError(
      expected: expected, found: String(decoding: rest.prefix(24), as: UTF8.self), offset: rest.startIndex)
  }
}
