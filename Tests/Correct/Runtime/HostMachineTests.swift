import MachineIR
import Testing

@testable import Runtime

/// Which target a processor gets.
@Suite struct HostMachineTests {
  @Test func theBestTargetOfAProcessorIsTaken() throws {
    let best = try (0...3).map { try MachineDescription.host(level: $0, wanted: nil).name }
    #expect(best == ["cpu-sse2", "cpu-avx2", "cpu-avx512", "cpu-neon"])
  }

  @Test func anotherTargetIsNamed() throws {
    #expect(try MachineDescription.host(level: 2, wanted: "cpu-sse2") == .sse2)
    #expect(
      refusal { _ = try MachineDescription.host(level: 2, wanted: "avx") }
        .contains("TESSERA_TARGET is avx; one of cpu-sse2, cpu-avx2, cpu-avx512, cpu-neon expected"))
    #expect(
      refusal { _ = try MachineDescription.host(level: 0, wanted: "cpu-avx2") }
        .contains("TESSERA_TARGET is cpu-avx2, which this processor cannot run; it runs cpu-sse2"))
  }

  @Test func aProcessorOfAnotherFamilyIsRefused() {
    let message = refusal { _ = try MachineDescription.host(level: -1, wanted: nil) }
    #expect(message.contains("neither x86-64 nor aarch64"))
  }
}
