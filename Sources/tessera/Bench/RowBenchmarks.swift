import CBenchKernels
import Operators

extension Benchmark {
  /// Operators on rows, bound by memory, against memcpy from their input to their output.
  static let rowOperators: [Benchmark] = [
    Benchmark("rms_norm rows of 4096") { session in
      let run = try OperatorRun(
        OperatorInstance("in memory", ["rows": session.memoryBound / (2 * 4096)]) { rmsNorm(width: 4096) },
        schedule: session.schedule)
      return try againstCopy("rms_norm rows of 4096", run, from: 0, to: 2, required: 0.85, session)
    },
    Benchmark("softmax rows of 4096") { session in
      let run = try OperatorRun(
        OperatorInstance("in memory", ["rows": session.memoryBound / (4 * 4096), "width": 4096]) { softmax() },
        schedule: session.schedule)
      var rows = try againstCopy("softmax rows of 4096", run, from: 0, to: 1, required: 0.4, session)
      if session.threadCounts.contains(2) { rows.append(try againstItsCachedRate(run, session)) }
      return rows
    },
  ]

  /// The operator and a copy of its input's bytes to its output; every byte counts as read or written.
  private static func againstCopy(
    _ name: String, _ run: OperatorRun, from: Int, to: Int, required: Double, _ session: BenchSession
  ) throws -> [BenchRow] {
    let (x, y) = (run.memory(from, as: UInt8.self), run.memory(to, as: UInt8.self))
    let bytes = session.memoryBound
    return try session.threadCounts.map { threads in
      let figures = try session.contest(threads: threads).figures([
        Contender("tessera", work: 2 * Double(bytes) / 1e9) { try run.launch(threads: threads) },
        Contender("memcpy", work: 2 * Double(bytes) / 1e9) {
          bench_copy(y, x, Int64(bytes), Int32(threads))
        },
      ])
      return BenchRow(
        "\(name), \(threadsText(threads))", unit: "GB/s", ours: figures[0], peers: [figures[1]],
        threads == 1 ? .ratio(atLeast: required) : nil)
    }
  }

  /// Softmax on rows in memory against softmax on rows that fit into half of the caches of two cores.
  private static func againstItsCachedRate(_ run: OperatorRun, _ session: BenchSession) throws -> BenchRow {
    let rowBytes = 2 * 4 * 4096
    let rows = max(2, session.machine.coreCache / rowBytes)
    let cached = try OperatorRun(
      OperatorInstance("in cache", ["rows": rows, "width": 4096]) { softmax() }, schedule: session.schedule)
    let figures = try session.contest(threads: 2).figures([
      Contender("tessera", work: 2 * Double(session.memoryBound) / 1e9) { try run.launch(threads: 2) },
      Contender("in cache", work: Double(rows * rowBytes) / 1e9) { try cached.launch(threads: 2) },
    ])
    return BenchRow(
      "softmax rows of 4096, 2 threads, over its rate in cache", unit: "GB/s", ours: figures[0],
      peers: [figures[1]], .ratio(atLeast: 0.85))
  }
}
