/// Products of byte slices, element by element.
extension SliceProduct {
  /// Carries it out for a cell: operands from where they are, sums to the array on chip.
  func run(
    _ left: CheckedMemory, _ leftOffset: Int, _ right: CheckedMemory, _ rightOffset: Int,
    to target: CheckedMemory,
    by cell: Int32
  ) throws(MachineFault.Kind) {
    guard isWellFormed else { throw .malformed("\(self) has no whole tiles") }
    let a = try Self.bytes(left, leftOffset, leftBytes, by: cell)
    let b = try Self.bytes(right, rightOffset, rightBytes, by: cell)
    try target.check(0, sums, bits: 32)
    for weight in 0..<weights {
      for row in 0..<rows {
        for column in 0..<columns {
          var sum = 0
          var flaw: UInt8 = 0
          for i in max(0, weight - rightSlices + 1)..<min(leftSlices, weight + 1) {
            let first = (i * rows + row) * depth
            let (second, step) =
              pitch.map { ((weight - i) * depth * $0 + column, $0) } ?? (((weight - i) * columns + column) * depth, 1)
            for k in 0..<depth {
              let (x, y) = (a[first + k], b[second + k * step])
              sum += Int(x.value) * Int(y.value)
              if x.flaw != 0 { flaw = x.flaw }
              if y.flaw != 0 { flaw = y.flaw }
            }
          }
          let code = UInt64(UInt32(truncatingIfNeeded: sum))
          try target.write((weight * rows + row) * columns + column, bits: 32, code, flaw: flaw, by: cell)
        }
      }
    }
  }

  private static func bytes(
    _ memory: CheckedMemory, _ first: Int, _ count: Int, by cell: Int32
  ) throws(MachineFault.Kind) -> [(value: Int8, flaw: UInt8)] {
    try memory.check(first, count, bits: 8)
    var bytes: [(value: Int8, flaw: UInt8)] = []
    bytes.reserveCapacity(count)
    for at in first..<first + count {
      let (code, flaw) = try memory.read(at, bits: 8, by: cell)
      bytes.append((Int8(truncatingIfNeeded: code), flaw))
    }
    return bytes
  }
}
