/// The axes and type of every operation, and what makes one ill formed.
extension ProgramBuilder {
  func infer(
    _ operation: Operation, _ operands: [ValueID], at location: SourceLocation
  ) throws(Diagnostic) -> (axes: [Dimension], type: ElementType) {
    let nodes = operands.map { program[$0] }
    for index in operation.indices { try check(index, at: location) }
    switch operation {
    case .constant(_, let type):
      return ([], type)
    case .coordinate(let dimension):
      try check(declared: dimension, at: location)
      return ([dimension], .int32)
    case .index(let index):
      return (axes(of: index), .int32)
    case .scalar(let position):
      return ([], program.parameters[position].element)
    case .load(let position, let indices):
      return try inferLoad(program.parameters[position], indices, at: location)
    case .segment(let partition, let dimension):
      let parameter = program.parameters[partition]
      guard parameter.refinements.contains(.partition(of: dimension)) else {
        throw Diagnostic(
          "\(parameter.name) is not declared a partition of \(dimension.name)",
          at: [location, parameter.location])
      }
      return ([dimension], .int32)
    case .elementwise(let elementwise):
      guard let type = elementwise.resultType(nodes.map(\.type)) else {
        let found = nodes.map(describe).joined(separator: " and ")
        throw Diagnostic("\(elementwise.name) is not defined on \(found)", at: [location] + nodes.map(\.location))
      }
      return (union(nodes.map(\.axes)), type)
    case .call(let function):
      guard nodes.map(\.type) == function.parameters else {
        throw Diagnostic(
          "\(function.name) takes \(function.parameters.map(\.rawValue)), found "
            + nodes.map(describe).joined(separator: ", "), at: [location] + nodes.map(\.location))
      }
      return (union(nodes.map(\.axes)), function.resultType)
    case .reduce(let reduction, let dimension):
      return try inferReduction(reduction, dimension, nodes[0], at: location)
    case .product(let dimension, let productClass, let scaledLeft, let scaledRight):
      return try inferProduct(
        dimension, productClass, nodes, scaledLeft: scaledLeft, scaledRight: scaledRight, at: location)
    case .scan(let dimension, _):
      try require(nodes[0], has: dimension, for: "scan", at: location)
      try require(nodes[0], is: [.int32, .float32], for: "scan", at: location)
      return (union([nodes[0].axes, lengthAxes(of: dimension)]), nodes[0].type)
    case .topK(let dimension, let into):
      try require(nodes[0], has: dimension, for: "topK", at: location)
      try require(nodes[0], is: [.float32], for: "topK", at: location)
      guard into.extent != nil, into != dimension else {
        throw Diagnostic("topK fills an axis of constant extent; \(into) found", at: [location])
      }
      let axes = nodes[0].axes.map { $0 == dimension ? into : $0 }
      return (union([axes, lengthAxes(of: dimension)]), .int32)
    case .sort(let dimension), .stableOrder(let dimension):
      try require(nodes[0], has: dimension, for: "sort", at: location)
      try require(nodes[0], is: [.int32], for: "sort", at: location)
      return (union([nodes[0].axes, lengthAxes(of: dimension)]), .int32)
    case .sample(let dimension, let index):
      try require(nodes[0], has: dimension, for: "sample", at: location)
      let rest = nodes[0].axes.filter { $0 != dimension }
      return (union([rest, axes(of: index), lengthAxes(of: dimension)]), nodes[0].type)
    case .join(let parts, let into):
      return try inferJoin(parts, into, nodes, at: location)
    case .carried, .loopResult:
      return (nodes[0].axes, nodes[0].type)
    case .round:
      return ([], .int32)
    }
  }

  private func inferLoad(
    _ parameter: Parameter, _ indices: [Index], at location: SourceLocation
  ) throws(Diagnostic) -> ([Dimension], ElementType) {
    guard parameter.role != .scalar, parameter.role != .output else {
      throw Diagnostic(
        "\(parameter.name) is \(parameter.role.rawValue) and cannot be loaded",
        at: [location, parameter.location])
    }
    guard indices.count == parameter.axes.count else {
      throw Diagnostic(
        "\(parameter.name) has \(parameter.axes.count) axes, the access gives \(indices.count)",
        at: [location, parameter.location])
    }
    return (union(indices.map(axes(of:))), parameter.element)
  }

