import TileIR

/// Matrix products of halves, and the halves of codes.
extension FunctionTable {
  /// Every sum is exact, or has no value.
  func multiplyHalves(
    _ operands: [RegisterValue], _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    guard type == HalfMatrices.sum,
      operands.map(\.type) == [HalfMatrices.sum, HalfMatrices.left, HalfMatrices.right]
    else { throw .malformed("a product of halves of \(operands.map(\.type)) to \(type)") }
    let depth = HalfMatrices.depth
    var left = HalfRows(count: HalfMatrices.rows, length: depth)
    for lane in 0..<HalfMatrices.left.lanes {
      let place = HalfMatrices.left(lane)
      left.put(operands[1], lane, row: place.row, at: place.depth)
    }
    var right = HalfRows(count: HalfMatrices.columns, length: depth)
    for lane in 0..<HalfMatrices.right.lanes {
      let place = HalfMatrices.right(lane)
      right.put(operands[2], lane, row: place.column, at: place.depth)
    }
    var result = operands[0]
    for lane in 0..<type.lanes {
      let (row, column) = HalfMatrices.sum(lane)
      var sum = ExactUnits(LaneArithmetic.float(result.bits[lane]))
      for k in 0..<depth { sum.add(left.numbers[row * depth + k] * right.numbers[column * depth + k]) }
      result.bits[lane] = LaneArithmetic.real(Float(sum.total))
      for flaw in [left.flaws[row], right.flaws[column]] where flaw != 0 { result.spoil(lane, flaw) }
      if !sum.isExact, result.flaws?[lane] ?? 0 == 0 { result.spoil(lane, Flaw.overflow.rawValue) }
    }
    return result
  }

  func halvesOfE4M3(
    _ pair: Int, _ part: Int, _ value: RegisterValue, _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    guard type.scalar == .i32, value.type == type, (0..<2).contains(pair),
      (0..<HalfMatrices.parts).contains(part)
    else { throw .malformed("part \(part) of pair \(pair) of the E4M3 codes of \(value.type) to \(type)") }
    var result = value
    for lane in 0..<type.lanes {
      var hasNaN = false
      let bits = halves { half in
        let code = UInt8(truncatingIfNeeded: value.bits[lane] >> UInt64(8 * (2 * pair + half)))
        hasNaN = hasNaN || code & 0x7F == 0x7F
        return code & 0x7F == 0x7F ? 0 : HalfMatrices.part(part, ofE4M3: code)
      }
      result.bits[lane] = type.scalar.canonical(bits)
      if hasNaN, result.flaws?[lane] ?? 0 == 0 { result.spoil(lane, Flaw.overflow.rawValue) }
    }
    return result
  }

  func halvesOfE2M1(
    _ pair: Int, _ operands: [RegisterValue], _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    guard type.scalar == .i32, operands.map(\.type) == [type, type],
      HalfMatrices.sizeShifts.indices.contains(pair)
    else { throw .malformed("pair \(pair) of the E2M1 codes of \(operands.map(\.type)) to \(type)") }
    var result = operands[0]
    for lane in 0..<type.lanes {
      let (word, shift) = (operands[0].bits[lane], Int(Int32(truncatingIfNeeded: operands[1].bits[lane])))
      let isPower = (0...HalfMatrices.mostShift).contains(shift)
      let scale = Float(sign: .plus, exponent: HalfMatrices.e2m1Exponent + (isPower ? shift : 0), significand: 1)
      let bits = halves { half in
        let sign = word >> UInt64(16 * half + HalfMatrices.signBit - HalfMatrices.signShifts[pair]) & 1
        let size = word >> UInt64(16 * half + HalfMatrices.sizeBit - HalfMatrices.sizeShifts[pair]) & 7
        return ElementType.e2m1.number(UInt32(sign << 3 | size)) * scale
      }
      result.bits[lane] = type.scalar.canonical(bits)
      if let flaw = operands[1].flaws?[lane], flaw != 0 { result.spoil(lane, flaw) }
      if !isPower, result.flaws?[lane] ?? 0 == 0 { result.spoil(lane, Flaw.overflow.rawValue) }
    }
    return result
  }

  private func halves(_ number: (Int) -> Float) -> UInt64 {
    (0..<2).reduce(0) { $0 | UInt64(ElementType.float16.code(rounding: number($1))) << UInt64(16 * $1) }
  }
}

/// A sum of numbers, which is exact where all are multiples of a unit and together below 2^24 of it.
private struct ExactUnits {
  private(set) var total: Double
  private var size: Double
  private var unit: Double

  init(_ first: Float) {
    (total, size, unit) = (0, 0, .infinity)
    add(Double(first))
  }

  mutating func add(_ number: Double) {
    total += number
    size += number.magnitude
    guard number.isFinite, number != 0 else { return }
    let lowestBit = number.significandBitPattern | 1 << 52
    unit = min(unit, number.ulp * Double(1 << lowestBit.trailingZeroBitCount))
  }

  var isExact: Bool { size == 0 || size < unit * Double(HalfMatrices.exactSums) }
}

/// Rows of halves, and what is wrong with one of a row's.
private struct HalfRows {
  let length: Int
  var numbers: [Double]
  var flaws: [UInt8]

  init(count: Int, length: Int) {
    self.length = length
    numbers = [Double](repeating: 0, count: count * length)
    flaws = [UInt8](repeating: 0, count: count)
  }

  mutating func put(_ value: RegisterValue, _ lane: Int, row: Int, at depth: Int) {
    for half in 0..<2 {
      let bits = UInt32(truncatingIfNeeded: value.bits[lane] >> UInt64(16 * half)) & 0xFFFF
      numbers[row * length + depth + half] = Double(ElementType.float16.number(bits))
    }
    if let flaw = value.flaws?[lane], flaw != 0 { flaws[row] = flaw }
  }
}
