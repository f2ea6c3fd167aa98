import MachineIR
import Operators
import Runtime
import Testing
import Tiles

/// Panels of bf16 integers hold a block's quantum in a byte, whatever the bits and however large the elements.
@Suite(.enabled(if: CompiledLibrary.isPossible, "no clang on PATH")) struct FixedPanelTests {
  @Test(arguments: [9, 12, 21]) func largeAndSmallBlocksKeepTheirQuanta(bits: Int) throws {
    let instance = OperatorInstance(small: "\(bits) bits", [["rows": 3]]) {
      matmul(
        BFloat16.self, inner: 130, columns: 5, .fixedPoint(bits: bits, block: 128), transposedRight: true,
        result: BFloat16.self)
    }
    let program = try instance.kernel().program()
    for machine in MachineDescription.cpus where machine.runsHere {
      let executable = try Executable(program, for: machine)
      for kind in [InputKind.ordinary, .extreme] {
        let bitCase = try BitCase(instance, program, ["rows": 3], kind)
        let found = try executable.run(bitCase.arguments, extents: bitCase.extents)
        #expect(found["y"] == bitCase.expected["y"], "\(machine.name) \(kind)")
      }
    }
  }
}
