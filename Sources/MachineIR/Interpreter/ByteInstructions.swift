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

  func bytesOfNibbles(
    _ table: ByteTable, _ value: RegisterValue, _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    guard type.scalar == .i32, value.type == type, table.bytes.count == 16 else {
      throw .malformed("nibbles of \(value.type) to \(type), looked up among \(table.bytes.count) bytes")
    }
    return picked(from: table.bytes, by: value, indexBits: 4, type)
  }

  func sliceOfE4M3(
    _ slice: Int, _ value: RegisterValue, _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    guard type.scalar == .i32, value.type == type, SignedSlices.tables.indices.contains(slice) else {
      throw .malformed("slice \(slice) of the E4M3 codes of \(value.type) to \(type)")
    }
    return picked(from: SignedSlices.tables[slice], by: value, indexBits: 8, type)
  }

  /// The four bytes of a table that each lane's four lowest indices of so many bits pick.
  private func picked(
    from table: [UInt8], by value: RegisterValue, indexBits: Int, _ type: MachineType
  ) -> RegisterValue {
    let words = value.bits.map { indices -> UInt64 in
      let word = (0..<4).reduce(UInt64(0)) { word, byte in
        let index = indices >> UInt64(indexBits * byte) & (1 << UInt64(indexBits) - 1)
        return word | UInt64(table[Int(index)]) << UInt64(8 * byte)
      }
      return type.scalar.canonical(word)
    }
    return RegisterValue(type, words, value.flaws)
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
