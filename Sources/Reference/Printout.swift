import TileIR

/// What the print statements of one region show, collected over its blocks and written when they are
/// done: whole tiles in coordinate order, whatever the cut.
struct Printout {
  private var elements: [Statement: [(coordinates: [Int], code: UInt32)]] = [:]

  mutating func note(_ statement: Statement, _ coordinates: [Int], _ code: UInt32) {
    elements[statement, default: []].append((coordinates, code))
  }

  /// Writes one line for each line of the tile along its last axis:
  /// `label [row=0, column=...] 1.0 2.0`. A tile with no element writes its label alone.
  func write(_ region: Region, in program: Program, _ print: (String) -> Void) {
    for statement in region.statements {
      guard case .print(let label, let value) = statement.effect else { continue }
      let type = program[value].type
      var axes = region.axes.map(\.dimension)
      axes += program[value].axes.filter { !axes.contains($0) }
      let sorted = (elements[statement] ?? []).sorted {
        $0.coordinates.lexicographicallyPrecedes($1.coordinates)
      }
      if sorted.isEmpty { print("\(label): empty") }
      var start = 0
      while start < sorted.count {
        let row = sorted[start].coordinates.dropLast()
        var end = start
        while end < sorted.count, sorted[end].coordinates.dropLast() == row { end += 1 }
        var named = zip(axes, row).map { "\($0.name)=\($1)" }
        if let last = axes.last { named.append("\(last.name)=...") }
        let place = named.isEmpty ? "" : " [\(named.joined(separator: ", "))]"
        let values = sorted[start..<end].map { Self.text($0.code, type) }
        print("\(label)\(place) \(values.joined(separator: " "))")
        start = end
      }
    }
  }

  private static func text(_ code: UInt32, _ type: ElementType) -> String {
    if type == .bool { return code == 0 ? "false" : "true" }
    return type.isFloating ? "\(type.number(code))" : "\(type.integer(code))"
  }
}
