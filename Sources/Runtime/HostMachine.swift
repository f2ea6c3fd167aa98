import CTesseraShims
import Foundation
import MachineIR

extension MachineDescription {
  /// The best target that this machine runs; `$TESSERA_TARGET` names another. A processor that is not
  /// known gets the plainest of its family.
  public static var host: MachineDescription {
    get throws {
      try host(
        level: tessera_cpu_level(), wanted: ProcessInfo.processInfo.environment["TESSERA_TARGET"])
    }
  }

  static func host(level: Int32, wanted: String?) throws -> MachineDescription {
    let running = cpus.filter { $0.runs(on: level) }
    if let wanted {
      guard let machine = named(wanted) else {
        throw RuntimeError("TESSERA_TARGET is \(wanted); one of \(names(cpus)) expected")
      }
      guard running.contains(machine) else {
        throw RuntimeError(
          "TESSERA_TARGET is \(wanted), which this processor cannot run; it runs \(names(running))")
      }
      return machine
    }
    guard let best = running.last else {
      throw RuntimeError("this processor is neither x86-64 nor aarch64; there are \(names(cpus))")
    }
    return best
  }

  private static func names(_ machines: [MachineDescription]) -> String {
    machines.isEmpty ? "none" : machines.map(\.name).joined(separator: ", ")
  }

  /// Whether this processor runs the target's code.
  public var runsHere: Bool { runs(on: tessera_cpu_level()) }

  /// Whether a processor of a level of `tessera_cpu_level` does.
  private func runs(on level: Int32) -> Bool {
    switch name {
    case "cpu-sse2": (0...2).contains(level)
    case "cpu-avx2": (1...2).contains(level)
    case "cpu-avx512": level == 2
    case "cpu-neon": level == 3
    default: false
    }
  }
}
