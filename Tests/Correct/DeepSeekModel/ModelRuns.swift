import DeepSeek
import Foundation
import Operators
import MachineIR
import Runtime
import Testing

/// A model of a fixture, and runs of it in any cut.
struct ModelRuns {
  let model: Model
  static let pool = ThreadPool(threads: 4)

  init(
    _ fixture: ModelFixture = .tiny, _ arithmetic: Arithmetic,
    sequences: Int = 1, context: Int = 640, chunk: Int = 320, rows: Int = 320, keepsStreams: Bool = false,
    drafts: Bool = false, threads: Int? = nil, machine: String? = nil, device: Device? = nil
  ) throws {
    let named = try machine.map { name in try #require(MachineDescription.named(name)) }
    let device = try device ?? Device(machine: named, pool: Self.pool)
    model = try Model(
      fixture.configuration(), named: fixture.folder, from: fixture.store(),
      options: Model.Options(
        arithmetic: arithmetic, cache: CacheRoom(sequences: sequences, context: context), chunk: chunk,
        rows: rows, keepsStreams: keepsStreams, drafts: drafts),
      on: device)
    model.threads = threads
  }

  /// Logits of every token of `ids`, fed in pieces of the given lengths, the last repeated.
  func logits(_ ids: [Int32], pieces: [Int], sequence: Int = 0) throws -> [Float] {
    var logits: [Float] = []
    var (start, number) = (0, 0)
    while start < ids.count {
      let count = min(pieces[min(number, pieces.count - 1)], ids.count - start)
      let tokens = Array(ids[start..<start + count])
      try model.run(Batch([.init(sequence: sequence, start: start, tokens: tokens, wanted: count)]))
      for row in 0..<count { logits += model.logits(row) }
      start += count
      number += 1
    }
    return logits
  }
}

/// The largest difference of two rows of numbers; infinite where one is not a number.
func largestDifference(_ a: some Collection<Float>, _ b: some Collection<Float>) -> Float {
  guard a.count == b.count else { return .infinity }
  return zip(a, b).reduce(0) { most, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(most, difference)
  }
}
