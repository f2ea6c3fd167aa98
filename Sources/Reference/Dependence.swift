import TileIR

/// Which nodes of a program need which, lengths of axes included.
struct Dependence {
  /// What one round of a loop computes anew.
  struct Body {
    var nodes: [Int] = []
    /// Dimensions whose length differs from round to round.
    var lengths: [Dimension] = []
    /// Loops inside.
    var loops: [Int] = []
  }

  let bodies: [Body]
  private let program: Program
  /// By node: what must be known before it is computed.
  private let direct: [[Int]]
  private let whole: [Set<Dimension>]

  init(_ program: Program) {
    self.program = program
    direct = program.nodes.map { Self.needs(of: $0, in: program) }
    bodies = program.loops.indices.map { Self.body(of: $0, in: program) }
    whole = program.nodes.map(Self.wholeAxes(of:))
  }

  /// `id` and all that it needs, ascending. Nothing behind a node that is known is followed.
  func before(_ id: ValueID, isKnown: (Int) -> Bool) -> [Int] {
    var found: Set<Int> = []
    var open = [id.number]
    while let next = open.popLast() {
      if isKnown(next) || !found.insert(next).inserted { continue }
      open += direct[next]
    }
    return found.sorted()
  }

  /// The axes that a node reads whole, and that therefore cannot be cut before it; for the result of
  /// a loop, those of all nodes in the body.
  func wholeAxes(of id: ValueID) -> Set<Dimension> {
    guard case .loopResult(let loop, _) = program[id].operation else { return whole[id.number] }
    return bodies[loop].nodes.reduce(into: []) { $0.formUnion(whole[$1]) }
  }

  private static func wholeAxes(of node: Node) -> Set<Dimension> {
    switch node.operation {
    case .reduce(_, let dimension), .scan(let dimension, _), .topK(let dimension, _),
      .sort(let dimension), .stableOrder(let dimension), .sample(let dimension, _):
      [dimension]
    case .product(let dimension, .fixedPointFolded(_, _, let axis), _, _): [dimension, axis]
    case .product(let dimension, _, _, _): [dimension]
    case .join(let parts, _): Set(parts)
    default: []
    }
  }

  /// The dimensions whose length a node looks at.
  private static func dimensions(of node: Node) -> [Dimension] {
    node.axes + wholeAxes(of: node) + node.operation.indices.flatMap(\.extents)
  }

  /// The values that the length of a dimension reads, and the dimensions whose lengths it reads.
  private static func lengthValues(_ dimension: Dimension, _ program: Program) -> [ValueID] {
    guard case .computed(let index)? = program.lengths[dimension] else { return [] }
    return values(of: index, program)
  }

  private static func values(of index: Index, _ program: Program) -> [ValueID] {
    index.values + (index.dimensions + index.extents).flatMap { lengthValues($0, program) }
  }

  private static func needs(of node: Node, in program: Program) -> [Int] {
    let lengths = dimensions(of: node).flatMap { lengthValues($0, program) }
    switch node.operation {
    case .loopResult(let loop, _):
      let loop = program.loops[loop]
      return (loop.initial + values(of: loop.count, program) + lengths).map(\.number)
    case .carried:
      // Known during a round, and not needed outside.
      return []
    default:
      let indexed = node.operation.indices.flatMap { values(of: $0, program) }
      return (node.operands + indexed + lengths).map(\.number)
    }
  }

  /// Everything that changes with the round: what reaches a carried value or the round's number.
  private static func body(of number: Int, in program: Program) -> Body {
    var body = Body()
    var inside = [Bool](repeating: false, count: program.nodes.count)
    for (position, node) in program.nodes.enumerated() {
      switch node.operation {
      case .carried(number, _), .round(number): inside[position] = true
      case .loopResult(number, _): continue
      case .loopResult(let inner, _):
        let loop = program.loops[inner]
        inside[position] = (loop.initial + loop.next + values(of: loop.count, program))
          .contains { inside[$0.number] }
        if inside[position], !body.loops.contains(inner) { body.loops.append(inner) }
      case .carried(let inner, _):
        inside[position] = program.loops[inner].initial.contains { inside[$0.number] }
      default:
        inside[position] = needs(of: node, in: program).contains { inside[$0] }
      }
      if inside[position] { body.nodes.append(position) }
    }
    body.lengths = program.dimensions.filter { dimension in
      lengthValues(dimension, program).contains { inside[$0.number] }
    }
    return body
  }
}
