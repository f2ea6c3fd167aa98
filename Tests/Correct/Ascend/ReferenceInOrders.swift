import DeviceModel
import MachineIR
import Reference
import Runtime
import Testing
import TileIR

extension AscendModelExecutable {
  /// Expects the reference's bits, without a report, whichever pipe and core is ahead.
  func expectReference(_ arguments: [String: Argument], extents named: [String: Int], seed: UInt32) throws {
    let program = plan.program
    let extents = program.bound(named)
    let expected = try Reference.run(program, arguments, extents: extents)
    for order in [PipeOrder.early, .late, .shuffled(seed: seed)] {
      self.order = order
      let results = try run(arguments, extents: extents)
      for (name, tensor) in expected {
        let found = try #require(results[name])
        #expect(found == tensor, "\(order): \(name) \(difference(found, tensor))")
      }
    }
  }
}

extension Plan {
  /// The plan with other kernels in its launches.
  func changingKernels(_ change: (MachineKernel) -> MachineKernel) -> Plan {
    Plan(
      program: program, machine: machine, schedule: schedule, workspaces: workspaces, preparations: preparations,
      variants: variants.map { variant in
        PlanVariant(name: variant.name, guards: variant.guards, kernels: variant.kernels.map(change))
      }, messages: messages)
  }
}
