import MachineIR

extension Plan {
  /// The plan with those statements of its launches' kernels changed that `change` gives something for.
  func changing(_ change: (MachineStatement) -> MachineStatement?) -> Plan {
    func body(_ statements: [MachineStatement]) -> [MachineStatement] {
      statements.map { statement in
        switch statement {
        case .branch(let condition, let then, let otherwise):
          return .branch(condition, body(then), body(otherwise))
        case .loop(let loop):
          return .loop(
            CountedLoop(
              loop.counter, from: loop.lower, to: loop.upper, step: loop.step, unrolled: loop.isUnrolled,
              body(loop.body)))
        default: return change(statement) ?? statement
        }
      }
    }
    let variants = variants.map { variant in
      PlanVariant(
        name: variant.name, guards: variant.guards,
        kernels: variant.kernels.map { $0.with(body: body($0.body)) })
    }
    return Plan(
      program: program, machine: machine, schedule: schedule, workspaces: workspaces,
      preparations: preparations, variants: variants, messages: messages)
  }
}
