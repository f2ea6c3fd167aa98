import DeepSeek
import Foundation
import MachineIR
import Operators
import Runtime
import Testing
import TileIR

/// Whatever a run's cut, company, threads and target, the bits are the same.
@Suite("Same bits") struct SameBitsTests {
  static let arithmetics: [Arithmetic] = [.quantised, .float32]

  /// 600 tokens for the trained model, the same on every machine.
  static let ids: [Int32] = {
    var random = SplitMix64(seed: 4)
    return (0..<600).map { _ in Int32.random(in: 2..<1024, using: &random) }
  }()

  @Test("in one piece, in any chunks, token by token", arguments: arithmetics)
  func chunks(_ arithmetic: Arithmetic) throws {
    let runs = try ModelRuns(.nano, arithmetic, sequences: 1, context: 601, chunk: 600, rows: 600)
    let whole = try runs.logits(Self.ids, pieces: [600])
    for pieces in [[1], [7, 64, 3, 129, 200, 1, 1, 31]] {
      runs.model.sequences.reset(0)
      let found = try runs.logits(Self.ids, pieces: pieces)
      #expect(found.map(\.bitPattern) == whole.map(\.bitPattern), "pieces of \(pieces)")
    }
  }

  @Test("alone and beside sequences of other lengths", arguments: arithmetics)
  func batches(_ arithmetic: Arithmetic) throws {
    let alone = try ModelRuns(.nano, arithmetic, context: 320, chunk: 300, rows: 300)
    let texts = [Array(Self.ids[..<300]), Array(Self.ids[300..<431]), Array(Self.ids[431..<440]), [5]]
    let expected = try texts.map { text in
      alone.model.sequences.reset(0)
      return try alone.logits(text, pieces: [300])
    }
    let runs = try ModelRuns(.nano, arithmetic, sequences: 4, context: 320, chunk: 400, rows: 400)
    var found = texts.map { _ in [Float]() }
    var done = texts.map { _ in 0 }
    // Each sequence has a stride of its own, so that every run has another mixture.
    let strides = [41, 13, 2, 1]
    while zip(done, texts).contains(where: { $0 < $1.count }) {
      var pieces: [Batch.Piece] = []
      for (number, text) in texts.enumerated().reversed() where done[number] < text.count {
        let end = min(done[number] + strides[number], text.count)
        let tokens = Array(text[done[number]..<end])
        pieces.append(.init(sequence: number, start: done[number], tokens: tokens, wanted: tokens.count))
      }
      try runs.model.run(Batch(pieces))
      var row = 0
      for piece in pieces {
        for _ in piece.tokens {
          found[piece.sequence] += runs.model.logits(row)
          row += 1
        }
        done[piece.sequence] += piece.tokens.count
      }
    }
    for number in texts.indices {
      #expect(found[number].map(\.bitPattern) == expected[number].map(\.bitPattern), "sequence \(number)")
    }
  }

  @Test("on every target of this processor and any number of threads", arguments: arithmetics)
  func targets(_ arithmetic: Arithmetic) throws {
    let ids = Array(Self.ids.prefix(140))
    var first: [UInt32]?
    for machine in MachineDescription.cpus.filter(\.runsHere) {
      for threads in [1, 4] {
        let runs = try ModelRuns(
          .nano, arithmetic, context: 151, chunk: 100, rows: 100, threads: threads, machine: machine.name)
        let found = try runs.logits(ids, pieces: [90, 1, 49]).map(\.bitPattern)
        #expect(found == first ?? found, "\(machine.name), \(threads) threads")
        first = found
      }
    }
  }
}
