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
    let expected = try onProcessor.logits(ids, pieces: [300] + decode).map(\.bitPattern)
    let device = try Device(.deviceModel(.sm90a), pool: ThreadPool(threads: 2))
    let runs = try ModelRuns(.tiny, arithmetic, context: 308, chunk: 300, rows: 300, device: device)
    // Decode steps follow the last cut alone.
    for (cut, after) in [([300], []), ([7, 129, 64, 100], decode)] {
      runs.model.sequences.reset(0)
      let given = Array(ids.prefix(300 + after.count))
      let found = try runs.logits(given, pieces: cut + after).map(\.bitPattern)
      #expect(found.count == given.count * 512)
      #expect(found == Array(expected.prefix(found.count)), "prefill cut into \(cut)")
    }
  }
}
