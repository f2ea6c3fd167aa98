import TileIR

/// The integers and truth values of a program as terms and formulas at a site.
///
/// What the logic does not follow (floats, loop-carried integers, products of words) is a variable of its
/// own for each site, with the bounds of its type. What primitives promise and buffers declare are facts
/// about such variables.
final class TileValues {
  let program: Program
  /// What each variable brings along.
  private(set) var facts: [Variable: [Formula]] = [:]
  /// Elements read from buffers, and results of primitives, for lemmas about pairs of them.
  private(set) var elements: [Variable: Element] = [:]
  private var terms: [Key: Term] = [:]
  private var formulas: [Key: Formula] = [:]

  /// One element of something that has many.
  struct Element: Hashable {
    enum Source: Hashable {
      case parameter(Int)
      case node(Int)
    }
    let source: Source
    let indices: [Term]
  }

  private struct Key: Hashable {
    let id: ValueID
    let site: TileSite
  }

  init(_ program: Program) { self.program = program }

  // MARK: Lengths and indices

  /// The length of a dimension there; a computed one is within its declared range by an obligation.
  func length(of dimension: Dimension, at site: TileSite) -> Term {
    if let extent = dimension.extent { return .constant(extent) }
    if case .computed(let index)? = program.lengths[dimension] { return term(index, at: site) }
    return .variable(Variable("|\(dimension.name)|", in: dimension.range))
  }

  /// A variable for the coordinates of a dimension, under a name that is not among `taken`.
  func coordinate(_ dimension: Dimension, avoiding taken: Set<String> = []) -> Term {
    .variable(Variable(fresh(dimension.name, taken), from: 0, to: dimension.range.upperBound - 1))
  }

  func fresh(_ name: String, _ taken: Set<String>) -> String {
    var name = name
    while taken.contains(name) { name += "'" }
    return name
  }

  func term(_ index: Index, at site: TileSite) -> Term {
    switch index {
    case .constant(let value): .constant(value)
    case .axis(let dimension): site.coordinates[dimension] ?? coordinate(dimension)
    case .extent(let dimension): length(of: dimension, at: site)
    case .scalar(let position): scalar(position)
    case .value(let id): term(id, at: site)
    case .sum(let a, let b): term(a, at: site) + term(b, at: site)
    case .scaled(let a, let factor): term(a, at: site) * factor
    case .divided(let a, let divisor): term(a, at: site) / divisor
    case .remainder(let a, let divisor): term(a, at: site) % divisor
    }
  }

  private func scalar(_ position: Int) -> Term {
    let parameter = program.parameters[position]
    var range = Int(Int32.min)...Int(Int32.max)
    for case .range(let lower, let upper) in parameter.refinements { range = lower...upper }
    return .variable(Variable(parameter.name, in: range))
  }

  // MARK: Integers

  /// The value of an integer node; nil sites' axes are those of the node.
  func term(_ id: ValueID, at site: TileSite) -> Term {
    let key = Key(id: id, site: site.over(program[id].axes))
    if let known = terms[key] { return known }
    let term = compute(id, program[id], at: key.site)
    terms[key] = term
    return term
  }

  private func compute(_ id: ValueID, _ node: Node, at site: TileSite) -> Term {
    func operand(_ position: Int) -> Term { term(node.operands[position], at: site) }
    switch node.operation {
    case .constant(let bits, _): return .constant(node.type.integer(bits))
    case .coordinate(let dimension): return site.coordinates[dimension] ?? coordinate(dimension)
    case .index(let index): return term(index, at: site)
    case .scalar(let position): return scalar(position)
    case .load(let parameter, let indices):
      return element(parameter, indices.map { term($0, at: site) }, at: site)
    case .segment(let partition, let dimension): return segment(id, partition, dimension, at: site)
    case .elementwise(let operation): return elementwise(operation, id, node, at: site)
    case .reduce(let reduction, let dimension): return reduce(reduction, dimension, id, node, at: site)
    case .scan(let dimension, _): return scan(dimension, id, node, at: site)
    case .topK(let dimension, let into): return topK(dimension, into, id, node, at: site)
    case .sort(let dimension): return sorted(dimension, id, node, at: site)
    case .stableOrder(let dimension):
      let length = length(of: dimension, at: site)
      return opaque(id, node, "stable order", at: site, from: 0, to: dimension.range.upperBound - 1) {
        [$0 .< length]
      }
    case .sample(let dimension, let index):
      return term(node.operands[0], at: site.with(dimension, term(index, at: site)))
    case .join(let parts, let into):
      var rest = site.coordinates[into] ?? coordinate(into)
      var sides: [(isIn: Formula, value: Term)] = []
      for (part, value) in zip(parts, node.operands) {
        let length = length(of: part, at: site)
        sides.append((rest .< length, term(value, at: site.with(part, rest))))
        rest = rest - length
      }
      return sides.dropLast().reversed().reduce(sides.last!.value) { .select($1.isIn, $1.value, $0) }
    case .round(let loop): return site.rounds[loop] ?? round(loop)
    case .call, .product, .carried, .loopResult: return opaque(id, node, "value", at: site)
    }
  }