  private func inferReduction(
    _ reduction: Reduction, _ dimension: Dimension, _ operand: Node, at location: SourceLocation
  ) throws(Diagnostic) -> ([Dimension], ElementType) {
    try require(operand, has: dimension, for: "reduction", at: location)
    let axes = union([operand.axes.filter { $0 != dimension }, lengthAxes(of: dimension)])
    switch reduction {
    case .sum(let order):
      try require(operand, is: [.float32, .int32], for: "sum", at: location)
      if operand.type == .float32 {
        guard let order else {
          throw Diagnostic("a sum of float32 states its order", at: [location])
        }
        try check(order, along: dimension, at: location)
      }
      return (axes, operand.type)
    case .maximum, .minimum:
      try require(operand, is: [.float32, .int32], for: "maximum or minimum", at: location)
      return (axes, operand.type)
    case .argmax:
      try require(operand, is: [.float32], for: "argmax", at: location)
      return (axes, .int32)
    case .any, .all, .count:
      try require(operand, is: [.bool], for: "any, all and count", at: location)
      return (axes, reduction == .count ? .int32 : .bool)
    }
  }

  private func check(
    _ order: SummationOrder, along dimension: Dimension, at location: SourceLocation
  ) throws(Diagnostic) {
    switch order {
    case .sequential: return
    case .chained(let run):
      guard run > 0 else { throw Diagnostic("a chained sum has runs of at least 1", at: [location]) }
    case .interleaved(let lanes):
      guard lanes > 0, lanes & (lanes - 1) == 0, lanes <= 4096 else {
        throw Diagnostic(
          "an interleaved sum has a power of two of lanes up to 4096, \(lanes) found", at: [location])
      }
    case .tree:
      guard let extent = dimension.extent, extent <= 256 else {
        throw Diagnostic(
          "a tree sum needs a constant extent up to 256, \(dimension) found", at: [location])
      }
    }
  }

  private func inferProduct(
    _ dimension: Dimension, _ productClass: ProductClass, _ nodes: [Node], scaledLeft: Bool,
    scaledRight: Bool, at location: SourceLocation
  ) throws(Diagnostic) -> ([Dimension], ElementType) {
    let (left, right) = (nodes[0], nodes[1])
    try require(left, has: dimension, for: "product's left operand", at: location)
    try require(right, has: dimension, for: "product's right operand", at: location)
    let scales = (scaledLeft ? 1 : 0) + (scaledRight ? 1 : 0)
    guard nodes.count == 2 + scales else {
      throw Diagnostic("a product has two operands and one scale for each scaled one", at: [location])
    }
    for scale in nodes.dropFirst(2) {
      try require(scale, is: [.e8m0], for: "scale", at: location)
    }
    var shared: [[Dimension]] = []
    switch productClass {
    case .ordered(let order, _):
      try require(left, is: [.float32], for: "ordered product", at: location)
      try require(right, is: [.float32], for: "ordered product", at: location)
      try check(order, along: dimension, at: location)
    case .exactBlock(let block):
      guard block > 0, block <= 128 else {
        throw Diagnostic("exactBlock takes blocks of 1 to 128, \(block) found", at: [location])
      }
      for operand in [left, right] where !operand.type.isGrid {
        throw Diagnostic(
          "exactBlock takes operands on a grid, found \(describe(operand))",
          at: [location, operand.location])
      }
    case .fixedPoint(let bits, let block), .fixedPointFolded(let bits, let block, _):
      try require(left, is: [.float32], for: "fixedPoint product", at: location)
      try require(right, is: [.float32], for: "fixedPoint product", at: location)
      guard (2...24).contains(bits), block > 0, block <= 2048 else {
        throw Diagnostic("fixedPoint takes 2 to 24 bits and blocks of 1 to 2048", at: [location])
      }
      if case .fixedPointFolded(_, _, let axis) = productClass {
        try require(right, has: axis, for: "the shared exponent of a folded product", at: location)
        guard axis != dimension else {
          throw Diagnostic("a folded product shares exponents along another axis than it contracts", at: [location])
        }
        shared = [lengthAxes(of: axis)]
      }
    case .exact:
      for operand in [left, right] where !operand.type.isFloating && !operand.type.isGrid {
        throw Diagnostic(
          "an exact product takes floats or a grid, found \(describe(operand))",
          at: [location, operand.location])
      }
    }
    switch productClass {
    case .exactBlock, .exact: break
    case .ordered, .fixedPoint, .fixedPointFolded:
      guard scales == 0 else {
        throw Diagnostic("scales belong to exactBlock products", at: [location])
      }
    }
    let rest = union(nodes.map(\.axes)).filter { $0 != dimension }
    return (union([rest, lengthAxes(of: dimension)] + shared), .float32)
  }

