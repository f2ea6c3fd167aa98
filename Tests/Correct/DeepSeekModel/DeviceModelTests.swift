import DeepSeek
import MachineIR
import Operators
import Runtime
import Testing
import TileIR

/// The whole model in the device model: every launch of its steps from the CUDA text that a GPU would get.
@Suite("The model in the device model", .serialized) struct ModelInDeviceModelTests {
  @Test("a prefill in two cuts and decode steps give the processor's bits", arguments: [Arithmetic.quantised, .float32])
  func sameBits(_ arithmetic: Arithmetic) throws {
    let ids = SameBitsTests.ids.prefix(308).map { $0 % 512 }
    let decode = Array(repeating: 1, count: 8)
    let onProcessor = try ModelRuns(.tiny, arithmetic, context: 308, chunk: 300, rows: 300)
    let expected = ContentHash.digest(try onProcessor.hashedLogits(ids, pieces: [300] + decode))
    let device = try Device(.deviceModel(.sm90a), pool: ThreadPool(threads: 2))
    let runs = try ModelRuns(.tiny, arithmetic, context: 308, chunk: 300, rows: 300, device: device)
    for cut in [[300], [7, 129, 64, 100]] {
      runs.model.sequences.reset(0)
      let found = ContentHash.digest(try runs.hashedLogits(ids, pieces: cut + decode))
      #expect(found == expected, "prefill cut into \(cut)")
    }
  }
}

extension ModelRuns {
  /// The bytes of `logits`.
  fileprivate func hashedLogits(_ ids: [Int32], pieces: [Int]) throws -> [UInt8] {
    try logits(ids, pieces: pieces).withUnsafeBytes { Array($0) }
  }
}
