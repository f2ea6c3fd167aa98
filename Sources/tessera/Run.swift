import ArgumentParser
import DeepSeek
import Foundation
import Runtime
import Synchronization

/// `tessera run`: continues a text.
struct Run: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continue a text with a model.",
    discussion: """
      The prompt is taken as it is; `tessera chat` is for conversations. The same seed gives the same text on \
      every machine, whatever the threads. Ctrl-C ends the text early. How fast it was is said on standard \
      error, so that standard output holds the text alone.
      """)

  @OptionGroup var arguments: ModelArguments
  @Argument(help: "The text to continue.") var prompt: String
  @OptionGroup var drawing: DrawingOptions

  func validate() throws {
    if prompt.isEmpty { throw ValidationError("the prompt is empty; a text to continue is expected") }
  }

  func run() throws {
    let weights = try arguments.weights()
    let configuration = weights.configuration
    let folder = try arguments.model.folder()
    let tokenizer = try Tokenizer(folder: folder, vocabularySize: configuration.vocabularySize)
    let defaults = try GenerationDefaults(folder: folder, configuration)
    let ids = tokenizer.encode(prompt).map(Int32.init)
    let request = drawing.request(defaults)
    let context = min(configuration.maximumPositions, ids.count + request.most + 1)
    guard ids.count < context else {
      throw Refusal("the prompt has \(ids.count) tokens, the model takes at most \(configuration.maximumPositions)")
    }
    let model = try arguments.load(
      weights,
      Model.Options(
        arithmetic: arguments.arithmetic, cache: CacheRoom(context: context), drafts: request.speculates))
    var text = TextOutput(tokenizer)
    text.write(prompt)
    let report = try Interrupt.watched {
      try model.generate(0, prompt: ids, request) { token in
        if !request.stops.contains(token) { text.append(token) }
        return !Interrupt.hasCome
      }
    }
    text.finish()
    FileHandle.standardError.write(Data((report.text(model) + "\n").utf8))
  }
}

/// How tokens are drawn; what is not given is the checkpoint's.
struct DrawingOptions: ParsableArguments {
  @Option(help: "Tokens to make at most.")
  var maxTokens: Int = 256

  @Option(help: "0 takes the likeliest token each time. (default: the checkpoint's)")
  var temperature: Float?

  @Option(help: "Draw from so many of the likeliest tokens only. (default: the checkpoint's)")
  var topK: Int?

  @Option(help: "Draw from the likeliest tokens that together have this share. (default: the checkpoint's)")
  var topP: Double?

  @Option(help: "The seed of the draws.")
  var seed: UInt64 = 0

  @Flag(inversion: .prefixedNo, help: "Let the drafting layer propose tokens; the text is the same.")
  var speculation = true

  func validate() throws {
    guard maxTokens >= 1 else { throw ValidationError("--max-tokens is \(maxTokens); at least 1 expected") }
    if let temperature, !(0...100).contains(temperature) {
      throw ValidationError("--temperature is \(temperature); 0 to 100 expected")
    }
    if let topK, topK < 1 { throw ValidationError("--top-k is \(topK); at least 1 expected") }
    if let topP, !(0...1).contains(topP) { throw ValidationError("--top-p is \(topP); 0 to 1 expected") }
  }

  func request(_ defaults: GenerationDefaults) -> GenerationRequest {
    GenerationRequest(
      sampling: Sampling(
        temperature: temperature ?? Float(defaults.temperature), topK: topK ?? defaults.topK,
        topP: topP ?? defaults.topP, seed: seed),
      most: maxTokens, stops: Set(defaults.endTokens.map(Int32.init)), speculates: speculation)
  }
}

/// Text on standard output as its tokens come, whole characters only.
struct TextOutput {
  private var stream: TokenStream

  init(_ tokenizer: Tokenizer) { stream = tokenizer.stream() }

  func write(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

  mutating func append(_ token: Int32) { write(stream.append(Int(token))) }

  mutating func finish() { write(stream.finish() + "\n") }
}

/// Whether Ctrl-C has come while it was watched for; a second one ends the process.
enum Interrupt {
  private static let count = Atomic<Int>(0)

  /// Runs `body` while Ctrl-C only takes note of itself.
  static func watched<T>(_ body: () throws -> T) rethrows -> T {
    count.store(0, ordering: .relaxed)
    let before = signal(SIGINT) { _ in
      if Interrupt.count.add(1, ordering: .relaxed).newValue > 1 { _exit(130) }
    }
    defer { signal(SIGINT, before) }
    return try body()
  }

  static var hasCome: Bool { count.load(ordering: .relaxed) > 0 }
}

extension GenerationReport {
  /// How fast it was, in one line.
  func text(_ model: Model) -> String {
    func number(_ x: Double) -> String { x >= 10 ? "\(Int(x.rounded()))" : "\((x * 10).rounded() / 10)" }
    var parts = ["\(tokens) tokens, \(number(tokensPerSecond)) a second"]
    if promptSeconds > 0 {
      parts.append("prompt of \(promptTokens) tokens, \(number(Double(promptTokens) / promptSeconds)) a second")
    }
    if runs > 0, accepted > 0 { parts.append("\(accepted) of \(runs) drafts taken") }
    parts.append("\(model.options.arithmetic.rawValue) on \(model.device.machine.name)")
    return parts.joined(separator: "; ")
  }
}
