/// The textual form: declarations, then one line a value, loops and regions indented. Values that no
/// effect needs are left out; constants stand where they are used.
extension Program: CustomStringConvertible {
  /// The program with the source line of everything behind it.
  public var description: String { text(locations: true) }

  /// The program; `locations` says whether source lines are printed.
  public func text(locations: Bool) -> String {
    var printer = ProgramPrinter(self, locations: locations)
    return printer.print()
  }
}

extension Index {
  /// The index as the text of `program` writes it: `|rows|` is the run-time length of `rows`.
  public func text(in program: Program) -> String {
    switch self {
    case .constant(let value): "\(value)"
    case .axis(let dimension): dimension.name
    case .extent(let dimension): "|\(dimension.name)|"
    case .scalar(let position): program.parameters[position].name
    case .value(let id): "%\(id.number)"
    case .sum(let a, .constant(let b)) where b < 0 && b > Int.min: "\(a.text(in: program)) - \(-b)"
    case .sum(let a, .scaled(let b, -1)): "\(a.text(in: program)) - \(b.factorText(in: program))"
    case .sum(let a, let b): "\(a.text(in: program)) + \(b.text(in: program))"
    case .scaled(let a, let factor): "\(a.factorText(in: program)) * \(factor)"
    case .divided(let a, let divisor): "\(a.factorText(in: program)) / \(divisor)"
    case .remainder(let a, let divisor): "\(a.factorText(in: program)) % \(divisor)"
    }
  }

  /// The index as an operand of a product: in parentheses if it is a sum or product itself.
  private func factorText(in program: Program) -> String {
    switch self {
    case .constant, .axis, .extent, .scalar, .value: text(in: program)
    case .sum, .scaled, .divided, .remainder: "(\(text(in: program)))"
    }
  }
}

/// Writes one program.
private struct ProgramPrinter {
  let program: Program
  let locations: Bool
  private var lines: [(text: String, location: SourceLocation?)] = []
  private var depth = 0
  private var printed: Set<ValueID> = []

  init(_ program: Program, locations: Bool) {
    self.program = program
    self.locations = locations
  }

  mutating func print() -> String {
    add("kernel \(program.name)", program.location)
    depth += 1
    for dimension in program.dimensions {
      if case .computed(let length)? = program.lengths[dimension], dimension.extent == nil {
        add("axis \(dimension), length \(text(length))")
      } else {
        add("dimension \(dimension)")
      }
    }
    for parameter in program.parameters { add(text(parameter), parameter.location) }
    for constraint in program.constraints {
      add("require \(text(constraint.lower)) <= \(text(constraint.upper))", constraint.location)
    }
    for runs in program.runs {
      func name(_ position: Int) -> String { program.parameters[position].name }
      let count = runs.count.map { ", count \(name($0))" } ?? ""
      add(
        "runs of equal \(name(runs.key)): first row \(name(runs.first)), counter \(name(runs.counter))\(count)",
        runs.location)
    }
    for waiver in program.waivers {
      add("waive \(waiver.name), because \"\(waiver.reason)\"", waiver.location)
    }
    printFunctions()
    for region in program.regions { print(region) }
    return rendered
  }

  /// Lines with their source lines in one column.
  private var rendered: String {
    guard locations else { return lines.map { $0.text + "\n" }.joined() }
    let column = min(72, (lines.map(\.text.count).max() ?? 0)) + 2
    return lines.map { line in
      guard let location = line.location else { return line.text + "\n" }
      let gap = String(repeating: " ", count: max(2, column - line.text.count))
      return "\(line.text)\(gap)// \(location)\n"
    }.joined()
  }

  private mutating func add(_ text: String, _ location: SourceLocation? = nil) {
    lines.append((String(repeating: "  ", count: depth) + text, location))
  }

  // MARK: Declarations

  private func text(_ parameter: Parameter) -> String {
    var text = "\(parameter.role.rawValue) \(parameter.name): \(parameter.element.rawValue)"
    if parameter.role != .scalar { text += " [\(names(parameter.axes))]" }
    for refinement in parameter.refinements {
      switch refinement {
      case .range(let lower, let upper): text += ", in \(lower)...\(upper)"
      case .partition(let dimension): text += ", partition of \(dimension.name)"
      case .permutation(let dimension): text += ", permutation of \(dimension.name)"
      case .increasing: text += ", increasing"
      case .coordinate(let dimension): text += ", coordinate of \(dimension.name)"
      case .below(let bound): text += ", below \(self.text(bound))"
      }
    }
    return text
  }

