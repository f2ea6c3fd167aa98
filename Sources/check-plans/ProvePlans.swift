import ArgumentParser
import Foundation
import MachineIR
import Operators
import Proofs
import Schedules
import TileIR

/// Proves the plans of the library.
struct ProvePlans: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove", abstract: "Proves the plans of every instance and lists what stays open.")

  @ArgumentParser.Argument(help: "Operators; all unless given.")
  var operators: [String] = []
  @Option(help: "A target; all unless given.")
  var target: String?
  @Flag(help: "Every candidate schedule, not the default one only.")
  var candidates = false
  @Option(help: "How many open obligations are shown for a plan.")
  var show = 3
  @Flag(help: "Print JSON.")
  var json = false

  struct Report: Encodable {
    var plans = 0
    var obligations = 0
    var milliseconds = 0
    var slowest = ""
    /// What is open, by plan.
    var open: [String: [String]] = [:]
  }

  func run() throws {
    var report = Report()
    let solver = Prover()
    var (spent, longest) = (Duration.zero, Duration.zero)
    for entry in OperatorLibrary.all where operators.isEmpty || operators.contains(entry.name) {
      for instance in entry.instances {
        let program = try instance.kernel().program()
        for machine in MachineDescription.all where target == nil || target == machine.name {
          let schedules =
            candidates ? Schedule.candidates(for: program, on: machine) : [.standard(for: machine)]
          for (number, schedule) in schedules.enumerated() {
            let plan = try Lowering.plan(program, for: machine, schedule: schedule)
            let label = "\(entry.name) \(instance.name) on \(machine.name), schedule \(number)"
            let clock = ContinuousClock()
            let start = clock.now
            let proof = MachineProof(plan, solver: solver)
            let time = clock.now - start
            spent += time
            if time > longest { (longest, report.slowest) = (time, "\(time) \(label)") }
            report.plans += 1
            report.obligations += proof.findings.count
            if !proof.isProved { report.open[label] = proof.open }
          }
        }
      }
    }
    report.milliseconds = Int(spent / .milliseconds(1))
    try show(report)
    if !report.open.isEmpty { throw ExitCode.failure }
  }

  private func show(_ report: Report) throws {
    if json { return print(try jsonText(report)) }
    for (label, open) in report.open.sorted(by: { $0.key < $1.key }) {
      print("\(label): \(open.count) open")
      for line in open.prefix(show) { print("  \(line)") }
    }
    print(
      "\(report.plans) plans, \(report.open.count) with something open; \(report.obligations) obligations in "
        + "\(report.milliseconds) ms; slowest \(report.slowest)")
  }
}
