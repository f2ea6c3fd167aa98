import Operators
import Tiles

extension Benchmark {
  /// Products with one row, bound by reading the weights from memory, against the rate at which a plain
  /// loop on as many threads reads memory.
  static let matrixVectors: [Benchmark] = [
    matrixVector("linear_fp4 matrix-vector 4096 x 14336", required: [1: 0.55, 2: 0.7]) {
      linearFP4(inputs: 4096, outputs: 14336)
    },
    matrixVector("linear_fp8 matrix-vector 4096 x 14336", required: [2: 0.6]) {
      linearFP8(inputs: 4096, outputs: 14336)
    },
  ]

  private static func matrixVector(
    _ name: String, required: [Int: Double], kernel: @escaping @Sendable () -> Kernel
  ) -> Benchmark {
    Benchmark(name) { session in
      let run = try OperatorRun(
        OperatorInstance(name, ["rows": 1], kernel), bytesInTurn: session.memoryBound,
        schedule: session.schedule)
      return try session.threadCounts.map { threads in
        let figures = try session.contest(threads: threads).figures([
          Contender("tessera", work: Double(run.bytes * run.copies) / 1e9) {
            try run.launchAll(threads: threads)
          },
          try session.memoryRead(threads: threads),
        ])
        return BenchRow(
          "\(name), \(threadsText(threads))", unit: "GB/s", ours: figures[0], peers: [figures[1]],
          required[threads].map { .ratio(atLeast: $0) })
      }
    }
  }
}
