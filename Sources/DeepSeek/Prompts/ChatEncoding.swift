import JSON

/// Whether a model thinks before it answers.
public enum ChatMode: String, Hashable, Sendable, CaseIterable {
  case chat, thinking
}

/// How hard a model thinks.
public enum ReasoningEffort: String, Hashable, Sendable, CaseIterable {
  case high, max
}

/// Conversations as the text that a DeepSeek-V4 model was trained on.
///
/// The text begins with the marker that begins every text, so nothing is to be added when it is encoded.
public struct ChatEncoding: Sendable {
  /// Texts from the checkpoint's `encoding` folder.
  public let fixedTexts: FixedTexts

  public init(fixedTexts: FixedTexts) { self.fixedTexts = fixedTexts }

  /// For the model of a folder.
  ///
  /// - Throws: `ModelRefusal` where the tokenizer lacks a marker: the model was not trained to chat.
  public init(folder: String, _ tokenizer: Tokenizer) throws {
    if let marker = Self.missingMarker(tokenizer) {
      throw ModelRefusal(
        folder + "/tokenizer.json", expected: "the marker \(marker), without which no model can chat", found: "none")
    }
    try self.init(fixedTexts: FixedTexts(modelFolder: folder))
  }

  /// A marker that conversations need and a tokenizer lacks; nil for the tokenizer of a model that can chat.
  public static func missingMarker(_ tokenizer: Tokenizer) -> String? {
    let needed: [Marker] = [.begin, .end, .user, .assistant, .thinkStart, .thinkEnd]
    return needed.map(\.rawValue).first { tokenizer.token($0) == nil }
  }

  /// Markers that the tokenizer has a token for, and the quotation marks of tool results, which it has not.
  enum Marker: String {
    case begin = "<｜begin▁of▁sentence｜>"
    case end = "<｜end▁of▁sentence｜>"
    case user = "<｜User｜>"
    case assistant = "<｜Assistant｜>"
    case reminder = "<｜latest_reminder｜>"
    case thinkStart = "<think>"
    case thinkEnd = "</think>"
    case resultStart = "<tool_result>"
    case resultEnd = "</tool_result>"
  }

  /// The text of a conversation, up to where the model goes on.
  ///
  /// - Parameters:
  ///   - dropsThinking: leaves out what was thought before the last user's turn; it is ignored where any
  ///     message has tools, whose results belong to a train of thought.
  ///   - effort: matters in thinking mode only.
  /// - Throws: `ModelRefusal` where a text is needed that the checkpoint does not hold.
  public func text(
    of messages: [Message], mode: ChatMode, dropsThinking: Bool = true, effort: ReasoningEffort? = nil
  ) throws -> String {
    let conversation = PreparedConversation(messages, mode: mode, dropsThinking: dropsThinking)
    var text = Marker.begin.rawValue
    if mode == .thinking, effort == .max { text += try fixedTexts.maximumEffort() }
    for index in conversation.turns.indices {
      text += try body(of: index, in: conversation, mode)
      text += suffix(of: index, in: conversation, mode)
    }
    return text
  }

  private func body(of index: Int, in conversation: PreparedConversation, _ mode: ChatMode) throws -> String {
    let turn = conversation.turns[index]
    let message = turn.message
    switch message.role {
    case .system: return message.content + (try descriptions(message))
    case .developer: return Marker.user.rawValue + message.content + (try descriptions(message))
    case .latestReminder: return Marker.reminder.rawValue + message.content
    case .user, .tool: return Marker.user.rawValue + turn.blocks.map(\.text).joined(separator: "\n\n")
    case .assistant:
      var text = ""
      let follows = index > conversation.lastUserTurn
      let isTask = index > 0 && conversation.turns[index - 1].message.task != nil
      if mode == .thinking, !conversation.isDropping || follows, !isTask {
        text = (message.reasoning ?? "") + Marker.thinkEnd.rawValue
      }
      return text + message.content + ToolMarkup.text(of: message.toolCalls)
        + (message.isOpen ? "" : Marker.end.rawValue)
    }
  }

  /// Tools and the answer's format, as a system or developer message describes them.
  private func descriptions(_ message: Message) throws -> String {
    var text = ""
    if !message.tools.isEmpty {
      let (before, after) = try fixedTexts.tools()
      text += "\n\n" + before + message.tools.map(\.pythonText).joined(separator: "\n") + after
    }
    if let format = message.responseFormat {
      text += "\n\n" + (try fixedTexts.responseFormat()) + format.pythonText
    }
    return text
  }

  /// What follows a turn where the assistant's begins.
  private func suffix(of index: Int, in conversation: PreparedConversation, _ mode: ChatMode) -> String {
    let next = index + 1 < conversation.turns.count ? conversation.turns[index + 1].message.role : nil
    guard next == nil || next == .assistant || next == .latestReminder else { return "" }
    let message = conversation.turns[index].message
    let thinks = mode == .thinking && (!conversation.isDropping || index >= conversation.lastUserTurn)
    let start = Marker.assistant.rawValue + (thinks ? Marker.thinkStart : Marker.thinkEnd).rawValue
    switch message.task {
    case .action?:
      return Marker.assistant.rawValue + (mode == .thinking ? Marker.thinkStart : Marker.thinkEnd).rawValue
        + "<｜action｜>"
    case let task?: return "<｜\(task.rawValue)｜>"
    case nil: return message.isFromUser ? start : ""
    }
  }
}

extension PreparedConversation.Block {
  fileprivate var text: String {
    switch self {
    case .text(let text): text
    case .toolResult(_, let content):
      ChatEncoding.Marker.resultStart.rawValue + content + ChatEncoding.Marker.resultEnd.rawValue
    }
  }
}
