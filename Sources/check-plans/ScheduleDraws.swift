import MachineIR
import Operators
import Schedules
import TileIR

/// Plans of small instances under schedules whose every choice is drawn, without end: an operator, one of its
/// small instances, a target, a schedule. What a machine cannot keep is drawn again.
struct ScheduleDraws: Sequence, IteratorProtocol, Sendable {
  struct Drawn: Sendable {
    let name: String
    let instance: OperatorInstance
    let plan: Plan
    var title: String { "\(name) \(instance.name) on \(plan.machine.name) under \(plan.schedule)" }
  }
  private var random: SplitMix64
  private let machines: [MachineDescription]
  private let programs: [(name: String, instance: OperatorInstance, program: Program)]

  init(operators: [String], machines: [MachineDescription] = MachineDescription.all, seed: UInt64) throws {
    random = SplitMix64(seed: seed)
    self.machines = machines
    programs = try OperatorLibrary.small(operators)
  }

  /// More memory for one cell than a machine has for each of its threads or warps: keys of every entry for hundreds
  /// of heads, say.
  private static let mostCellBytes = 1 << 28

  mutating func next() -> Drawn? {
    for _ in 0..<1000 {
      let (name, instance, program) = programs.randomElement(using: &random)!
      let machine = machines.randomElement(using: &random)!
      let schedule = schedule(for: program)
      if let plan = try? Lowering.plan(program, for: machine, schedule: schedule),
        plan.cellBytes <= Self.mostCellBytes
      {
        return Drawn(name: name, instance: instance, plan: plan)
      }
    }
    return nil
  }

  private mutating func schedule(for program: Program) -> Schedule {
    let lanes = [.automatic, .inner] + program.laneAxes
    return Schedule(
      registersPerVector: [1, 2, 4].randomElement(using: &random)!,
      cellRows: Int.random(in: 1...9, using: &random), cellInner: Int.random(in: 1...17, using: &random),
      laneAxis: lanes.randomElement(using: &random)!,
      cellLanes: 16 * Int.random(in: 1...64, using: &random), fusesLoops: .random(using: &random),
      blocksProducts: .random(using: &random), stagesProducts: .random(using: &random),
      keepsFromCost: [2, 4, 12, 40, 400].randomElement(using: &random)!)
  }
}

extension Plan {
  /// What the arrays of a cell take, of constant length: bytes of the kernel with the most.
  fileprivate var cellBytes: Int {
    kernels.map { kernel in
      kernel.scratch.reduce(0) { sum, array in
        if case .constant(let count) = array.count { sum + count * array.type.byteCount } else { sum }
      }
    }.max() ?? 0
  }
}
