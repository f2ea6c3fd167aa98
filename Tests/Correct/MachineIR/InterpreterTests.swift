import MachineIR
import Operators
import Reference
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
    let launch = try InterpretedLaunch(instance, program, instance.shapes[0])
    // A target and a schedule each: the command takes all of them.
    let number = OperatorLibrary.all.firstIndex { $0.name == name }!
    let machine = MachineDescription.cpus[number % MachineDescription.cpus.count]
    let schedules = Schedule.candidates(for: program, on: machine)
    let plan = try Lowering.plan(program, for: machine, schedule: schedules[number % schedules.count])
    let orders = MachineInterpreter.CellOrder.allCases
    #expect(launch.problem(plan, order: orders[number % orders.count], rowGap: 6) == nil)
  }
}

/// Arguments of a small launch with the reference's results.
struct InterpretedLaunch {
  let arguments: [String: Argument]
  let extents: [Dimension: Int]
  let expected: [String: HostTensor]

  init(_ instance: OperatorInstance, _ program: Program, _ extents: [String: Int]) throws {
    var arguments: [String: Argument] = [:]
    for (name, tensor) in try instance.randomArguments(extents: extents, seed: 7) {
      arguments[name] = Argument(tensor, for: program.parameters.first { $0.name == name }!)
    }
    var bound: [Dimension: Int] = [:]
    for dimension in program.dimensions where program.lengths[dimension] == .buffer {
      if let extent = extents[dimension.name] { bound[dimension] = extent }
    }
    self.arguments = arguments
    self.extents = bound
    expected = try Reference.run(program, arguments, extents: bound)
  }

  /// What the interpreter finds wrong with a plan on this launch, bits that differ included; nil for nothing.
  func problem(_ plan: Plan, order: MachineInterpreter.CellOrder = .ascending, rowGap: Int = 0) -> String? {
    do {
      let outcome = try MachineInterpreter.run(plan, arguments, extents: extents, order: order, rowGap: rowGap)
      if let failure = outcome.failure { return "fails with \(failure)" }
      for (name, tensor) in expected.sorted(by: { $0.key < $1.key }) where outcome.results[name] != tensor {
        return "\(name) differs"
      }
      return nil
    } catch {
      return error.description
    }
  }
}
