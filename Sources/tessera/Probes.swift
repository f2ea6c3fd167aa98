import ArgumentParser
import Export
import Foundation

/// `tessera probes`: a chip's answers beside what is supposed of it.
struct Probes: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compare a chip's answers to probes with what is supposed of it.",
    discussion: """
      `tessera export --probes` writes the package that asks; on the chip it writes answers.json. The answers \
      are compared with those of the device model, which runs the same kernels here, and every assumption that \
      an answer speaks against is named. Exits with status 1 where there is one.
      """)

  @Argument(help: "The file that the package wrote.", completion: .file(extensions: ["json"]))
  var file: String

  func run() throws {
    guard let bytes = FileManager.default.contents(atPath: file) else {
      throw Refusal("\(file): a file that a package of probes wrote expected, none that can be read found")
    }
    let answers = try ProbeAnswers(file: file, Array(bytes))
    let verdict = ProbeVerdict(answers, supposed: try .modelled())
    print(verdict.text)
    if !verdict.failing.isEmpty { throw ExitCode.failure }
  }
}
