import MachineIR
import TileIR

/// A tile that a launch left in a workspace for the host to print.
struct PrintedTile {
  let tile: Workspace.Print
  let workspace: Int
  let extents: [CompiledNumber]

  /// Prints as the reference does: one line for each line of the tile along its last axis, a tile
  /// without elements by its label alone.
  func write(
    _ numbers: borrowing LaunchNumbers, _ memory: UnsafeRawPointer?, _ print: (String) -> Void
  ) {
    var shape: [Int] = []
    for extent in extents { shape.append(extent.value(numbers)) }
    let count = shape.reduce(1, *)
    guard count > 0, let memory else { return print("\(tile.label): empty") }
    let row = shape.last ?? 1
    for start in stride(from: 0, to: count, by: row) {
      var rest = start / row
      var named: [String] = []
      for axis in shape.indices.dropLast().reversed() {
        named.insert("\(tile.axes[axis].name)=\(rest % shape[axis])", at: 0)
        rest /= shape[axis]
      }
      if let last = tile.axes.last { named.append("\(last.name)=...") }
      let place = named.isEmpty ? "" : " [\(named.joined(separator: ", "))]"
      let values = (start..<start + row).map { text(memory + 4 * $0) }
      print("\(tile.label)\(place) \(values.joined(separator: " "))")
    }
  }

  private func text(_ element: UnsafeRawPointer) -> String {
    let code = element.load(as: UInt32.self)
    if tile.isTruth { return code == 0 ? "false" : "true" }
    return tile.element == .float32
      ? "\(ElementType.float32.number(code))" : "\(Int32(bitPattern: code))"
  }
}
