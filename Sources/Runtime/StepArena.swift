import Steps

/// Where a step's temporaries lie in one piece of memory: two that are alive at once never share a byte.
struct StepArena {
  /// By buffer; nil for those that are not temporary.
  let offsets: [Int?]
  let byteCount: Int

  /// Places the largest first, each at the lowest offset that is free during its life.
  init(_ step: Step, numbers: [Int]) {
    let lifetimes = step.lifetimes
    var offsets = [Int?](repeating: nil, count: step.buffers.count)
    var placed: [(life: ClosedRange<Int>, start: Int, end: Int)] = []
    var total = 0
    let sizes = step.buffers.map { buffer in
      (CompiledSize(buffer.byteCount, step.numbers).value(numbers) + 63) / 64 * 64
    }
    let temporaries = step.buffers.indices.filter { step.buffers[$0].kind == .temporary }
    for buffer in temporaries.sorted(by: { (sizes[$0], $1) > (sizes[$1], $0) }) {
      guard let life = lifetimes[buffer] else { continue }
      var start = 0
      for other in placed.filter({ $0.life.overlaps(life) }).sorted(by: { $0.start < $1.start }) {
        if start + sizes[buffer] <= other.start { break }
        start = max(start, other.end)
      }
      offsets[buffer] = start
      placed.append((life, start, start + sizes[buffer]))
      total = max(total, start + sizes[buffer])
    }
    self.offsets = offsets
    byteCount = total
  }
}
