import Alignment
import ArgumentParser
import DeepSeek
import Foundation
import Operators
import Runtime

/// `tessera align`: the same thing on several targets, compared bit by bit.
struct Align: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run an operator or a model on several targets and report equal bits or where they first differ.",
    discussion: """
      The first target of --on is the yardstick; the others are compared with it. An operator is run at every \
      shape of its small instances, on ordinary numbers, on every magnitude, and on NaN and infinities. A model \
      is run on all targets side by side: a prefill and some decode steps, each launch compared before the next \
      begins, so that what is named is the first launch that differs, with its layer and operator. There, as with \
      operators, the first element that differs is given with both values and how many numbers of its type lie \
      from one to the other. A target that differs is then given the yardstick's results, so that with --all \
      every further difference is a launch's own.

      Exit status: 0 where all bits are equal, 1 where a target differs, 2 where it could not be told: an unknown \
      name, a target that does not run here.
      """)

  @Argument(
    help: ArgumentHelp("An operator of the library or a model's folder.", valueName: "operator|model"),
    completion: .directory)
  var subject: String

  @Option(
    name: .customLong("on"),
    help: ArgumentHelp(
      """
      Two targets or more, separated by commas, the yardstick first: \
      \(AlignmentTarget.all.map(\.description).joined(separator: ", ")).
      """, valueName: "targets"))
  var names: String

  @Flag(help: "Report everything that differs, not only the first of each target.")
  var all = false

  @Option(help: "Threads to run on; bits never depend on them. (default: one a core)")
  var threads: Int?

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup(title: "Operators") var operatorOptions: AlignOperatorOptions
  @OptionGroup(title: "Models") var modelOptions: ModelRunOptions

  func validate() throws {
    if let threads, !(1...1024).contains(threads) {
      throw ValidationError("--threads is \(threads); 1 to 1024 expected")
    }
    guard names.split(separator: ",").count > 1 else {
      throw ValidationError("--on is \(names); two targets or more expected, separated by commas")
    }
  }

  func run() throws {
    let report: AlignReport
    do {
      report = try compare()
    } catch {
      FileHandle.standardError.write(Data("Error: \(error)\n".utf8))
      throw ExitCode(2)
    }
    print(json ? try tessera.json(report) : report.text)
    if !report.isEqual { throw ExitCode(1) }
  }

  private func compare() throws -> AlignReport {
    let targets = try names.split(separator: ",").map { try AlignmentTarget.chosen(String($0)) }
    for (position, target) in targets.enumerated() where targets[..<position].contains(target) {
      throw Refusal("--on names \(target) twice")
    }
    let pool = threads.map { ThreadPool(threads: $0) } ?? .shared
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: subject, isDirectory: &isFolder)
    var report = AlignReport(subject: subject, targets: targets)
    if exists && isFolder.boolValue {
      try operatorOptions.refuse(for: "an operator")
      try modelOptions.runs(of: subject).align(on: targets, pool: pool, all: all, isQuiet: json, into: &report)
    } else {
      guard !exists, !subject.contains("/") else {
        throw Refusal("no model \(subject); an operator or a folder with config.json expected")
      }
      try modelOptions.refuse(for: "a model")
      try operatorOptions.align(
        OperatorLibrary.entry(subject), on: targets, pool: pool, all: all, isQuiet: json, into: &report)
    }
    return report
  }
}

extension AlignmentTarget {
  /// The one of a name, or an error that lists them.
  static func chosen(_ name: String) throws -> AlignmentTarget {
    guard let target = named(name) else {
      throw unknown("target", name, among: all.map(\.description), listing: "tessera align --help")
    }
    return target
  }
}
