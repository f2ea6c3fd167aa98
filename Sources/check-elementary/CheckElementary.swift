import ArgumentParser
import ElementaryOracle
import Foundation
import MachineIR
import Runtime
import Synchronization
import TileIR

@main
struct CheckElementary: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check-elementary",
    abstract: "Check the compiled elementary functions over all 2^32 inputs.",
    discussion: """
      Every result is compared with an fp64 evaluation; MPFR judges each error above 0.99 of the bound of
      1 ulp or of the worst that was found. Special values, NaN payloads, the order of results and the
      number of operations are checked too. Minutes a function. Status 1 says that a promise is broken.
      """)

  @Option(name: .customLong("function"), parsing: .upToNextOption, help: "Only these functions, by name.")
  var functions: [String] = []

  @Option(help: "About this many inputs instead of all: evenly spread, and around special values.")
  var sample: Int?

  @Option(help: "A target that this processor runs, such as cpu-avx2; its best unless given.")
  var target: String?

  @Option(help: "Threads; all cores unless given.")
  var threads: Int?

  @Flag(help: "Print one JSON array of reports.")
  var json = false

  mutating func validate() throws {
    for name in functions where ElementaryPromise.named(name) == nil {
      let known = ElementaryPromise.all.map(\.function.name).joined(separator: ", ")
      throw ValidationError("no elementary function is called \(name); there are \(known)")
    }
    if let sample, sample < 1 { throw ValidationError("a sample of \(sample) inputs checks nothing") }
    if let threads, threads < 1 { throw ValidationError("at least one thread is needed") }
  }

  func run() throws {
    let machine = try machine()
    let library = openMPFR()
    let promises = functions.isEmpty
      ? ElementaryPromise.all : functions.compactMap { ElementaryPromise.named($0) }
    var reports: [Report] = []
    for promise in promises {
      let report = try check(promise, on: machine, library)
      reports.append(report)
      if !json { print(report.text) }
    }
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(reports), as: UTF8.self))
    }
    if reports.contains(where: { !$0.violations.isEmpty }) { throw ExitCode.failure }
  }

  private func machine() throws -> MachineDescription {
    guard let target else { return try MachineDescription.host }
    guard let machine = MachineDescription.named(target), machine.runsHere else {
      let names = MachineDescription.cpus.filter(\.runsHere).map(\.name).joined(separator: ", ")
      throw ValidationError("this processor does not run \(target); it runs \(names)")
    }
    return machine
  }

  private func openMPFR() -> MPFR? {
    do {
      return try MPFR()
    } catch {
      note("\(error)\nWithout MPFR the worst errors stand as the fp64 evaluation judges them; "
        + "install libmpfr6 for the full check.\n")
      return nil
    }
  }

  private func check(
    _ promise: ElementaryPromise, on machine: MachineDescription, _ library: MPFR?
  ) throws -> Report {
    let start = Date()
    let sweep = Sweep(
      promise, on: machine, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount,
      sample: sample)
    let shown = Mutex(Date.distantPast)
    let name = promise.function.name
    let findings = try sweep.run { share in
      shown.withLock { last in
        guard Date().timeIntervalSince(last) > 1 else { return }
        last = Date()
        note("\r\(name): \(Int(share * 100)) % ")
      }
    }
    note("\r\(String(repeating: " ", count: 40))\r")
    return try Report(
      findings, promise, target: machine.name, seconds: Date().timeIntervalSince(start),
      wrongSpecialValues: SpecialValues.violations(promise, on: machine), library)
  }
}

/// Writes to standard error, where progress and remarks go.
private func note(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }
