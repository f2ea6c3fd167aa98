import DynamicLibrary
import Foundation

/// A shared library compiled by clang into a folder of its own, which goes away with the value.
final class CompiledLibrary: Sendable {
  let folder: URL
  let name: String
  var path: String { folder.appendingPathComponent(name).path }

  private static let clang: String? = (ProcessInfo.processInfo.environment["PATH"] ?? "")
    .split(separator: ":").map { "\($0)/clang" }
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  static var isPossible: Bool { clang != nil }

  struct Failure: Error {
    let status: Int32
  }

  init(_ name: String, source: String) throws {
    self.name = name
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("tessera-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let file = folder.appendingPathComponent("source.c")
    try Data(source.utf8).write(to: file)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.clang!)
    process.arguments = [
      "-shared", "-fPIC", "-nostdlib", "-fuse-ld=lld", "-Wl,--allow-shlib-undefined", file.path, "-o",
      folder.appendingPathComponent(name).path,
    ]
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw Failure(status: process.terminationStatus) }
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}
