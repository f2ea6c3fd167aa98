import Alignment
import ArgumentParser
import Foundation

@main
struct CheckLayers: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-layers",
    abstract: "Compare the layers of the tiny checkpoint with golden data, and explain every difference.",
    discussion: """
      Each layer is given the golden streams in front of it, four times: under the classes of the numeric \
      contract, by the reference with exact products, with these and the exponential of the library that the \
      golden data were made with, and under the classes with every stored number that flipped put right. \
      Twenty seconds or more a layer. Status 1 says that a difference is more than flips, or that exact products \
      give fewer than 97 % of the rows.
      """)

  @Option(parsing: .upToNextOption, help: "Only these layers, 0 to 5.")
  var layer: [Int] = []

  @Option(help: "So many tokens, 1 to 300.")
  var tokens = 300

  @Option(help: "The folder of the checkpoint.")
  var folder = "Fixtures/v4-tiny"

  @Flag(help: "List the flips, launch by launch.")
  var flips = false

  func validate() throws {
    guard layer.allSatisfy((0...5).contains) else { throw ValidationError("layers are 0 to 5") }
    guard (1...300).contains(tokens) else { throw ValidationError("--tokens \(tokens): 1 to 300 expected") }
  }

  func run() throws {
    var explained = true
    for number in layer.isEmpty ? Array(0...5) : layer {
      let outcome = try GoldenLayer(number, folder: folder).check(tokens: tokens)
      let stored = outcome.flips.reduce(0) { $0 + $1.count }
      print(
        "layer \(number), rows of \(tokens) with the golden bits: \(outcome.byClasses.count) by the classes, "
          + "\(outcome.byExactProducts.count) by exact products, "
          + "\(outcome.byGoldenFunctions.count) by these and the golden library's exponential, "
          + "\(outcome.corrected.count) by the classes with \(stored) stored numbers corrected")
      if flips { for line in outcome.flips { print("  " + line.text) } }
      explained = explained && outcome.corrected == outcome.byGoldenFunctions
        && outcome.byExactProducts.count * 100 >= tokens * 97
    }
    if !explained { throw ExitCode.failure }
  }
}

extension Flips {
  var text: String {
    "\(scope) \(program) \(output): \(count) of \(total) \(element.rawValue), in \(rows.count) rows, "
      + "by \(String(format: "%.1e", Double(largest))) of a line's largest"
  }
}
