import TileIR

/// A single fault put into a tile program: what its author might do wrong.
public enum ProgramFault: String, Hashable, Sendable, CaseIterable {
  /// A store loses its condition.
  case dropMask
  /// A `select` takes its first value wherever it is, or its second.
  case dropSelect
  /// Below becomes at most, and the like.
  case widenMask
  /// One of two conditions that must both hold is gone.
  case dropCondition
  /// A least or greatest value that keeps an integer within bounds is gone.
  case dropBound
  /// A coordinate is one more.
  case shiftIndex
  /// A coordinate is one less.
  case shiftBack
  /// Two coordinates of an access trade places.
  case swapIndices
  /// A coordinate's stride is one more.
  case widenStride
  /// A remainder is gone.
  case dropRemainder
  /// A division is gone.
  case dropDivision
  /// A coordinate goes through two bits.
  case narrowIndex
  /// The bounds of a parallel axis are one further apart.
  case widenAxis
  /// A parallel axis ends one early.
  case skipTail
  /// A parallel axis begins one late.
  case lateAxis
  /// A parallel axis has no bounds.
  case dropBounds
  /// A loop runs one round more.
  case widenLoop
  /// A computed length is one more.
  case widenLength
  /// A store is gone.
  case dropStore
  /// A store happens twice.
  case repeatStore
  /// A relation between lengths that launches must satisfy is gone.
  case dropConstraint
  /// What is known of a buffer's integers is gone.
  case dropRefinement
  /// An assertion is gone.
  case dropAssertion
}

/// A tile program with one fault.
public struct ProgramMutant: Sendable {
  public let program: Program
  public let fault: ProgramFault
  /// Where it is, in words.
  public let place: String
}

extension Program {
  /// The program with a fault at each place where it fits. Those that are the same program are left out.
  public func mutants(of fault: ProgramFault) -> [ProgramMutant] {
    var editor = ProgramEditor(self, fault)
    editor.edit()
    return editor.found.filter { $0.program != self }
  }
}

/// Finds the places where a fault fits.
private struct ProgramEditor {
  let program: Program
  let fault: ProgramFault
  private(set) var found: [ProgramMutant] = []

  init(_ program: Program, _ fault: ProgramFault) {
    self.program = program
    self.fault = fault
  }

  private mutating func add(_ mutant: Program, _ place: String) {
    found.append(ProgramMutant(program: mutant, fault: fault, place: place))
  }

  mutating func edit() {
    for number in program.nodes.indices { edit(ValueID(number)) }
    for number in program.regions.indices { edit(region: number) }
    for (number, loop) in program.loops.enumerated() {
      for count in indices(of: loop.count) {
        add(program.replacing(loop: number, count: count), "loop \(number)")
      }
      if fault == .widenLoop {
        add(program.replacing(loop: number, count: loop.count + .constant(1)), "loop \(number)")
      }
    }
    for dimension in program.dimensions {
      guard case .computed(let length)? = program.lengths[dimension] else { continue }
      let place = "length of \(dimension.name)"
      for other in indices(of: length) { add(program.replacing(lengthOf: dimension, by: other), place) }
      if fault == .widenLength {
        add(program.replacing(lengthOf: dimension, by: length + .constant(1)), place)
      }
    }
    if fault == .dropConstraint {
      for number in program.constraints.indices {
        add(program.removing(constraint: number), "constraint \(number)")
      }
    }
    if fault == .dropRefinement {
      for (position, parameter) in program.parameters.enumerated() {
        for number in parameter.refinements.indices {
          add(
            program.removing(refinement: number, of: position),
            "\(parameter.refinements[number]) of \(parameter.name)")
        }
      }
    }
  }

  // MARK: Values

  private mutating func edit(_ id: ValueID) {
    let node = program[id]
    let place = "value \(id.number) at \(node.location)"
    switch node.operation {
    case .load(let parameter, let coordinates):
      for other in lists(of: coordinates) {
        let name = program.parameters[parameter].name
        add(program.replacing(id, by: .load(parameter, other), node.operands), "\(name), \(place)")
      }
    case .sample(let dimension, let index):
      for other in lists(of: [index]) {
        add(program.replacing(id, by: .sample(dimension, other[0]), node.operands), place)
      }
    case .index(let index):
      for other in indices(of: index) { add(program.replacing(id, by: .index(other), node.operands), place) }
    case .elementwise(let operation): edit(id, node, operation, place)
    default: break
    }
  }

