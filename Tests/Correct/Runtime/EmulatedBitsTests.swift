import MachineIR
import Operators
import Runtime
import Schedules
import Testing
import TileIR

/// Every operator gives the reference's bits on an aarch64 processor, emulated: the same kernels, sizes and numbers as
/// `BitsTests`, every candidate schedule with one of its instances, in one program an operator, with buffers against
/// pages that must not be touched and cells in both orders.
@Suite(.enabled(if: Emulation.missing == nil, "\(Emulation.missing ?? "")"))
struct EmulatedBitsTests {
  @Test(arguments: OperatorLibrary.all.map(\.name))
  func everyScheduleGivesTheReferencesBits(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    var plans: [(plan: Plan, label: String, cases: [BitCase])] = []
    let instances = entry.instances.filter(\.isSmall)
    for (place, instance) in instances.enumerated() {
      let program = try instance.kernel().program()
      let cases = try instance.shapes.flatMap { extents in
        try InputKind.allCases.map { try BitCase(instance, program, extents, $0) }
      }
      for (number, schedule) in Schedule.candidates(for: program, on: .neon).enumerated()
      where number == 0 || number % instances.count == place {
        let plan = try Lowering.plan(program, for: .neon, schedule: schedule)
        plans.append((plan, "\(instance.name) under \(schedule)", cases))
      }
    }
    let emulated = try EmulatedProgram(plans: plans.map(\.plan))
    var launches: [EmulatedProgram.Launch] = []
    var hosts: [(HostArguments, BitCase, String)] = []
    for (number, (plan, label, cases)) in plans.enumerated() {
      for bitCase in cases {
        let host = try HostArguments(plan.program, bitCase.arguments, extents: bitCase.extents)
        launches.append(.init(plan: number, host.launch, extents: bitCase.extents))
        hosts.append((host, bitCase, "\(bitCase.label) of \(label)"))
      }
    }
    for (result, (host, bitCase, label)) in zip(try emulated.run(launches), hosts) {
      if case .failure(let error) = result {
        Issue.record("\(label): \(error)")
        continue
      }
      let results = host.results()
      for (output, expected) in bitCase.expected {
        let found = try #require(results[output])
        if found != expected { Issue.record("\(label): \(output) \(difference(found, expected))") }
      }
    }
  }
}
