import MachineIR

/// Bounds of halves that instructions make, of whatever codes, and of sums of their products.
extension ExactSums {
  /// What an instruction makes of halves; nil for one that has none.
  mutating func halves(_ instruction: Instruction, _ arguments: [Bounded], _ type: MachineType) -> Bounded? {
    switch instruction {
    case .halvesOfE4M3(_, let part):
      let (unit, most) = HalfMatrices.partUnit(part)
      return Bounded(base: nil, range: -most...most, unit: unit)
    case .halvesOfE2M1:
      guard let shift = arguments[1].range, shift.lowerBound >= 0, shift.upperBound <= HalfMatrices.mostShift
      else { return .any }
      // An E2M1 number is at most twelve halves.
      let most = 12 << (shift.upperBound - shift.lowerBound)
      return Bounded(base: nil, range: -most...most, unit: HalfMatrices.e2m1Exponent - 1 + shift.lowerBound)
    case .multiplyHalves: return judged(sum(arguments), instruction, type)
    case .select, .lowHalf, .highHalf, .evenLanes, .oddLanes, .lane, .concatenate, .interleave: return nil
    // Bits of halves are no integers.
    default: return arguments.contains { $0.unit != nil } ? .any : nil
    }
  }

  private func sum(_ arguments: [Bounded]) -> Bounded {
    let unknown = Bounded(base: nil, range: nil, isSum: true)
    guard let a = arguments[1].unit, let b = arguments[2].unit,
      let product = arguments[1].range.flatMap({ a in arguments[2].range.flatMap { Self.product(a, $0) } })
    else { return unknown }
    var added = Bounded(base: nil, range: Self.product(product, HalfMatrices.depth...HalfMatrices.depth), unit: a + b)
    guard arguments[0].hasUnit(of: added), let old = arguments[0].range, let new = added.range else {
      return unknown
    }
    added.range = Self.sum(old, new)
    (added.base, added.isSum) = (arguments[0].base, true)
    return added
  }
}

extension ExactSums.Bounded {
  /// Whether both have one unit, which zero has of any kind.
  func hasUnit(of other: Self) -> Bool {
    unit == other.unit || range == 0...0 && base == nil && unit == nil
      || other.range == 0...0 && other.base == nil && other.unit == nil
  }
}
