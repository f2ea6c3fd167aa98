import CUDADriver
import DeepSeek
import DynamicLibrary
import MachineIR
import Operators
import Testing
import TileIR

@testable import Runtime

/// Steps on a GPU, with a stand-in for the driver whose kernels the device model carries out.
@Suite("Steps on a GPU", .enabled(if: CompiledLibrary.isPossible, "no clang on PATH"), .serialized)
struct CUDAStepTests {
  private static func device(_ driver: StandInDriver) throws -> Device {
    let backend = try CUDABackend(
      CUDADevice(0, of: driver.driver()), .standard, compile: StandInSession.compile)
    return Device(backend, machine: .sm90a, pool: ModelRuns.pool)
  }

  /// A prefill and twelve decode steps: some have the numbers of the step before them, so that they are recorded
  /// and then launched as a graph.
  @Test("the model gives the processor's bits, by launches and by graphs")
  func model() throws {
    let ids: [Int32] = (0..<18).map { Int32($0 * 31 % 500) }
    let pieces = [6] + Array(repeating: 1, count: 12)
    let expected = try ModelRuns(.tiny, .quantised, context: 18, chunk: 6, rows: 6).logits(ids, pieces: pieces)
    let standIn = try StandInDriver(memory: 1 << 34)
    try StandInSession.join(standIn)
    let runs = try ModelRuns(
      .tiny, .quantised, context: 18, chunk: 6, rows: 6, device: Self.device(standIn))
    let found = try runs.logits(ids, pieces: pieces)
    #expect(found.map(\.bitPattern) == expected.map(\.bitPattern))
    let graphs = try DynamicLibrary(named: [standIn.library.path])
      .symbol("graphs", as: (@convention(c) () -> CInt).self)()
    // Of four decode steps one closes a group, and the third and the fourth are like the second.
    #expect(graphs >= 4)
  }

  @Test("a model that does not fit is refused with what is needed and what is free")
  func outOfMemory() throws {
    let standIn = try StandInDriver(memory: 1 << 20)
    try StandInSession.join(standIn)
    #expect {
      _ = try ModelRuns(.tiny, .quantised, context: 18, chunk: 6, rows: 6, device: Self.device(standIn))
    } throws: { error in
      guard case .outOfMemory(let needed, let free, let total, let name)? = error as? CUDAError else { return false }
      return needed > free && total == 1 << 20 && name == "Stand-in"
    }
  }
}
