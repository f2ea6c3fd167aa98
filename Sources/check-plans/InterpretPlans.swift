import ArgumentParser
import MachineIR
import Operators
import Reference
import Schedules
import TileIR

/// Every small instance on every CPU target under every candidate schedule, interpreted, against the
/// reference's bits.
struct InterpretPlans: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "interpret",
    abstract: "Interprets the plans of every small instance and compares bits with the reference.")

  @ArgumentParser.Argument(help: "Operators; all unless given.")
  var operators: [String] = []
  @Option(help: "A CPU target; all unless given.")
  var target: String?
  @Flag(help: "The default schedule only.")
  var defaultOnly = false
  @Flag(help: "Tokens in place of rounded numbers: results are equal only where the same operations met the same operands.")
  var tokens = false
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    var launches = 0
    var failures: [String] = []
    for entry in OperatorLibrary.all where operators.isEmpty || operators.contains(entry.name) {
      for instance in entry.instances where instance.isSmall {
        let program = try instance.kernel().program()
        for kind in tokens ? [.ordinary] : InputKind.allCases {
          for extents in instance.shapes {
            let launch = try PlanLaunch(
              instance, program, extents, kind, arithmetic: tokens ? .tokens(seed: 1) : .ieee)
            let machines = target == nil ? MachineDescription.cpus : MachineDescription.all
            for machine in machines where target == nil || target == machine.name {
              let schedules = Schedule.candidates(for: program, on: machine)
              for (number, schedule) in schedules.prefix(defaultOnly ? 1 : schedules.count).enumerated() {
                let plan = try Lowering.plan(program, for: machine, schedule: schedule)
                launches += 1
                let orders = MachineInterpreter.CellOrder.allCases
                if let problem = launch.problem(
                  plan, order: orders[number % orders.count], rowGap: number % 2 * 6)
                {
                  failures.append("\(entry.name) \(instance.name) \(extents) \(kind) on \(machine.name), schedule \(number): \(problem)")
                }
              }
            }
          }
        }
      }
    }
    if json {
      print(try jsonText(Report(launches: launches, failures: failures)))
    } else {
      for failure in failures { print(failure) }
      print("\(launches) launches, \(failures.count) wrong")
    }
    if !failures.isEmpty { throw ExitCode.failure }
  }

  struct Report: Encodable {
    let launches: Int
    let failures: [String]
  }
}
