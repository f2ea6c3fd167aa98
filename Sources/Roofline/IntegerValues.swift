import MachineIR

extension Instruction {
  /// What it makes of integers that are in range; nil of what is no arithmetic of integers.
  func value(_ n: [Int]) -> Int? {
    switch self {
    case .add: n[0] + n[1]
    case .subtract: n[0] - n[1]
    case .multiply: n[0] * n[1]
    case .negate: -n[0]
    case .minimum: min(n[0], n[1])
    case .maximum: max(n[0], n[1])
    case .divideFloor(let d): n[0] >= 0 ? n[0] / d : -((d - 1 - n[0]) / d)
    case .remainderFloor(let d): (n[0] % d + d) % d
    case .quotient: n[1] > 0 && n[0] >= 0 ? n[0] / n[1] : nil
    case .remainder: n[1] > 0 && n[0] >= 0 ? n[0] % n[1] : nil
    case .compare(let comparison): comparison.holds(n[0], n[1]) ? 1 : 0
    case .and: n[0] & n[1]
    case .or: n[0] | n[1]
    case .not: n[0] == 0 ? 1 : 0
    case .select: n[0] != 0 ? n[1] : n[2]
    case .convert: n[0]
    default: nil
    }
  }
}
