import MachineIR
import TileIR

extension Work {
  /// Adds what an instruction on registers of `operand` lanes takes, giving `result`.
  ///
  /// A vector of n lanes is n / 32 registers of warps. Division, roots and 64-bit integers are programs of
  /// the compiler; they are counted by the length of their ordinary path.
  mutating func add(_ instruction: Instruction, _ operand: MachineType, _ result: MachineType) {
    let registers = registers(max(operand.lanes, result.lanes))
    let type = operand.scalar
    switch instruction {
    case .add, .subtract: arithmetic(type, registers, wide: 2)
    case .multiply, .fusedMultiplyAdd: arithmetic(type, registers, wide: 4)
    case .negate, .absolute, .not: add(.integer, registers * words(type))
    case .divide: quotient(type, registers)
    case .squareRoot: root(type, registers)
    case .reciprocalSquareRoot:
      // Through binary64: widened, the root, the quotient, rounded.
      add(.wideConversion, 2 * registers)
      root(.f64, registers)
      quotient(.f64, registers)
    case .minimum, .maximum: add(.integer, registers * (type == .f64 ? 7 : words(type)))
    case .compare, .select, .and, .or, .xor, .shiftLeft, .shiftRightLogical, .shiftRightArithmetic:
      add(.integer, registers * words(type))
    case .quotient, .remainder: add(.integer, 40 * registers)
    case .divideFloor, .remainderFloor: add(.integer, 8 * registers)
    case .convert: convert(type, result.scalar, registers)
    case .bitCast:
      if operand.lanes != result.lanes { add(.shuffle, registers) }
    case .call(let function): call(function, registers)
    case .lowHalf, .highHalf, .concatenate:
      // Halves of more than an agent's lanes are registers of their own.
      let lanes = min(operand.lanes, result.lanes)
      if lanes >= GPU.warp, lanes < agentWarps * GPU.warp {
        exchange()
      } else if lanes < GPU.warp {
        add(.shuffle, registers)
      }
    case .evenLanes, .oddLanes, .interleave:
      add(.shuffle, 2 * registers)
      add(.integer, registers)
    case .lane:
      if agentWarps > 1 { exchange() } else { add(.shuffle, words(type)) }
    case .dot4: add(.integer, registers)
    case .multiplyBytes: add(.matrix, 1)
    case .multiplyDoubles: add(.wideMatrix, 1)
    case .multiplyHalves: add(.matrix, 1)
    case .halvesOfE4M3(_, let part):
      // The conversion, which A100 does by four integer operations as fast, is counted with the first part.
      add(.conversion, part == 0 ? registers : 0)
      add(.half, (part == 0 ? 2 : 1) * registers)
    case .halvesOfE2M1(let pair):
      // The power is one for four pairs, of two operations.
      let (sign, size) = (HalfMatrices.signShifts[pair], HalfMatrices.sizeShifts[pair])
      let bits: Double = sign != size ? 4 : sign == 0 ? 1 : 2
      add(.integer, (bits + 0.5) * registers)
      add(.half, registers)
    case .lookup16, .lookup128:
      add(.shuffle, 2 * registers)
      add(.integer, 3 * registers)
    case .roundedSum: add(.fp64, 12 * registers)
    }
  }

  /// A register that goes from thread to thread of a block, by way of shared memory.
  private mutating func exchange() {
    let warps = Double(agentWarps)
    add(.access, 2 * warps)
    add(.wait, 2 * warps)
    blockWaits += 2
    sharedTurns += 2 * warps
  }

  private func words(_ type: MachineScalar) -> Double { type.byteCount == 8 ? 2 : 1 }

  /// `wide`: the instructions that 64-bit integers take.
  private mutating func arithmetic(_ type: MachineScalar, _ registers: Double, wide: Double) {
    switch type {
    case .f32: add(.fp32, registers)
    case .f64: add(.fp64, registers)
    case .i64: add(.integer, registers * wide)
    default: add(.integer, registers)
    }
  }

  private mutating func quotient(_ type: MachineScalar, _ registers: Double) {
    add(.special, registers)
    add(type == .f64 ? .fp64 : .fp32, registers * (type == .f64 ? 10 : 8))
    add(.integer, 4 * registers)
  }

  private mutating func root(_ type: MachineScalar, _ registers: Double) {
    add(.special, registers)
    add(type == .f64 ? .fp64 : .fp32, registers * (type == .f64 ? 10 : 6))
    add(.integer, 4 * registers)
  }

  private mutating func convert(_ from: MachineScalar, _ to: MachineScalar, _ registers: Double) {
    let isFloat = { (type: MachineScalar) in type == .f32 || type == .f64 }
    if !isFloat(from), !isFloat(to) {
      add(.integer, registers * max(words(from), words(to)) / 2)
    } else {
      add(from.byteCount == 8 || to.byteCount == 8 ? .wideConversion : .conversion, registers)
    }
  }

  private mutating func call(_ function: ScalarFunction, _ registers: Double) {
    switch function {
    // An instruction, and the contract's NaN.
    case .bfloat16Narrowing, .e4m3Narrowing where convertsE4M3:
      add(.conversion, registers)
      return add(.integer, 2 * registers)
    case .e4m3Widening where convertsE4M3: return add(.conversion, 2 * registers)
    default: break
    }
    for step in function.steps {
      guard case .elementwise(let operation) = step.operation else { continue }
      let isFloat = step.type == .float32
      switch operation {
      case .add, .subtract, .multiply, .fusedMultiplyAdd: add(isFloat ? .fp32 : .integer, registers)
      case .divide: quotient(.f32, registers)
      case .squareRoot: root(.f32, registers)
      case .reciprocalSquareRoot: add(.reciprocalSquareRoot, MachineType(.f32), MachineType(.f32))
      case .convert: add(.conversion, registers)
      case .bitCast: break
      default: add(.integer, registers)
      }
    }
  }
}