  func round(_ loop: Int) -> Term {
    let upper = Interval(term(program.loops[loop].count, at: TileSite())).upper
    return .variable(Variable("round \(loop)", from: 0, to: upper.map { max(0, $0 - 1) }))
  }

  /// An integer of which only its type is known, and what `promises` says.
  func opaque(
    _ id: ValueID, _ node: Node, _ what: String, at site: TileSite, from lower: Int = Int(Int32.min),
    to upper: Int = Int(Int32.max), promises: (Term) -> [Formula] = { _ in [] }
  ) -> Term {
    var indices = node.axes.map { site.coordinates[$0] ?? coordinate($0) }
    indices += site.rounds.sorted { $0.key < $1.key }.map(\.value)
    let list = indices.map(\.description).joined(separator: ", ")
    let name = "\(what) %\(id.number)" + (indices.isEmpty ? "" : "[\(list)]")
    let variable = Variable(name, from: lower, to: max(upper, lower))
    if facts[variable] == nil {
      elements[variable] = Element(source: .node(id.number), indices: indices)
      facts[variable] = []
      facts[variable] = promises(.variable(variable))
    }
    return .variable(variable)
  }

  /// An element of a buffer, with what the buffer declares.
  private func element(_ parameter: Int, _ indices: [Term], at site: TileSite) -> Term {
    let declared = program.parameters[parameter]
    var range = declared.element.integers
    var within: [Term] = []
    for refinement in declared.refinements {
      switch refinement {
      case .range(let lower, let upper): range = max(lower, range.lowerBound)...min(upper, range.upperBound)
      case .partition(let dimension):
        range = 0...dimension.range.upperBound
        within.append(length(of: dimension, at: site) + 1)
      case .permutation(let dimension), .coordinate(let dimension):
        range = 0...max(0, dimension.range.upperBound - 1)
        within.append(length(of: dimension, at: site))
      case .below(let bound):
        range = max(0, range.lowerBound)...range.upperBound
        within.append(term(bound, at: site))
      case .increasing: break
      }
    }
    let name = "\(declared.name)[\(indices.map(\.description).joined(separator: ", "))]"
    let variable = Variable(name, in: range)
    if facts[variable] == nil {
      elements[variable] = Element(source: .parameter(parameter), indices: indices)
      facts[variable] = within.map { .variable(variable) .< $0 }
      for runs in program.runs where runs.parameters.contains(parameter) {
        facts[variable]! += runFacts(runs, row: indices[0], at: site)
      }
    }
    return .variable(variable)
  }

  /// A row's run begins at it or before, and ends behind it; it was 0 or more at the beginning.
  private func runFacts(_ runs: Runs, row: Term, at site: TileSite) -> [Formula] {
    let first = element(runs.first, [row], at: site)
    let counter = element(runs.counter, [row], at: site)
    var facts: [Formula] = [first .<= row, row - first .<= counter]
    if let count = runs.count {
      let rows = length(of: program.parameters[runs.key].axes[0], at: site)
      let count = element(count, [row], at: site)
      facts += [row .< first + count, first + count .<= rows]
    }
    return facts
  }

  /// Two rows of one key are of one run.
  func pairFacts(_ runs: Runs, _ row: Term, _ other: Term) -> Formula {
    func pair(_ parameter: Int) -> (Term, Term) {
      (element(parameter, [row], at: TileSite()), element(parameter, [other], at: TileSite()))
    }
    let (key, first, counter) = (pair(runs.key), pair(runs.first), pair(runs.counter))
    var same: [Formula] = [first.0 .== first.1, counter.0 - row .== counter.1 - other]
    if let count = runs.count.map(pair) { same.append(count.0 .== count.1) }
    return (key.0 .== key.1).implies(.all(same))
  }

  /// The segment of a partition that holds a coordinate: offsets[s] <= coordinate < offsets[s + 1].
  private func segment(_ id: ValueID, _ partition: Int, _ dimension: Dimension, at site: TileSite) -> Term {
    let offsets = program.parameters[partition].axes[0]
    let coordinate = site.coordinates[dimension] ?? coordinate(dimension)
    let count = length(of: offsets, at: site)
    return opaque(
      id, program[id], "segment", at: site, from: 0, to: max(0, offsets.range.upperBound - 2)
    ) { segment in
      [
        segment + 1 .< count, element(partition, [segment], at: site) .<= coordinate,
        coordinate .< element(partition, [segment + 1], at: site),
      ]
    }
  }

