import DeepSeek
import MachineIR
import Operators
import Runtime
import Testing

/// The whole model in the model of pipes: every launch of its steps from the Ascend C text that a chip would get, every
/// access checked.
@Suite("The model in the model of pipes", .serialized) struct ModelInPipesTests {
  struct Run: Sendable, CustomTestStringConvertible {
    let arithmetic: Arithmetic
    let cuts: [[Int]]
    var testDescription: String { "\(arithmetic)" }
  }
  static let runs = Arithmetic.allCases.map { Run(arithmetic: $0, cuts: [[300], [37, 263]]) }

  @Test("a prefill in two cuts and decode steps give the processor's bits", arguments: runs)
  func sameBits(_ run: Run) throws {
    let length = run.cuts[0][0]
    let ids = Array(SameBitsTests.ids.prefix(length + 8).map { $0 % 512 })
    let decode = Array(repeating: 1, count: 8)
    func model(_ device: Device?) throws -> ModelRuns {
      try ModelRuns(.tiny, run.arithmetic, context: length + 8, chunk: length, rows: length, device: device)
    }
    let expected = try model(nil).logits(ids, pieces: run.cuts[0] + decode).map(\.bitPattern)
    let device = try Device(.ascendModel(.ascend910b), pool: ThreadPool(threads: 1))
    // A process of the model works on one core: the cuts are run side by side. They share what is compiled, no memory.
    // Decode steps follow the last cut alone.
    nonisolated(unsafe) let models = try run.cuts.map { _ in try model(device) }
    let found = concurrently(run.cuts.count) { number in
      let isLast = number == run.cuts.count - 1
      return try models[number].logits(
        isLast ? ids : Array(ids.prefix(length)), pieces: run.cuts[number] + (isLast ? decode : [])
      ).map(\.bitPattern)
    }
    let counts = [length * 512, expected.count]
    for (number, cut) in run.cuts.enumerated() {
      #expect(try found[number].get() == Array(expected.prefix(counts[number])), "prefill cut into \(cut)")
    }
  }
}