  private func inferJoin(
    _ parts: [Dimension], _ into: Dimension, _ nodes: [Node], at location: SourceLocation
  ) throws(Diagnostic) -> ([Dimension], ElementType) {
    guard !nodes.isEmpty, parts.count == nodes.count else {
      throw Diagnostic("a join names one axis for each of its parts", at: [location])
    }
    try check(declared: into, at: location)
    for (part, node) in zip(parts, nodes) {
      try require(node, has: part, for: "join", at: location)
      guard node.type == nodes[0].type else {
        throw Diagnostic(
          "joined parts differ: \(describe(nodes[0])) and \(describe(node))",
          at: [location, node.location])
      }
    }
    let rest = zip(parts, nodes).flatMap { part, node in
      [node.axes.filter { $0 != part }, lengthAxes(of: part)]
    }
    return (union(rest) + [into], nodes[0].type)
  }

  // MARK: Checks

  func union(_ lists: [[Dimension]]) -> [Dimension] {
    var all: [Dimension] = []
    for axis in lists.joined() where !all.contains(axis) { all.append(axis) }
    return all
  }

  /// The axes of a value computed at `index`: those it names and those of the values it reads.
  func axes(of index: Index) -> [Dimension] {
    var lists: [[Dimension]] = []
    index.visit {
      switch $0 {
      case .axis(let dimension): lists.append([dimension])
      case .value(let id): lists.append(program[id].axes)
      case .extent(let dimension): lists.append(lengthAxes(of: dimension))
      default: break
      }
    }
    return union(lists)
  }

  /// The axes along which the length of `dimension` differs: what is done to the whole of a ragged
  /// axis differs along them too.
  private func lengthAxes(of dimension: Dimension) -> [Dimension] {
    guard case .computed(let length)? = program.lengths[dimension] else { return [] }
    return axes(of: length)
  }

  private func check(_ index: Index, at location: SourceLocation) throws(Diagnostic) {
    for dimension in index.dimensions + index.extents {
      try check(declared: dimension, at: location)
    }
    for id in index.values where program[id].type != .int32 {
      throw Diagnostic(
        "an index is int32, found \(describe(program[id]))", at: [location, program[id].location])
    }
  }

  private func check(
    declared dimension: Dimension, at location: SourceLocation
  ) throws(Diagnostic) {
    guard program.dimensions.contains(dimension) else {
      throw Diagnostic("dimension \(dimension.name) is not declared in this kernel", at: [location])
    }
  }

  private func require(
    _ node: Node, has dimension: Dimension, for use: String, at location: SourceLocation
  ) throws(Diagnostic) {
    guard node.axes.contains(dimension) else {
      throw Diagnostic(
        "\(use) along \(dimension.name): the value is \(describe(node))", at: [location, node.location])
    }
    if isParallel(dimension) {
      throw Diagnostic(
        "\(use) along \(dimension.name), a parallel axis of this region: how it is cut into blocks "
          + "cannot be seen", at: [location, node.location])
    }
  }

  private func require(
    _ node: Node, is types: [ElementType], for use: String, at location: SourceLocation
  ) throws(Diagnostic) {
    guard types.contains(node.type) else {
      throw Diagnostic(
        "\(use) takes \(types.map(\.rawValue).joined(separator: " or ")), found \(describe(node))",
        at: [location, node.location])
    }
  }
}
