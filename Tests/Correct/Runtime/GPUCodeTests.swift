import Foundation
@testable import Runtime
import Testing

/// What the compiler reports on GPU kernels, and compiled code as a file.
@Suite struct GPUCodeTests {
  /// Two kernels and a function that one of them calls, as NVRTC 13.5 reports them.
  private let log = """
    ptxas info    : 0 bytes gmem
    ptxas info    : Compiling entry function 'second' for 'sm_90a'
    ptxas info    : Function properties for second
    ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
    ptxas info    : Used 10 registers, used 0 barriers
    ptxas info    : Compile time = 110.818 ms
    ptxas info    : Compiling entry function 'first' for 'sm_90a'
    ptxas info    : Function properties for first
    ptxas         .     800 bytes stack frame, 12 bytes spill stores, 20 bytes spill loads
    ptxas info    : Function properties for called
    ptxas         .     16 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads
    ptxas info    : Used 32 registers, used 1 barriers, 832 bytes cumulative stack size, 4096 bytes smem, 392 bytes cmem[0]
    """

  @Test func kernelsHaveTheirNumbers() throws {
    let found = try GPUCode(image: Data(), log: log).resources()
    #expect(
      found == [
        GPUCode.Resources(
          kernel: "second", registers: 10, stackBytes: 0, spillStoreBytes: 0, spillLoadBytes: 0, staticSharedBytes: 0),
        GPUCode.Resources(
          kernel: "first", registers: 32, stackBytes: 832, spillStoreBytes: 12, spillLoadBytes: 20,
          staticSharedBytes: 4096),
      ])
  }

  @Test func aReportWithoutItsLinesIsRefused() {
    let lines = log.split(separator: "\n").filter { !$0.contains("stack frame") }
    #expect(throws: RuntimeError.self) {
      try GPUCode(image: Data(), log: lines.joined(separator: "\n")).resources()
    }
    #expect(throws: Never.self) { try GPUCode(image: Data(), log: "").resources() }
  }

  @Test func aFileGivesBackWhatItWasMadeFrom() {
    for log in ["", self.log, "ä\n\n0"] {
      let code = GPUCode(image: Data([0x7F, 0x45, 0, 10, 255]), log: log)
      #expect(GPUCode(fileBytes: code.fileBytes) == code)
      // A slice has indices of its own.
      #expect(GPUCode(fileBytes: (Data([1, 2, 3]) + code.fileBytes).dropFirst(3)) == code)
    }
  }

  @Test func aFileThatIsSomethingElseIsNone() {
    let whole = GPUCode(image: Data([1, 2, 3]), log: log).fileBytes
    for count in 0..<(whole.count - 3) { #expect(GPUCode(fileBytes: whole.prefix(count)) == nil) }
    for text in ["tessera-gpu-code 1 -1\n", "tessera-gpu-code 1 99999999999999999999\n", "tessera-gpu-code 1 x\n", "other"] {
      #expect(GPUCode(fileBytes: Data(text.utf8)) == nil)
    }
  }
}
