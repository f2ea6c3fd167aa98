import DeepSeek
import Operators
import Runtime
import Safetensors
import Testing
import TileIR

/// Each layer on the golden streams in front of it, against the golden streams behind it.
@Suite("Layers on golden streams") struct LayerTests {
  static let tokens = 300

  private func layer(_ number: Int, _ arithmetic: Arithmetic) throws -> SingleLayer {
    let fixture = ModelFixture.tiny
    return try SingleLayer(
      number, of: fixture.configuration(), from: fixture.store(),
      options: Model.Options(
        arithmetic: arithmetic, cache: CacheRoom(context: Self.tokens), chunk: Self.tokens, rows: 1),
      on: Device())
  }

  private func ids(_ golden: SafetensorsFile) throws -> [Int32] {
    try golden.tensor("ids.\(Self.tokens)").integers.map(Int32.init)
  }

  @Test("float32 layers agree with an independent implementation", arguments: 0..<5)
  func float32(_ number: Int) throws {
    let golden = try ModelFixture.tiny.golden()
    let before = try golden.tensor("transformers.streams.300.\(number)")
    let after = try golden.tensor("transformers.streams.300.\(number + 1)")
    let batch = Batch([.init(sequence: 0, start: 0, tokens: try ids(golden), wanted: 1)])
    let layer = try layer(number, .float32)
    try layer.run(batch, before.bytes)
    let found = HostTensor(.float32, after.shape, bytes: Array(layer.output(rows: Self.tokens)))
    let difference = largestDifference(found.numbers, after.numbers)
    #expect(difference <= 1e-4, "layer \(number): \(difference)")
  }

  @Test("quantised layers give the golden bits in most rows", arguments: 0..<6)
  func quantised(_ number: Int) throws {
    let golden = try ModelFixture.tiny.golden()
    let before = try golden.tensor("quantised.streams.300.\(number)")
    let after = try golden.tensor("quantised.streams.300.\(number + 1)")
    let batch = Batch([.init(sequence: 0, start: 0, tokens: try ids(golden), wanted: 1)])
    let layer = try layer(number, .quantised)
    try layer.run(batch, before.bytes)
    let found = Array(layer.output(rows: Self.tokens))
    let row = found.count / Self.tokens
    let equal = (0..<Self.tokens).count { token in
      found[token * row..<(token + 1) * row] == after.bytes[token * row..<(token + 1) * row]
    }
    #expect(equal >= Self.tokens * 3 / 4, "layer \(number): \(equal) of \(Self.tokens) rows")
  }
}
