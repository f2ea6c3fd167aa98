import Foundation
import MachineIR
import Runtime
import Schedules
import Synchronization
import Testing
import TileIR

/// Many operators compiled at once.
@Suite struct CompilationTests {
  private func plans(_ factors: [Float]) throws -> [Plan] {
    try factors.map {
      try Lowering.plan(SmallKernels.scaled(by: $0, name: "scaled_\(Int($0))"), for: MachineDescription.host)
    }
  }

  @Test func executablesComeInOrderWithProgress() throws {
    let folder = try ScratchFolder()
    // The same kernel twice is compiled once.
    let plans = try plans([1, 2, 3, 4, 2, 5])
    for isSecond in [false, true] {
      let steps = Mutex<[CompilationProgress]>([])
      let executables = try Executable.load(plans, cache: KernelCache(folder: folder.url)) { step in
        steps.withLock { $0.append(step) }
      }
      for (executable, factor) in zip(executables, [1, 2, 3, 4, 2, 5] as [Float]) {
        let results = try executable.run(SmallKernels.input(rows: 1) { Float($0) })
        #expect(results["y"]?.numbers == (0..<6).map { Float($0) * factor })
      }
      let seen = steps.withLock { $0 }
      #expect(seen.map(\.done) == [1, 2, 3, 4, 5, 6])
      #expect(seen.allSatisfy { $0.total == 6 })
      #expect(seen.last?.compiled == (isSecond ? 0 : 5))
      #expect(Set(seen.map(\.name)) == Set(plans.map(\.program.name)))
    }
    #expect(try folder.files("so").count == 5)
  }

  @Test func theFirstErrorIsThrown() throws {
    let folder = try ScratchFolder()
    let cache = KernelCache(folder: folder.url, environment: ["TESSERA_CLANG": "/nonexistent"])
    let message = refusal { _ = try Executable.load(try plans([1, 2]), cache: cache) }
    #expect(message.contains("no clang to compile kernels with"))
    let foreign = try Lowering.plan(SmallKernels.scaled(by: 1), for: MachineDescription.host.name == "cpu-neon" ? .avx2 : .neon)
    #expect(refusal { _ = try Executable(plan: foreign) }.contains("which this processor cannot run"))
  }
}
