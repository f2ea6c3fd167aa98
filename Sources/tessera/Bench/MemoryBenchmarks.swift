extension Benchmark {
  /// What this machine's memory does: the yardsticks of the other rows.
  static let memory: [Benchmark] = [
    Benchmark("memory rates") { session in
      try session.threadCounts.flatMap { threads in
        try session.contest(threads: threads).figures([
          session.memoryRead(threads: threads), session.memoryCopy(threads: threads),
          session.memoryTriad(threads: threads),
        ]).map { figure in
          BenchRow("\(figure.name), \(threadsText(threads))", unit: "GB/s", ours: figure)
        }
      }
    }
  ]
}
