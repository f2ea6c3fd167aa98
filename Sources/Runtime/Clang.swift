import Foundation
import MachineIR

/// What stands between a plan and running it, with a way on.
public struct RuntimeError: Error, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}

/// The C compiler: found once, run as a process.
public struct Clang: Sendable {
  public let path: String
  /// What `--version` says: part of cache keys.
  public let version: String

  /// Looks at `$TESSERA_CLANG`, beside `swift`, then along `$PATH`.
  public static func find(environment: [String: String] = ProcessInfo.processInfo.environment) throws
    -> Clang
  {
    var candidates: [String] = []
    if let named = environment["TESSERA_CLANG"] {
      candidates = [named]
    } else {
      let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
      let besideSwift = folders.filter { FileManager.default.isExecutableFile(atPath: $0 + "/swift") }
        .map { resolved($0 + "/swift") + "/clang" }
      candidates = besideSwift + folders.map { $0 + "/clang" }
    }
    guard let path = candidates.first(where: FileManager.default.isExecutableFile(atPath:)) else {
      throw RuntimeError(
        "no clang to compile kernels with: looked at \(candidates.isEmpty ? "an empty PATH" : candidates.joined(separator: ", ")). "
          + "It comes with the Swift toolchain; put its usr/bin on PATH or name it in TESSERA_CLANG.")
    }
    let (status, text) = try run(path, ["--version"])
    guard status == 0, text.contains("clang") else {
      throw RuntimeError("\(path) does not answer as clang: \(text.prefix(200))")
    }
    return Clang(path: path, version: String(text.prefix { $0 != "\n" }))
  }

  /// The folder that a link to `swift` leads to.
  private static func resolved(_ path: String) -> String {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
  }

  /// The options that keep the contract: no contraction, wrapping integers, no errno; -O2 is as fast as
  /// -O3 on these kernels and compiles twice as fast.
  public static let options = [
    "-x", "c", "-std=gnu11", "-O2", "-ffp-contract=off", "-fno-math-errno", "-fwrapv",
    "-fno-strict-aliasing", "-w",
  ]

  /// Compiles C text to a shared object for this host. Throws with clang's own words.
  public func compile(_ source: String, for machine: MachineDescription, to object: URL) throws {
    let text = object.deletingPathExtension().appendingPathExtension("c")
    try source.write(to: text, atomically: false, encoding: .utf8)
    let arguments = Self.options + machine.compilerOptions + [
      "-shared", "-fPIC", "-nostdlib", "-o", object.path, text.path,
    ]
    let (status, message) = try Self.run(path, arguments)
    guard status == 0 else {
      throw RuntimeError("clang refused a kernel (\(text.path)):\n\(message.prefix(4000))")
    }
  }

  /// Runs a program and returns its status and all that it printed.
  static func run(_ path: String, _ arguments: [String]) throws -> (Int32, String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    process.standardInput = FileHandle.nullDevice
    do {
      try process.run()
    } catch {
      throw RuntimeError("cannot start \(path): \(error.localizedDescription)")
    }
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}
