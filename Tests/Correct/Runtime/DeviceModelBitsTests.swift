import DeviceModel
import MachineIR
import Operators
import Runtime
import Schedules
import Testing
import TileIR

/// Every operator's CUDA text gives the reference's bits in the device model, which checks every access, in an
/// order of threads that no chip has, and has nothing to report: all small instances for `cuda-sm90a`, and one of each
/// operator for `cuda-sm80`.
@Suite struct DeviceModelBitsTests {
  @Test(arguments: OperatorLibrary.all.map(\.name))
  func everyGPUGivesTheReferencesBits(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let number = OperatorLibrary.all.firstIndex { $0.name == name }!
    let kinds = InputKind.allCases
    var programs: [(program: Program, label: String, cases: [BitCase])] = []
    for instance in entry.instances where instance.isSmall {
      let program = try instance.kernel().program()
      let cases = try instance.shapes.enumerated().map { shape, extents in
        try BitCase(instance, program, extents, kinds[(number + shape) % kinds.count])
      }
      programs.append((program, instance.name, cases))
    }
    let turns: [(MachineDescription, DeviceOrder, Int)] = [
      (.sm90a, .shuffled(seed: UInt32(number + 1)), programs.count), (.sm80, .descending, 1),
    ]
    for (machine, order, count) in turns {
      let programs = programs.prefix(count)
      let plans = try programs.map { try Lowering.plan($0.program, for: machine) }
      let model = try DeviceModelProgram(plans: plans)
      var launches: [DeviceModelProgram.Launch] = []
      var hosts: [(HostArguments, BitCase, String)] = []
      for (plan, (program, label, cases)) in programs.enumerated() {
        for bitCase in cases {
          let host = try HostArguments(program, bitCase.arguments, extents: bitCase.extents)
          launches.append(.init(plan: plan, host.launch, extents: bitCase.extents))
          hosts.append((host, bitCase, "\(label) \(bitCase.label) on \(machine.name)"))
        }
      }
      let results = try model.run(launches, order: order)
      for (result, (host, bitCase, label)) in zip(results, hosts) {
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
}
