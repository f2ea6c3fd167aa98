import ArgumentParser
import MachineIR
import Operators
import PlanMutation
import Proofs
import Schedules
import TileIR

/// Puts single faults into the plans of small instances. What neither the walk nor a comparison of tokens
/// refuses is run on every small shape, on other data and in other orders of cells: a fault that shows there has
/// been missed.
struct MutatePlans: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutate", abstract: "Puts single faults into plans and looks for one that is proved all the same.")

  @Option(help: "How many mutants.")
  var count = 1000
  @Option(help: "The first number of the random sequence.")
  var seed: UInt64 = 1
  @Option(help: "One kind of fault; all unless given.")
  var fault: String?
  @Flag(help: "Print JSON.")
  var json = false
  @ArgumentParser.Argument(help: "Operators; all unless given.")
  var operators: [String] = []

  /// What became of the mutants of one fault.
  struct Tally: Encodable {
    var refusedByTheWalk = 0
    var refusedByTokens = 0
    var harmless = 0
    var missed: [String] = []
  }

  func run() throws {
    var random = SplitMix64(seed: seed)
    var tally: [PlanFault: Tally] = [:]
    let faults = PlanFault.allCases.filter { fault == nil || $0.rawValue == fault }
    let entries = OperatorLibrary.all.filter { operators.isEmpty || operators.contains($0.name) }
    let instances = entries.flatMap { entry in entry.instances.filter(\.isSmall).map { (entry.name, $0) } }
    let prover = Prover()
    var made = 0
    var tries = 0
    while made < count, tries < 20 * count {
      tries += 1
      let (name, instance) = instances.randomElement(using: &random)!
      let program = try instance.kernel().program()
      let machine = MachineDescription.all.randomElement(using: &random)!
      let schedule = Schedule.candidates(for: program, on: machine).randomElement(using: &random)!
      let plan = try Lowering.plan(program, for: machine, schedule: schedule)
      let fault = faults.randomElement(using: &random)!
      guard let (kernel, site) = plan.sites(of: fault).randomElement(using: &random) else { continue }
      let mutant = plan.mutant(fault, kernel: kernel, site: site)
      guard mutant.plan != plan else { continue }
      made += 1
      guard MachineProof(mutant.plan, solver: prover).isProved else {
        tally[fault, default: Tally()].refusedByTheWalk += 1
        continue
      }
      if try PlanTokens.difference(mutant.plan, instance, program, seed: 7) != nil {
        tally[fault, default: Tally()].refusedByTokens += 1
        continue
      }
      if let problem = try problem(mutant.plan, instance, program) {
        tally[fault, default: Tally()].missed.append(
          "\(name) \(instance.name) on \(machine.name) under \(schedule), \(mutant.place): \(problem)")
      } else {
        tally[fault, default: Tally()].harmless += 1
      }
    }
    try report(faults, tally)
    if tally.values.contains(where: { !$0.missed.isEmpty }) { throw ExitCode.failure }
  }

  private func problem(_ plan: Plan, _ instance: OperatorInstance, _ program: Program) throws -> String? {
    for extents in instance.shapes {
      for kind in InputKind.allCases {
        let launch = try PlanLaunch(instance, program, extents, kind, seed: 8)
        for order in MachineInterpreter.CellOrder.allCases {
          if let problem = launch.problem(plan, order: order, rowGap: 6) { return problem }
        }
      }
    }
    return try PlanTokens.difference(plan, instance, program, seed: 9)
  }

  private func report(_ faults: [PlanFault], _ tally: [PlanFault: Tally]) throws {
    if json {
      let named = Dictionary(uniqueKeysWithValues: tally.map { ($0.key.rawValue, $0.value) })
      return print(try jsonText(named))
    }
    for fault in faults {
      let found = tally[fault] ?? Tally()
      for miss in found.missed { print("MISSED \(fault.rawValue) in \(miss)") }
      print(
        "\(fault.rawValue): \(found.refusedByTheWalk) refused by the walk, \(found.refusedByTokens) by tokens, "
          + "\(found.harmless) harmless, \(found.missed.count) missed")
    }
  }
}
