import ArgumentParser
import DeepSeek
import Foundation

/// `tessera info`: what a model is and what it takes.
struct Info: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "info",
    abstract: "Show what a model is, how large its parts are and what fits into this machine's memory.",
    discussion: """
      Every tensor of the checkpoint is checked against the configuration; weights are not read. A folder \
      that holds config.json alone is described as a release of that configuration would be.
      """)

  @OptionGroup var model: ModelArgument

  @Flag(help: "Print the launches of a decode step instead: operators, shapes and the bytes that each moves.")
  var step = false

  @OptionGroup var stepOptions: StepOptions

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    if step { return print(try stepOptions.text(of: model.folder(), isJSON: json)) }
    let report = try ModelReport(folder: model.folder(), memory: .current)
    print(json ? try tessera.json(report) : report.text)
  }
}

/// The argument that names a model.
struct ModelArgument: ParsableArguments {
  @Argument(
    help: "The model's folder, with config.json, its safetensors and tokenizer.json.",
    completion: .directory)
  var model: String

  /// The folder, which is there.
  func folder() throws -> String {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: model, isDirectory: &isFolder) else {
      throw Refusal("no model \(model); a folder with config.json expected")
    }
    guard isFolder.boolValue else { throw Refusal("\(model) is a file; a folder with config.json expected") }
    return model.count > 1 && model.hasSuffix("/") ? String(model.dropLast()) : model
  }
}
