/// One measurement: a few rows that share buffers and peers.
struct Benchmark: Sendable {
  /// What `--filter` is compared with.
  let name: String
  let rows: @Sendable (BenchSession) throws -> [BenchRow]

  init(_ name: String, _ rows: @escaping @Sendable (BenchSession) throws -> [BenchRow]) {
    self.name = name
    self.rows = rows
  }

  /// Every measurement, in the order of the results.
  static let all: [Benchmark] = products + matrixVectors + rowOperators + attention + layers + models + latencies + memory
}

/// `1 thread`, `2 threads`.
func threadsText(_ threads: Int) -> String { threads == 1 ? "1 thread" : "\(threads) threads" }