  /// Scalar functions by name, size and hash: their bodies are long, and part of the text's meaning.
  private mutating func printFunctions() {
    var known: Set<String> = []
    for id in live(from: program.regions.flatMap(\.statements).flatMap(\.dependencies)) {
      guard case .call(let function) = program[id].operation, known.insert(function.name).inserted
      else { continue }
      let parameters = function.parameters.map(\.rawValue).joined(separator: ", ")
      add(
        "function \(function.name)(\(parameters)) -> \(function.resultType.rawValue), "
          + "\(function.operationCount) operations, body \(function.stableHash)")
    }
  }

  // MARK: Regions

  private mutating func print(_ region: Region) {
    let axes = region.axes.map { axis in
      var text = axis.dimension.name
      if let bounds = axis.bounds { text += " in \(self.text(bounds.lower)) ..< \(self.text(bounds.upper))" }
      if let partition = axis.partition {
        text = "segments of \(program.parameters[partition].name) along \(text)"
      }
      return text
    }
    add(axes.isEmpty ? "once" : "parallel \(axes.joined(separator: ", "))", region.location)
    depth += 1
    printed = []
    for statement in region.statements {
      printValues(live(from: statement.dependencies).filter { !printed.contains($0) })
      add(text(statement.effect), statement.location)
    }
    depth -= 1
  }

  /// Everything that `roots` need, in order of making; all of a loop with any of its results.
  private func live(from roots: [ValueID]) -> [ValueID] {
    var found: Set<ValueID> = []
    var open = roots
    while let id = open.popLast() {
      guard found.insert(id).inserted else { continue }
      let node = program[id]
      open += node.dependencies
      if case .loopResult(let number, _) = node.operation {
        let loop = program.loops[number]
        open += loop.initial + loop.carried + loop.next
      }
      for dimension in node.axes + node.operation.indices.flatMap(\.extents) {
        open += lengthValues(dimension)
      }
    }
    return found.sorted()
  }

  private func lengthValues(_ dimension: Dimension) -> [ValueID] {
    guard case .computed(let length)? = program.lengths[dimension] else { return [] }
    return length.values + length.extents.flatMap(lengthValues)
  }

  private mutating func printValues(_ values: [ValueID]) {
    for id in values {
      printed.insert(id)
      let node = program[id]
      switch node.operation {
      case .constant: break
      case .carried(let number, 0):
        let loop = program.loops[number]
        let carried = zip(loop.carried, loop.initial).map { "\(text($0)) = \(text($1))" }
        add("loop rounds = \(text(loop.count)), carrying \(carried.joined(separator: ", "))", loop.location)
        depth += 1
      case .carried: break
      case .loopResult(let number, let position):
        // The first result of a loop, whichever it is, ends the printed body.
        if !printed.contains(where: { isResult($0, of: number) && $0 != id }) {
          add("next \(program.loops[number].next.map(text).joined(separator: ", "))")
          depth -= 1
        }
        let carried = program.loops[number].carried[position]
        add("\(text(id)) = last \(text(carried)): \(type(node))", node.location)
      default: add("\(text(id)) = \(text(node)): \(type(node))", node.location)
      }
    }
  }

  private func isResult(_ id: ValueID, of loop: Int) -> Bool {
    if case .loopResult(loop, _) = program[id].operation { true } else { false }
  }

  // MARK: Values

  private func names(_ axes: [Dimension]) -> String { axes.map(\.name).joined(separator: ", ") }
  private func type(_ node: Node) -> String { "\(node.type.rawValue) [\(names(node.axes))]" }
  private func text(_ index: Index) -> String { index.text(in: program) }
  private func text(_ indices: [Index]) -> String { indices.map(text).joined(separator: ", ") }

  /// A value where it is used: a constant itself, everything else by number.
  private func text(_ id: ValueID) -> String {
    guard case .constant(let bits, let type) = program[id].operation else { return "%\(id.number)" }
    switch type {
    case .float32 where Float(bitPattern: bits).isFinite: return "\(Float(bitPattern: bits))"
    case .int32: return "\(Int32(bitPattern: bits))"
    case .bool: return bits == 0 ? "false" : "true"
    default: return "\(type.rawValue)(0x\(String(bits, radix: 16)))"
    }
  }

