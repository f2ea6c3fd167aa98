import TileIR

/// Instructions on whole registers, with what repeats from lane to lane looked up once.
final class FunctionTable {
  private var functions: [ScalarFunction: [Line]] = [:]
  private let arithmetic: FloatArithmetic

  init(_ arithmetic: FloatArithmetic) { self.arithmetic = arithmetic }

  private enum Line {
    case parameter(Int)
    case constant(UInt64)
    case operation((UInt64, UInt64, UInt64) -> LaneArithmetic.Result, [Int])
    case select([Int])
  }

  func apply(
    _ instruction: Instruction, _ operands: [RegisterValue], _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    let first = operands[0]
    switch instruction {
    case .select: return try select(operands, type)
    case .bitCast: return try bitCast(first, type)
    case .call(let function): return try call(function, operands, type)
    case .lowHalf: return part(first, Array(0..<type.lanes), type)
    case .highHalf: return part(first, (0..<type.lanes).map { $0 + type.lanes }, type)
    case .evenLanes: return part(first, (0..<type.lanes).map { 2 * $0 }, type)
    case .oddLanes: return part(first, (0..<type.lanes).map { 2 * $0 + 1 }, type)
    case .lane(let lane):
      guard lane >= 0, lane < first.type.lanes else { throw .malformed("lane \(lane) of \(first.type)") }
      return part(first, [lane], type)
    case .concatenate:
      let second = operands[1]
      guard first.type == second.type else { throw .malformed("\(first.type) beside \(second.type)") }
      let flaws =
        first.flaws == nil && second.flaws == nil
        ? nil : (first.flaws ?? clean(first.type.lanes)) + (second.flaws ?? clean(second.type.lanes))
      return RegisterValue(type, first.bits + second.bits, flaws)
    case .interleave:
      let both = try apply(.concatenate, operands, type)
      return part(both, (0..<type.lanes).map { $0 / 2 + $0 % 2 * (type.lanes / 2) }, type)
    case .dot4: return try dot4(operands, type)
    case .multiplyBytes: return try multiplyBytes(operands, type)
    case .multiplyDoubles: return try multiplyDoubles(operands, type)
    case .multiplyHalves: return try multiplyHalves(operands, type)
    case .halvesOfE4M3(let pair, let part): return try halvesOfE4M3(pair, part, first, type)
    case .halvesOfE2M1(let pair): return try halvesOfE2M1(pair, operands, type)
    case .lookup16: return try lookup(operands, type, mask: 15)
    case .lookup128: return try lookup(operands, type, mask: 127)
    case .roundedSum:
      return lanewise(operands, type) { bits in
        (LaneArithmetic.real(LaneArithmetic.roundedSum(bits.map(LaneArithmetic.double))), 0)
      }
    default:
      guard let rule = LaneArithmetic.rule(instruction, first.type.scalar, type.scalar, arithmetic),
        operands.allSatisfy({ $0.type == first.type }), first.type.lanes == type.lanes
      else { throw .malformed("\(instruction) of \(operands.map(\.type)) to \(type)") }
      return pointwise(rule, operands, type)
    }
  }

  /// The first flaw of a lane among operands; 0 where none has one.
  private static func flaw(of operands: [RegisterValue], _ lane: Int) -> UInt8 {
    for operand in operands {
      if let flaw = operand.flaws?[lane], flaw != 0 { return flaw }
    }
    return 0
  }

  private func clean(_ lanes: Int) -> [UInt8] { [UInt8](repeating: 0, count: lanes) }

  private func part(_ value: RegisterValue, _ lanes: [Int], _ type: MachineType) -> RegisterValue {
    let flaws = value.flaws.map { flaws in lanes.map { flaws[$0] } }
    return RegisterValue(type, lanes.map { value.bits[$0] }, flaws)
  }

  /// A rule of up to three operands in every lane; a lane without value makes one without.
  private func pointwise(
    _ rule: (UInt64, UInt64, UInt64) -> LaneArithmetic.Result, _ operands: [RegisterValue],
    _ type: MachineType
  ) -> RegisterValue {
    let a = operands[0]
    let b = operands.count > 1 ? operands[1] : a
    let c = operands.count > 2 ? operands[2] : a
    let hasFlaws = a.flaws != nil || b.flaws != nil || c.flaws != nil
    var result = RegisterValue(type, repeating: 0)
    for lane in 0..<type.lanes {
      let (bits, flaw) = rule(a.bits[lane], b.bits[lane], c.bits[lane])
      result.bits[lane] = bits
      let inherited = hasFlaws ? Self.flaw(of: [a, b, c], lane) : 0
      if inherited != 0 || flaw != 0 { result.spoil(lane, inherited != 0 ? inherited : flaw) }
    }
    return result
  }

