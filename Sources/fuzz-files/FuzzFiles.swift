import ArgumentParser
import Foundation
import Fuzzing

/// Searches for a file that makes a reader crash, hang or take too much memory.
@main
struct FuzzFiles: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "fuzz-files",
    abstract: "Feed damaged files to every reader of a checkpoint.",
    discussion: """
      The search runs in a process of its own, so that a crash is reported with the file that caused it. A \
      file that takes longer than --slowest seconds or more memory than --megabytes is a failure too. Status 1 \
      means that one was found.
      """)

  @Option(help: "How long to search.")
  var minutes: Double = 1

  @Option(help: "Where the search begins; the same seed gives the same files.")
  var seed: UInt64 = 1

  @Option(help: "The first file's number, to look at one again.")
  var from: Int = 0

  @Option(help: "The folder of valid files.")
  var fixtures = "Fixtures"

  @Option(help: "Seconds that one file may take.")
  var slowest: Double = 5

  @Option(help: "Memory that the search may take in all.")
  var megabytes: Int = 2048

  @Flag(help: .hidden)
  var inside = false

  func validate() throws {
    guard minutes > 0, from >= 0, megabytes > 0 else {
      throw ValidationError("--minutes, --from and --megabytes are positive")
    }
    guard FileManager.default.fileExists(atPath: fixtures) else {
      throw ValidationError("no folder \(fixtures); run this in the project's folder, or name it by --fixtures")
    }
  }

  func run() throws {
    if inside { try search() } else { try supervise() }
  }

  // MARK: Around the search

  /// Runs the search as a child and reports how it ended.
  private func supervise() throws {
    // Several small files a step: in memory where there is a folder for that, or the disk sets the pace.
    let memory = URL(fileURLWithPath: "/dev/shm")
    let parent =
      FileManager.default.isWritableFile(atPath: memory.path) ? memory : FileManager.default.temporaryDirectory
    let folder = parent.appendingPathComponent("fuzz-files-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let child = Process()
    child.executableURL = URL(fileURLWithPath: CommandLine.arguments[0])
    child.arguments = Array(CommandLine.arguments.dropFirst()) + ["--inside"]
    child.environment = ProcessInfo.processInfo.environment.merging(["FUZZ_FOLDER": folder.path]) { $1 }
    try child.run()
    while child.isRunning {
      Thread.sleep(forTimeInterval: 0.2)
      if let age = age(of: folder), age > slowest + 10 {
        child.terminate()
        child.waitUntilExit()
        return try fail("hangs", folder)
      }
    }
    child.waitUntilExit()
    guard child.terminationReason == .exit else {
      return try fail("crashes (signal \(child.terminationStatus))", folder)
    }
    try? FileManager.default.removeItem(at: folder)
    if child.terminationStatus != 0 { throw ExitCode(child.terminationStatus) }
  }

  /// How long the search has been at its present file, in seconds.
  private func age(of folder: URL) -> Double? {
    let path = folder.appendingPathComponent("now").path
    let date = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
    return date.map { -$0.timeIntervalSinceNow }
  }

  private func fail(_ how: String, _ folder: URL) throws {
    let name = (try? String(contentsOf: folder.appendingPathComponent("now"), encoding: .utf8)) ?? "no file"
    print("\(name.trimmingCharacters(in: .whitespacesAndNewlines)) \(how); it lies in \(folder.path)")
    throw ExitCode.failure
  }

  // MARK: The search

  private func search() throws {
    let folder = ProcessInfo.processInfo.environment["FUZZ_FOLDER"] ?? FileManager.default.currentDirectoryPath
    var fuzzer = try Fuzzer(fixtures: fixtures, folder: folder, seed: seed, from: from)
    let clock = ContinuousClock()
    let end = clock.now + .seconds(60 * minutes)
    var report = clock.now + .seconds(10)
    let now = URL(fileURLWithPath: folder + "/now")
    while clock.now < end {
      // What is read now, for the supervisor.
      try Data(fuzzer.nextName.utf8).write(to: now)
      fuzzer.step()
      if fuzzer.outcome.slowest.seconds > slowest || peakMegabytes > megabytes { break }
      if clock.now > report {
        report += .seconds(10)
        print("\(fuzzer.outcome.files) files")
        fflush(nil)
      }
    }
    try finish(fuzzer.outcome)
  }

  private func finish(_ outcome: Fuzzer.Outcome) throws {
    for name in Set(outcome.accepted.keys).union(outcome.refused.keys).sorted() {
      print("\(name): \(outcome.accepted[name] ?? 0) accepted, \(outcome.refused[name] ?? 0) refused")
    }
    print(
      String(
        format: "%d files, the slowest %.3f s (%@), at most %d MB", outcome.files, outcome.slowest.seconds,
        outcome.slowest.file, peakMegabytes))
    for failure in outcome.failures { print("FAILED: \(failure)") }
    let isWithin = outcome.slowest.seconds <= slowest && peakMegabytes <= megabytes
    if !isWithin { print("FAILED: beyond \(slowest) s or \(megabytes) MB") }
    if !outcome.failures.isEmpty || !isWithin { throw ExitCode.failure }
  }

  /// The most memory that this process has held.
  private var peakMegabytes: Int {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss / 1024
  }
}
