import Foundation
import MachineIR

/// A program that runs another processor's programs on this one: QEMU's user-mode emulation.
public struct Emulator: Sendable {
  /// nil on a processor that runs the machine's programs itself.
  public let path: String?

  /// Whether a machine is one that can be emulated, if an emulator is there.
  public static func emulates(_ machine: MachineDescription) -> Bool {
    machine.cpu?.triple.hasPrefix("aarch64") == true
  }

  /// The emulator for a machine: `$TESSERA_EMULATOR`, or `qemu-aarch64` or `qemu-aarch64-static` along
  /// `$PATH`.
  ///
  /// Throws what is missing and how it comes here. Only `cpu-neon` can be emulated.
  public static func find(
    for machine: MachineDescription, environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> Emulator {
    guard emulates(machine) else {
      throw RuntimeError("\(machine.name) cannot be emulated; only aarch64 targets can")
    }
    if machine.runsHere { return Emulator(path: nil) }
    let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
    let candidates =
      environment["TESSERA_EMULATOR"].map { [$0] }
      ?? folders.flatMap { ["\($0)/qemu-aarch64", "\($0)/qemu-aarch64-static"] }
    guard let path = candidates.first(where: FileManager.default.isExecutableFile(atPath:)) else {
      throw RuntimeError(
        "no emulator to run \(machine.name) with: looked for qemu-aarch64 \(environment["TESSERA_EMULATOR"].map { "at \($0)" } ?? "along PATH"). "
          + "Debian's package qemu-user has it; TESSERA_EMULATOR names another.")
    }
    return Emulator(path: path)
  }

  /// Runs a program, with a file as its standard input.
  func run(_ program: URL, input: URL, output: URL) throws -> ChildProcess.Result {
    try ChildProcess.run(
      path ?? program.path, path == nil ? [] : [program.path], input: input.path, output: output)
  }
}
