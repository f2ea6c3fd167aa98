import Alignment
import ArgumentParser
import DeepSeek
import Foundation
import Operators
import Runtime

/// What `align` takes for models alone.
struct AlignModelOptions: ParsableArguments {
  @Option(help: "The prompt's token numbers, separated by commas. (default: 24 that the vocabulary has)")
  var tokens: String?

  @Option(help: "The prompt as a text, for models with a tokenizer.")
  var prompt: String?

  @Option(help: "Decode steps behind the prompt, each on the token that the yardstick finds likeliest. (default: 4)")
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

  /// A model on one side.
  private struct Side {
    let name: String
    let model: Model
    let isReference: Bool

    func run(_ batch: Batch) throws -> Lockstep.Side {
      Lockstep.Side(name, try model.begin(batch), by: isReference ? { try $0.byReference() } : nil)
    }
  }

  /// Runs a prefill and decode steps on every target, launch by launch.
  func align(
    folder: String, on targets: [AlignmentTarget], pool: ThreadPool, all: Bool, isQuiet: Bool,
    into report: inout AlignReport
  ) throws {
    let configuration = try Configuration(folder: folder)
    let weights = try Weights(folder: folder, configuration)
    let prompt = try ids(folder, below: configuration.vocabularySize)
    let decode = self.decode ?? 4
    guard prompt.count + decode <= configuration.maximumPositions else {
      throw Refusal(
        "\(prompt.count) tokens and \(decode) decode steps; the model takes \(configuration.maximumPositions) at most")
    }
    let options = Model.Options(
      arithmetic: arithmetic ?? .quantised, cache: CacheRoom(context: prompt.count + decode), chunk: prompt.count,
      rows: 1, drafts: false)
    let sides = try targets.map { target -> Side in
      do {
        let device = try Device(target.runs(), pool: pool)
        let model = try Model.load(weights, options, on: device, isQuiet: isQuiet, named: target.description)
        return Side(name: target.description, model: model, isReference: target == .reference)
      } catch {
        throw SideFailure(side: target.description, error: error)
      }
    }
    let line = ProgressLine(isQuiet: isQuiet)
    defer { line.clear() }
    var (next, start) = (prompt, 0)
    var differing: Set<String> = []
    for number in 0...decode {
      let place = number == 0 ? "prefill" : "decode step \(number)"
      let batch = Batch([Batch.Piece(sequence: 0, start: start, tokens: next)])
      var lockstep = Lockstep(try sides.map { try $0.run(batch) })
      var done = 0
      while let differences = try lockstep.advance() {
        done += 1
        report.compared += 1
        line.show(place, done, of: sides[0].model.steps[0].launches.count)
        for difference in differences where all || differing.insert(difference.side).inserted {
          report.divergences.append(
            AlignReport.Row(
              target: difference.side, place: place, launch: difference.launch, scope: difference.scope,
              operator: difference.program, difference.divergence))
        }
        if !all, differing.count == sides.count - 1 { return }
      }
      for side in sides { side.model.end(batch) }
      start += next.count
      next = [sides[0].model.choose(0, .greedy, at: start - 1)]
    }
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

extension AlignmentTarget {
  /// Where a model's buffers lie while the target runs it: the reference has none of its own.
  fileprivate func runs() throws -> RunTarget {
    switch self {
    case .reference: try .host
    case .target(let target): target
    }
  }
}
