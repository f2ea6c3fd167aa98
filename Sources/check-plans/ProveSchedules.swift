import ArgumentParser
import Foundation
import MachineIR
import Operators
import PlanMutation
import Proofs
import Schedules
import TileIR

/// Makes schedules at random. Every one is legal whose cells have room, so what the interpreter confirms on small shapes
/// must be proved: a refusal is a false alarm of the prover, and other bits are a fault of the lowering.
struct ProveSchedules: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedules",
    abstract: "Makes random schedules, runs them under the interpreter, and looks for one that is not proved.")

  @Option(help: "How many schedules.")
  var count = 200
  @Option(help: "The first number of the random sequence.")
  var seed: UInt64 = 1
  @Option(help: "A target; all unless given.")
  var target: String?
  @Option(help: "How many open obligations are shown for a plan.")
  var show = 3
  @Flag(help: "Print JSON.")
  var json = false
  @ArgumentParser.Argument(help: "Operators; all unless given.")
  var operators: [String] = []

  struct Report: Encodable {
    var schedules = 0
    var plans = 0
    var launches = 0
    var proved = 0
    /// Open obligations of plans that the interpreter finds nothing wrong with.
    var falseAlarms: [String: [String]] = [:]
    /// What the interpreter found.
    var wrong: [String: String] = [:]
  }

  func run() throws {
    let machines = MachineDescription.all.filter { target == nil || target == $0.name }
    let entries = OperatorLibrary.all.filter { operators.isEmpty || operators.contains($0.name) }
    guard !machines.isEmpty, !entries.isEmpty else { throw ValidationError("no such target or operator") }
    let instances = entries.flatMap { entry in entry.instances.filter(\.isSmall).map { (entry.name, $0) } }
    var random = SplitMix64(seed: seed)
    let prover = Prover()
    var report = Report()
    var seen: Set<Plan> = []
    while report.schedules < count {
      // Draws that are not legal are not counted.
      let (name, instance) = instances.randomElement(using: &random)!
      let machine = machines.randomElement(using: &random)!
      let program = try instance.kernel().program()
      let schedule = Schedule.random(for: program, using: &random)
      let plan = try Lowering.plan(program, for: machine, schedule: schedule)
      guard plan.mostCellBytes(instance.shapes) <= Self.cellBytes else { continue }
      report.schedules += 1
      guard seen.insert(plan).inserted else { continue }
      report.plans += 1
      let label = "\(name) \(instance.name) on \(machine.name) under \(schedule)"
      let orders = MachineInterpreter.CellOrder.allCases
      var problem: String?
      for (number, extents) in instance.shapes.enumerated() where problem == nil {
        report.launches += 1
        let kind = InputKind.allCases.randomElement(using: &random)!
        problem = try PlanLaunch(instance, program, extents, kind)
          .problem(plan, order: orders[(report.plans + number) % orders.count], rowGap: number % 2 * 6)
      }
      let proof = MachineProof(plan, solver: prover)
      if let problem {
        report.wrong[label] = problem
      } else if proof.isProved {
        report.proved += 1
      } else {
        report.falseAlarms[label] = proof.open
      }
    }
    try tell(report)
    if !report.wrong.isEmpty || !report.falseAlarms.isEmpty { throw ExitCode.failure }
  }

  /// Room of a cell: several times the second-level cache of a core.
  private static let cellBytes = 4 << 20

  private func tell(_ report: Report) throws {
    if json { return print(try jsonText(report)) }
    for (label, problem) in report.wrong.sorted(by: { $0.key < $1.key }) { print("WRONG \(label): \(problem)") }
    for (label, open) in report.falseAlarms.sorted(by: { $0.key < $1.key }) {
      print("FALSE ALARM \(label): \(open.count) open")
      for line in open.prefix(show) { print("  \(line)") }
    }
    print(
      "\(report.schedules) schedules made \(report.plans) plans: \(report.proved) proved, "
        + "\(report.falseAlarms.count) false alarms, \(report.wrong.count) wrong in \(report.launches) launches")
  }
}

extension Schedule {
  /// Any choice of everything that a schedule chooses. What applies to nothing in `program` changes nothing.
  static func random(for program: Program, using random: inout SplitMix64) -> Schedule {
    let axes = program.regions.flatMap(\.axes).filter { $0.partition == nil }.map(\.dimension.name)
    let laneAxes = [.automatic, .inner] + axes.map(LaneAxis.parallel)
    return Schedule(
      registersPerVector: [1, 2, 4].randomElement(using: &random)!, cellRows: Int.random(in: 1...16, using: &random),
      cellInner: Int.random(in: 1...32, using: &random), laneAxis: laneAxes.randomElement(using: &random)!,
      cellLanes: 16 * Int.random(in: 1...64, using: &random), fusesLoops: Bool.random(using: &random),
      blocksProducts: Bool.random(using: &random),
      keepsFromCost: [2, 4, 12, 50, 200].randomElement(using: &random)!)
  }
}

extension Plan {
  /// Bytes of its own that a cell of any kernel takes at the largest of `shapes`.
  fileprivate func mostCellBytes(_ shapes: [[String: Int]]) -> Int {
    shapes.flatMap { extents in
      kernels.map { kernel in
        kernel.scratch.reduce(0) { bytes, array in
          let count = array.count.evaluate(
            extent: { $0.extent ?? extents[$0.name] ?? 0 }, stride: { _, _ in 1 }, scalar: { _ in 0 })
          return bytes + count * array.type.byteCount
        }
      }
    }.max() ?? 0
  }
}
