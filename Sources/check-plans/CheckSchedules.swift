import ArgumentParser
import MachineIR
import Operators
import Proofs
import TileIR

/// Draws legal schedules and proves what they make of operators. Whether a plan is right is judged by the
/// interpreter on small and ragged shapes, against the reference's bits: a right one that is not proved is a
/// false alarm.
struct CheckSchedules: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedules",
    abstract: "Draws schedules, interprets their plans, and looks for a right one that is not proved.")

  @ArgumentParser.Argument(help: "Operators; all unless given.")
  var operators: [String] = []
  @Option(help: "How many schedules.")
  var count = 200
  @Option(help: "The first number of the random sequence.")
  var seed: UInt64 = 1
  @Option(help: "A target; all unless given.")
  var target: String?
  @Option(help: "Of what is drawn, only plans with this text in their title.")
  var only: String?
  @Option(help: "How many open obligations are shown for a plan.")
  var show = 3
  @Flag(help: "Print JSON.")
  var json = false

  struct Report: Encodable {
    var schedules = 0
    var launches = 0
    /// What is open, by plan.
    var falseAlarms: [String: [String]] = [:]
    /// What the interpreter finds, by plan: these are not proved, or have been missed.
    var refused: [String: String] = [:]
    var missed: [String: String] = [:]

    init(_ judged: [DrawnPlan]) {
      for plan in judged {
        schedules += 1
        launches += plan.launches
        switch (plan.problem, plan.open.isEmpty) {
        case (nil, true): break
        case (nil, false): falseAlarms[plan.title] = plan.open
        case (let problem?, true): missed[plan.title] = problem
        case (let problem?, false): refused[plan.title] = problem
        }
      }
    }
    var text: String {
      "\(schedules) schedules, \(launches) launches: \(falseAlarms.count) false alarms, "
        + "\(refused.count + missed.count) wrong plans, \(missed.count) of them proved"
    }
  }

  func run() throws {
    let solver = Prover()
    let machines = MachineDescription.all.filter { target == nil || target == $0.name }
    guard !machines.isEmpty else { throw ValidationError("there is no target \(target ?? "")") }
    let drawn = try ScheduleDraws(operators: operators, machines: machines, seed: seed).prefix(count)
      .filter { only.map($0.title.contains) ?? true }
    let run = try LongRun(
      drawn.count, of: drawn.makeIterator(),
      summary: { judged in Report(judged).text },
      { try DrawnPlan($1, number: $0 + 1, solver: solver) })
    let report = Report(run.verdicts)
    try show(report)
    let isRight =
      !run.isPartial && report.falseAlarms.isEmpty && report.refused.isEmpty && report.missed.isEmpty
    if !isRight { throw ExitCode.failure }
  }

  private func show(_ report: Report) throws {
    if json { return print(try jsonText(report)) }
    for (title, open) in report.falseAlarms.sorted(by: { $0.key < $1.key }) {
      print("FALSE ALARM: \(title): \(open.count) open")
      for line in open.prefix(show) { print("  \(line)") }
    }
    for (verdict, found) in [("refused", report.refused), ("MISSED", report.missed)] {
      for (title, problem) in found.sorted(by: { $0.key < $1.key }) {
        print("WRONG, \(verdict): \(title): \(problem)")
      }
    }
    print(report.text)
  }
}

/// What the prover and the interpreter say of a plan.
struct DrawnPlan: Sendable {
  let title: String
  /// What is not proved.
  let open: [String]
  /// The first thing that the interpreter finds wrong; nil for nothing.
  private(set) var problem: String?
  private(set) var launches = 0

  /// `number` chooses the order of cells and the gap between rows.
  init(_ drawn: ScheduleDraws.Drawn, number: Int, solver: Prover) throws {
    title = drawn.title
    open = MachineProof(drawn.plan, solver: solver).open
    let orders = MachineInterpreter.CellOrder.allCases
    for extents in drawn.instance.shapes where problem == nil {
      let launch = try PlanLaunch(drawn.instance, drawn.plan.program, extents)
      problem = launch.problem(drawn.plan, order: orders[number % orders.count], rowGap: number % 2 * 6)
      launches += 1
    }
  }
}
