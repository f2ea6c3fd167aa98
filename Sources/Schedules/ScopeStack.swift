import MachineIR
import TileIR

/// Where a coordinate stands along a dimension: a scalar, plus what each lane adds to it.
struct LaneCoordinate {
  enum Lanes {
    case uniform
    /// Lane l adds l * stride.
    case strided(Int)
    /// The first half of the lanes adds 0, 2, 4, …, the second half 1, 3, 5, …
    case paired
    /// Lane values of their own (i32), added to the base.
    case general(Expression)
  }
  var base: Expression
  var lanes: Lanes
  /// A number that divides `base`, for block arithmetic.
  var alignment: Int

  init(_ base: Expression, lanes: Lanes = .uniform, alignment: Int = 1) {
    self.base = base
    self.lanes = lanes
    self.alignment = base.constantValue.map { $0 == 0 ? 1 << 30 : $0 } ?? alignment
  }

  var isUniform: Bool { if case .uniform = lanes { true } else { false } }
}

/// What an expression is computed for: coordinates of every axis in sight and the active lanes.
struct Environment {
  var coordinates: [Dimension: LaneCoordinate] = [:]
  /// Dimensions whose coordinate a loop or cell sets, as opposed to an access at another coordinate.
  var canonical: Set<Dimension> = []
  var lanes = 1
  /// How many lanes are active; all when nil.
  var active: Expression?

  mutating func bind(_ dimension: Dimension, _ coordinate: LaneCoordinate) {
    coordinates[dimension] = coordinate
    canonical.insert(dimension)
  }
}

/// The statement lists of the loops being built, outermost first, with the variables known in each.
struct ScopeStack {
  private struct Scope {
    var statements: [MachineStatement] = []
    var bound: Set<Dimension> = []
    var known: [ValueID: Expression] = [:]
    var lengths: [Dimension: Expression] = [:]
  }
  private var scopes = [Scope()]
  private var names: [String: Int] = [:]

  /// A name that the kernel does not use yet.
  mutating func unique(_ name: String) -> String {
    var candidate = name
    // What is counted up may be a name that someone gave.
    while names[candidate] != nil {
      candidate = "\(name)_\(names[name]!)"
      names[name]! += 1
    }
    names[candidate] = 1
    return candidate
  }

  mutating func variable(_ name: String, _ type: MachineType) -> Variable {
    Variable(unique(name), type)
  }

  var depth: Int { scopes.count }

  mutating func append(_ statement: MachineStatement, at depth: Int? = nil) {
    scopes[(depth ?? scopes.count) - 1].statements.append(statement)
  }

  /// Appends what another list has collected.
  mutating func append(contentsOf statements: [MachineStatement]) {
    scopes[scopes.count - 1].statements += statements
  }

  /// Defines a variable holding `value` and returns it.
  mutating func define(_ name: String, _ value: Expression, at depth: Int? = nil) -> Expression {
    switch value {
    case .variable, .integer, .float: return value
    default: break
    }
    let variable = variable(name, value.type)
    append(.define(variable, value), at: depth)
    return .variable(variable)
  }

  /// Opens a list in which `dimensions` have coordinates.
  mutating func open(binding dimensions: [Dimension] = []) {
    scopes.append(Scope(bound: Set(dimensions)))
  }

  /// Closes the innermost list and returns it.
  mutating func close() -> [MachineStatement] { scopes.removeLast().statements }

  /// The depth of the outermost list in which all of `dimensions` have coordinates.
  func depth(binding dimensions: [Dimension]) -> Int {
    var depth = 1
    for (position, scope) in scopes.enumerated() where !scope.bound.isDisjoint(with: dimensions) {
      depth = position + 1
    }
    return depth
  }

  func known(_ id: ValueID) -> Expression? {
    for scope in scopes.reversed() { if let value = scope.known[id] { return value } }
    return nil
  }
  mutating func remember(_ id: ValueID, _ value: Expression, at depth: Int) {
    scopes[depth - 1].known[id] = value
  }
  func knownLength(_ dimension: Dimension) -> Expression? {
    for scope in scopes.reversed() { if let value = scope.lengths[dimension] { return value } }
    return nil
  }
  mutating func rememberLength(_ dimension: Dimension, _ value: Expression, at depth: Int) {
    scopes[depth - 1].lengths[dimension] = value
  }
}
