/// A conversation in the form that is written: tool results within user turns, old thoughts left out.
///
/// Source: DeepSeek's prompt encoding for V4; `Documentation/prompts.md` describes it.
struct PreparedConversation {
  struct Turn {
    /// The message, whose `content` counts unless there are blocks.
    var message: Message
    /// A user's turn: texts and results, in order.
    var blocks: [Block] = []
  }

  enum Block {
    case text(String)
    case toolResult(id: String, content: String)
  }

  private(set) var turns: [Turn] = []
  let isDropping: Bool

  /// The last turn of a user or developer; -1 where there is none.
  var lastUserTurn: Int { turns.lastIndex { $0.message.isFromUser } ?? -1 }

  init(_ messages: [Message], mode: ChatMode, dropsThinking: Bool) {
    isDropping = dropsThinking && mode == .thinking && !messages.contains { !$0.tools.isEmpty }
    for message in messages { fold(message) }
    orderToolResults()
    if isDropping {
      let last = lastUserTurn
      turns = turns.enumerated().compactMap { index, turn in
        guard index < last else { return turn }
        if turn.message.role == .developer { return nil }
        var turn = turn
        turn.message.reasoning = nil
        return turn
      }
    }
  }

  /// Consecutive messages of users and tools are one turn; one with a task takes no further text.
  private mutating func fold(_ message: Message) {
    let block: Block
    switch message.role {
    case .user: block = .text(message.content)
    case .tool: block = .toolResult(id: message.toolCallID, content: message.content)
    default: return turns.append(Turn(message: message))
    }
    let takesMore = turns.last.map { last in
      last.message.role == .user && (message.role == .tool || last.message.task == nil)
    }
    if takesMore == true {
      turns[turns.count - 1].blocks.append(block)
      if let task = message.task { turns[turns.count - 1].message.task = task }
    } else {
      var turn = Turn(message: message, blocks: [block])
      turn.message.role = .user
      turns.append(turn)
    }
  }

  /// Results stand in the order of the calls that they answer; texts between them stay where they are. The
  /// result of an unknown call counts as that of the first.
  private mutating func orderToolResults() {
    var order: [String: Int] = [:]
    for index in turns.indices {
      if !turns[index].message.toolCalls.isEmpty {
        order = [:]
        for (number, call) in turns[index].message.toolCalls.enumerated() { order[call.id] = number }
      }
      let places = turns[index].blocks.indices.filter {
        if case .toolResult = turns[index].blocks[$0] { true } else { false }
      }
      guard places.count > 1 else { continue }
      let results = places.map { place -> (rank: Int, place: Int, block: Block) in
        guard case .toolResult(let id, _) = turns[index].blocks[place] else { preconditionFailure("a result") }
        return (order[id] ?? 0, place, turns[index].blocks[place])
      }.sorted { ($0.rank, $0.place) < ($1.rank, $1.place) }
      for (place, result) in zip(places, results) { turns[index].blocks[place] = result.block }
    }
  }
}

extension Message {
  var isFromUser: Bool { role == .user || role == .developer }
}
