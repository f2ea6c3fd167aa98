import DeepSeek
import Operators
import Testing
import TileIR

/// The whole model against independent implementations.
@Suite("The model against golden data") struct GoldenTests {
  @Test("float32 logits at every length", arguments: [1, 5, 33, 130, 300])
  func logits(_ tokens: Int) throws {
    let golden = try ModelFixture.tiny.golden()
    let ids = try golden.tensor("ids.\(tokens)").integers.map(Int32.init)
    let found = try ModelRuns(.tiny, .float32).logits(ids, pieces: [tokens])
    let difference = largestDifference(found, try golden.tensor("transformers.logits.\(tokens)").numbers)
    #expect(difference <= 1e-4, "\(difference)")
  }

  @Test("float32 streams in front of every layer")
  func streams() throws {
    let golden = try ModelFixture.tiny.golden()
    let runs = try ModelRuns(.tiny, .float32, keepsStreams: true)
    _ = try runs.logits(golden.tensor("ids.300").integers.map(Int32.init), pieces: [300])
    for layer in 0..<6 {
      let expected = try golden.tensor("transformers.streams.300.\(layer)")
      let found = HostTensor(.float32, expected.shape, bytes: Array(runs.model.streamBytes(layer, 0..<300)))
      let difference = largestDifference(found.numbers, expected.numbers)
      #expect(difference <= 2e-4, "layer \(layer): \(difference)")
    }
  }

  @Test("float32 logits of the drafting layer", arguments: [33, 130])
  func drafts(_ tokens: Int) throws {
    let golden = try ModelFixture.tiny.golden()
    let ids = try golden.tensor("ids.\(tokens)").integers.map(Int32.init)
    let model = try ModelRuns(.tiny, .float32, drafts: true).model
    let batch = Batch([.init(sequence: 0, start: 0, tokens: Array(ids.dropLast()), wanted: tokens - 1)])
    try model.run(batch)
    try model.runDraft(batch) { _, place in ids[place + 1] }
    let found = (0..<tokens - 1).flatMap { model.draftLogits($0) }
    let difference = largestDifference(found, try golden.tensor("reference.mtp.\(tokens)").numbers)
    #expect(difference <= 1e-4, "\(difference)")
  }
}
