import MachineIR
import TileIR

/// The least that a launch asks of an Ascend chip's parts, in cycles of all its cores at work: from the tile
/// program, its numeric classes and the launch's sizes alone, whatever program is made of it.
///
/// With m, n and k the extents of a product, and l and r the bytes of a number of its operands (`slices`):
/// - products of the classes `exactBlock` and `fixedPoint` have a multiply-add of bytes for each pair of slices,
///   m n k l r of them;
/// - their operands go to L1 once, m k l + n k r bytes, at the cache's rate; what of them is stored, rows that several
///   products pick once, comes from main memory;
/// - of each block of k a sum of 32 bits leaves L0C for each weight that a pair of slices can have, 4 m n
///   (k / block) (l + r - 1) bytes, which the vector cores read, with an operation a weight and one to add the
///   block;
/// - other products have a multiplication and an addition a lane, or one operation where it is rounded once;
/// - any other operation on numbers has one instruction a lane of 32 bits, an elementary function its steps, and so has
///   what no instruction of the chip gives as the contract says: quotients, roots, and numbers from and to formats that it
///   has no casts for;
/// - what is loaded comes to the unified buffer once, no more of a parameter than there is; weights that are
///   operands of byte products are laid out before and do not.
///
/// Rows that data pick count as different ones; lengths that data decide are those of the largest integers that buffers may
/// hold, 0 where nothing bounds them.
public struct PipeBounds: Hashable, Sendable {
  /// A part of the chip, by the name that tables have.
  public enum Part: String, Hashable, Sendable, CaseIterable {
    case cube
    case toL1 = "GM to L1"
    case fromSums = "L0C to GM"
    case toUnifiedBuffer = "GM to UB"
    case vectorLanes = "vector lanes"
  }
  public private(set) var ticks: [Part: Double]

  public var slowest: (part: Part, ticks: Double) {
    let part = Part.allCases.max { ticks[$0]! < ticks[$1]! }!
    return (part, ticks[part]!)
  }

  public init(_ program: Program, _ sizes: LaunchSizes, _ npu: Ascend) {
    let work = LeastWork(program, sizes)
    let (rates, cubes) = (npu.rates, Double(npu.cube.cores))
    let vectors = Double(npu.vectorCores)
    ticks = [
      .cube: work.multiplyAdds / rates.multiplyAdds / cubes,
      .toL1: max(work.stagedBytes / (rates.cacheRead * cubes), work.storedBytes / rates.memory),
      .fromSums: work.sumBytes / (rates.cacheWrite * cubes),
      .toUnifiedBuffer: work.loadedBytes / min(rates.cacheRead * vectors, rates.memory)
        + work.sumBytes / (rates.cacheRead * vectors),
      .vectorLanes: work.lanes * 4 / Double(Ascend.repeatBytes) * rates.ticksPerRepeat / vectors,
    ]
  }
}

/// Counts of a tile program at the sizes of a launch.
private struct LeastWork {
  private let program: Program
  private let sizes: LaunchSizes
  /// How often each node is computed: the rounds of the loops that it is in.
  private var rounds: [Double] = []
  /// Extents of parallel axes that are walked in part.
  private var walked: [Dimension: Double] = [:]
  /// Right operands that products have had.
  private var shared: Set<ValueID> = []
  var multiplyAdds = 0.0
  var stagedBytes = 0.0
  var storedBytes = 0.0
  var sumBytes = 0.0
  var loadedBytes = 0.0
  var lanes = 0.0

  init(_ program: Program, _ sizes: LaunchSizes) {
    self.program = program
    self.sizes = sizes
    for axis in program.regions.flatMap(\.axes) {
      guard let bounds = axis.bounds, let lower = number(bounds.lower), let upper = number(bounds.upper)
      else {
        continue
      }
      walked[axis.dimension] = max(walked[axis.dimension] ?? 0, Double(max(0, upper - lower)))
    }
    rounds = Self.rounds(program) { number($0).map(Double.init) ?? 0 }
    var laidOut: Set<ValueID> = []
    for (position, node) in program.nodes.enumerated() {
      if case .product(let depth, let productClass, _, _) = node.operation {
        add(product: node, times: rounds[position], depth, productClass, &laidOut)
      }
    }
    var loaded: [Int: Double] = [:]
    for (position, node) in program.nodes.enumerated() where !laidOut.contains(ValueID(position)) {
      lanes += rounds[position] * operations(node)
      guard case .load(let parameter, _) = node.operation else { continue }
      loaded[parameter, default: 0] +=
        elements(node) * rounds[position] * bytes(program.parameters[parameter])
    }
    loadedBytes = loaded.reduce(0) { $0 + min($1.value, sizes.byteCount(program.parameters[$1.key])) }
  }

  private func number(_ index: Index) -> Int? {
    (try? HostExpression(index, in: program)).map { sizes.value($0) }
  }

  private func bytes(_ parameter: Parameter) -> Double { Double(parameter.element.bitWidth) / 8 }

  private func extent(_ dimension: Dimension) -> Double {
    walked[dimension] ?? Double(sizes.extent(dimension))
  }

  private func elements(_ node: Node) -> Double { node.axes.reduce(1) { $0 * extent($1) } }

