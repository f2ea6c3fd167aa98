import Foundation

/// The Python environment that `make test` installs in `.tools/python`, and the oracles that run in it.
enum ProjectPython {
  private static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let interpreter = root.appendingPathComponent(".tools/python/bin/python3")

  static var isInstalled: Bool { FileManager.default.isExecutableFile(atPath: interpreter.path) }

  /// A file or folder of an installed package, such as `numpy/core`.
  static func package(_ path: String) -> URL? {
    let library = root.appendingPathComponent(".tools/python/lib")
    let versions = (try? FileManager.default.contentsOfDirectory(atPath: library.path)) ?? []
    return versions.map { library.appendingPathComponent("\($0)/site-packages/\(path)") }
      .first { FileManager.default.fileExists(atPath: $0.path) }
  }

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  /// What a script of `Tests/Oracles` writes to its standard output; its messages go to ours.
  static func output(of script: String, _ arguments: [String] = []) throws -> Data {
    let process = Process()
    process.executableURL = interpreter
    process.arguments = [root.appendingPathComponent("Tests/Oracles/\(script)").path] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(script) ended with status \(process.terminationStatus)")
    }
    return data
  }
}
