import Foundation

/// All that a benchmark run found, and what is needed to judge or repeat it.
struct BenchReport: Codable, Equatable {
  let machine: BenchMachine
  /// Year-month-day.
  let date: String
  /// As it was typed.
  let command: String
  /// Other software that was measured, with versions and the kernels that it chose.
  let peers: [String]
  /// What limits the figures, such as a quick run.
  let remarks: [String]
  let rows: [BenchRow]

  /// The name of the files that keep it, without extension: date, processor, target.
  var fileName: String {
    let words = machine.processor.lowercased().split { !$0.isASCII || !($0.isLetter || $0.isNumber) }
    return ([date] + words.map(String.init) + [machine.target]).joined(separator: "-")
  }

  /// A page for people.
  var markdown: String {
    let gigabytes = Double(machine.memory) / 1e9
    let facts = [
      "Processor: \(machine.processor), \(machine.cores) cores, \(machine.coreCache >> 10) KiB of cache a core, "
        + "\(machine.lastLevelCache >> 20) MiB last-level cache, \(String(format: "%.0f", gigabytes)) GB of memory",
      "Target: \(machine.target)", "Compiler: \(machine.compiler)", "System: \(machine.system)",
      "Load before: \(String(format: "%.1f", machine.load)) processes",
      "Peers: \(peers.isEmpty ? "none found" : peers.joined(separator: "; "))", "Command: `\(command)`",
    ]
    let lines = (facts + remarks).map { "- \($0)" }
    return "# Benchmarks, \(date)\n\n\(lines.joined(separator: "\n"))\n\n\(Self.table(rows))\n"
  }

  /// Rows as a Markdown table with aligned columns.
  static func table(_ rows: [BenchRow]) -> String {
    var cells = [["measurement", "tessera", "peer", "ratio", "required", ""]]
    for row in rows {
      let peer = row.peer.map { "\($0.name) \(text($0, row.unit))" } ?? ""
      cells.append([
        row.name, "\(text(row.ours, row.unit)) \(row.unit)", peer,
        row.ratio.map { String(format: "%.2f", $0) } ?? "", row.requirement.map { text($0, row) } ?? "",
        row.isMet.map { $0 ? "met" : "missed" } ?? "",
      ])
    }
    let widths = cells[0].indices.map { column in cells.map { $0[column].count }.max()! }
    func line(_ row: [String]) -> String {
      let padded = zip(row, widths).map { $0.padding(toLength: $1, withPad: " ", startingAt: 0) }
      return "| \(padded.joined(separator: " | ")) |"
    }
    let rule = "|\(widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|"))|"
    return ([line(cells[0]), rule] + cells.dropFirst().map(line)).joined(separator: "\n")
  }

  /// The best with three significant digits and, in brackets, the median.
  private static func text(_ figure: Figure, _ unit: String) -> String {
    "\(digits(figure.best)) (\(digits(figure.median)))"
  }

  private static func text(_ requirement: Requirement, _ row: BenchRow) -> String {
    let sign = requirement.side == .atLeast ? "≥" : "≤"
    let unit = requirement.subject == .figure ? " \(row.unit)" : ""
    return "\(sign) \(requirement.subject == .ratio ? String(format: "%.2f", requirement.bound) : digits(requirement.bound))\(unit)"
  }

  /// Three significant digits without exponent; `-` for what is no number.
  static func digits(_ value: Double) -> String {
    guard value.isFinite else { return "-" }
    guard value != 0 else { return "0" }
    let places = max(0, 2 - Int(log10(abs(value)).rounded(.down)))
    return String(format: "%.\(places)f", value)
  }

  /// Writes `fileName`.md and .json into `folder` and returns their paths.
  func write(into folder: URL) throws -> [URL] {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let texts = ["md": markdown, "json": try tessera.json(self) + "\n"]
    return try texts.sorted { $0.key < $1.key }.map { kind, text in
      let file = folder.appendingPathComponent("\(fileName).\(kind)")
      try text.write(to: file, atomically: true, encoding: .utf8)
      return file
    }
  }
}
