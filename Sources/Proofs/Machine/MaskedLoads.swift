import MachineIR

/// A choice between an element that a load reads and the 0 of lanes that it leaves out.
struct MaskedLoad {
  let lanes: Int
  let active: Polynomial
  let element: Polynomial
}

/// Lanes that a mask keeps from memory are 0, whatever is declared of the elements that they would have read.
extension KernelWalk {
  mutating func masked(
    _ value: AbstractValue, _ buffer: String, _ type: MachineType, _ active: Expression?
  ) -> AbstractValue {
    guard let active else { return value }
    let zero: AbstractValue
    switch value {
    case .integer(let element):
      if isAlsoZero(element, of: buffer) { return value }
      zero = .integer(Polynomial(0))
    case .packed: zero = .packed(high: Polynomial(0), low: Polynomial(0))
    case .condition, .unknown: return value
    }
    let bound = integer(active)
    guard bound.isValid else { return fresh(buffer, type.scalar) }
    let lane = type.lanes > 1 ? self.lane(of: type.lanes) : Polynomial(0)
    let joined = join(Condition(.less, lane, bound), value, zero, type)
    if case .integer(let element) = value, case .integer(let choice) = joined, let symbol = choice.top {
      maskedLoads[symbol] = MaskedLoad(lanes: type.lanes, active: bound, element: element)
    }
    return joined
  }

  /// A place as it is in the lanes below `active`: what loads under the same mask gave is what they have read.
  mutating func unmasked(_ place: Polynomial, _ lanes: Int, _ active: Polynomial) -> Polynomial {
    guard place.isValid, !maskedLoads.isEmpty else { return place }
    var result = place
    for symbol in prover.table.symbols(in: place) {
      guard let load = maskedLoads[symbol], load.lanes == lanes, load.active == active else { continue }
      result = prover.with { $0.replacing(result, symbol, load.element) }
    }
    return result
  }

  /// Whether all that is known of an element holds of 0 too, so that a lane which does not read it needs no case
  /// of its own.
  private mutating func isAlsoZero(_ element: Polynomial, of buffer: String) -> Bool {
    if element == Polynomial(0) { return true }
    guard let top = element.top, element == Polynomial(top) else { return false }
    if case .parameter(let position)? = kernel.buffers.first(where: { $0.name == buffer })?.source {
      // Bounds of other numbers may speak of it.
      if asserted.contains(where: { $0.parameter == position }) { return false }
      for case .partition in plan.program.parameters[position].refinements { return false }
    }
    let entry = prover.table[top]
    return entry.lowers.allSatisfy { prover.isAtLeastZero($0.bound * -1) }
      && entry.uppers.allSatisfy { prover.isAtLeastZero($0.bound) }
  }
}
