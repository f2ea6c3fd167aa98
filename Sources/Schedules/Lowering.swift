import MachineIR
import TileIR

/// Carries tile programs to machines: a plan for a program, a machine and a schedule.
public enum Lowering {
  /// The plan of `program` on `machine` under `schedule`, the machine's standard one where none is given. Throws a
  /// `Diagnostic` that names what the machine cannot keep.
  public static func plan(
    _ program: Program, for machine: MachineDescription, schedule: Schedule? = nil
  ) throws -> Plan {
    var schedule = schedule ?? .standard(for: machine)
    let plan = try plan(program, machine, schedule)
    guard machine.npu != nil, plan.kernels.contains(where: { !$0.sliceProducts.isEmpty }),
      (try? pipes(plan)) == nil
    else {
      return plan
    }
    // Cells that a cube core and its vector cores cannot share are the vector cores' alone.
    schedule.blocksProducts = false
    return try self.plan(program, machine, schedule)
  }

  private static func plan(_ program: Program, _ machine: MachineDescription, _ schedule: Schedule) throws
    -> Plan
  {
    try program.requireLanes(along: schedule.laneAxis)
    let stagedProgram = StagedProgram(program, machine, schedule)
    var workspaces = stagedProgram.workspaces
    var messages: [Diagnostic] = []
    var kernels: [MachineKernel] = []
    var fewRows: [MachineKernel] = []
    var guards: [HostExpression] = []
    var oneBlock: [MachineKernel] = []
    var oneBlockGuards: [HostExpression] = []
    var splitsDepth = false
    var preparations: [MachineKernel] = []
    var written: Set<Int> = []
    var own = 0
    for (number, region) in stagedProgram.program.regions.enumerated() {
      let isStaged = stagedProgram.staged.contains(number)
      func begin(_ schedule: Schedule) -> RegionLowering {
        RegionLowering(
          program: stagedProgram.program, parameterCount: program.parameters.count, region: region,
          machine: machine,
          schedule: schedule, workspaces: workspaces, messages: messages, stateWritten: written)
      }
      var choices = isStaged ? schedule.ofStagedProducts : schedule
      var lowering = begin(choices)
      if machine.npu != nil {
        if let pattern = lowering.pattern, lowering.fitsCubes(pattern) {
          // A cell's rows are short.
          choices.registersPerVector = 1
        } else {
          // Vector units do such products one by one, or refuse them, and those in the midst of a region too.
          choices.blocksProducts = false
        }
        lowering = begin(choices)
      }
      var suffix = program.regions.count > 1 ? "_\(own + 1)" : ""
      if isStaged { suffix += "_\(number - own + 1)" } else { own += 1 }
      do {
        let kernel = try lowering.lower(name: program.name + suffix)
        kernels += lowering.before + [kernel]
        var narrow = try lowering.lowerFewRows(name: program.name + suffix)
        if narrow == nil, machine.gpu != nil, lowering.sharedAxis != nil, lowering.printed.isEmpty {
          narrow = try begin(choices.ofFewCells).lowerFewCells(name: program.name + suffix)
        }
        fewRows += lowering.before + [narrow?.kernel ?? kernel]
        if let condition = narrow?.guard, !guards.contains(condition) { guards.append(condition) }
        let split = try lowering.lowerSplitDepth(name: program.name + suffix)
        oneBlock += lowering.before + (split?.kernels ?? [narrow?.kernel ?? kernel])
        if let condition = split?.guard ?? narrow?.guard, !oneBlockGuards.contains(condition) {
          oneBlockGuards.append(condition)
        }
        if split != nil { splitsDepth = true }
      } catch let refusal as RegionLowering.Refusal {
        throw refusal.diagnostic
      }
      preparations += lowering.preparations
      workspaces = lowering.workspaces
      messages = lowering.messages
      for statement in region.statements {
        if case .store(let parameter, _, _, _) = statement.effect,
          stagedProgram.program.parameters[parameter].role == .state
        {
          written.insert(parameter)
        }
      }
    }
    func variant(_ name: String, _ guards: [HostExpression], _ kernels: [MachineKernel]) -> PlanVariant {
      PlanVariant(name: name, guards: guards, kernels: kernels.map { $0.forWarps(of: machine) })
    }
    var variants = [variant("every launch", [], kernels)]
    if !guards.isEmpty { variants.insert(variant("few rows", guards, fewRows), at: 0) }
    if splitsDepth { variants.insert(variant("one block of rows", oneBlockGuards, oneBlock), at: 0) }
    return Plan(
      program: program, machine: machine, schedule: schedule.description, workspaces: workspaces,
      preparations: preparations.map { $0.forWarps(of: machine) },
      variants: variants, messages: messages)
  }
}
