import MachineIR
import TileIR

/// Carries tile programs to machines: a plan for a program, a machine and a schedule.
public enum Lowering {
  /// The plan of `program` on `machine` under `schedule`, the machine's standard one where none is given. Throws a `Diagnostic` that names what the
  /// machine cannot keep.
  public static func plan(
    _ program: Program, for machine: MachineDescription, schedule: Schedule? = nil
  ) throws -> Plan {
    let schedule = schedule ?? .standard(for: machine)
    var workspaces: [Workspace] = []
    var messages: [Diagnostic] = []
    var kernels: [MachineKernel] = []
    var preparations: [MachineKernel] = []
    var written: Set<Int> = []
    for (number, region) in program.regions.enumerated() {
      let lowering = RegionLowering(
        program: program, region: region, machine: machine, schedule: schedule,
        workspaces: workspaces, messages: messages, stateWritten: written)
      let suffix = program.regions.count > 1 ? "_\(number + 1)" : ""
      do {
        let kernel = try lowering.lower(name: program.name + suffix)
        kernels += lowering.before + [kernel]
      } catch let refusal as RegionLowering.Refusal {
        throw refusal.diagnostic
      }
      preparations += lowering.preparations
      workspaces = lowering.workspaces
      messages = lowering.messages
      for statement in region.statements {
        if case .store(let parameter, _, _, _) = statement.effect,
          program.parameters[parameter].role == .state
        {
          written.insert(parameter)
        }
      }
    }
    return Plan(
      program: program, machine: machine, schedule: schedule.description, workspaces: workspaces,
      preparations: preparations.map { $0.forWarps(of: machine) },
      variants: [
        PlanVariant(name: "every launch", guards: [], kernels: kernels.map { $0.forWarps(of: machine) })
      ],
      messages: messages)
  }
}
