import Formats
import TileIR

/// Reductions of a whole axis to one element.
extension BlockEvaluator {
  func reduce(
    _ reduction: Reduction, along dimension: Dimension, _ node: Node, over axes: [Axis], id: ValueID
  ) throws(Diagnostic) -> Grid<UInt32> {
    if launch.products == .exact, let squared = program.squared(id) {
      let numbers = try grid(of: squared).map { Double(Float(bitPattern: $0)) }
      // A square may have axes by broadcasting alone that its operand lacks; the dot product needs this one.
      let whole = numbers.broadcast(to: numbers.axes.union([try axis(dimension)]))
      return try contract(whole, whole, along: dimension, over: axes) { a, _, _, _ in
        let line = ExactLine(a)
        return ExactLine.product(line, line)
      }
    }
    let operand = try grid(of: node.operands[0])
    let type = program[node.operands[0]].type
    let lines = Lines(operand, along: dimension, over: axes)
    return try self.lines(along: dimension, over: axes) { result, count in
      let fault = lines.fault(result, count: count)
      if fault != 0 { return (0, fault) }
      let line = lines.line(result, count: count)
      // Each piece is reduced by itself and its result carried on.
      let pieces = cutter.pieces(of: line.indices).map { line[$0] }
      switch (reduction, type) {
      case (.sum(let order), .float32):
        let arithmetic = launch.arithmetic
        var sum = OrderedSum(order!, arithmetic)
        for piece in pieces { for code in piece { sum.add { arithmetic.sum($0, Float(bitPattern: code)) } } }
        return (sum.total.canonical.bitPattern, 0)
      case (.sum, _):
        let sums = pieces.map { $0.reduce(0) { $0 + Int(Int32(bitPattern: $1)) } }
        return int32(cutter.order(sums).reduce(0, +), "sum", over: axes, at: result, node: id)
      case (.maximum, .float32):
        return (folded(pieces, from: -.infinity, ElementwiseRules.greatest).bitPattern, 0)
      case (.minimum, .float32):
        return (folded(pieces, from: .infinity, ElementwiseRules.least).bitPattern, 0)
      case (.maximum, _):
        let most = line.map { Int32(bitPattern: $0) }.max() ?? .min
        return (UInt32(bitPattern: most), 0)
      case (.minimum, _):
        let least = line.map { Int32(bitPattern: $0) }.min() ?? .max
        return (UInt32(bitPattern: least), 0)
      case (.argmax, _):
        let best = pieces.compactMap { piece in
          piece.indices.map { Ranked(value: Float(bitPattern: piece[$0]), coordinate: $0 - line.startIndex) }
            .min()
        }
        return (UInt32(cutter.order(best).min()?.coordinate ?? 0), 0)
      case (.any, _): return (line.contains { $0 != 0 } ? 1 : 0, 0)
      case (.all, _): return (line.allSatisfy { $0 != 0 } ? 1 : 0, 0)
      case (.count, _):
        let counts = pieces.map { $0.count { $0 != 0 } }
        return (UInt32(cutter.order(counts).reduce(0, +)), 0)
      }
    }
  }

  /// Folds each piece, then the pieces' results in any order.
  private func folded(
    _ pieces: [ArraySlice<UInt32>], from identity: Float, _ combine: (Float, Float) -> Float
  ) -> Float {
    let partials = pieces.map { $0.reduce(identity) { combine($0, Float(bitPattern: $1)) } }
    return cutter.order(partials).reduce(identity, combine)
  }

  /// An integer as an int32 element, or its fault.
  private func int32(
    _ value: Int, _ name: String, over axes: [Axis], at position: Int, node: ValueID
  ) -> (UInt32, FaultNumber) {
    if let result = Int32(exactly: value) { return (UInt32(bitPattern: result), 0) }
    return (0, faults.record(.overflow(name, value), node: node, over: axes, at: position))
  }

  func scan(
    along dimension: Dimension, inclusive: Bool, _ node: Node, over axes: [Axis], id: ValueID
  ) throws(Diagnostic) -> Grid<UInt32> {
    let operand = try grid(of: node.operands[0])
    let isFloat = program[node.operands[0]].type == .float32
    let rest = axes.without(dimension)
    let along = axes[dimension]!
    let all = rest + [along]
    let lines = Lines(operand, along: dimension, over: rest)
    let lengths = try lengths(of: dimension).broadcast(to: rest)
    var elements = [UInt32](repeating: 0, count: all.elementCount)
    var marks = FaultMap(count: elements.count)
    for result in 0..<rest.elementCount {
      let start = result * along.count
      if lengths.fault(at: result) != 0 {
        for position in start..<start + along.count { marks.mark(position, lengths.fault(at: result)) }
        continue
      }
      var (float, integer): (Float, Int) = (0, 0)
      var fault: FaultNumber = 0
      let line = lines.line(result, count: lengths.elements[result])
      for (offset, code) in line.enumerated() {
        let position = start + offset
        let before = (float, integer)
        let reached = lines.fault(result, count: inclusive ? offset + 1 : offset)
        if isFloat {
          float = launch.arithmetic.sum(float, Float(bitPattern: code))
        } else {
          integer += Int(Int32(bitPattern: code))
        }
        let shown = inclusive ? (float, integer) : before
        if reached != 0 { fault = reached }
        if fault != 0 {
          marks.mark(position, fault)
        } else if isFloat {
          elements[position] = shown.0.canonical.bitPattern
        } else {
          let (code, overflow) = int32(shown.1, "scan", over: all, at: position, node: id)
          elements[position] = code
          marks.mark(position, overflow)
        }
      }
    }
    return Grid(all, elements, faults: marks.numbers).broadcast(to: axes)
  }
}
