import MachineIR
import TileIR

/// What a kernel does to partial sums, with the loops and branches around it, in order.
struct SumTree {
  indirect enum Node {
    case loop(Loop, [Node])
    case branch([Polynomial], [Polynomial], [Node], [Node])
    case step(Step)
  }
  struct Loop {
    let numbers: WriteTree.Loop
    let counter: Polynomial
    let isUnrolled: Bool
    /// What holds inside.
    let facts: [Polynomial]
  }
  /// A statement that sets, adds to, folds or uses a sum.
  struct Step {
    enum Kind {
      /// Sets it to +0, or to something else.
      case reset(isZero: Bool)
      case add(Addition, active: Polynomial?)
      /// Adds two elements of it to each other: these.
      case fold(Polynomial, Polynomial)
      /// Reads it, or what folds it.
      case use
    }
    let kind: Kind
    /// The holder that is set, none for a use.
    let holder: String
    /// Where in the holder; of an array on chip the place of the lane at hand.
    let index: [Polynomial]
    /// What is read for the addends.
    let reads: [Read]
    /// Elements of holders that are read otherwise.
    var uses: [Use] = []
    let statement: MachineStatement
    let location: SourceLocation
  }
  /// Lanes of a holder's elements that are read at once.
  struct Use {
    let holder: String
    /// As in the step that adds to them.
    let index: [Polynomial]
    let lanes: Int
    let active: Polynomial?
  }
  /// Memory that an addend is read from, and what it is a copy of.
  struct Read: Hashable {
    let memory: String
    let place: Polynomial
    var source: Source?
  }
  /// An element of a buffer.
  struct Source: Hashable {
    let memory: String
    let place: Polynomial
  }

  private var open: [[Node]] = [[]]
  var nodes: [Node] { open[0] }

  mutating func begin() { open.append([]) }
  mutating func end() -> [Node] { open.removeLast() }
  mutating func add(_ node: Node) { open[open.count - 1].append(node) }
}

/// What a walk keeps of sums.
struct SumRecord {
  let slice: SumSlice
  private(set) var tree = SumTree()
  /// What has been read since the statement at hand began.
  private(set) var reads: [SumTree.Read] = []
  /// What each name's value was read from.
  private var sources: [String: [SumTree.Read]] = [:]
  /// How long the kernel finds the axes that only it knows the length of, by the axis' name.
  private(set) var lengths: [String: [Polynomial]] = [:]

  init(_ kernel: MachineKernel) { slice = SumSlice(kernel) }

  var isEmpty: Bool { slice.holders.isEmpty }

  mutating func beginStatement() { if !isEmpty { reads.removeAll(keepingCapacity: true) } }
  mutating func read(_ memory: String, _ place: Polynomial, from source: SumTree.Source?) {
    if !isEmpty { reads.append(SumTree.Read(memory: memory, place: place, source: source)) }
  }
  mutating func begin() { tree.begin() }
  mutating func end() -> [SumTree.Node] { tree.end() }
  mutating func add(_ node: SumTree.Node) { tree.add(node) }

  /// Notes a number that is named as an axis' length.
  mutating func noteLength(_ name: String, _ value: Polynomial) {
    guard value.isValid, let dimension = MachineStatement.dimension(ofLength: name) else { return }
    lengths[dimension, default: []].append(value)
  }

  /// Notes what a name's value was read from. What a loop changes has no place of its own.
  mutating func define(_ name: String, _ value: Expression) {
    guard slice.names.contains(name) else { return }
    sources[name] = sources(of: value)
  }

  /// What was read for an expression of the statement at hand, by way of registers too.
  func sources(of value: Expression) -> [SumTree.Read] {
    var found: [SumTree.Read] = []
    var memories: Set<String> = []
    func add(_ read: SumTree.Read) { if !found.contains(read) { found.append(read) } }
    value.forEachName { name, isMemory in
      if isMemory { memories.insert(name) } else { sources[name]?.forEach(add) }
    }
    for read in reads where memories.contains(read.memory) { add(read) }
    return found
  }
}

