import EmitC
import MachineIR
import Operators
import Schedules
import Testing
import TileIR

/// The hash of a plan stands for its text in the cache of kernels, and for its proof.
@Suite struct PlanHashTests {
  @Test(arguments: OperatorLibrary.all.map(\.name))
  func plansOfOneHashHaveOneText(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    var texts: [StableHash: String] = [:]
    for machine in [MachineDescription.avx512, .neon] {
      for schedule in Schedule.candidates(for: program, on: machine) {
        let plan = try Lowering.plan(program, for: machine, schedule: schedule)
        let text = try EmitC.source(kernels: plan.kernels, machine: machine, program: program)
        let known = texts.updateValue(text, forKey: plan.stableHash)
        #expect(known == nil || known == text, "\(name) for \(machine.name) under \(schedule)")
      }
    }
    #expect(texts.count > 1)
  }
}