  private func lanewise(
    _ operands: [RegisterValue], _ type: MachineType, _ rule: ([UInt64]) -> LaneArithmetic.Result
  ) -> RegisterValue {
    var result = RegisterValue(type, repeating: 0)
    for lane in 0..<type.lanes {
      let (bits, flaw) = rule(operands.map { $0.bits[lane] })
      result.bits[lane] = bits
      let inherited = Self.flaw(of: operands, lane)
      if inherited != 0 || flaw != 0 { result.spoil(lane, inherited != 0 ? inherited : flaw) }
    }
    return result
  }

  /// Lanes of the side that is chosen; the other side's need no value.
  private func select(
    _ operands: [RegisterValue], _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    let (condition, a, b) = (operands[0], operands[1], operands[2])
    guard a.type == type, b.type == type, condition.type.lanes == type.lanes || condition.type.lanes == 1,
      condition.type.scalar == .mask
    else { throw .malformed("select of \(operands.map(\.type)) to \(type)") }
    let hasFlaws = condition.flaws != nil || a.flaws != nil || b.flaws != nil
    var result = RegisterValue(type, repeating: 0)
    for lane in 0..<type.lanes {
      let chooser = condition.type.lanes == 1 ? 0 : lane
      let side = condition.bits[chooser] != 0 ? a : b
      result.bits[lane] = side.bits[lane]
      guard hasFlaws else { continue }
      if let flaw = condition.flaws?[chooser], flaw != 0 {
        result.spoil(lane, flaw)
      } else if let flaw = side.flaws?[lane], flaw != 0 {
        result.spoil(lane, flaw)
      }
    }
    return result
  }

