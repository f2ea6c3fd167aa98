import TileIR

/// A float and its coordinate in the order of `topK` and `argmax`: larger values first, +0 and -0
/// equal, NaN behind -infinity, ties to the lower coordinate.
struct Ranked: Comparable {
  let value: Float
  let coordinate: Int

  static func < (a: Ranked, b: Ranked) -> Bool {
    switch (a.value.isNaN, b.value.isNaN) {
    case (false, true): true
    case (true, false): false
    case (true, true): a.coordinate < b.coordinate
    case (false, false):
      a.value == b.value ? a.coordinate < b.coordinate : a.value > b.value
    }
  }
}

/// Operations that put a whole axis in order.
extension BlockEvaluator {
  func topK(
    along dimension: Dimension, into: Dimension, _ node: Node, over axes: [Axis]
  ) throws(Diagnostic) -> Grid<UInt32> {
    let operand = try grid(of: node.operands[0])
    let width = into.extent!
    return try wholeLines(operand, along: dimension, into: into, over: axes) { line in
      // The largest of the whole axis are among the largest of its pieces.
      let pieces = cutter.pieces(of: line.indices).map { piece in
        piece.map { Ranked(value: Float(bitPattern: line[$0]), coordinate: $0 - line.startIndex) }
          .sorted().prefix(width)
      }
      let largest = cutter.order(pieces).joined().sorted().prefix(width)
      let coordinates = largest.map { UInt32($0.coordinate) }
      return coordinates + Array(repeating: UInt32.max, count: width - coordinates.count)
    }
  }

  /// The sorted values, or the coordinates in their order where `positions` is true.
  func sort(
    along dimension: Dimension, _ node: Node, over axes: [Axis], positions: Bool
  ) throws(Diagnostic) -> Grid<UInt32> {
    let operand = try grid(of: node.operands[0])
    return try wholeLines(operand, along: dimension, into: dimension, over: axes) { line in
      let values = line.map { Int32(bitPattern: $0) }
      let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
      return order.map { positions ? UInt32($0) : UInt32(bitPattern: values[$0]) }
    }
  }

  /// Replaces every line along `dimension` by a line along `into`; what a short line leaves is never
  /// looked at. A fault of any element that exists is a fault of the whole new line.
  private func wholeLines(
    _ operand: Grid<UInt32>, along dimension: Dimension, into: Dimension, over axes: [Axis],
    _ replace: (ArraySlice<UInt32>) -> [UInt32]
  ) throws(Diagnostic) -> Grid<UInt32> {
    let rest = axes.without(into)
    let along = axes[into]!
    let lines = Lines(operand, along: dimension, over: rest)
    let lengths = try lengths(of: dimension).broadcast(to: rest)
    var elements = [UInt32](repeating: 0, count: rest.elementCount * along.count)
    var marks = FaultMap(count: elements.count)
    for result in 0..<rest.elementCount {
      let (start, count) = (result * along.count, lengths.elements[result])
      let fault =
        lengths.fault(at: result) != 0
        ? lengths.fault(at: result) : lines.fault(result, count: count)
      if fault != 0 {
        for position in start..<start + along.count { marks.mark(position, fault) }
        continue
      }
      for (offset, code) in replace(lines.line(result, count: count)).enumerated() {
        elements[start + offset] = code
      }
    }
    return Grid(rest + [along], elements, faults: marks.numbers).broadcast(to: axes)
  }
}
