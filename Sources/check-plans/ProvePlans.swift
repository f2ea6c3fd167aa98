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
  @Option(help: "A CPU target; all unless given.")
  var target: String?
  @Flag(help: "Every candidate schedule, not the default one only.")
  var candidates = false
  @Option(help: "How many open obligations are shown for a plan.")
  var show = 3

  func run() throws {
    var (plans, open, obligations) = (0, 0, 0)
    var spent = Duration.zero
    let solver = Prover()
    var slowest: (Duration, String) = (.zero, "")
    for entry in OperatorLibrary.all where operators.isEmpty || operators.contains(entry.name) {
      for instance in entry.instances {
        let program = try instance.kernel().program()
        for machine in MachineDescription.cpus where target == nil || target == machine.name {
          let schedules = candidates ? Schedule.candidates(for: program, on: machine) : [Schedule()]
          for (number, schedule) in schedules.enumerated() {
            let plan = try Lowering.plan(program, for: machine, schedule: schedule)
            let label = "\(entry.name) \(instance.name) on \(machine.name), schedule \(number)"
            let clock = ContinuousClock()
            let start = clock.now
            let proof = MachineProof(plan, solver: solver)
            let time = clock.now - start
            spent += time
            if time > slowest.0 { slowest = (time, label) }
            plans += 1
            obligations += proof.findings.count
            if !proof.isProved {
              open += 1
              print("\(label): \(proof.open.count) of \(proof.findings.count) open")
              for line in proof.open.prefix(show) { print("  \(line)") }
            }
          }
        }
      }
    }
    print("\(plans) plans, \(open) with something open; \(obligations) obligations in \(spent); slowest \(slowest.0) \(slowest.1)")
    if open > 0 { throw ExitCode.failure }
  }
}
