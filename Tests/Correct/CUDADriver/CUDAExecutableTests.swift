import CUDADriver
import Foundation
import MachineIR
import Operators
import Schedules
import Testing
import TileIR

@testable import Runtime

/// Operators on a device whose kernels the device model carries out: what is copied, bound and launched is what a
/// GPU would get.
@Suite("Operators on a GPU", .enabled(if: CompiledLibrary.isPossible, "no clang on PATH"), .serialized)
struct CUDAExecutableTests {
  private static let standIn = Result {
    let standIn = try StandInDriver(memory: 1 << 30)
    try StandInKernels.join(standIn)
    return standIn
  }

  private static func device() throws -> CUDADevice { try CUDADevice(0, of: try standIn.get().driver()) }

  private static func executable(_ plan: Plan, on device: CUDADevice) throws -> CUDAExecutable {
    try StandInKernels.add(plan)
    return try CUDAExecutable(plan: plan, on: device, image: Data([0x7f]), wasCached: false, cache: .standard)
  }

  /// Weights laid out anew, workspaces, memory of warps, states, several kernels, scalars, few and no rows.
  @Test("give the reference's bits", arguments: ["rms_norm", "linear_fp4", "matmul", "softmax", "expert_dispatch", "compress", "scatter", "top_k"])
  func bits(_ name: String) throws {
    let entry = try #require(OperatorLibrary.named(name))
    let instance = try #require(entry.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let device = try Self.device()
    let executable = try Self.executable(Lowering.plan(program, for: .sm90a), on: device)
    for extents in instance.shapes {
      let bitCase = try BitCase(instance, program, extents, .ordinary)
      let found = try executable.run(bitCase.arguments, extents: bitCase.extents)
      for (output, expected) in bitCase.expected {
        #expect(found[output] == expected, "\(name) \(extents) \(output)")
      }
    }
    #expect(StandInKernels.reports.isEmpty)
    #expect(try device.memory().free == device.memory().total)
  }

  @Test("are timed in a graph of launches on arguments that stay")
  func timing() throws {
    let instance = try #require(OperatorLibrary.named("rms_norm")?.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let executable = try Self.executable(Lowering.plan(program, for: .sm90a), on: Self.device())
    let bitCase = try BitCase(instance, program, instance.shapes[0], .ordinary)
    let host = try HostArguments(program, bitCase.arguments, extents: bitCase.extents)
    #expect(try executable.milliseconds(host.launch, extents: bitCase.extents, count: 4) == 0.125)
    #expect(StandInKernels.usesOfFreedMemory == 0)
  }

  @Test("a plan of another target and a device without one are refused by name")
  func refusals() throws {
    let instance = try #require(OperatorLibrary.named("gather")?.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let device = try Self.device()
    #expect { try Self.executable(Lowering.plan(program, for: .sm80), on: device) } throws: {
      "\($0)" == "gather is lowered for cuda-sm80; cuda:0 takes cuda-sm90a"
    }
    let newer = try StandInDriver(capability: (12, 1)).driver()
    #expect { try newer.target(of: 0) } throws: {
      "\($0)".contains("cuda:0 is Stand-in of compute capability 12.1; targets are cuda-sm80 for 8.0 (A100)")
    }
  }
}