  /// Loops that each node's value changes in, as the rounds of all.
  private static func rounds(_ program: Program, _ count: (Index) -> Double) -> [Double] {
    var inside: [Set<Int>] = []
    for node in program.nodes {
      var own = node.dependencies.reduce(into: Set<Int>()) { $0.formUnion(inside[$1.number]) }
      switch node.operation {
      case .carried(let loop, _), .round(let loop): own.insert(loop)
      case .loopResult(let loop, _): own.remove(loop)
      default: break
      }
      inside.append(own)
    }
    return inside.map { $0.reduce(1) { $0 * count(program.loops[$1].count) } }
  }

  // MARK: Operations

  private func operations(_ node: Node) -> Double {
    switch node.operation {
    case .elementwise(.bitCast): return 0
    case .elementwise(let operation):
      return elements(node) * (function(operation, node).map(steps) ?? 1)
    case .call(let function): return elements(node) * steps(function)
    case .reduce, .scan, .topK, .sort, .stableOrder: return elements(program[node.operands[0]])
    default: return 0
    }
  }

  /// What an operation is made of that no instruction does; nil where one does.
  private func function(_ operation: Elementwise, _ node: Node) -> ScalarFunction? {
    switch operation {
    case .divide where node.type == .float32 && !isConstant(node.operands[1]): return .correctQuotient
    case .squareRoot: return .correctSquareRoot
    case .reciprocalSquareRoot: return .correctReciprocalSquareRoot
    case .convert:
      let from = program[node.operands[0]].type
      if node.type == .float32, Self.hasNoCasts(from) { return .widening(from) }
      return from == .float32 && Self.hasNoCasts(node.type) ? .narrowing(node.type) : nil
    default: return nil
    }
  }

  private func isConstant(_ id: ValueID) -> Bool { if case .constant = program[id].operation { true } else { false } }

  private static func hasNoCasts(_ format: ElementType) -> Bool {
    switch format {
    case .bfloat16, .e4m3, .e5m2, .e2m1, .e8m0: true
    default: false
    }
  }

  private func steps(_ function: ScalarFunction) -> Double {
    Double(
      function.steps.count { if case .elementwise(let own) = $0.operation { !own.keepsBits } else { false } })
  }

  // MARK: Products

  private mutating func add(
    product node: Node, times: Double, _ depth: Dimension, _ productClass: ProductClass,
    _ laidOut: inout Set<ValueID>
  ) {
    let results = elements(node) * times
    let products = results * extent(depth)
    let block: Int
    let width: Int?
    switch productClass {
    case .exactBlock(let length): (block, width) = (length, nil)
    case .fixedPoint(let bits, let length), .fixedPointFolded(let bits, let length, _):
      (block, width) = (length, bits)
    case .ordered(_, .fused):
      lanes += products
      return
    case .ordered(_, .unfused), .exact:
      lanes += 2 * products
      return
    }
    let (left, right) = (node.operands[0], node.operands[1])
    let (l, r) = (slices(left, width), slices(right, width))
    let blocks = (extent(depth) / Double(block)).rounded(.up)
    multiplyAdds += products * l * r
    stagedBytes += elements(program[left]) * l + weightElements(right) * r
    storedBytes += stored(left) * l
    // Products with the same rows, as scores and values are, find them in the cache.
    if shared.insert(right).inserted { storedBytes += stored(right) * r }
    sumBytes += 4 * results * blocks * (l + r - 1)
    lanes += results * blocks * (l + r)
    let chain = chain(right)
    if case .load(let parameter, _)? = chain.last.map({ program[$0].operation }),
      program.parameters[parameter].role == .weight
    {
      laidOut.formUnion(chain)
    }
  }

  /// Signed bytes that hold any number of an operand exactly: those of its format's grid, or of the class's
  /// integers.
  private func slices(_ operand: ValueID, _ width: Int?) -> Double {
    let bits =
      switch program[operand].type {
      case _ where width != nil: width!
      // 448 in units of 2^-9, and a sign.
      case .e4m3: 19
      // 57344 in units of 2^-16.
      case .e5m2: 33
      // 6 in halves.
      case .e2m1: 5
      case .int4: 4
      case .uint8: 9
      default: 8
      }
    return Double((bits + 7) / 8)
  }

  /// An operand and what it comes of by conversions alone, back to a load.
  private func chain(_ operand: ValueID) -> [ValueID] {
    switch program[operand].operation {
    case .elementwise(.convert), .elementwise(.bitCast): [operand] + chain(program[operand].operands[0])
    default: [operand]
    }
  }

  /// Elements of an operand, of a weight whose matrices data pick no more than it has.
  private func weightElements(_ operand: ValueID) -> Double {
    guard case .load(let parameter, _) = program[chain(operand).last!].operation,
      program.parameters[parameter].role == .weight
    else { return elements(program[operand]) }
    return stored(operand)
  }

  /// Elements of an operand, of parameters no more than they have.
  private func stored(_ operand: ValueID) -> Double {
    let own = elements(program[operand])
    if case .join = program[operand].operation { return min(own, program[operand].operands.reduce(0) { $0 + stored($1) }) }
    guard case .load(let parameter, _) = program[chain(operand).last!].operation else { return own }
    let given = program.parameters[parameter]
    return min(own, sizes.byteCount(given) / bytes(given))
  }
}

extension Elementwise {
  fileprivate var keepsBits: Bool { if case .bitCast = self { true } else { false } }
}
