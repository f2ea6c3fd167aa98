import Operators
import Testing
import TileIR

/// The operators joined to layers, against golden data of other implementations (Fixtures/v4-tiny).
@Suite struct V4LayerTests {
  @Test func quantisedLayersGiveMostRowsBitForBit() throws {
    let (golden, checkpoint, kernels) = try (V4Layer.file("golden"), V4Layer.file("model"), V4Kernels())
    for number in 0..<6 {
      let layer = V4Layer(checkpoint: checkpoint, kernels: kernels, layer: number, arithmetic: .quantised)
      let found = try layer(
        golden.tensor("quantised.streams.300.\(number)"), tokens: golden.tensor("ids.300"))
      let expected = try golden.tensor("quantised.streams.300.\(number + 1)")
      let row = 4 * 256 * 2
      let exact = (0..<300).count {
        found.bytes[$0 * row..<($0 + 1) * row] == expected.bytes[$0 * row..<($0 + 1) * row]
      }
      // The golden data rounds every dot product once; block sums round once a block.
      #expect(exact >= 225, "layer \(number): \(exact) of 300 rows")
    }
  }

  @Test func float32LayersAgreeWithOthers() throws {
    let (golden, checkpoint, kernels) = try (V4Layer.file("golden"), V4Layer.file("model"), V4Kernels())
    func layer(_ number: Int?) -> V4Layer {
      V4Layer(checkpoint: checkpoint, kernels: kernels, layer: number, arithmetic: .float32)
    }
    for number in 0..<5 {
      let found = try layer(number)(
        golden.tensor("transformers.streams.300.\(number)"), tokens: golden.tensor("ids.300"))
      let most = difference(found, try golden.tensor("transformers.streams.300.\(number + 1)"))
      #expect(most < 1e-4, "layer \(number): \(most)")
    }

    // 33 tokens from their numbers to logits, and the predictions of the token after the next.
    let tokens = try golden.tensor("ids.33")
    var x = try layer(0).embedded(tokens)
    for number in 0..<6 { x = try layer(number)(x, tokens: tokens) }
    let logits = try layer(nil).logits(x)
    #expect(try difference(logits, golden.tensor("transformers.logits.33")) < 1e-4)

    let last = HostTensor(.float32, [32, 4, 256], codes: Array(x.codes.prefix(32 * 4 * 256)))
    let next = HostTensor(.int32, [32], codes: Array(tokens.codes.dropFirst()))
    let mtp = layer(nil)
    let after = try mtp(mtp.nextTokenStreams(last, next: next), tokens: next)
    let predicted = try mtp.logits(after, head: "mtp.0.", norm: "mtp.0.norm.weight")
    #expect(try difference(predicted, golden.tensor("reference.mtp.33")) < 1e-4)
  }

  private func difference(_ a: HostTensor, _ b: HostTensor) -> Float {
    a.shape == b.shape ? zip(a.numbers, b.numbers).map { abs($0 - $1) }.max()! : .infinity
  }
}
