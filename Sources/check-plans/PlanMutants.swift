import MachineIR
import Operators
import PlanMutation
import Schedules
import TileIR

/// Plans of small instances with a single fault, without end, drawn by a seed: an operator, one of its small
/// instances, a target, a candidate schedule, a fault that fits, a place.
struct PlanMutants: Sequence, IteratorProtocol, Sendable {
  struct Drawn: Sendable {
    let name: String
    let instance: OperatorInstance
    let mutant: PlanMutant
    var program: Program { mutant.plan.program }
    var title: String {
      "\(name) \(instance.name) on \(mutant.plan.machine.name) under \(mutant.plan.schedule), \(mutant.place)"
    }
  }
  private var random: SplitMix64
  private let faults: [PlanFault]
  private let programs: [(name: String, instance: OperatorInstance, program: Program)]

  init(faults: [PlanFault], operators: [String], seed: UInt64) throws {
    random = SplitMix64(seed: seed)
    self.faults = faults
    programs = try OperatorLibrary.small(operators)
  }

  mutating func next() -> Drawn? {
    // A fault that fits nowhere is met with another draw.
    for _ in 0..<1000 {
      let (name, instance, program) = programs.randomElement(using: &random)!
      let machine = MachineDescription.all.randomElement(using: &random)!
      let schedule = Schedule.candidates(for: program, on: machine).randomElement(using: &random)!
      let fault = faults.randomElement(using: &random)!
      guard let plan = try? Lowering.plan(program, for: machine, schedule: schedule),
        let (kernel, site) = plan.sites(of: fault).randomElement(using: &random)
      else { continue }
      let mutant = plan.mutant(fault, kernel: kernel, site: site)
      if mutant.plan != plan { return Drawn(name: name, instance: instance, mutant: mutant) }
    }
    return nil
  }
}

extension OperatorLibrary {
  /// The small instances of operators, of all unless some are named, with their programs.
  static func small(
    _ operators: [String]
  ) throws -> [(name: String, instance: OperatorInstance, program: Program)] {
    try all.filter { operators.isEmpty || operators.contains($0.name) }.flatMap { entry in
      try entry.instances.filter(\.isSmall).map { (entry.name, $0, try $0.kernel().program()) }
    }
  }
}
