import DeviceModel
import MachineIR
import Operators
import Proofs
import Runtime
import Schedules
import Testing
import TileIR

/// Operators with products on the cube cores, as Ascend C for groups of cores: the reference's bits and no report,
/// whichever core is ahead.
@Suite struct CubeOperatorTests {
  static let names = [
    "linear_fp8", "grouped_linear_fp8", "output_groups", "linear_fp4", "grouped_linear_fp4", "experts_up", "experts_down",
    "shared_down",
  ]

  @Test(arguments: names)
  func givesTheReferencesBitsInEveryOrder(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    var users = 0
    for instance in entry.instances where instance.isSmall {
      let program = try instance.kernel().program()
      let cases = try instance.shapes.flatMap { extents in
        try InputKind.allCases.map { try BitCase(instance, program, extents, $0) }
      }
      let executable = try AscendModelExecutable(program)
      if executable.kernels.contains(where: { $0.usesCubes }) { users += 1 }
      for order in [PipeOrder.early, .late, .shuffled(seed: 11)] {
        executable.order = order
        for bitCase in cases {
          let results = try executable.run(bitCase.arguments, extents: bitCase.extents)
          for (output, expected) in bitCase.expected {
            let found = try #require(results[output])
            #expect(found == expected, "\(bitCase.label), \(order): \(output) \(difference(found, expected))")
          }
        }
      }
    }
    // Not every instance: in another arithmetic its products are of another class.
    #expect(users >= 1)
  }
}
