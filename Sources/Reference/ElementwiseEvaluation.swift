import TileIR

/// Operations on single elements, over whole grids.
extension BlockEvaluator {
  func elementwise(
    _ operation: Elementwise, _ node: Node, over axes: [Axis], id: ValueID
  ) throws(Diagnostic) -> Grid<UInt32> {
    let operands = try operands(of: node, over: axes)
    let types = node.operands.map { program[$0].type }
    return apply(operation, operands, types, node: id)
  }

  func call(
    _ function: ScalarFunction, _ node: Node, over axes: [Axis], id: ValueID
  ) throws(Diagnostic) -> Grid<UInt32> {
    let operands = try operands(of: node, over: axes)
    let interpreter = ScalarInterpreter(function)
    var elements = [UInt32](repeating: 0, count: axes.elementCount)
    var marks = FaultMap(merged(operands), count: elements.count)
    for position in elements.indices where !marks.isFaulty(position) {
      if let code = interpreter(operands.map { $0.elements[position] }) {
        elements[position] = code
      } else {
        let kind = FaultKind.call(function.name)
        marks.mark(position, faults.record(kind, node: id, over: axes, at: position))
      }
    }
    return Grid(axes, elements, faults: marks.numbers)
  }

  private func merged(_ operands: [Grid<UInt32>]) -> [FaultNumber] {
    operands.reduce([]) { Grid<UInt32>.merged($0, $1.faults) }
  }

  private func operands(of node: Node, over axes: [Axis]) throws(Diagnostic) -> [Grid<UInt32>] {
    var operands: [Grid<UInt32>] = []
    for id in node.operands { operands.append(try grid(of: id).broadcast(to: axes)) }
    return operands
  }

  /// Operands over the same axes. Only `select` looks at faults: an element is as faulty as its
  /// condition or the side taken.
  private func apply(
    _ operation: Elementwise, _ operands: [Grid<UInt32>], _ types: [ElementType], node: ValueID
  ) -> Grid<UInt32> {
    let axes = operands[0].axes
    let rule = ElementwiseRules.rule(operation, types, .program, launch.arithmetic)
    var elements = [UInt32](repeating: 0, count: operands[0].elements.count)
    var marks: FaultMap
    if operation == .select {
      marks = FaultMap(operands[0].faults, count: elements.count)
      if !operands[1].faults.isEmpty || !operands[2].faults.isEmpty {
        for position in elements.indices where !marks.isFaulty(position) {
          let side = operands[0].elements[position] != 0 ? operands[1] : operands[2]
          marks.mark(position, side.fault(at: position))
        }
      }
    } else {
      marks = FaultMap(merged(operands), count: elements.count)
    }
    let a = operands[0].elements
    let b = operands.count > 1 ? operands[1].elements : a
    let c = operands.count > 2 ? operands[2].elements : a
    for position in elements.indices where !marks.isFaulty(position) {
      if let code = rule(a[position], b[position], c[position]) {
        elements[position] = code
      } else {
        let kind = ElementwiseRules.fault(operation, a[position], b[position])
        marks.mark(position, faults.record(kind, node: node, over: axes, at: position))
      }
    }
    return Grid(axes, elements, faults: marks.numbers)
  }
}
