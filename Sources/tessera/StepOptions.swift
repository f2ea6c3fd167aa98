import ArgumentParser
import DeepSeek
import Operators
import Steps

/// What `tessera info --step` prints a step at.
struct StepOptions: ParsableArguments {
  @Option(help: "With --step: the arithmetic, quantised or float32.")
  var arithmetic: Arithmetic = .quantised

  @Option(help: "With --step: so many tokens in front of the step.")
  var context: Int = 4096

  @Option(help: "With --step: tokens of the step.")
  var tokens: Int = 1

  func validate() throws {
    guard (0...1_048_576).contains(context) else {
      throw ValidationError("--context is \(context); 0 to 1048576 expected")
    }
    guard (1...65536).contains(tokens) else { throw ValidationError("--tokens is \(tokens); 1 to 65536 expected") }
  }

  /// A line a launch, for the model of a folder; its weights are not looked at.
  func text(of folder: String, isJSON: Bool) throws -> String {
    let configuration = try Configuration(folder: folder)
    let end = min(context + tokens, configuration.maximumPositions)
    let step = try Model.steps(
      of: configuration,
      Model.Options(
        arithmetic: arithmetic, cache: CacheRoom(context: max(end, 1)), chunk: tokens, rows: 1, drafts: false))[0]
    func number(_ number: RunNumber) -> Int {
      switch number.name {
      case "tokens": tokens
      case "rows": 1
      case "reach": max(1, end / 4)
      case "closed4": end / 4 - (end - tokens) / 4
      case "closed128": end / 128 - (end - tokens) / 128
      default: number.range.upperBound
      }
    }
    guard isJSON else { return String(step.text(number).dropLast()) }
    return try json(
      step.launches.map { launch in
        let traffic = step.traffic(of: launch, number)
        return Row(
          scope: launch.scope, operator: step.program(of: launch).name, text: step.text(of: launch),
          weightBytes: traffic.weights, bytesRead: traffic.read, bytesWritten: traffic.written)
      })
  }

  private struct Row: Encodable {
    let scope, `operator`, text: String
    let weightBytes, bytesRead, bytesWritten: Int
  }
}
