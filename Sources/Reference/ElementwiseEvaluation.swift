import TileIR

/// Operations on single elements, over whole grids.
extension BlockEvaluator {
  func elementwise(
    _ operation: Elementwise, _ node: Node, over axes: [Axis], id: ValueID
  ) throws(Diagnostic) -> Grid<UInt32> {
    let operands = try operands(of: node, over: axes)
    let types = node.operands.map { program[$0].type }
    return apply(operation, operands, types, .program, node: id)
  }

  func call(
    _ function: ScalarFunction, _ node: Node, over axes: [Axis], id: ValueID
  ) throws(Diagnostic) -> Grid<UInt32> {
    let operands = try operands(of: node, over: axes)
    var lines: [Grid<UInt32>] = []
    for step in function.steps {
      switch step.operation {
      case .parameter(let position): lines.append(operands[position])
      case .constant(let bits): lines.append(Grid(scalar: bits).broadcast(to: axes))
      case .elementwise(let operation):
        lines.append(
          apply(
            operation, step.operands.map { lines[$0] }, step.operands.map { function.steps[$0].type },
            .scalarFunction, node: id))
      }
    }
    return lines[function.result]
  }

  private func operands(of node: Node, over axes: [Axis]) throws(Diagnostic) -> [Grid<UInt32>] {
    var operands: [Grid<UInt32>] = []
    for id in node.operands { operands.append(try grid(of: id).broadcast(to: axes)) }
    return operands
  }

  /// Operands over the same axes. Only `select` looks at faults: an element is as faulty as its
  /// condition or the side taken.
  private func apply(
    _ operation: Elementwise, _ operands: [Grid<UInt32>], _ types: [ElementType],
    _ setting: ElementwiseRules.Setting, node: ValueID
  ) -> Grid<UInt32> {
    let axes = operands[0].axes
    let rule = ElementwiseRules.rule(operation, types, setting)
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
      let faults = operands.dropFirst().reduce(operands[0].faults) { Grid<UInt32>.merged($0, $1.faults) }
      marks = FaultMap(faults, count: elements.count)
    }
    var codes = [UInt32](repeating: 0, count: operands.count)
    for position in elements.indices where !marks.isFaulty(position) {
      for number in operands.indices { codes[number] = operands[number].elements[position] }
      switch rule(codes) {
      case .code(let code): elements[position] = code
      case .fault(let kind):
        marks.mark(position, faults.record(kind, node: node, over: axes, at: position))
      }
    }
    return Grid(axes, elements, faults: marks.numbers)
  }
}
