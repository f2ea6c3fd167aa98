import TileIR

/// A sum of `float32` addends in a stated order (numeric contract, class *ordered*), fed one addend at
/// a time in ascending order. Its state is what a block carries to the next.
struct OrderedSum {
  private let order: SummationOrder
  private let arithmetic: FloatArithmetic
  /// Addends met so far.
  private var count = 0
  /// What is carried: the one accumulator; the total and the open run; the lanes; the leaves.
  private var partials: [Float]

  init(_ order: SummationOrder, _ arithmetic: FloatArithmetic) {
    self.order = order
    self.arithmetic = arithmetic
    switch order {
    case .sequential: partials = [0]
    case .chained: partials = [0, 0]
    case .interleaved(let lanes): partials = [Float](repeating: 0, count: lanes)
    case .tree: partials = []
    }
  }

  /// Meets the next addend: `step` adds it to the accumulator that it belongs to, and so decides
  /// whether a product is rounded before the addition.
  mutating func add(_ step: (_ accumulator: Float) -> Float) {
    switch order {
    case .sequential:
      partials[0] = step(partials[0])
    case .chained(let run):
      partials[1] = step(partials[1])
      if (count + 1) % run == 0 { closeRun() }
    case .interleaved(let lanes):
      partials[count % lanes] = step(partials[count % lanes])
    case .tree:
      partials.append(step(0))
    }
    count += 1
  }

  private mutating func closeRun() {
    partials[0] = arithmetic.sum(partials[0], partials[1])
    partials[1] = 0
  }

  /// The sum of the addends met so far; +0 if there were none.
  var total: Float {
    switch order {
    case .sequential: return partials[0]
    case .chained(let run): return count % run == 0 ? partials[0] : arithmetic.sum(partials[0], partials[1])
    case .interleaved:
      var lanes = partials
      while lanes.count > 1 {
        let half = lanes.count / 2
        lanes = (0..<half).map { arithmetic.sum(lanes[$0], lanes[$0 + half]) }
      }
      return lanes[0]
    case .tree:
      var level = partials
      while !(level.count & (level.count - 1) == 0) { level.append(0) }
      while level.count > 1 {
        level = stride(from: 0, to: level.count, by: 2).map { arithmetic.sum(level[$0], level[$0 + 1]) }
      }
      return level.first ?? 0
    }
  }
}
