import DeepSeek
import Foundation
import Runtime
import Steps

extension Benchmark {
  /// The trained miniature of the project, whole: tokens a second one at a time, in chunks, and with drafts.
  static let models: [Benchmark] = [
    Benchmark("v4-nano model") { session in
      let folder = "Models/v4-nano"
      guard FileManager.default.fileExists(atPath: folder) else {
        session.progress("\(folder) is not here; the model is left out")
        return []
      }
      let runs = try NanoRuns(folder)
      if session.listsLaunches {
        session.progress("v4-nano, 1 token, 1 thread, launch by launch")
        for line in try runs.launches() { session.progress(line) }
      }
      return try session.threadCounts.flatMap { threads in
        let (most, chunk) = (NanoRuns.made, NanoRuns.chunk)
        return try session.contest(threads: threads).figures([
          Contender("decode", work: Double(most)) { try runs.decode(threads: threads, drafts: false) },
          Contender("decode with drafts", work: Double(most)) { try runs.decode(threads: threads, drafts: true) },
          Contender("prefill of \(chunk) tokens", work: Double(chunk)) { try runs.prefill(threads: threads) },
        ]).map { figure in
          BenchRow("v4-nano, \(figure.name), \(threadsText(threads))", unit: "tokens/s", ours: figure)
        }
      }
    }
  ]
}

/// Runs of the miniature that begin anew each time.
final class NanoRuns {
  static let made = 32
  static let chunk = 128
  private let model: Model
  private let prompt: [Int32]

  init(_ folder: String) throws {
    let configuration = try Configuration(folder: folder)
    model = try Model(
      Weights(folder: folder, configuration),
      options: Model.Options(cache: CacheRoom(context: 512), chunk: Self.chunk), on: Device())
    prompt = (0..<Self.chunk).map { Int32(2 + $0 * 37 % 1000) }
  }

  func prefill(threads: Int) throws {
    model.sequences.reset(0)
    model.threads = threads
    try model.run(Batch([.init(sequence: 0, start: 0, tokens: prompt, wanted: 1)]))
  }

  func decode(threads: Int, drafts: Bool) throws {
    model.sequences.reset(0)
    model.threads = threads
    _ = try model.generate(
      0, prompt: Array(prompt.prefix(8)), GenerationRequest(most: Self.made, speculates: drafts)) { _ in true }
  }

  /// A line for each launch of a decode step that takes long, and their sum.
  func launches() throws -> [String] {
    let step = model.steps[0]
    var best = [Double](repeating: .infinity, count: step.launches.count)
    for round in 0..<20 {
      if round % 10 == 0 { try prefill(threads: 1) }
      var before = BenchClock.elapsed.now()
      let start = model.sequences.length(0)
      let batch = Batch([.init(sequence: 0, start: start, tokens: [7], wanted: 1)])
      try model.run(batch, observe: { launch in
        let now = BenchClock.elapsed.now()
        best[launch] = min(best[launch], now - before)
        before = BenchClock.elapsed.now()
      })
    }
    let sum = best.reduce(0, +)
    let lines = step.launches.indices.sorted { best[$0] > best[$1] }.prefix(40).map { number in
      let launch = step.launches[number]
      return "  \(launch.scope) \(step.program(of: launch).name): \(Int((best[number] * 1e6).rounded())) us"
    }
    return lines + ["  together \(Int((sum * 1e6).rounded())) us in \(best.count) launches"]
  }
}
