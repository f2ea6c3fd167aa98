import Formats
import TileIR

/// Products that contract an axis, in every class (numeric contract, section 2).
extension BlockEvaluator {
  func product(
    along dimension: Dimension, _ productClass: ProductClass, _ node: Node, scaledLeft: Bool,
    scaledRight: Bool, over axes: [Axis]
  ) throws(Diagnostic) -> Grid<UInt32> {
    switch launch.products.applied(to: productClass) {
    case .ordered(let order, let multiplyAdd):
      let left = try grid(of: node.operands[0]).map { Float(bitPattern: $0) }
      let right = try grid(of: node.operands[1]).map { Float(bitPattern: $0) }
      return try contract(left, right, along: dimension, over: axes) { a, b, _, _ in
        orderedProduct(a, b, order, multiplyAdd)
      }
    case .exactBlock(let block):
      let (left, right) = try dequantised(node, scaledLeft: scaledLeft, scaledRight: scaledRight)
      return try contract(left, right, along: dimension, over: axes) { a, b, _, _ in
        exactBlockProduct(a, b, block: block)
      }
    case .exact:
      let (left, right) = try dequantised(node, scaledLeft: scaledLeft, scaledRight: scaledRight)
      var a = PreparedLines(Lines(left, along: dimension, over: axes), ExactLine.init)
      var b = PreparedLines(Lines(right, along: dimension, over: axes), ExactLine.init)
      return try contract(left, right, along: dimension, over: axes) { _, _, result, count in
        ExactLine.product(a.line(result, count: count), b.line(result, count: count))
      }
    case .fixedPoint(let bits, let block):
      let (left, right) = try dequantised(node, scaledLeft: false, scaledRight: false)
      let cut = { FixedPointLine($0, bits: bits, block: block, leastExponent: -126) }
      var a = PreparedLines(Lines(left, along: dimension, over: axes), cut)
      var b = PreparedLines(Lines(right, along: dimension, over: axes), cut)
      return try contract(left, right, along: dimension, over: axes) { _, _, result, count in
        FixedPointLine.product(a.line(result, count: count), b.line(result, count: count), launch.arithmetic)
      }
    case .fixedPointFolded(let bits, let block, let axis):
      let (left, right) = try folded(node, bits: bits, sharing: axis)
      var a = PreparedLines(Lines(left, along: dimension, over: axes)) {
        FixedPointLine($0, bits: bits, block: block, leastExponent: nil)
      }
      return try contract(left, right, along: dimension, over: axes) { _, integers, result, count in
        let line = a.line(result, count: count)
        let blocks = stride(from: integers.startIndex, to: integers.endIndex, by: block)
        return FixedPointLine.product(
          line,
          FixedPointLine(
            blocks: blocks.map { start in
              FixedPointLine.Block(
                integers: integers[start..<min(start + block, integers.endIndex)].map { Int64($0) },
                exponent: 0, isNaN: false)
            }), launch.arithmetic)
      }
    }
  }

  /// Computes every element over `axes` from one line of each operand.
  func contract<Element>(
    _ left: Grid<Element>, _ right: Grid<Element>, along dimension: Dimension, over axes: [Axis],
    _ product: (ArraySlice<Element>, ArraySlice<Element>, _ result: Int, _ count: Int) -> Float
  ) throws(Diagnostic) -> Grid<UInt32> {
    let a = Lines(left, along: dimension, over: axes)
    let b = Lines(right, along: dimension, over: axes)
    return try lines(along: dimension, over: axes) { result, count in
      let faults = (a.fault(result, count: count), b.fault(result, count: count))
      if faults.0 != 0 || faults.1 != 0 { return (0, faults.0 != 0 ? faults.0 : faults.1) }
      let value = product(
        a.line(result, count: count), b.line(result, count: count), result, count)
      return (value.canonical.bitPattern, 0)
    }
  }

