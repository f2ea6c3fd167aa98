import CBenchKernels
import Foundation
import Operators
import Runtime

/// How long a process took to make every operator of the library ready at its model's sizes: tracing,
/// lowering, printing, finding the object in the cache, checking and opening it.
struct LibraryLoad {
  /// Seconds that passed.
  let elapsed: Double
  /// Seconds of processor time, the compiler's included where something was not in the cache.
  let processor: Double

  var text: String { "\(elapsed) \(processor)" }

  /// Does it, with the standard cache.
  static func measure() throws -> LibraryLoad {
    func processorSeconds() -> Double { bench_own_cpu_seconds() + bench_children_cpu_seconds() }
    let (start, processorStart) = (BenchClock.elapsed.now(), processorSeconds())
    for (_, instance) in Benchmark.modelInstances {
      _ = try Executable(try instance.kernel().program())
    }
    return LibraryLoad(
      elapsed: BenchClock.elapsed.now() - start, processor: processorSeconds() - processorStart)
  }

  /// Does it in a process of its own, since this one has the objects open already. The first time with a
  /// folder fills it.
  static func inNewProcess(cache folder: URL) throws -> LibraryLoad {
    let process = Process()
    process.executableURL = Bundle.main.executableURL
    process.arguments = ["bench", "--load-library"]
    process.environment = ProcessInfo.processInfo.environment
      .merging(["TESSERA_CACHE": folder.path]) { $1 }
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let numbers = String(decoding: data, as: UTF8.self).split { $0.isWhitespace }.compactMap { Double($0) }
    guard process.terminationStatus == 0, numbers.count == 2 else {
      throw Refusal("the process that loads the library ended with status \(process.terminationStatus)")
    }
    return LibraryLoad(elapsed: numbers[0], processor: numbers[1])
  }
}
