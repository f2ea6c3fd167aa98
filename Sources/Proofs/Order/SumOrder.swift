import MachineIR
import TileIR

/// Whether the addends of every floating sum of a kernel meet as its numeric class says, each once.
///
/// A sum begins where its holder is set to +0. Each statement that adds to it is taken as a write to an element with
/// one axis more, the addend's coordinate; the writes then have to make one region, whole along that axis, and in
/// ascending order. The coordinate is read off the places that the addend is loaded from: an addend at another place
/// than its neighbours leave for it is no member of the sum. What lanes and registers hold apart is then folded, and
/// the tree of that is compared with the stated one.
struct SumOrder {
  /// What a program states of a sum, with the length of its axis.
  struct Stated: Hashable {
    let rule: Rule
    let length: Polynomial?
    /// The axis.
    let dimension: Dimension
    /// Whether products are added with one rounding.
    let isFused: Bool
    /// Whether a block's products, whatever they are, have an exact sum in `f32`.
    private(set) var isExactInSingles = false

    /// What a node states; nil where it adds nothing that rounds.
    init?(_ node: Node, length: Polynomial?) {
      var isFused = false
      switch node.operation {
      case .reduce(.sum(let order?), let dimension) where node.type == .float32:
        (rule, self.dimension) = (.order(order), dimension)
      case .scan(let dimension, _) where node.type == .float32:
        (rule, self.dimension) = (.order(.sequential), dimension)
      case .product(let dimension, .ordered(let order, let kind), _, _):
        (rule, self.dimension, isFused) = (.order(order), dimension, kind == .fused)
      case .product(let dimension, .exactBlock(let block), _, _),
        .product(let dimension, .fixedPoint(_, let block), _, _),
        .product(let dimension, .fixedPointFolded(_, let block, _), _, _):
        (rule, self.dimension) = (.blocks(block), dimension)
      default: return nil
      }
      self.length = length
      self.isFused = isFused
    }

    /// The same, of a node of `program`.
    init?(_ node: Node, of program: Program, length: Polynomial?) {
      self.init(node, length: length)
      // A product of two E2M1 numbers is at most 144 quarters.
      guard case .blocks(let block) = rule else { return }
      isExactInSingles =
        node.operands[..<2].allSatisfy { program[$0].type == .e2m1 } && block * 144 <= 1 << 24
    }

    /// How many partial sums take turns.
    var positions: Int { if case .order(.interleaved(let count)) = rule { count } else { 1 } }
  }
  enum Rule: Hashable {
    case order(SummationOrder)
    /// Blocks of so many addends are summed exactly and rounded; those meet in ascending order.
    case blocks(Int)
  }
  /// The part of an axis that an inner sum takes.
  struct Span {
    let first: Polynomial
    let end: Polynomial
  }

  var joining: WrittenRegions
  let slice: SumSlice
  let lanes: LaneOrder
  private(set) var findings: [MachineFinding] = []
  /// What inner sums take, by holder.
  private var spans: [String: [Span]] = [:]
  private let stated: [SourceLocation: [Stated]]
  /// Where sums have been found.
  private(set) var judged: Set<SourceLocation> = []
  private var judgedHolders: Set<String> = []

  init(_ walk: KernelWalk) {
    joining = WrittenRegions(walk, isOrdered: true)
    slice = walk.sums.slice
    lanes = LaneOrder(walk.kernel)
    var stated: [SourceLocation: [Stated]] = [:]
    let program = walk.plan.program
    for node in program.nodes {
      guard let dimension = Stated(node, length: nil)?.dimension else { continue }
      let length =
        dimension.extent.map { Polynomial($0) }
        ?? (program.isOfLaunch(dimension) ? walk.numbers.extent(dimension) : nil)
      stated[node.location, default: []].append(Stated(node, of: program, length: length)!)
    }
    self.stated = stated
  }

  /// Judges every sum of the kernel.
  mutating func judge() {
    joining.walk.prover.pop(to: joining.walk.launchFacts)
    let nodes = joining.walk.sums.tree.nodes
    judge(nodes)
    for holder in slice.holders.subtracting(judgedHolders).sorted() {
      guard
        let add = nodes.lazy.flatMap({ $0.adds(to: holder) }).first(where: { stated[$0.step.location] != nil }
        )
      else {
        continue
      }
      find(holder, at: add.step.location, "where it begins is not followed")
    }
  }

  private mutating func find(_ holder: String, at location: SourceLocation, _ why: String?) {
    let rules = stated[location]!.map(\.rule.text).reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    findings.append(
      MachineFinding(
        kind: .reductionOrder, kernel: joining.walk.kernel.name, location: location,
        sentence: "addends of \(holder) meet in order, \(rules.joined(separator: " or "))",
        verdict: why.map { .unknown($0) } ?? .proved(.affine), open: nil))
  }