  private func bitCast(
    _ value: RegisterValue, _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    let (from, to) = (value.type.scalar.byteCount, type.scalar.byteCount)
    guard from * value.type.lanes == to * type.lanes else {
      throw .malformed("\(value.type) as bits of \(type)")
    }
    if from == to {
      return RegisterValue(type, value.bits.map { type.scalar.canonical($0) }, value.flaws)
    }
    var bytes: [UInt8] = []
    for bits in value.bits {
      for byte in 0..<from { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * byte))) }
    }
    var result = RegisterValue(type, repeating: 0)
    for lane in 0..<type.lanes {
      var bits: UInt64 = 0
      for byte in 0..<to {
        bits |= UInt64(bytes[lane * to + byte]) << UInt64(8 * byte)
        if let flaw = value.flaws?[(lane * to + byte) / from], flaw != 0 { result.spoil(lane, flaw) }
      }
      result.bits[lane] = type.scalar.canonical(bits)
    }
    return result
  }

  private func dot4(_ operands: [RegisterValue], _ type: MachineType) throws(MachineFault.Kind)
    -> RegisterValue
  {
    let (sum, a, b) = (operands[0], operands[1], operands[2])
    guard sum.type == type, a.type == MachineType(.u8, 4 * type.lanes),
      b.type == MachineType(.i8, 4 * type.lanes)
    else { throw .malformed("dot4 of \(operands.map(\.type))") }
    var result = sum
    for lane in 0..<type.lanes {
      var total = Int64(bitPattern: sum.bits[lane])
      for byte in 4 * lane..<4 * lane + 4 {
        total += Int64(a.bits[byte]) * Int64(bitPattern: b.bits[byte])
        if let flaw = a.flaws?[byte], flaw != 0 { result.spoil(lane, flaw) }
        if let flaw = b.flaws?[byte], flaw != 0 { result.spoil(lane, flaw) }
      }
      result.bits[lane] = type.scalar.canonical(UInt64(bitPattern: total))
      if Int64(bitPattern: result.bits[lane]) != total, result.flaws?[lane] ?? 0 == 0 {
        result.spoil(lane, Flaw.overflow.rawValue)
      }
    }
    return result
  }

  private func lookup(
    _ operands: [RegisterValue], _ type: MachineType, mask: UInt64
  ) throws(MachineFault.Kind) -> RegisterValue {
    let (table, at) = (operands[0], operands[1])
    guard table.type.lanes == Int(mask) + 1, at.type == MachineType(.u8, type.lanes) else {
      throw .malformed("a table of \(table.type) looked up by \(at.type)")
    }
    var result = RegisterValue(type, repeating: 0)
    for lane in 0..<type.lanes {
      let place = Int(at.bits[lane] & mask)
      result.bits[lane] = type.scalar.canonical(table.bits[place])
      if let flaw = at.flaws?[lane], flaw != 0 {
        result.spoil(lane, flaw)
      } else if let flaw = table.flaws?[place], flaw != 0 {
        result.spoil(lane, flaw)
      }
    }
    return result
  }

  // MARK: Scalar functions

  private func call(
    _ function: ScalarFunction, _ operands: [RegisterValue], _ type: MachineType
  ) throws(MachineFault.Kind) -> RegisterValue {
    let lines = try lines(of: function)
    return lanewise(operands, type) { arguments in
      var values = [LaneArithmetic.Result](repeating: (0, 0), count: lines.count)
      for (number, line) in lines.enumerated() {
        switch line {
        case .parameter(let position): values[number] = (arguments[position], 0)
        case .constant(let bits): values[number] = (bits, 0)
        case .select(let operands):
          let condition = values[operands[0]]
          values[number] = condition.flaw != 0 ? condition : values[operands[condition.bits != 0 ? 1 : 2]]
        case .operation(let rule, let operands):
          let a = values[operands[0]]
          let b = operands.count > 1 ? values[operands[1]] : a
          let c = operands.count > 2 ? values[operands[2]] : a
          let (bits, flaw) = rule(a.bits, b.bits, c.bits)
          let inherited = a.flaw != 0 ? a.flaw : b.flaw != 0 ? b.flaw : c.flaw
          // A body's integers wrap.
          values[number] = (bits, inherited != 0 ? inherited : flaw == Flaw.overflow.rawValue ? 0 : flaw)
        }
      }
      return values[function.result]
    }
  }

  private func lines(of function: ScalarFunction) throws(MachineFault.Kind) -> [Line] {
    if let known = functions[function] { return known }
    var lines: [Line] = []
    for step in function.steps {
      switch step.operation {
      case .parameter(let position): lines.append(.parameter(position))
      case .constant(let bits):
        let scalar = step.type.register
        lines.append(.constant(scalar.canonical(UInt64(bits))))
      case .elementwise(.select): lines.append(.select(step.operands))
      case .elementwise(let operation):
        let source = function.steps[step.operands[0]].type.register
        let target = step.type.register
        if case .bitCast = operation {
          lines.append(.operation({ a, _, _ in (target.canonical(a), 0) }, step.operands))
          continue
        }
        guard let instruction = Instruction(operation),
          let rule = LaneArithmetic.rule(instruction, source, target)
        else { throw .malformed("\(operation.name) in \(function.name)") }
        lines.append(.operation(rule, step.operands))
      }
    }
    functions[function] = lines
    return lines
  }
}

extension Instruction {
  /// The instruction that computes an elementwise operation lane by lane.
  init?(_ operation: Elementwise) {
    switch operation {
    case .add: self = .add
    case .subtract: self = .subtract
    case .multiply: self = .multiply
    case .negate: self = .negate
    case .absolute: self = .absolute
    case .minimum: self = .minimum
    case .maximum: self = .maximum
    case .compare(let comparison): self = .compare(comparison)
    case .divide: self = .divide
    case .fusedMultiplyAdd: self = .fusedMultiplyAdd
    case .squareRoot: self = .squareRoot
    case .reciprocalSquareRoot: self = .reciprocalSquareRoot
    case .and: self = .and
    case .or: self = .or
    case .xor: self = .xor
    case .not: self = .not
    case .shiftLeft: self = .shiftLeft
    case .shiftRightLogical: self = .shiftRightLogical
    case .shiftRightArithmetic: self = .shiftRightArithmetic
    case .divideFloor(let n): self = .divideFloor(n)
    case .remainderFloor(let n): self = .remainderFloor(n)
    case .convert: self = .convert
    case .select, .bitCast: return nil
    }
  }
}
