import ArgumentParser
import DeepSeek
import Foundation
import Runtime

extension ReasoningEffort: ExpressibleByArgument {}

/// `tessera chat`: a conversation.
struct Chat: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Talk with a model that was trained to.",
    discussion: """
      Every line is a turn; /reset begins a new conversation, /quit or Ctrl-D ends. Ctrl-C cuts an answer \
      short. Fixed texts of the prompt come from the checkpoint's `encoding` folder, where they are needed.
      """)

  @OptionGroup var arguments: ModelArguments

  @Flag(help: "Let the model think before it answers; its thoughts are shown.")
  var think = false

  @Option(help: "How hard it thinks: \(ReasoningEffort.allCases.map(\.rawValue).joined(separator: ", ")).")
  var effort: ReasoningEffort?

  @Option(help: "What the conversation begins with, as the system's message.")
  var system: String?

  @Option(help: "Tokens of the whole conversation at most.")
  var context: Int = 16384

  @OptionGroup var drawing: DrawingOptions

  func validate() throws {
    guard context >= 2 else { throw ValidationError("--context is \(context); at least 2 expected") }
    if effort != nil, !think { throw ValidationError("--effort is for --think") }
  }

  func run() throws {
    let weights = try arguments.weights()
    let configuration = weights.configuration
    let folder = try arguments.model.folder()
    let tokenizer = try Tokenizer(folder: folder, vocabularySize: configuration.vocabularySize)
    let encoding = try ChatEncoding(folder: folder, tokenizer)
    if let note = encoding.fixedTexts.note { say(note) }
    let request = drawing.request(try GenerationDefaults(folder: folder, configuration))
    let room = CacheRoom(context: min(context, configuration.maximumPositions))
    let model = try arguments.load(
      weights,
      Model.Options(arithmetic: arguments.arithmetic, cache: room, drafts: request.speculates))
    var conversation = Conversation(
      system: system, mode: think ? .thinking : .chat, effort: effort, encoding: encoding, tokenizer: tokenizer)
    while let line = read() {
      switch line.trimmingCharacters(in: .whitespaces) {
      case "": continue
      case "/quit": return
      case "/reset":
        conversation.reset()
        model.sequences.reset(0)
      default: try answer(line, &conversation, model, request)
      }
    }
  }

  private func read() -> String? {
    if isatty(STDIN_FILENO) != 0 { FileHandle.standardOutput.write(Data("> ".utf8)) }
    return readLine()
  }

  private func say(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

  private func answer(
    _ line: String, _ conversation: inout Conversation, _ model: Model, _ request: GenerationRequest
  ) throws {
    let prompt = try conversation.ask(line)
    guard prompt.count < model.options.cache.context else {
      conversation.withdraw()
      return say("the conversation has no room for this turn; /reset begins a new one")
    }
    // What was said before may read otherwise now: thoughts are dropped, and text has its own tokens.
    let known = model.sequences.tokens[0]
    if prompt.count <= known.count || !prompt.starts(with: known) { model.sequences.reset(0) }
    var text = TextOutput(conversation.tokenizer)
    var answer: [Int32] = []
    let report = try Interrupt.watched {
      try model.generate(0, prompt: prompt, request) { token in
        if !request.stops.contains(token) {
          answer.append(token)
          text.append(token)
        }
        return !Interrupt.hasCome
      }
    }
    text.finish()
    say(report.text(model))
    conversation.take(conversation.tokenizer.decode(answer.map(Int.init), special: true))
  }
}

/// What has been said so far.
private struct Conversation {
  let mode: ChatMode
  let effort: ReasoningEffort?
  let encoding: ChatEncoding
  let tokenizer: Tokenizer
  private let opening: [Message]
  private var messages: [Message]

  init(
    system: String?, mode: ChatMode, effort: ReasoningEffort?, encoding: ChatEncoding, tokenizer: Tokenizer
  ) {
    (self.mode, self.effort, self.encoding, self.tokenizer) = (mode, effort, encoding, tokenizer)
    opening = system.map { [Message(.system, $0)] } ?? []
    messages = opening
  }

  mutating func reset() { messages = opening }

  /// Adds a user's turn and returns the tokens of the whole conversation.
  mutating func ask(_ text: String) throws -> [Int32] {
    messages.append(Message(.user, text))
    return tokenizer.encode(try encoding.text(of: messages, mode: mode, effort: effort)).map(Int32.init)
  }

  /// Takes the last user's turn back.
  mutating func withdraw() { messages.removeLast() }

  /// Adds the model's turn; one that does not follow the grammar of calls is kept as it is.
  mutating func take(_ text: String) {
    var message = Message(.assistant, text)
    if let answer = try? Answer(text, mode: mode) {
      message.content = answer.content
      message.reasoning = answer.reasoning
      message.toolCalls = answer.toolCalls
    }
    messages.append(message)
  }
}
