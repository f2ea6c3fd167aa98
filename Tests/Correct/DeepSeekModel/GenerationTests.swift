import DeepSeek
import Foundation
import JSON
import Operators
import Testing

/// Text that comes out the same whatever is beside it.
@Suite("Generation") struct GenerationTests {
  private func model(_ arithmetic: Arithmetic, sequences: Int = 1) throws -> Model {
    try ModelRuns(
      .nano, arithmetic, sequences: sequences, context: 200, chunk: 64, rows: 4, drafts: true
    ).model
  }

  private func generate(
    _ model: Model, _ prompt: [Int32], _ request: GenerationRequest, sequence: Int = 0
  ) throws -> (tokens: [Int32], report: GenerationReport) {
    var tokens: [Int32] = []
    let report = try model.generate(sequence, prompt: prompt, request) { token in
      tokens.append(token)
      return true
    }
    return (tokens, report)
  }

  private static func goldenCases() throws -> [(prompt: [Int32], greedy: [Int32])] {
    let data = try Data(contentsOf: URL(fileURLWithPath: ModelFixture.nano.folder + "/golden.json"))
    let cases = try JSONValue(parsing: Array(data)).object!["cases"]!.array!
    return cases.map { item in
      func ids(_ key: String) -> [Int32] { item.object![key]!.array!.map { Int32($0.number!.integer!) } }
      return (ids("prompt_ids"), ids("greedy_ids"))
    }
  }

  @Test("greedy text equals an independent implementation's")
  func greedy() throws {
    let model = try model(.float32)
    for (prompt, expected) in try Self.goldenCases() {
      for speculates in [false, true] {
        model.sequences.reset(0)
        let (tokens, report) = try generate(
          model, prompt, GenerationRequest(most: expected.count, speculates: speculates))
        #expect(tokens == expected)
        #expect(speculates == (report.accepted > 0))
      }
    }
  }

  @Test("a seed gives the same text with and without drafts, and beside other sequences")
  func seeds() throws {
    let model = try model(.quantised, sequences: 3)
    let prompt: [Int32] = [860, 27, 200, 48, 13, 222]
    func text(_ seed: UInt64, _ sequence: Int, drafts: Bool) throws -> [Int32] {
      let sampling = Sampling(temperature: 0.9, topK: 200, topP: 0.95, seed: seed)
      model.sequences.reset(sequence)
      return try generate(
        model, prompt, GenerationRequest(sampling: sampling, most: 60, speculates: drafts), sequence: sequence
      ).tokens
    }
    let first = try text(1, 0, drafts: false)
    #expect(try text(1, 2, drafts: true) == first)
    #expect(try text(1, 1, drafts: false) == first)
    #expect(try text(2, 0, drafts: true) != first)
  }

  @Test("a stop token ends the text, and the caches go on from there")
  func stops() throws {
    let model = try model(.quantised)
    let prompt = try Self.goldenCases()[1].prompt
    for speculates in [false, true] {
      model.sequences.reset(0)
      let all = try generate(model, prompt, GenerationRequest(most: 30, speculates: speculates)).tokens
      model.sequences.reset(0)
      let stop = all[11]
      let count = all.firstIndex(of: stop)! + 1
      let part = try generate(
        model, prompt, GenerationRequest(most: 30, stops: [stop], speculates: speculates)).tokens
      #expect(part == Array(all.prefix(count)))
      #expect(model.sequences.tokens[0] == prompt + part.dropLast())
      let rest = try generate(
        model, prompt + part, GenerationRequest(most: 30 - count, speculates: speculates)).tokens
      #expect(part + rest == all)
    }
  }

  @Test("a fork and a restored file go on as if nothing had been", arguments: [Arithmetic.quantised, .float32])
  func continues(_ arithmetic: Arithmetic) throws {
    let model = try model(arithmetic, sequences: 3)
    let prompt = Array(SameBitsTests.ids.prefix(133))
    let request = GenerationRequest(sampling: Sampling(temperature: 1, seed: 5), most: 40)
    let whole = try generate(model, prompt, request).tokens
    model.sequences.reset(0)
    let half = try generate(model, prompt, GenerationRequest(sampling: request.sampling, most: 17)).tokens
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("sequence-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try model.sequences.save(0, to: path)
    model.sequences.fork(0, to: 1)
    // What becomes of the original does not matter to the fork.
    model.sequences.reset(0)
    _ = try generate(model, [5, 6, 7], GenerationRequest(most: 5))
    try model.sequences.restore(2, from: path)
    for sequence in [1, 2] {
      let rest = try generate(
        model, prompt + half, GenerationRequest(sampling: request.sampling, most: 23), sequence: sequence
      ).tokens
      #expect(half + rest == whole, "sequence \(sequence)")
    }
  }

  @Test("the context's end ends the text")
  func contextEnds() throws {
    let model = try ModelRuns(.nano, .quantised, context: 20, chunk: 8, rows: 2, drafts: true).model
    for speculates in [false, true] {
      model.sequences.reset(0)
      let (tokens, _) = try generate(
        model, [860, 27, 200], GenerationRequest(most: 100, speculates: speculates))
      // The last token needs no place.
      #expect(tokens.count == 18)
    }
  }
}
