@testable import check_plans
import MachineIR
import Operators
import Schedules
import Testing
import TileIR

/// The interpreter of machine programs gives the reference's bits for every operator, whatever the order of
/// cells, and lets no element lie between rows.
@Suite struct InterpreterTests {
  /// Long under a debug build: those that are interpreted by the command only.
  private static let long: Set<String> = ["index_picks", "attention", "projections", "hc_pre", "hc_head"]

  @Test(arguments: OperatorLibrary.all.map(\.name))
  func plansGiveTheReferencesBits(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    guard !Self.long.contains(name), let instance = entry.instances.first(where: \.isSmall) else { return }
    let program = try instance.kernel().program()
    let launch = try PlanLaunch(instance, program, instance.shapes[0])
    // A target and a schedule each: the command takes all of them.
    let number = OperatorLibrary.all.firstIndex { $0.name == name }!
    let machine = MachineDescription.cpus[number % MachineDescription.cpus.count]
    let schedules = Schedule.candidates(for: program, on: machine)
    let plan = try Lowering.plan(program, for: machine, schedule: schedules[number % schedules.count])
    let orders = MachineInterpreter.CellOrder.allCases
    #expect(launch.problem(plan, order: orders[number % orders.count], rowGap: 6) == nil)
  }
}
