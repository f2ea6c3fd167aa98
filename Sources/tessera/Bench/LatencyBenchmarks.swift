import CBenchKernels
import Foundation
import Operators
import Runtime

extension Benchmark {
  /// What stands between asking for an operator and its running.
  static let latencies: [Benchmark] =
    modelInstances.map { entry, instance in
      Benchmark("compile \(entry) \(instance.name)") { session in
        try [compilation("compile \(entry) \(instance.name)", instance, session)]
      }
    } + [
      Benchmark("library from the cache") { try secondStart($0) },
      Benchmark("argument check") { try argumentChecks($0) },
    ]

  /// Every instance at a model's sizes.
  static let modelInstances: [(entry: String, instance: OperatorInstance)] =
    OperatorLibrary.all.flatMap { entry in
      entry.instances.filter { !$0.isSmall }.map { (entry.name, $0) }
    }

  /// Processor seconds, this process's and the compiler's, from an operator's closure to its loaded code: for
  /// each kernel that a launch runs, those that lay weights out for it included.
  private static func compilation(
    _ name: String, _ instance: OperatorInstance, _ session: BenchSession
  ) throws -> BenchRow {
    func seconds() -> Double { bench_own_cpu_seconds() + bench_children_cpu_seconds() }
    var samples: [Double] = []
    var kernels = 1
    for _ in 0..<session.repeats {
      try withTemporaryFolder { folder in
        let cache = KernelCache(folder: folder)
        let start = seconds()
        let executable = try Executable(
          try instance.kernel().program(), schedule: session.schedule, cache: cache)
        samples.append(seconds() - start)
        kernels = executable.plan.variants.map(\.kernels.count).max() ?? 1
      }
    }
    let measured = Samples(seconds: samples.map { $0 / Double(kernels) })
    return BenchRow(
      kernels == 1 ? name : "\(name), each of \(kernels) kernels", unit: "s", ours: Figure(name: "processor time", best: measured.best, median: measured.median),
      .figure(atMost: 0.3))
  }

  /// A new process that loads all of the library's kernels from a warm cache.
  private static func secondStart(_ session: BenchSession) throws -> [BenchRow] {
    try withTemporaryFolder { folder in
      _ = try LibraryLoad.inNewProcess(cache: folder)
      let loads = try (0..<session.repeats).map { _ in try LibraryLoad.inNewProcess(cache: folder) }
      let samples = Samples(seconds: loads.map { session.usesProcessorTime ? $0.processor : $0.elapsed })
      return [
        BenchRow(
          "library from the cache, \(modelInstances.count) operators", unit: "s",
          ours: Figure(name: "second start", best: samples.best, median: samples.median),
          .figure(atMost: 0.2))
      ]
    }
  }

  /// Checking the arguments of a good launch, and a launch that does next to nothing.
  private static func argumentChecks(_ session: BenchSession) throws -> [BenchRow] {
    func row(
      _ name: String, _ requirement: Requirement?, _ run: @escaping () throws -> Void
    ) throws -> BenchRow {
      let samples = try session.contest().samples([Contender(name, work: 1, run: run)])[0]
      return BenchRow(
        name, unit: "µs", ours: Figure(name: name, best: 1e6 * samples.best, median: 1e6 * samples.median),
        requirement)
    }
    func check(_ instance: OperatorInstance) throws -> BenchRow {
      let run = try OperatorRun(instance, schedule: session.schedule)
      let arguments = run.arguments
      let name = "argument check, \(run.executable.plan.program.name) (\(arguments.count))"
      return try row(name, .figure(atMost: 1)) { try run.executable.checkArguments(arguments) }
    }
    let tiny = try OperatorRun(
      OperatorInstance("1 x 1", ["rows": 1, "width": 1]) { softmax() }, schedule: session.schedule)
    return [
      try check(OperatorInstance("512", ["rows": 8]) { rmsNorm(width: 512) }),
      try check(OperatorInstance("512 x 512", ["rows": 8]) { linearFP4(inputs: 512, outputs: 512) }),
      try check(OperatorLibrary.instance("v4-flash decode", of: "attention")),
      try row("launch of softmax 1 x 1", nil) { try tiny.launch(threads: 1) },
    ]
  }

  /// A folder that is gone afterwards.
  private static func withTemporaryFolder<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bench-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder)
  }
}
