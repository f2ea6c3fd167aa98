import ArgumentParser
import DeepSeek
import Foundation
import MachineIR
import Operators

/// A prefill and decode steps of a model, as commands take them that compare or note runs.
struct ModelRunOptions: ParsableArguments {
  @Option(help: "The prompt's token numbers, separated by commas. (default: 24 that the vocabulary has)")
  var tokens: String?

  @Option(help: "The prompt as a text, for models with a tokenizer.")
  var prompt: String?

  @Option(help: "Decode steps behind the prompt, each on the likeliest token. (default: 4)")
  var decode: Int?

  @Option(help: "The arithmetic, quantised or float32. (default: quantised)")
  var arithmetic: Arithmetic?

  func validate() throws {
    if tokens != nil, prompt != nil { throw ValidationError("--tokens and --prompt are two prompts; one expected") }
    if let decode, !(0...65536).contains(decode) {
      throw ValidationError("--decode is \(decode); 0 to 65536 expected")
    }
  }

  func refuse(for what: String) throws {
    if tokens != nil || prompt != nil || decode != nil || arithmetic != nil {
      throw Refusal("--tokens, --prompt, --decode and --arithmetic are for \(what)")
    }
  }

  /// What a person types to have a package of these runs.
  func command(_ folder: String, _ machine: MachineDescription) -> String {
    var words = ["tessera export \(folder) --target \(machine.name)"]
    if let tokens { words.append("--tokens \(tokens)") }
    if let prompt { words.append("--prompt \"\(prompt)\"") }
    words.append("--decode \(decode ?? 4) --arithmetic \((arithmetic ?? .quantised).rawValue) --out FOLDER")
    return words.joined(separator: " ")
  }

  /// The runs of the model in a folder.
  func runs(of folder: String) throws -> ModelRuns {
    let configuration = try Configuration(folder: folder)
    let prompt = try ids(folder, below: configuration.vocabularySize)
    let decode = self.decode ?? 4
    guard prompt.count + decode <= configuration.maximumPositions else {
      throw Refusal(
        "\(prompt.count) tokens and \(decode) decode steps; the model takes \(configuration.maximumPositions) at most")
    }
    return ModelRuns(
      weights: try Weights(folder: folder, configuration),
      options: Model.Options(
        arithmetic: arithmetic ?? .quantised, cache: CacheRoom(context: prompt.count + decode), chunk: prompt.count,
        rows: 1, drafts: false),
      prompt: prompt, decode: decode)
  }

  /// The prompt, checked.
  private func ids(_ folder: String, below count: Int) throws -> [Int32] {
    if let prompt {
      let ids = try Tokenizer(folder: folder, vocabularySize: count).encode(prompt).map(Int32.init)
      guard !ids.isEmpty else { throw Refusal("the prompt is empty; a text expected") }
      return ids
    }
    guard let tokens else { return (1...24).map { Int32($0 * 7919 % count) } }
    let ids = try tokenNumbers(tokens, below: count)
    guard !ids.isEmpty else { throw Refusal("--tokens is empty; token numbers expected") }
    return ids
  }
}

/// A model's weights and what it is to be run on.
struct ModelRuns {
  let weights: Weights
  let options: Model.Options
  let prompt: [Int32]
  let decode: Int

  /// Calls `body` with each run's name and batch, in order, until it returns false. `models` are all that run; the
  /// first says which token comes next.
  func forEach(of models: [Model], _ body: (_ name: String, _ batch: Batch) throws -> Bool) throws {
    var (next, start) = (prompt, 0)
    for number in 0...decode {
      let batch = Batch([Batch.Piece(sequence: 0, start: start, tokens: next)])
      guard try body(number == 0 ? "prefill" : "decode step \(number)", batch) else { return }
      for model in models { model.end(batch) }
      start += next.count
      next = [models[0].choose(0, .greedy, at: start - 1)]
    }
  }
}
