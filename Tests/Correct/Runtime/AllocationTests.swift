import CAllocationCount
import MachineIR
import Operators
import Runtime
import Testing
import TileIR

/// Launching again at the same sizes asks for no memory, as decoding needs.
///
/// Code that is not optimised allocates small things by itself, such as iterators; so in a debug build it
/// is memory that is large, or that is not given back, that must not be asked for, in a release build any.
@Suite(.enabled(if: tessera_counts_allocations() != 0, "allocations are counted under glibc only"))
struct AllocationTests {
  @Test(arguments: ["rms_norm", "matmul", "linear_fp4", "attention", "expert_permutation", "top_k"])
  func aSteadyLaunchAllocatesNothing(_ name: String) throws {
    let instance = try #require(OperatorLibrary.named(name)?.instances.first { $0.isSmall })
    let program = try instance.kernel().program()
    let bitCase = try BitCase(instance, program, instance.shapes[0], .ordinary)
    let executable = try Executable(program, pool: BitsTests.pool)
    let host = try HostArguments(program, bitCase.arguments, extents: bitCase.extents)
    let prepared = try executable.prepare(host.launch)
    for threads in [1, 4] {
      func launch() throws {
        try executable.launch(host.launch, prepared: prepared, threads: threads, checksData: false)
      }
      for _ in 0..<3 { try launch() }
      let before = tessera_allocation_count()
      for _ in 0..<20 { try launch() }
      let after = tessera_allocation_count()
      #expect(after.large == before.large, "in 20 launches on \(threads) threads")
      #expect(after.all - before.all == after.freed - before.freed)
      #if !DEBUG
        #expect(after.all == before.all)
      #endif
    }
  }

  @Test func allocationsAreSeen() {
    let before = tessera_allocation_count()
    let numbers = [Int](unsafeUninitializedCapacity: 100) { $1 = 100 }
    withExtendedLifetime(numbers) {
      #expect(tessera_allocation_count().large > before.large)
    }
  }
}
