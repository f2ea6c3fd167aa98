import ArgumentParser
import DeepSeek
import Foundation
import Operators
import Runtime

extension Arithmetic: ExpressibleByArgument {}

/// What every command that runs a model takes.
struct ModelArguments: ParsableArguments {
  @OptionGroup var model: ModelArgument

  @Option(
    help: """
      quantised, the released arithmetic, or float32 with dequantised weights and nothing rounded in between, \
      for comparison with other implementations.
      """)
  var arithmetic: Arithmetic = .quantised

  @Option(help: "Threads to run on; bits never depend on them. (default: one a core)")
  var threads: Int?

  @Option(
    name: [.customLong("device"), .customLong("target")],
    help: """
      Where the model runs: \(RunTarget.all.map(\.description).joined(separator: ", ")). (default: the best that this \
      processor runs)
      """,
    completion: .list(RunTarget.all.map(\.description)))
  var device: String?

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); 1 to 1024 expected")
    }
  }

  /// The checkpoint, checked in full and not yet read.
  func weights() throws -> Weights {
    let folder = try model.folder()
    return try Weights(folder: folder, Configuration(folder: folder))
  }

  /// The model of a checkpoint, with its progress on standard error.
  func load(_ weights: Weights, _ options: Model.Options, isQuiet: Bool = false) throws -> Model {
    let pool = threads.map { ThreadPool(threads: $0) } ?? .shared
    return try Model.load(weights, options, on: Device(device.map(RunTarget.chosen) ?? .host, pool: pool), isQuiet: isQuiet)
  }
}

extension Model {
  /// Loads a model with its progress on standard error; `name` says which of several it is.
  static func load(
    _ weights: Weights, _ options: Options, on device: Device, isQuiet: Bool, named name: String? = nil
  ) throws -> Model {
    let line = ProgressLine(isQuiet: isQuiet)
    defer { line.clear() }
    let place = name.map { " on \($0)" } ?? ""
    return try Model(weights, options: options, on: device) { progress in
      switch progress {
      case .converting(let done, let all): line.show("loading weights\(place)", done, of: all)
      case .compiling(let done, let all, let program):
        line.show("compiling kernels\(place)", done, of: all, detail: program)
      case .layingOut(let done, let all): line.show("laying out weights\(place)", done, of: all)
      }
    }
  }
}

/// One line on a terminal's standard error that is written over and over; nothing where it is no terminal.
final class ProgressLine: Sendable {
  private let isShown: Bool

  init(isQuiet: Bool) { isShown = !isQuiet && isatty(STDERR_FILENO) != 0 }

  func show(_ what: String, _ done: Int, of all: Int, detail: String = "") {
    guard isShown else { return }
    write("\r\u{1B}[K\(what) \(done)/\(all)" + (detail.isEmpty ? "" : " \(detail)"))
  }

  func clear() {
    if isShown { write("\r\u{1B}[K") }
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
}
