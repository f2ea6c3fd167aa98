import CTesseraShims
import MachineIR
import Reference
import Runtime
import Testing
import TileIR

/// Kernels run in plain IEEE mode whatever the host's threads have set, and leave what they found.
@Suite struct FloatingModeTests {
  #if arch(x86_64)
    /// Flush to zero, denormals as zero, rounding up, exceptions masked.
    static let hostile: UInt64 = 0x1F80 | 0x8000 | 0x0040 | 0x4000
  #else
    /// Flush to zero, rounding up.
    static let hostile: UInt64 = 1 << 24 | 1 << 22
  #endif

  private func inHostileMode<Result>(_ body: () throws -> Result) rethrows -> (Result, modeAfter: UInt64) {
    let mode = tessera_enter_ieee_mode()
    defer { tessera_restore_mode(mode) }
    tessera_restore_mode(Self.hostile)
    let result = try body()
    let after = tessera_enter_ieee_mode()
    return (result, after)
  }

  @Test(arguments: [1, 4])
  func subnormalsAndRoundingAreKept(_ threads: Int) throws {
    let program = try SmallKernels.scaled(by: 0.3)
    let arguments = SmallKernels.input(rows: 300) { at in
      at % 3 == 0 ? Float(bitPattern: UInt32(at * 7)) : Float(at) * 0x1p-126
    }
    let expected = try Reference.run(program, arguments)
    let host = try HostArguments(program, arguments)
    // Workers are made in the hostile mode too, which they inherit.
    let (executable, _) = try inHostileMode {
      try Executable(program, pool: ThreadPool(threads: threads))
    }
    let (_, after) = try inHostileMode { try executable.launch(host.launch, threads: threads) }
    #expect(host.results() == expected)
    #if arch(x86_64)
      #expect(after & ~0x3F == Self.hostile)  // The low six bits are the exceptions that were seen.
    #else
      #expect(after == Self.hostile)
    #endif
  }
}
