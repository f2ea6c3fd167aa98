import TileIR

/// What is known of integers before any launch: enough to see that an access needs no guard.
struct IndexBounds {
  let program: Program

  /// Whether every value of `index` is a coordinate of `axis`, whatever its extent at a launch.
  func isWithin(_ index: Index, _ axis: Dimension) -> Bool {
    if case .axis(axis) = index { return true }
    guard let range = range(of: index) else { return false }
    return range.lowerBound >= 0 && range.upperBound < axis.range.lowerBound
  }

  /// The values that an index can have; nil where nothing is known.
  func range(of index: Index) -> ClosedRange<Int>? {
    switch index {
    case .constant(let value): return value...value
    case .axis(let dimension): return coordinates(of: dimension)
    case .extent(let dimension): return dimension.range
    case .scalar: return nil
    case .value(let id): return range(of: id)
    case .sum(let a, let b): return combined(range(of: a), range(of: b), +)
    case .scaled(let a, let factor): return combined(range(of: a), factor...factor, *)
    case .divided(let a, let divisor): return range(of: a).map { divided($0, divisor) }
    case .remainder(let a, let divisor): return range(of: a).map { remainder($0, divisor) }
    }
  }

  private func range(of id: ValueID) -> ClosedRange<Int>? {
    let node = program[id]
    guard node.type == .int32 else { return nil }
    func operand(_ position: Int) -> ClosedRange<Int>? { range(of: node.operands[position]) }
    switch node.operation {
    case .constant(let bits, _):
      let value = Int(Int32(bitPattern: bits))
      return value...value
    case .coordinate(let dimension): return coordinates(of: dimension)
    case .index(let index): return range(of: index)
    case .sample: return operand(0)
    case .elementwise(.add): return combined(operand(0), operand(1), +)
    case .elementwise(.subtract): return combined(operand(0), operand(1), -)
    case .elementwise(.multiply): return combined(operand(0), operand(1), *)
    case .elementwise(.minimum):
      return combined(operand(0) ?? all, operand(1) ?? all, { Swift.min($0, $1) })
    case .elementwise(.maximum):
      return combined(operand(0) ?? all, operand(1) ?? all, { Swift.max($0, $1) })
    case .elementwise(.divideFloor(let divisor)): return operand(0).map { divided($0, divisor) }
    case .elementwise(.remainderFloor(let divisor)): return remainder(operand(0) ?? all, divisor)
    default: return nil
    }
  }

  private var all: ClosedRange<Int> { Int(Int32.min)...Int(Int32.max) }

  private func coordinates(of dimension: Dimension) -> ClosedRange<Int>? {
    dimension.range.upperBound > 0 ? 0...dimension.range.upperBound - 1 : nil
  }

  /// The range of an operation that is monotonic in each operand, from the corners.
  private func combined(
    _ a: ClosedRange<Int>?, _ b: ClosedRange<Int>?, _ operation: (Int, Int) -> Int
  ) -> ClosedRange<Int>? {
    guard let a, let b else { return nil }
    let corners = [
      operation(a.lowerBound, b.lowerBound), operation(a.lowerBound, b.upperBound),
      operation(a.upperBound, b.lowerBound), operation(a.upperBound, b.upperBound),
    ]
    return corners.min()!...corners.max()!
  }

  private func divided(_ a: ClosedRange<Int>, _ divisor: Int) -> ClosedRange<Int> {
    floorQuotient(a.lowerBound, divisor)...floorQuotient(a.upperBound, divisor)
  }

  private func remainder(_ a: ClosedRange<Int>, _ divisor: Int) -> ClosedRange<Int> {
    a.lowerBound >= 0 && a.upperBound < divisor ? a : 0...divisor - 1
  }

  private func floorQuotient(_ a: Int, _ divisor: Int) -> Int {
    a >= 0 ? a / divisor : -((divisor - 1 - a) / divisor)
  }
}
