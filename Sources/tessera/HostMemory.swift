import Foundation

/// The memory of this machine, or of the container that the process is confined to.
struct HostMemory: Encodable {
  let totalBytes: Int
  /// What a new program can take without anything being written out to disk.
  let availableBytes: Int

  static var current: HostMemory {
    let physical = Int(clamping: ProcessInfo.processInfo.physicalMemory)
    let limit = number(in: "/sys/fs/cgroup/memory.max") ?? physical
    let total = min(physical, limit)
    let used = number(in: "/sys/fs/cgroup/memory.current") ?? 0
    let available = availableOnMachine ?? total
    return HostMemory(
      totalBytes: total, availableBytes: min(available, limit < physical ? max(0, limit - used) : total))
  }

  private static func number(in file: String) -> Int? {
    (try? String(contentsOfFile: file, encoding: .utf8)).flatMap {
      Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }

  /// `MemAvailable` of Linux.
  private static var availableOnMachine: Int? {
    let lines = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let line = lines.first { $0.hasPrefix("MemAvailable:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
  }
}

/// Bytes with three significant digits in decimal units, such as `6.89 GB`.
func bytesText(_ bytes: Double) -> String {
  scaled(bytes, by: 1000, units: [" B", " kB", " MB", " GB", " TB", " PB"])
}

func bytesText(_ bytes: Int) -> String { bytesText(Double(bytes)) }

/// A number with three significant digits, such as `10.4 million`.
func countText(_ count: Int) -> String {
  scaled(Double(count), by: 1000, units: ["", " thousand", " million", " billion", " trillion"])
}

private func scaled(_ value: Double, by step: Double, units: [String]) -> String {
  var value = value
  var unit = 0
  // 999.5 would be printed as 1000.
  while value >= 999.5, unit + 1 < units.count {
    value /= step
    unit += 1
  }
  let digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
  return String(format: "%.\(digits)f", value) + units[unit]
}