  private func elementwise(_ operation: Elementwise, _ id: ValueID, _ node: Node, at site: TileSite) -> Term {
    func operand(_ position: Int) -> Term { term(node.operands[position], at: site) }
    func constant(_ position: Int) -> Int? {
      if case .constant(let value) = operand(position) { value } else { nil }
    }
    let types = node.operands.map { program[$0].type }
    switch operation {
    case .add: return operand(0) + operand(1)
    case .subtract: return operand(0) - operand(1)
    case .multiply: return operand(0) * operand(1)
    case .negate: return operand(0) * -1
    case .absolute: return .max(operand(0), operand(0) * -1)
    case .minimum: return .min(operand(0), operand(1))
    case .maximum: return .max(operand(0), operand(1))
    case .divideFloor(let divisor): return operand(0) / divisor
    case .remainderFloor(let divisor): return operand(0) % divisor
    case .not: return operand(0) * -1 - 1
    case .select: return .select(formula(node.operands[0], at: site), operand(1), operand(2))
    case .convert where types[0] == .bool:
      return .select(formula(node.operands[0], at: site), .constant(1), .constant(0))
    case .convert where types[0].isInteger && node.type == .int32: return operand(0)
    case .convert where types[0].isInteger && node.type.isInteger:
      // Narrowing saturates.
      let range = node.type.integers
      return .min(.max(operand(0), .constant(range.lowerBound)), .constant(range.upperBound))
    case .and:
      // The low bits, of a negative number too.
      for (mask, other) in [(0, 1), (1, 0)] {
        if let bits = constant(mask), bits >= 0, bits & (bits + 1) == 0 { return operand(other) % (bits + 1) }
      }
    case .shiftRightArithmetic:
      if let bits = constant(1), (0...30).contains(bits) { return operand(0) / (1 << bits) }
    case .shiftRightLogical:
      if let bits = constant(1), (0...30).contains(bits), let lower = Interval(operand(0)).lower, lower >= 0 {
        return operand(0) / (1 << bits)
      }
    case .shiftLeft:
      if let bits = constant(1), (0...30).contains(bits) {
        let shifted = operand(0) * (1 << bits)
        let interval = Interval(shifted)
        if let lower = interval.lower, let upper = interval.upper, lower >= Int32.min, upper <= Int32.max {
          return shifted
        }
      }
    default: break
    }
    let range = node.type.integers
    return opaque(id, node, "value", at: site, from: range.lowerBound, to: range.upperBound)
  }

  // MARK: Truth values

  /// The value of a `bool` node.
  func formula(_ id: ValueID, at site: TileSite) -> Formula {
    let key = Key(id: id, site: site.over(program[id].axes))
    if let known = formulas[key] { return known }
    let formula = compute(condition: id, program[id], at: key.site)
    formulas[key] = formula
    return formula
  }

  private func compute(condition id: ValueID, _ node: Node, at site: TileSite) -> Formula {
    func side(_ position: Int) -> Formula { formula(node.operands[position], at: site) }
    switch node.operation {
    case .constant(let bits, _): return .truth(bits != 0)
    case .load(let parameter, let indices):
      return element(parameter, indices.map { term($0, at: site) }, at: site) .== .constant(1)
    case .elementwise(.compare(let comparison)) where program[node.operands[0]].type == .int32:
      let (a, b) = (term(node.operands[0], at: site), term(node.operands[1], at: site))
      switch comparison {
      case .equal: return a .== b
      case .notEqual: return a .!= b
      case .less: return a .< b
      case .lessOrEqual: return a .<= b
      case .greater: return b .< a
      case .greaterOrEqual: return b .<= a
      }
    case .elementwise(.and): return side(0) && side(1)
    case .elementwise(.or): return side(0) || side(1)
    case .elementwise(.xor): return (side(0) && !side(1)) || (!side(0) && side(1))
    case .elementwise(.not): return !side(0)
    case .elementwise(.select): return (side(0) && side(1)) || (!side(0) && side(2))
    case .sample(let dimension, let index):
      return formula(node.operands[0], at: site.with(dimension, term(index, at: site)))
    default:
      // Whatever it is, it is the same wherever the site is the same.
      return opaque(id, node, "truth of", at: site, from: 0, to: 1) .== .constant(1)
    }
  }
}

extension ElementType {
  /// The integers that an element can be; those of `bool` are 0 and 1.
  var integers: ClosedRange<Int> {
    switch self {
    case .int8: -128...127
    case .uint8: 0...255
    case .int4: -8...7
    case .bool: 0...1
    default: Int(Int32.min)...Int(Int32.max)
    }
  }
}
