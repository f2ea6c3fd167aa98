import ArgumentParser
import MachineIR
import Operators
import PlanMutation
import Proofs
import Schedules
import TileIR

/// Puts single faults into the plans of small instances. What the prover lets pass is run on every small
/// shape: a fault that shows there has been missed.
struct MutatePlans: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutate", abstract: "Puts single faults into plans and looks for one that is proved all the same.")

  @Option(help: "How many mutants.")
  var count = 1000
  @Option(help: "The first number of the random sequence.")
  var seed: UInt64 = 1
  @Option(help: "One kind of fault; all unless given.")
  var fault: String?
  @ArgumentParser.Argument(help: "Operators; all unless given.")
  var operators: [String] = []

  func run() throws {
    var random = SeededNumbers(seed: seed)
    var tally: [PlanFault: (refused: Int, harmless: Int, missed: Int)] = [:]
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
      let machine = MachineDescription.cpus.randomElement(using: &random)!
      let schedule = Schedule.candidates(for: program, on: machine).randomElement(using: &random)!
      let plan = try Lowering.plan(program, for: machine, schedule: schedule)
      let fault = faults.randomElement(using: &random)!
      guard let (kernel, site) = plan.sites(of: fault).randomElement(using: &random) else { continue }
      let mutant = plan.mutant(fault, kernel: kernel, site: site)
      guard mutant.plan != plan else { continue }
      made += 1
      guard MachineProof(mutant.plan, solver: prover).isProved else {
        tally[fault, default: (0, 0, 0)].refused += 1
        continue
      }
      var problem: String?
      for extents in instance.shapes where problem == nil {
        let launch = try PlanLaunch(instance, program, extents, .ordinary)
        for order in MachineInterpreter.CellOrder.allCases where problem == nil {
          problem = launch.problem(mutant.plan, order: order, rowGap: 6)
        }
      }
      if let problem {
        tally[fault, default: (0, 0, 0)].missed += 1
        print("MISSED \(fault.rawValue) in \(name) \(instance.name) on \(machine.name) under \(schedule), \(mutant.place): \(problem)")
      } else {
        tally[fault, default: (0, 0, 0)].harmless += 1
      }
    }
    for fault in faults {
      let (refused, harmless, missed) = tally[fault] ?? (0, 0, 0)
      print("\(fault.rawValue): \(refused) refused, \(harmless) proved and harmless, \(missed) missed")
    }
    if tally.values.contains(where: { $0.missed > 0 }) { throw ExitCode.failure }
  }
}

/// Numbers that are the same for the same seed (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
