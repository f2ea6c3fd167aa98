import MachineIR
import TileIR

/// A tile that a launch left in a workspace for the host to print.
struct PrintedTile {
  let tile: Workspace.Print
  let workspace: Int
  let extents: [CompiledNumber]

  private func shape(_ numbers: borrowing LaunchNumbers) -> [Int] {
    var shape: [Int] = []
    for extent in extents { shape.append(extent.value(numbers)) }
    return shape
  }

  /// Makes every element absent, before a launch.
  func clear(_ numbers: borrowing LaunchNumbers, _ memory: UnsafeMutableRawPointer?) {
    let count = shape(numbers).reduce(1, *)
    guard let memory, count > 0 else { return }
    (memory + 4 * count).initializeMemory(as: UInt8.self, repeating: 0, count: 4 * count)
  }

  /// Prints as the reference does: one line for each line of the tile along its last axis, with the
  /// elements that exist; a tile without elements by its label alone.
  func write(
    _ numbers: borrowing LaunchNumbers, _ memory: UnsafeRawPointer?, _ print: (String) -> Void
  ) {
    let shape = shape(numbers)
    let count = shape.reduce(1, *)
    let row = shape.last ?? 1
    var isEmpty = true
    if let memory, count > 0 {
      for start in stride(from: 0, to: count, by: row) {
        let present = (start..<start + row).filter {
          memory.load(fromByteOffset: 4 * (count + $0), as: UInt32.self) != 0
        }
        if present.isEmpty { continue }
        isEmpty = false
        let values = present.map { text(memory.load(fromByteOffset: 4 * $0, as: UInt32.self)) }
        print("\(tile.label)\(place(of: start / row, in: shape)) \(values.joined(separator: " "))")
      }
    }
    if isEmpty { print("\(tile.label): empty") }
  }

  /// Such as ` [rows=2, width=...]`; nothing for a tile without axes.
  private func place(of row: Int, in shape: [Int]) -> String {
    guard let last = tile.axes.last else { return "" }
    var rest = row
    var named = ["\(last.name)=..."]
    for axis in shape.indices.dropLast().reversed() {
      named.insert("\(tile.axes[axis].name)=\(rest % shape[axis])", at: 0)
      rest /= shape[axis]
    }
    return " [\(named.joined(separator: ", "))]"
  }

  private func text(_ word: UInt32) -> String {
    let code = word & tile.element.mask
    if tile.element == .bool { return code == 0 ? "false" : "true" }
    return tile.element.isFloating
      ? "\(tile.element.number(code))" : "\(tile.element.integer(code))"
  }
}
