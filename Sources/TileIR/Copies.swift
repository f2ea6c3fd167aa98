extension Program {
  /// Whether a value's elements are copies of stored or constant ones, so that a store keeps their bits,
  /// NaN payloads included (numeric contract, class *exact*). What arithmetic made is stored with
  /// canonical NaN.
  ///
  /// Loads, constants, scalars, selection, samples, joins and values carried through loops copy;
  /// every other operation computes.
  public func keepsBits(_ id: ValueID) -> Bool {
    var seen: Set<Int> = []
    var open = [id.number]
    while let next = open.popLast() {
      if !seen.insert(next).inserted { continue }
      let node = nodes[next]
      switch node.operation {
      case .constant, .scalar, .load, .coordinate, .index, .segment, .round: break
      case .elementwise(.select): open += node.operands[1...].map(\.number)
      case .sample, .join: open += node.operands.map(\.number)
      case .carried(let loop, let position), .loopResult(let loop, let position):
        open += [loops[loop].initial[position].number, loops[loop].next[position].number]
      default: return false
      }
    }
    return true
  }
}
