import ArgumentParser
import CUDADriver
import Foundation
import Runtime

/// `gpu-check run`: every operator on a GPU, its bits against the reference's, and times.
struct RunChecks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Check a GPU's bits against a packed folder's, and time operators.",
    discussion: """
      The times are of launches in a captured graph; beside them stands the time in which the device's memory could \
      move what the launch must move. Status 1 means that bits differ or that an operator cannot be run.
      """)

  @Option(help: "The packed folder. (default: that of this program)", completion: .directory)
  var folder: String?

  @Option(help: "The GPU, as the driver numbers them.")
  var device = 0

  @Flag(help: "Check bits only.")
  var skipTimings = false

  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let own = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    let packed = try PackedChecks(folder.map { URL(fileURLWithPath: $0) } ?? own)
    let driver = try CUDADriver.standard.get()
    let report = try packed.run(on: CUDADevice(device, of: driver), isTimed: !skipTimings) {
      FileHandle.standardError.write(Data("\($0)\n".utf8))
    }
    print(try json ? report.json() : report.table())
    if !report.isEqual { throw ExitCode.failure }
  }
}
