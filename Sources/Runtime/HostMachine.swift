import CTesseraShims
import Foundation
import MachineIR

extension MachineDescription {
  /// The best target that this machine runs; `$TESSERA_TARGET` names another. A processor that is not
  /// known gets the plainest of its family.
  public static var host: MachineDescription {
    get throws {
      if let name = ProcessInfo.processInfo.environment["TESSERA_TARGET"] {
        guard let machine = named(name) else {
          throw RuntimeError(
            "TESSERA_TARGET is \(name); one of \(cpus.map(\.name).joined(separator: ", ")) expected")
        }
        guard machine.runsHere else {
          throw RuntimeError("TESSERA_TARGET is \(name), which this processor cannot run")
        }
        return machine
      }
      guard let best = cpus.last(where: \.runsHere) else {
        throw RuntimeError(
          "this processor is neither x86-64 nor aarch64; \(cpus.map(\.name).joined(separator: ", ")) exist")
      }
      return best
    }
  }

  /// Whether this processor runs the target's code.
  public var runsHere: Bool {
    let level = tessera_cpu_level()
    return switch name {
    case "cpu-sse2": (0...2).contains(level)
    case "cpu-avx2": (1...2).contains(level)
    case "cpu-avx512": level == 2
    case "cpu-neon": level == 3
    default: false
    }
  }
}
