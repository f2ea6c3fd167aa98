extension Program {
  /// The program in which a value of a region is computed by a region of its own, right in front, for every
  /// coordinate of its axes, and is loaded in its place.
  ///
  /// What lies between is the last parameter of the result, an output that is loaded: a schedule's business, no
  /// launch's. Nothing is checked; the value must not be a loop's, and its axes not computed or cut.
  package func staging(_ id: ValueID, ofRegion number: Int, named name: String) -> Program {
    var result = self
    let (node, own) = (self[id], regions[number])
    let axes = own.axes.filter { node.axes.contains($0.dimension) }
    let inner = node.axes.filter { axis in !axes.contains { $0.dimension == axis } }
    let all = axes.map(\.dimension) + inner
    let indices = all.map(Index.axis)
    let parameter = parameters.count
    result.parameters.append(
      Parameter(name: name, role: .output, element: node.type, axes: all, location: node.location))
    result.nodes.append(node)
    result.nodes[id.number] = Node(
      operation: .load(parameter, indices), operands: [], axes: node.axes, type: node.type, location: node.location)
    let store = Effect.store(parameter: parameter, indices, ValueID(nodes.count), where: nil)
    result.regions.insert(
      Region(
        axes: axes + inner.map { ParallelAxis($0) }, statements: [Statement(effect: store, location: node.location)],
        location: node.location),
      at: number)
    return result
  }
}
