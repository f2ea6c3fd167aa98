import Foundation
import MachineIR
import Runtime

/// The machine that figures were measured on.
struct BenchMachine: Codable, Equatable {
  /// The processor's own name.
  let processor: String
  /// The target that kernels are compiled for.
  let target: String
  let cores: Int
  /// Bytes of the second-level cache of a core and of the last-level cache.
  let coreCache: Int
  let lastLevelCache: Int
  /// Bytes of memory.
  let memory: Int
  let system: String
  let compiler: String
  /// Processes that wanted a core during the last minute, this one not yet among them.
  let load: Double

  /// Whether other jobs take much of the cores.
  var isBusy: Bool { load > 0.5 }

  /// This machine. Throws where it has no compiler or no known target.
  static func current() throws -> BenchMachine {
    let information = ProcessInfo.processInfo
    let caches = CacheSizes.current()
    var loads = [0.0]
    if getloadavg(&loads, 1) != 1 { loads[0] = 0 }
    return BenchMachine(
      processor: processorName(), target: try MachineDescription.host.name,
      cores: information.activeProcessorCount, coreCache: caches.core, lastLevelCache: caches.last,
      memory: Int(information.physicalMemory), system: information.operatingSystemVersionString,
      compiler: try Clang.find().version(), load: loads[0])
  }

  /// What /proc/cpuinfo calls the first processor. Virtual machines cut names short, so x86 family and
  /// model follow.
  private static func processorName() -> String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    var fields: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      if parts.count == 2, fields[parts[0]] == nil { fields[parts[0]] = parts[1] }
    }
    guard let name = fields["model name"] else { return "unknown processor" }
    guard let family = fields["cpu family"], let model = fields["model"] else { return name }
    return "\(name), family \(family) model \(model)"
  }
}

/// The caches as the system lists them.
struct CacheSizes: Equatable {
  let core: Int
  let last: Int

  /// From Linux; 1 MiB and 32 MiB where it says nothing.
  static func current() -> CacheSizes {
    let folder = "/sys/devices/system/cpu/cpu0/cache"
    var sizes: [Int: Int] = [:]
    for index in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      func text(_ file: String) -> String? {
        (try? String(contentsOfFile: "\(folder)/\(index)/\(file)", encoding: .utf8))?
          .trimmingCharacters(in: .whitespacesAndNewlines)
      }
      if let level = text("level").flatMap(Int.init), let size = text("size").flatMap(bytes) {
        sizes[level] = max(size, sizes[level] ?? 0)
      }
    }
    return CacheSizes(
      core: sizes[2] ?? 1 << 20, last: sizes.max { $0.key < $1.key }?.value ?? 32 << 20)
  }

  /// The bytes that a text such as `32768K` says, or nil.
  static func bytes(_ text: String) -> Int? {
    guard let unit = text.last else { return nil }
    let factor = switch unit {
    case "K": 1 << 10
    case "M": 1 << 20
    case "G": 1 << 30
    default: 1
    }
    return Int(factor == 1 ? Substring(text) : text.dropLast()).map { $0 * factor }
  }
}