  private mutating func judge(_ nodes: [SumTree.Node]) {
    // Sums inside come first: those around them are made of their results.
    for node in nodes {
      let count = joining.walk.prover.facts.count
      switch node {
      case .step: break
      case .loop(let loop, let inner):
        for fact in loop.facts { joining.walk.prover.push(fact) }
        judge(inner)
      case .branch(let holds, let fails, let a, let b):
        for fact in holds { joining.walk.prover.push(fact) }
        judge(a)
        joining.walk.prover.pop(to: count)
        for fact in fails { joining.walk.prover.push(fact) }
        judge(b)
      }
      joining.walk.prover.pop(to: count)
    }
    var begun: [String: (step: SumTree.Step, from: Int)] = [:]
    for (position, node) in nodes.enumerated() {
      guard let step = node.reset else { continue }
      if let (before, from) = begun[step.holder] {
        // Without an addend between them it is more of the same beginning.
        guard nodes[from..<position].contains(where: { !$0.adds(to: step.holder).isEmpty }) else { continue }
        judge(before, Array(nodes[from..<position]))
      }
      begun[step.holder] = (step, position + 1)
    }
    for holder in begun.keys.sorted() {
      let (step, from) = begun[holder]!
      judge(step, Array(nodes[from...]))
    }
  }

  /// Judges a sum from where it begins to where its holder is used anew or no longer there.
  private mutating func judge(_ reset: SumTree.Step, _ nodes: [SumTree.Node]) {
    let adds = nodes.flatMap { $0.adds(to: reset.holder) }
    guard !adds.isEmpty, let stated = stated[reset.location] else { return }
    judged.insert(reset.location)
    judgedHolders.insert(reset.holder)
    if slice.folded.contains(reset.holder) {
      let sum = ElementSum(holder: reset.holder, nodes: nodes, adds: adds)
      let why = stated.map { sum.fault($0, &joining) }
      return find(reset.holder, at: reset.location, why.contains(nil) ? nil : why[0])
    }
    let sum = HeldSum(holder: reset.holder, nodes: nodes, adds: adds, slice: slice, lanes: lanes)
    // What numbers one sum brings in, the next has no use for.
    var own = joining
    let known = spans[reset.holder]?.count
    let why = sum.fault(reset, stated, &own, &spans)
    if spans[reset.holder]?.count != known { joining = own }
    joining.obligations = own.obligations
    find(reset.holder, at: reset.location, why)
  }
}

extension Program {
  /// Where sums with an order are stated that statements need.
  var orderedSums: Set<SourceLocation> {
    var found: Set<SourceLocation> = []
    var seen: Set<ValueID> = []
    var pending = regions.flatMap(\.statements).flatMap(\.dependencies)
    while let id = pending.popLast() {
      guard seen.insert(id).inserted else { continue }
      let node = self[id]
      if SumOrder.Stated(node, length: nil) != nil { found.insert(node.location) }
      pending += node.dependencies
      if case .carried(let loop, _) = node.operation { pending += loops[loop].next + loops[loop].initial }
      if case .loopResult(let loop, _) = node.operation { pending += loops[loop].next + loops[loop].initial }
    }
    return found
  }

  /// Whether the host knows how long an axis is.
  fileprivate func isOfLaunch(_ dimension: Dimension) -> Bool {
    switch lengths[dimension] {
    case .buffer?: true
    case .computed(let index)?: (try? HostExpression(index, in: self)) != nil
    case nil: false
    }
  }
}

extension SumOrder.Rule {
  var text: String {
    switch self {
    case .order(let order): "\(order)"
    case .blocks(let block): "blocks of \(block)"
    }
  }
}

extension SumTree.Node {
  /// The statement that sets a holder, where the node does nothing else to it.
  var reset: SumTree.Step? {
    switch self {
    case .step(let step):
      if case .reset = step.kind { step } else { nil }
    case .loop(_, let inner):
      inner.allSatisfy({ $0.reset != nil }) && Set(inner.compactMap(\.reset?.holder)).count == 1
        ? inner[0].reset : nil
    case .branch: nil
    }
  }

  /// Statements that add to a holder, each with the loops around it, outermost first.
  func adds(to holder: String) -> [SumTree.Addend] {
    switch self {
    case .step(let step):
      if case .add = step.kind, step.holder == holder { return [SumTree.Addend(step: step, loops: [])] }
      return []
    case .loop(let loop, let inner):
      return inner.flatMap { $0.adds(to: holder) }.map {
        SumTree.Addend(step: $0.step, loops: [loop] + $0.loops)
      }
    case .branch(_, _, let a, let b): return (a + b).flatMap { $0.adds(to: holder) }
    }
  }

  func contains(_ condition: (SumTree.Step) -> Bool) -> Bool {
    switch self {
    case .step(let step): condition(step)
    case .loop(_, let inner): inner.contains { $0.contains(condition) }
    case .branch(_, _, let a, let b): (a + b).contains { $0.contains(condition) }
    }
  }
}
