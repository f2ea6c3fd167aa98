import MachineIR
import TileIR

/// An integer of a scalar unit over numbered variables, ready to be evaluated many times.
indirect enum PipeNumber {
  case constant(Int)
  case variable(Int)
  case apply(Instruction, [PipeNumber])
  case conditional(PipeNumber, PipeNumber, PipeNumber)
  /// What only the data decide.
  case unknown

  /// Its value where each variable has one, or none.
  func value(_ variables: [Int?]) -> Int? {
    switch self {
    case .constant(let value): return value
    case .variable(let number): return variables[number]
    case .unknown: return nil
    case .conditional(let condition, let a, let b):
      return condition.value(variables).flatMap { ($0 != 0 ? a : b).value(variables) }
    case .apply(let instruction, let operands):
      var numbers: [Int] = []
      for operand in operands {
        guard let number = operand.value(variables) else { return nil }
        numbers.append(number)
      }
      return instruction.value(numbers)
    }
  }
}

/// What the scalar unit's own work takes.
struct ScalarCost {
  let rates: AscendRates

  /// Ticks that an expression takes; of two sides of which one is computed, the cheaper.
  func ticks(_ expression: Expression) -> Double {
    switch expression {
    case .variable, .integer, .float, .laneNumbers, .table: 0
    case .apply(let instruction, let operands, _):
      operands.reduce(operations(instruction, operands) * rates.scalarOperation) { $0 + ticks($1) }
    case .load(let access, _, _), .gather(let access, _, _, _): rates.memoryAccess + ticks(access.offset)
    case .conditional(let condition, let a, let b):
      ticks(condition) + rates.scalarOperation + min(ticks(a), ticks(b))
    case .broadcast(let value, _): ticks(value)
    case .element, .raw, .gatherRaw: rates.localAccess
    }
  }

  /// Operations of an instruction. Binary64 is written on integers (`EmitAscend/WideArithmetic.swift`): the
  /// length of the ordinary path of each function.
  private func operations(_ instruction: Instruction, _ operands: [Expression]) -> Double {
    let isWide = operands.contains { $0.type.scalar == .f64 }
    return switch instruction {
    case .bitCast: 0
    case .roundedSum: 300 + 150 * Double(operands.count)
    case .add where isWide, .subtract where isWide: 90
    case .multiply where isWide: 120
    case .compare where isWide: 8
    case .convert where isWide: 50
    case .convert where operands[0].type.scalar == .f32: 15
    default: 1
    }
  }
}
