/// Instructions on bytes that stand four to a lane.
extension FunctionTable {
  /// Every sum is exact, or has no value.
  func multiplyBytes(
    _ operands: [RegisterValue], _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    guard type == ByteMatrices.sum,
      operands.map(\.type) == [ByteMatrices.sum, ByteMatrices.left, ByteMatrices.right]
    else { throw .malformed("a product of bytes of \(operands.map(\.type)) to \(type)") }
    let depth = ByteMatrices.depth
    var left = ByteRows(count: ByteMatrices.rows, length: depth)
    for lane in 0..<ByteMatrices.left.lanes {
      let place = ByteMatrices.left(lane)
      left.put(operands[1], lane, row: place.row, at: place.depth)
    }
    var right = ByteRows(count: ByteMatrices.columns, length: depth)
    for lane in 0..<ByteMatrices.right.lanes {
      let place = ByteMatrices.right(lane)
      right.put(operands[2], lane, row: place.column, at: place.depth)
    }
    var result = operands[0]
    for lane in 0..<type.lanes {
      let (row, column) = ByteMatrices.sum(lane)
      var total = Int64(bitPattern: result.bits[lane])
      for k in 0..<depth { total += left.bytes[row * depth + k] * right.bytes[column * depth + k] }
      result.bits[lane] = type.scalar.canonical(UInt64(bitPattern: total))
      for flaw in [left.flaws[row], right.flaws[column]] where flaw != 0 { result.spoil(lane, flaw) }
      if Int64(bitPattern: result.bits[lane]) != total, result.flaws?[lane] ?? 0 == 0 {
        result.spoil(lane, Flaw.overflow.rawValue)
      }
    }
    return result
  }
}

/// Rows of signed bytes, and what is wrong with one of a row's.
private struct ByteRows {
  let length: Int
  var bytes: [Int64]
  var flaws: [UInt8]

  init(count: Int, length: Int) {
    self.length = length
    bytes = [Int64](repeating: 0, count: count * length)
    flaws = [UInt8](repeating: 0, count: count)
  }

  mutating func put(_ value: RegisterValue, _ lane: Int, row: Int, at depth: Int) {
    for byte in 0..<4 {
      bytes[row * length + depth + byte] = Int64(
        Int8(truncatingIfNeeded: value.bits[lane] >> UInt64(8 * byte)))
    }
    if let flaw = value.flaws?[lane], flaw != 0 { flaws[row] = flaw }
  }
}