  private mutating func edit(_ id: ValueID, _ node: Node, _ operation: Elementwise, _ place: String) {
    switch (fault, operation) {
    case (.dropSelect, .select):
      let (yes, no) = (node.operands[1], node.operands[2])
      for taken in [yes, no] {
        add(program.replacing(id, by: .elementwise(.select), [node.operands[0], taken, taken]), place)
      }
    case (.widenMask, .compare(let comparison)):
      let other: Comparison? =
        switch comparison {
        case .less: .lessOrEqual
        case .greater: .greaterOrEqual
        case .lessOrEqual: .less
        case .greaterOrEqual: .greater
        case .equal, .notEqual: nil
        }
      if let other { add(program.replacing(id, by: .elementwise(.compare(other)), node.operands), place) }
    case (.dropCondition, .and) where node.type == .bool, (.dropBound, .minimum) where node.type == .int32,
      (.dropBound, .maximum) where node.type == .int32:
      for taken in node.operands {
        add(program.replacing(id, by: .elementwise(operation), [taken, taken]), place)
      }
    default: break
    }
  }

  // MARK: Regions

  private mutating func edit(region number: Int) {
    let region = program.regions[number]
    for (position, axis) in region.axes.enumerated() {
      let bounds = axis.bounds ?? .init(lower: .constant(0), upper: .extent(axis.dimension))
      func put(_ other: ParallelAxis.Bounds?) {
        var axes = region.axes
        axes[position] = ParallelAxis(axis.dimension, bounds: other, partition: axis.partition)
        add(program.replacing(region: number, by: axes), "axis \(axis.dimension.name)")
      }
      switch fault {
      case .widenAxis:
        put(.init(lower: bounds.lower, upper: bounds.upper + .constant(1)))
        put(.init(lower: bounds.lower - .constant(1), upper: bounds.upper))
      case .skipTail: put(.init(lower: bounds.lower, upper: bounds.upper - .constant(1)))
      case .lateAxis: put(.init(lower: bounds.lower + .constant(1), upper: bounds.upper))
      case .dropBounds: if axis.bounds != nil { put(nil) }
      default: break
      }
    }
    for (position, statement) in region.statements.enumerated() {
      func put(_ effects: [Effect]) {
        add(program.replacing(region: number, statement: position, by: effects), "\(statement.location)")
      }
      guard case .store(let parameter, let coordinates, let value, let condition) = statement.effect else {
        if fault == .dropAssertion, case .assert = statement.effect { put([]) }
        continue
      }
      if fault == .dropStore { put([]) }
      if fault == .repeatStore { put([statement.effect, statement.effect]) }
      if fault == .dropMask, condition != nil {
        put([.store(parameter: parameter, coordinates, value, where: nil)])
      }
      for other in lists(of: coordinates) {
        put([.store(parameter: parameter, other, value, where: condition)])
      }
    }
  }

  // MARK: Coordinates

  /// The coordinates of an access with the fault in one or two of them.
  private func lists(of coordinates: [Index]) -> [[Index]] {
    var result: [[Index]] = []
    func put(_ position: Int, _ index: Index) {
      var other = coordinates
      other[position] = index
      result.append(other)
    }
    for (position, index) in coordinates.enumerated() {
      switch fault {
      case .shiftIndex: put(position, index + .constant(1))
      case .shiftBack: put(position, index - .constant(1))
      case .narrowIndex: put(position, .remainder(index, 4))
      case .swapIndices:
        for other in coordinates.indices where other > position {
          var swapped = coordinates
          swapped.swapAt(position, other)
          result.append(swapped)
        }
      default: for other in indices(of: index) { put(position, other) }
      }
    }
    return result
  }

  /// An index with the fault in one of its parts.
  private func indices(of index: Index) -> [Index] {
    var result: [Index] = []
    switch (fault, index) {
    case (.widenStride, .scaled(let a, let n)): result.append(.scaled(a, n + 1))
    case (.dropRemainder, .remainder(let a, _)), (.dropDivision, .divided(let a, _)): result.append(a)
    default: break
    }
    switch index {
    case .constant, .axis, .extent, .scalar, .value: break
    case .sum(let a, let b): result += indices(of: a).map { .sum($0, b) } + indices(of: b).map { .sum(a, $0) }
    case .scaled(let a, let n): result += indices(of: a).map { .scaled($0, n) }
    case .divided(let a, let n): result += indices(of: a).map { .divided($0, n) }
    case .remainder(let a, let n): result += indices(of: a).map { .remainder($0, n) }
    }
    return result
  }
}
