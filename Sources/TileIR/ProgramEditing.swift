/// Programs with one part in place of another, for checks that plant faults. What replaces a part has its axes
/// and its type; nothing else is checked, since a fault is what is wanted.
extension Program {
  /// The operation and the operands of a value.
  package func replacing(_ id: ValueID, by operation: Operation, _ operands: [ValueID]) -> Program {
    var result = self
    let node = nodes[id.number]
    result.nodes[id.number] = Node(
      operation: operation, operands: operands, axes: node.axes, type: node.type, location: node.location)
    return result
  }

  package func replacing(region: Int, by axes: [ParallelAxis]) -> Program {
    var result = self
    let own = regions[region]
    result.regions[region] = Region(axes: axes, statements: own.statements, location: own.location)
    return result
  }

  /// What a statement does, once or several times or not at all.
  package func replacing(region: Int, statement: Int, by effects: [Effect]) -> Program {
    var result = self
    let location = regions[region].statements[statement].location
    result.regions[region].statements.replaceSubrange(
      statement...statement, with: effects.map { Statement(effect: $0, location: location) })
    return result
  }

  /// How often a loop runs.
  package func replacing(loop: Int, count: Index) -> Program {
    var result = self
    let own = loops[loop]
    result.loops[loop] = Loop(
      count: count, initial: own.initial, carried: own.carried, next: own.next, location: own.location)
    return result
  }

  /// A computed length.
  package func replacing(lengthOf dimension: Dimension, by length: Index) -> Program {
    var result = self
    result.lengths[dimension] = .computed(length)
    return result
  }

  package func removing(constraint: Int) -> Program {
    var result = self
    result.constraints.remove(at: constraint)
    return result
  }

  package func removing(refinement: Int, of parameter: Int) -> Program {
    var result = self
    let own = parameters[parameter]
    var refinements = own.refinements
    refinements.remove(at: refinement)
    result.parameters[parameter] = Parameter(
      name: own.name, role: own.role, element: own.element, axes: own.axes, refinements: refinements,
      location: own.location)
    return result
  }
}
