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
  /// Tells this compiler from another without starting it: part of the names of cached objects. Behind
  /// a link or a proxy that runs another program it is the proxy's.
  let identity: String

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
    let program = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let attributes = try? FileManager.default.attributesOfItem(atPath: program)
    let size = attributes?[.size].map { "\($0)" } ?? ""
    let changed = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
    return Clang(path: path, identity: "\(size) \(changed)")
  }

  /// The first line of what `--version` says.
  public func version() throws -> String {
    let folder = try TemporaryFolder()
    let result = try ChildProcess.run(path, ["--version"], output: folder.file("version"))
    guard result.status == 0, result.text.contains("clang") else {
      throw RuntimeError("\(path) does not answer as clang: \(result.text.prefix(200))")
    }
    return String(result.text.prefix { $0 != "\n" })
  }

  /// A program that stands beside this one, such as the toolchain's linker; nil where there is none.
  func neighbour(_ name: String) -> String? {
    let folders = [
      URL(fileURLWithPath: path).deletingLastPathComponent().path, Self.resolved(path),
    ]
    return folders.map { $0 + "/" + name }.first(where: FileManager.default.isExecutableFile(atPath:))
  }

  /// The folder that a link leads to.
  private static func resolved(_ path: String) -> String {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().deletingLastPathComponent().path
  }

  /// The options that keep the contract: no contraction, wrapping integers, no errno; -O2 is as fast as
  /// -O3 on these kernels and compiles twice as fast.
  public static let options = [
    "-x", "c", "-std=gnu11", "-O2", "-ffp-contract=off", "-fno-math-errno", "-fwrapv",
    "-fno-strict-aliasing", "-fno-vectorize", "-fno-slp-vectorize", "-w",
  ]

  /// A shared object for this host.
  static let libraryOptions = ["-shared", "-fPIC", "-nostdlib"]
  /// An object of a program that runs alone, with no C library, on any machine's Linux.
  static let freestandingOptions = ["-c", "-ffreestanding", "-fno-pic"]

  /// Compiles C text for `machine` to the file `output`, in a folder that holds what comes up.
  ///
  /// Throws with clang's own words and where the text is kept.
  func compile(
    _ source: String, for machine: MachineDescription, _ kind: [String], to output: URL,
    in folder: TemporaryFolder
  ) throws {
    let cpu = try cpu(machine)
    let text = folder.file("kernel.c")
    do {
      try source.write(to: text, atomically: false, encoding: .utf8)
    } catch {
      throw RuntimeError(
        "cannot write \(text.path): \(error.localizedDescription). "
          + "Free space there or set TMPDIR to a folder that can be written.")
    }
    let arguments =
      Self.options + ["--target=\(cpu.triple)"] + cpu.compilerOptions + kind
      + ["-o", output.path, text.path]
    try run(arguments, about: "a kernel", in: folder) { Self.keep(text) }
  }

  /// Links objects of a program that runs alone. Needs the linker that comes with clang, since the
  /// system's own knows only this host.
  func link(
    _ objects: [URL], for machine: MachineDescription, to output: URL, in folder: TemporaryFolder
  ) throws {
    guard neighbour("ld.lld") != nil else {
      throw RuntimeError(
        "no ld.lld beside \(path) to link programs for \(machine.name) with: it comes with the Swift "
          + "toolchain and with Debian's package lld; name a clang that has one in TESSERA_CLANG.")
    }
    let arguments =
      ["--target=\(try cpu(machine).triple)", "-nostdlib", "-static", "-fuse-ld=lld", "-o", output.path]
      + objects.map(\.path)
    try run(arguments, about: "to link a program", in: folder) { nil }
  }

  private func cpu(_ machine: MachineDescription) throws -> MachineDescription.CPU {
    guard let cpu = machine.cpu else {
      throw RuntimeError("\(machine.name) is no processor that clang compiles C for")
    }
    return cpu
  }

  private func run(
    _ arguments: [String], about what: String, in folder: TemporaryFolder, keep: () -> URL?
  ) throws {
    let result = try ChildProcess.run(path, arguments, output: folder.file("messages"))
    guard result.status == 0 else {
      let kept = keep().map { " (\($0.path))" } ?? ""
      throw RuntimeError("\(path) refused \(what)\(kept):\n\(result.text.prefix(4000))")
    }
  }

  /// A copy of a text that clang refused, for whoever looks into it.
  private static func keep(_ text: URL) -> URL? {
    let copy = FileManager.default.temporaryDirectory
      .appendingPathComponent("tessera-refused-\(UUID().uuidString.prefix(8)).c")
    return (try? FileManager.default.copyItem(at: text, to: copy)).map { copy }
  }
}
