/// Matrix products of integers in binary64.
extension FunctionTable {
  /// Every sum is exact, or has no value.
  func multiplyDoubles(
    _ operands: [RegisterValue], _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    guard type == DoubleMatrices.sum,
      operands.map(\.type) == [DoubleMatrices.sum, DoubleMatrices.left, DoubleMatrices.right]
    else { throw .malformed("a product of matrices of \(operands.map(\.type)) to \(type)") }
    let depth = DoubleMatrices.depth
    var result = operands[0]
    for lane in 0..<type.lanes {
      let (row, column) = DoubleMatrices.sum(lane)
      var (total, isExact) = (Double(bitPattern: result.bits[lane]), true)
      for k in 0..<depth {
        let lanes = [row * depth + k, column * depth + k]
        let (a, b) = (operands[1].bits[lanes[0]], operands[2].bits[lanes[1]])
        total.addProduct(Double(bitPattern: a), Double(bitPattern: b))
        isExact = isExact && total.magnitude < 0x1p53 && total.rounded() == total
        for (operand, own) in zip(operands[1...], lanes) {
          if let flaw = operand.flaws?[own], flaw != 0 { result.spoil(lane, flaw) }
        }
      }
      result.bits[lane] = total.bitPattern
      if !isExact, result.flaws?[lane] ?? 0 == 0 { result.spoil(lane, Flaw.overflow.rawValue) }
    }
    return result
  }
}
