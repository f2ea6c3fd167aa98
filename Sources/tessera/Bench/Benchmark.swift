/// One measurement: a few rows that share buffers and peers.
struct Benchmark: Sendable {
  /// What `--filter` is compared with.
  let name: String
  let rows: @Sendable (BenchSession) throws -> [BenchRow]

  init(_ name: String, _ rows: @escaping @Sendable (BenchSession) throws -> [BenchRow]) {
    self.name = name
    self.rows = rows
  }

  /// Operators by themselves, what compiling and launching them takes, and the memory's rates.
  static let operators: [Benchmark] = products + matrixVectors + rowOperators + attention + latencies + memory

  /// Every measurement, in the order of the results.
  static let all: [Benchmark] = BenchGroup.allCases.flatMap(\.benchmarks)
}

/// A part of the measurements, as the command line names it.
enum BenchGroup: String, CaseIterable {
  case operators, model

  var benchmarks: [Benchmark] {
    switch self {
    case .operators: Benchmark.operators
    case .model: Benchmark.models + Benchmark.layers
    }
  }
}

/// `1 thread`, `2 threads`.
func threadsText(_ threads: Int) -> String { threads == 1 ? "1 thread" : "\(threads) threads" }