  private func text(_ node: Node) -> String {
    let operands = node.operands.map(text)
    let list = operands.joined(separator: ", ")
    switch node.operation {
    case .constant, .carried, .loopResult: return ""
    case .coordinate(let dimension): return "coordinate of \(dimension.name)"
    case .index(let index): return "index \(text(index))"
    case .scalar(let position): return "scalar \(program.parameters[position].name)"
    case .load(let position, let indices):
      return "\(program.parameters[position].name)[\(text(indices))]"
    case .segment(let partition, let dimension):
      return "segment of \(program.parameters[partition].name) at \(dimension.name)"
    case .elementwise(let elementwise):
      if let symbol = elementwise.symbol { return operands.joined(separator: " \(symbol) ") }
      return "\(elementwise.name) \(list)"
    case .call(let function): return "\(function.name)(\(list))"
    case .reduce(let reduction, let dimension):
      return "\(reduction.name) \(list) along \(dimension.name)"
    case .product(let dimension, let productClass, let scaledLeft, let scaledRight):
      var scales = operands.dropFirst(2)
      let left = operands[0] + (scaledLeft ? " scaled by \(scales.removeFirst())" : "")
      let right = operands[1] + (scaledRight ? " scaled by \(scales.removeFirst())" : "")
      return "product \(left), \(right) contracting \(dimension.name), \(productClass)"
    case .scan(let dimension, let inclusive):
      return "\(inclusive ? "inclusive" : "exclusive") scan \(list) along \(dimension.name)"
    case .topK(let dimension, let into):
      return "top \(into.name) of \(list) along \(dimension.name)"
    case .sort(let dimension): return "sort \(list) along \(dimension.name)"
    case .stableOrder(let dimension): return "stable order of \(list) along \(dimension.name)"
    case .sample(let dimension, let index):
      return "\(list) at \(dimension.name) = \(text(index))"
    case .join(let parts, let into):
      return "join \(zip(operands, parts).map { "\($0) along \($1.name)" }.joined(separator: ", "))"
        + " into \(into.name)"
    case .round: return "round"
    }
  }

  private func text(_ effect: Effect) -> String {
    switch effect {
    case .store(let parameter, let indices, let value, let condition):
      let target = "\(program.parameters[parameter].name)[\(text(indices))]"
      return "\(target) = \(text(value))" + (condition.map { " where \(text($0))" } ?? "")
    case .assert(let value, let message): return "assert \(text(value)), \"\(message)\""
    case .print(let label, let value): return "print \"\(label)\", \(text(value))"
    }
  }
}

extension Elementwise {
  /// The sign between two operands, where there is a usual one.
  fileprivate var symbol: String? {
    switch self {
    case .add: "+"
    case .subtract: "-"
    case .multiply: "*"
    case .divide: "/"
    case .compare(.equal): "=="
    case .compare(.notEqual): "!="
    case .compare(.less): "<"
    case .compare(.lessOrEqual): "<="
    case .compare(.greater): ">"
    case .compare(.greaterOrEqual): ">="
    default: nil
    }
  }
}

extension Reduction {
  /// The name in printed programs.
  public var name: String {
    switch self {
    case .sum(let order?): "sum \(order)"
    case .sum(nil): "sum"
    case .maximum: "maximum"
    case .minimum: "minimum"
    case .argmax: "argmax"
    case .any: "any"
    case .all: "all"
    case .count: "count"
    }
  }
}

extension SummationOrder: CustomStringConvertible {
  public var description: String {
    switch self {
    case .sequential: "sequential"
    case .chained(let run): "chained(\(run))"
    case .interleaved(let lanes): "interleaved(\(lanes))"
    case .tree: "tree"
    }
  }
}

extension ProductClass: CustomStringConvertible {
  /// The class as the numeric contract writes it, such as `exactBlock(128)`.
  public var description: String {
    switch self {
    case .ordered(let order, let multiplyAdd): "\(order) \(multiplyAdd.rawValue)"
    case .exactBlock(let block): "exactBlock(\(block))"
    case .fixedPoint(let bits, let block): "fixedPoint(\(bits), \(block))"
    case .fixedPointFolded(let bits, let block, let axis):
      "fixedPointFolded(\(bits), \(block)) sharing \(axis.name)"
    case .exact: "exact"
    }
  }
}
