import Operators
import TileIR

extension Benchmark {
  /// Attention at the sizes of DeepSeek-V4 Flash: a full window of 128 rows and 512 chosen entries a
  /// token, multiply-adds of both products counted twice.
  static let attention: [Benchmark] = [("decode", 1), ("prefill", 64)].map { phase, tokens in
    let name = "attention v4-flash \(phase), \(tokens == 1 ? "1 token" : "\(tokens) tokens")"
    return Benchmark(name) { session in
      let (heads, channels, window, picks) = (64, 512, 128, 512)
      let counts = HostTensor(.int32, [tokens], integers: [Int](repeating: picks, count: tokens))
      let run = try OperatorRun(
        OperatorLibrary.instance("v4-flash \(phase)", of: "attention"), arguments: ["counts": .tensor(counts)],
        schedule: session.schedule)
      let work = 4 * Double(tokens * heads * channels * (window + picks)) / 1e9
      return try session.threadCounts.map { threads in
        let figures = try session.contest(threads: threads).figures([
          Contender("tessera", work: work) { try run.launch(threads: threads) }
        ])
        return BenchRow("\(name), \(threadsText(threads))", unit: "Gop/s", ours: figures[0])
      }
    }
  }
}