extension KernelWalk {
  /// Keeps what a statement does to sums.
  mutating func noteSums(_ statement: MachineStatement) {
    guard isJudged, !sums.isEmpty else { return }
    let place: SourceLocation = location
    func step(
      _ kind: SumTree.Step.Kind, _ holder: String, _ index: [Polynomial], _ reads: [SumTree.Read] = [],
      uses: [SumTree.Use] = []
    ) {
      sums.add(
        .step(
          SumTree.Step(
            kind: kind, holder: holder, index: index, reads: reads, uses: uses, statement: statement,
            location: place)))
    }
    switch statement {
    case .clear(let buffer, _, _):
      if sums.slice.holders.contains(buffer) { step(.reset(isZero: true), buffer, []) }
    case .define, .declare, .assign, .setElement, .storeRaw:
      guard let (name, value) = statement.assigned else { return }
      if value.type == .index, case .integer(let number)? = values[name] {
        return sums.noteLength(name, number)
      }
      if case .declare = statement {} else if case .assign = statement {} else { sums.define(name, value) }
      let isHolder = sums.slice.holders.contains(name)
      let addition = isHolder ? Addition(statement, sums.slice.folded) : nil
      if isHolder, let parts = statement.elementFold, parts.allSatisfy({ $0.count == 1 }) {
        return step(.fold(integer(parts[0][0]), integer(parts[1][0])), name, sumIndex(statement))
      }
      if let addition {
        let reads = addition.addends.reduce(into: [SumTree.Read]()) { $0 += sums.sources(of: $1) }
        let active = (addition.active ?? addition.maskedLanes).map { integer($0) }
        var uses: [SumTree.Use] = []
        for addend in addition.addends { uses += sumUses(in: addend) }
        step(.add(addition, active: active), name, sumIndex(statement), reads, uses: uses)
      } else if isHolder {
        step(.reset(isZero: value.isPositiveZero), name, sumIndex(statement))
      }
      if addition == nil, !sums.slice.sums(in: value).isEmpty { step(.use, "", [], uses: sumUses(in: value)) }
    default:
      if statement.expressions.contains(where: { !sums.slice.sums(in: $0).isEmpty }) {
        var uses: [SumTree.Use] = []
        for expression in statement.expressions { uses += sumUses(in: expression) }
        step(.use, "", [], uses: uses)
      }
    }
  }

  /// Elements of holders that an expression reads.
  private mutating func sumUses(in expression: Expression) -> [SumTree.Use] {
    func isHolder(_ name: String) -> Bool { sums.slice.holders.contains(name) }
    switch expression {
    case .element(let array, let indices) where isHolder(array.name):
      return [SumTree.Use(holder: array.name, index: indices.map { integer($0) }, lanes: 1, active: nil)]
    case .raw(let array, let offset, let type) where isHolder(array):
      return [sumUse(of: array, integer(offset), type.lanes, nil)]
    case .load(let access, let type, let active) where isHolder(access.buffer):
      return [sumUse(of: access.buffer, integer(access.offset), type.lanes, active.map { integer($0) })]
    case .gather(let access, let lanes, let type, let active) where isHolder(access.buffer):
      let place = integer(access.offset) + integer(lanes)
      return [
        SumTree.Use(
          holder: access.buffer, index: [place], lanes: type.lanes, active: active.map { integer($0) })
      ]
    case .gatherRaw(let array, let offset, let lanes, let type) where isHolder(array):
      return [
        SumTree.Use(holder: array, index: [integer(offset) + integer(lanes)], lanes: type.lanes, active: nil)
      ]
    case .apply(_, let operands, _):
      var found: [SumTree.Use] = []
      for operand in operands { found += sumUses(in: operand) }
      return found
    case .broadcast(let value, _): return sumUses(in: value)
    case .conditional(let condition, let a, let b):
      return sumUses(in: condition) + sumUses(in: a) + sumUses(in: b)
    default: return []
    }
  }

  private mutating func sumUse(of array: String, _ first: Polynomial, _ lanes: Int, _ active: Polynomial?)
    -> SumTree.Use
  {
    SumTree.Use(
      holder: array, index: [lanes > 1 ? first + lane(of: lanes) : first], lanes: lanes, active: active)
  }

  /// Where in its holder a statement sets a sum.
  private mutating func sumIndex(_ statement: MachineStatement) -> [Polynomial] {
    switch statement {
    case .setElement(_, let indices, _): return indices.map { integer($0) }
    case .storeRaw(_, let offset, let value):
      let first = integer(offset)
      return [value.type.lanes > 1 ? first + lane(of: value.type.lanes) : first]
    default: return []
    }
  }
}

extension Addition {
  /// Lanes from it on add +0.
  var maskedLanes: Expression? {
    guard addends.count == 1, case .apply(.select, let operands, _) = addends[0], operands[2].isPositiveZero
    else {
      return nil
    }
    return operands[0].activeLanes
  }
}

extension Expression {
  /// Whether it is +0 in every lane.
  var isPositiveZero: Bool {
    if case .float(0, _) = self { true } else { false }
  }
}
