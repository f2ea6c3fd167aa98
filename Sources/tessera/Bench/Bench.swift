import ArgumentParser
import Foundation
import Schedules

/// `tessera bench`: how fast operators are, in ratios to other software measured in turns with them.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure operators against other libraries and against this machine's memory.",
    discussion: """
      Each row compares figures that were measured in turns in this run: the best of several samples, and \
      in brackets their median. Peers are loaded when they are installed. Without --quick a row takes some \
      seconds; nothing else should run meanwhile.
      """)

  @Argument(
    help: ArgumentHelp(
      "Measure only operators, or only the model: the miniature and layers of DeepSeek-V4 Flash.",
      valueName: "group"))
  var group: BenchGroup?

  @Option(help: "Measure only what has this text in its name, such as \"linear_fp4\".")
  var filter: String?

  @Flag(help: "Take a tenth of the time: a first impression.")
  var quick = false

  @Flag(help: "Time rows on one thread by the processor's clock: for a machine that others use too.")
  var processorTime = false

  @Flag(help: "Say on standard error how long each launch of a model's layer takes.")
  var launches = false

  @Option(help: "The most threads that rows are measured with, 1 or 2.")
  var threads = 2

  @Flag(help: "Print JSON.")
  var json = false

  @Flag(help: "Also write the results to the folder Benchmarks, a page and JSON.")
  var write = false

  @Flag(help: .hidden)
  var loadLibrary = false

  func validate() throws {
    guard (1...2).contains(threads) else { throw ValidationError("--threads \(threads): 1 or 2 expected") }
  }

  func run() throws {
    if loadLibrary { return print(try LibraryLoad.measure().text) }
    let all = group?.benchmarks ?? Benchmark.all
    let measurements = all.filter { benchmark in
      filter.map { benchmark.name.range(of: $0, options: .caseInsensitive) != nil } ?? true
    }
    guard !measurements.isEmpty else {
      throw unknown("measurement", filter ?? "", among: all.map(\.name))
    }
    let session = BenchSession(
      machine: try BenchMachine.current(), schedule: Schedule(), isQuick: quick,
      clock: processorTime ? .processor : .elapsed, mostThreads: threads, listsLaunches: launches)
    var rows: [BenchRow] = []
    for benchmark in measurements {
      session.progress("measuring \(benchmark.name)")
      rows += try benchmark.rows(session)
    }
    let report = BenchReport(
      machine: session.machine, date: Self.date(), command: Self.command(), peers: session.peers,
      remarks: remarks(session.machine), rows: rows)
    print(json ? try tessera.json(report) : report.markdown, terminator: json ? "\n" : "")
    if write {
      for file in try report.write(into: URL(fileURLWithPath: "Benchmarks")) {
        session.progress("wrote \(file.relativePath)")
      }
    }
  }

  private func remarks(_ machine: BenchMachine) -> [String] {
    var remarks: [String] = []
    if quick { remarks.append("Quick: a tenth of the samples") }
    if processorTime { remarks.append("Rows on one thread: processor time, not elapsed time") }
    if machine.isBusy && !(processorTime && threads == 1) {
      remarks.append("Other jobs ran: \(processorTime ? "rows on two threads" : "rows") say little")
    }
    return remarks
  }

  private static func date() -> String {
    let parts = Calendar(identifier: .gregorian).dateComponents([.year, .month, .day], from: Date())
    return String(format: "%04d-%02d-%02d", parts.year!, parts.month!, parts.day!)
  }

  private static func command() -> String {
    (["tessera"] + CommandLine.arguments.dropFirst()).map { $0.contains(" ") ? "\"\($0)\"" : $0 }
      .joined(separator: " ")
  }
}

extension BenchGroup: ExpressibleByArgument {}
