import JSON

/// One message of a conversation, as chat interfaces exchange it.
public struct Message: Hashable, Sendable {
  public enum Role: String, Hashable, Sendable, CaseIterable {
    case system, user, assistant, tool, developer
    case latestReminder = "latest_reminder"
  }

  /// What an assistant's turn is asked for instead of an answer.
  public enum Task: String, Hashable, Sendable, CaseIterable {
    case query, authority, domain, title, action
    case readURL = "read_url"
  }

  public var role: Role
  public var content: String
  /// What an assistant thought before its answer.
  public var reasoning: String?
  public var toolCalls: [ToolCall] = []
  /// The call that a tool's message answers.
  public var toolCallID: String = ""
  /// Descriptions of functions, the objects under `function`; a system or developer message has them.
  public var tools: [JSONValue] = []
  /// The JSON schema of the answer; a system or developer message has it.
  public var responseFormat: JSONValue?
  public var task: Task?
  /// An assistant's turn that goes on: no end is written after it.
  public var isOpen = false

  public init(_ role: Role, _ content: String) {
    self.role = role
    self.content = content
  }
}

/// A function that an assistant calls.
public struct ToolCall: Hashable, Sendable {
  public var id: String
  public var name: String
  /// As JSON text, usually an object.
  public var arguments: String

  public init(id: String = "", name: String, arguments: String) {
    self.id = id
    self.name = name
    self.arguments = arguments
  }
}

// MARK: Reading

extension Message {
  /// The messages of a conversation: a list of them, or an object with `messages` and perhaps `tools`,
  /// which then belong to the first system message or to one put in front.
  ///
  /// - Throws: `ModelRefusal` with the place of what is wrong, such as `messages[2].role`.
  public static func conversation(_ value: JSONValue) throws -> [Message] {
    let list = value.array ?? value.object?["messages"]?.array
    guard let list else { throw refusal("messages", "a list of messages", value.summary) }
    var messages = try list.enumerated().map { try Message($1, at: "messages[\($0)]") }
    if let tools = value.object?["tools"], tools != .null {
      let functions = try Self.functions(tools, at: "tools")
      if messages.first?.role != .system { messages.insert(Message(.system, ""), at: 0) }
      messages[0].tools += functions
    }
    return messages
  }

  private init(_ value: JSONValue, at place: String) throws {
    guard let object = value.object else { throw Self.refusal(place, "an object", value.summary) }
    guard let role = object["role"]?.string.flatMap(Role.init) else {
      throw Self.refusal(
        "\(place).role", Role.allCases.map(\.rawValue).joined(separator: " or "),
        object["role"]?.summary ?? "no such field")
    }
    self.init(role, try Self.content(object["content"] ?? .null, at: "\(place).content"))
    reasoning = try Self.text(object["reasoning_content"], at: "\(place).reasoning_content")
    toolCallID = try Self.text(object["tool_call_id"], at: "\(place).tool_call_id") ?? ""
    if let calls = object["tool_calls"], calls != .null {
      guard let calls = calls.array else { throw Self.refusal("\(place).tool_calls", "a list", calls.summary) }
      toolCalls = try calls.enumerated().map { try ToolCall($1, at: "\(place).tool_calls[\($0)]") }
    }
    if let tools = object["tools"], tools != .null { self.tools = try Self.functions(tools, at: "\(place).tools") }
    if let format = object["response_format"], format != .null { responseFormat = format }
    if let name = try Self.text(object["task"], at: "\(place).task") {
      guard let task = Task(rawValue: name) else {
        throw Self.refusal(
          "\(place).task", Task.allCases.map(\.rawValue).joined(separator: " or "), name.jsonLiteral)
      }
      self.task = task
    }
    isOpen = object["wo_eos"]?.bool ?? false
  }

  /// A text, or the text parts of a list; a part of another type leaves a note of its type.
  private static func content(_ value: JSONValue, at place: String) throws -> String {
    switch value {
    case .null: return ""
    case .string(let text): return text
    case .array(let parts):
      return try parts.enumerated().map { index, part in
        guard let type = part.object?["type"]?.string else {
          throw refusal("\(place)[\(index)].type", "a text", part.summary)
        }
        guard type == "text" else { return "[Unsupported \(type)]" }
        return try text(part.object?["text"], at: "\(place)[\(index)].text") ?? ""
      }.joined(separator: "\n\n")
    default: throw refusal(place, "a text or a list of parts", value.summary)
    }
  }

  private static func text(_ value: JSONValue?, at place: String) throws -> String? {
    guard let value, value != .null else { return nil }
    guard let text = value.string else { throw refusal(place, "a text", value.summary) }
    return text
  }

  private static func functions(_ value: JSONValue, at place: String) throws -> [JSONValue] {
    guard let list = value.array else { throw refusal(place, "a list of tools", value.summary) }
    return try list.enumerated().map { index, tool in
      guard let function = tool.object?["function"], function.object != nil else {
        throw refusal("\(place)[\(index)].function", "an object", tool.object?["function"]?.summary ?? "no such field")
      }
      return function
    }
  }

  static func refusal(_ place: String, _ expected: String, _ found: String) -> ModelRefusal {
    ModelRefusal("conversation", place, expected: expected, found: found)
  }
}

extension ToolCall {
  fileprivate init(_ value: JSONValue, at place: String) throws {
    let function = value.object?["function"]?.object ?? value.object
    guard let name = function?["name"]?.string else {
      throw Message.refusal("\(place).function.name", "a text", "none")
    }
    self.init(id: value.object?["id"]?.string ?? "", name: name, arguments: "{}")
    switch function?["arguments"] {
    case .string(let text): arguments = text
    case .object(let object): arguments = JSONValue.object(object).pythonText
    case nil, .null: break
    case .some(let other): throw Message.refusal("\(place).function.arguments", "JSON as a text", other.summary)
    }
  }
}
