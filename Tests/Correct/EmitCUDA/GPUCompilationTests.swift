import EmitCUDA
import MachineIR
import Operators
import Runtime
import Schedules
import Testing
import TileIR

/// NVRTC of this machine, for tests that are skipped without it.
enum Compiler {
  static let isHere = (try? NVRTC.standard.get()) != nil
  static let why: Comment = "\(NVRTC.advice)"

  /// Expects machine code of a plan's one kernel that spills no register.
  static func expectNoSpills(_ plan: Plan, named name: String) throws {
    let source = try EmitCUDA.source(kernels: plan.kernels, machine: plan.machine, program: plan.program)
    let code = try NVRTC.standard.get().compile(source, named: name, for: plan.machine.gpu!)
    #expect(try code.resources().allSatisfy { $0.spillStoreBytes + $0.spillLoadBytes == 0 })
  }
}

/// Every operator of the library becomes machine code of every GPU target, without a GPU.
@Suite struct GPUCompilationTests {
  @Test(.enabled(if: Compiler.isHere, Compiler.why), arguments: OperatorLibrary.all.map(\.name))
  func everyOperatorCompiles(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = entry.instances.first(where: \.isSmall) ?? entry.instances[0]
    let program = try instance.kernel().program()
    for machine in MachineDescription.gpus {
      let plan = try Lowering.plan(program, for: machine)
      let code = try KernelCache.standard.code(of: plan).code
      #expect(code.image.starts(with: [0x7F, 0x45, 0x4C, 0x46]), "an ELF file")
      let resources = try code.resources()
      #expect(
        Set(resources.map(\.kernel)) == Set(plan.kernels.map { GPUCode.symbol(of: $0) }), "on \(machine.name)")
      #expect(resources.allSatisfy { (1...255).contains($0.registers) })
      for kernel in resources where kernel.spillStoreBytes + kernel.spillLoadBytes > 0 {
        Issue.record("\(kernel.kernel) on \(machine.name) spills registers: \(kernel)")
      }
    }
  }

  @Test(.enabled(if: Compiler.isHere, Compiler.why)) func aTextThatIsNoneIsRefusedInTheCompilersWords() throws {
    let compiler = try NVRTC.standard.get()
    let error = #expect(throws: RuntimeError.self) {
      try compiler.compile("extern \"C\" __global__ void f() { nothing(); }", named: "f", for: MachineDescription.sm80.gpu!)
    }
    #expect(error?.description.contains("\"nothing\" is undefined") == true)
  }

  @Test func withoutTheCompilerTheMessageSaysHowToGetIt() {
    let error = #expect(throws: RuntimeError.self) { try NVRTC(environment: ["TESSERA_NVRTC": "/nowhere/libnvrtc.so"]) }
    #expect(error?.description.contains("Scripts/bootstrap test") == true)
    #expect(error?.description.contains("/nowhere/libnvrtc.so") == true)
  }

  @Test func everyGPUHasADescriptionThatAdmitsABlock() {
    for machine in MachineDescription.gpus {
      let gpu = machine.gpu!
      #expect(machine.lanes(of: .f64) == 32 && machine.lanes(of: .u8) == 32)
      #expect(machine.nearMemory[0] * GPU.warpsPerBlock <= gpu.sharedPerBlock)
      #expect(gpu.residentWarps(registers: 255, sharedPerBlock: gpu.sharedPerBlock, warpsPerBlock: 4) == 4)
      #expect(gpu.residentWarps(registers: 32, sharedPerBlock: 0, warpsPerBlock: 4) == 64)
    }
  }
}