  private func orderedProduct(
    _ a: ArraySlice<Float>, _ b: ArraySlice<Float>, _ order: SummationOrder, _ multiplyAdd: MultiplyAdd
  ) -> Float {
    let arithmetic = launch.arithmetic
    var sum = OrderedSum(order, launch.arithmetic)
    for piece in cutter.pieces(of: 0..<a.count) {
      for offset in piece {
        let (x, y) = (a[a.startIndex + offset], b[b.startIndex + offset])
        switch multiplyAdd {
        case .fused: sum.add { arithmetic.fused(x, y, $0) }
        case .unfused: sum.add { arithmetic.sum($0, arithmetic.product(x, y)) }
        }
      }
    }
    return sum.total
  }

  /// Block sums rounded once each, added in ascending order from +0. Elements are `float32` numbers
  /// times powers of two of E8M0, so a product of two is one double, exactly.
  private func exactBlockProduct(
    _ a: ArraySlice<Double>, _ b: ArraySlice<Double>, block: Int
  ) -> Float {
    var accumulator: Float = 0
    for start in stride(from: 0, to: a.count, by: block) {
      var sum = ExactSum()
      let range = start..<min(start + block, a.count)
      // Pieces meet in any order: the sum is exact.
      for piece in cutter.order(cutter.pieces(of: range)) {
        for offset in piece { sum.add(a[a.startIndex + offset] * b[b.startIndex + offset]) }
      }
      accumulator = launch.arithmetic.sum(accumulator, sum.rounded)
    }
    return accumulator
  }

  /// The operands of a product as exact numbers: code x 2^(scale - 127), NaN for scale code 255.
  private func dequantised(
    _ node: Node, scaledLeft: Bool, scaledRight: Bool
  ) throws(Diagnostic) -> (left: Grid<Double>, right: Grid<Double>) {
    var scales = node.operands.dropFirst(2)
    let left = try dequantised(node.operands[0], scale: scaledLeft ? scales.removeFirst() : nil)
    let right = try dequantised(node.operands[1], scale: scaledRight ? scales.removeFirst() : nil)
    return (left, right)
  }

  private func dequantised(
    _ operand: ValueID, scale: ValueID?
  ) throws(Diagnostic) -> Grid<Double> {
    let type = program[operand].type
    let numbers = try grid(of: operand).map {
      type.isFloating ? Double(type.number($0)) : Double(type.integer($0))
    }
    guard let scale else { return numbers }
    let scales = try grid(of: scale).map { Double(ElementType.e8m0.number($0)) }
    return numbers.combined(with: scales) { $0 * $1 }
  }

  /// The operands of a folded product: for each contracted index the right one has integers of one
  /// power of two, the greatest along `axis` deciding, and the left one is multiplied by that power.
  /// Where the right one holds a NaN or an infinity, the left one becomes NaN.
  private func folded(
    _ node: Node, bits: Int, sharing axis: Dimension
  ) throws(Diagnostic) -> (left: Grid<Double>, right: Grid<Double>) {
    let (left, right) = try dequantised(node, scaledLeft: false, scaledRight: false)
    let lengths = try lengths(of: axis)
    let shared = right.axes.without(axis).union(lengths.axes)
    let lines = Lines(right, along: axis, over: shared)
    let counts = lengths.broadcast(to: shared)
    var quanta = [Double](repeating: .nan, count: shared.elementCount)
    var marks = FaultMap(counts.faults, count: quanta.count)
    for position in quanta.indices where !marks.isFaulty(position) {
      marks.mark(position, lines.fault(position, count: counts.elements[position]))
      let line = lines.line(position, count: counts.elements[position])
      guard line.allSatisfy(\.isFinite) else { continue }
      let exponent = FixedPointLine.quantumExponent(
        greatest: line.reduce(0) { max($0, $1.magnitude) }, bits: bits, leastExponent: -126)
      quanta[position] = Double(sign: .plus, exponent: exponent, significand: 1)
    }
    let quantum = Grid(shared, quanta, faults: marks.numbers)
    let integers = right.combined(with: quantum) { x, q in
      q.isNaN ? 0 : Double(FixedPointLine.integer(x, quantumExponent: Int(q.exponent), bits: bits))
    }
    return (left.combined(with: quantum) { $0 * $1 }, integers)
  }
}
