import MachineIR

/// The part of a kernel that floating sums are made by: who holds partial sums, and which names their addends are
/// made of.
struct SumSlice {
  /// Registers, register arrays and on-chip arrays of `f32` and `f64` that something adds to.
  private(set) var holders: Set<String> = []
  /// Register arrays whose elements are added to each other.
  private(set) var folded: Set<String> = []
  /// Registers that fold the lanes or elements of a holder.
  private(set) var folds: Set<String> = []
  /// Names that addends are made of, directly or by way of others.
  private(set) var names: Set<String> = []
  /// Holders that a register's value is made of, by its name.
  private var origins: [String: Set<String>] = [:]

  init(_ kernel: MachineKernel) {
    func forEach(_ body: (MachineStatement) -> Void) {
      for statement in kernel.body { statement.forEach(body) }
    }
    var definitions: [String: [Expression]] = [:]
    var pending: [Expression] = []
    forEach { if $0.elementFold != nil { folded.insert($0.assigned!.name) } }
    forEach { statement in
      if let (name, value) = statement.assigned { definitions[name, default: []].append(value) }
      guard let addition = Addition(statement, folded) else { return }
      holders.insert(addition.holder)
      pending += addition.addends
    }
    while let expression = pending.popLast() {
      expression.forEachName { name, isMemory in
        guard !isMemory, !holders.contains(name), names.insert(name).inserted else { return }
        pending += definitions[name, default: []]
      }
    }
    // Definitions stand before what uses them, so one pass finds folds of folds.
    forEach { statement in
      guard case .define(let variable, let value) = statement else { return }
      if isFold(value) { folds.insert(variable.name) }
      let found = parts(of: value)
      if !found.isEmpty { origins[variable.name] = found }
    }
  }

  /// The holders that a value is made of, by way of registers too.
  func parts(of expression: Expression) -> Set<String> {
    var found: Set<String> = []
    expression.forEachName { name, _ in
      if holders.contains(name) { found.insert(name) }
      if let known = origins[name] { found.formUnion(known) }
    }
    return found
  }

  /// Whether an expression does nothing but move and add lanes of holders.
  func isFold(_ expression: Expression) -> Bool {
    switch expression {
    case .variable(let variable): holders.contains(variable.name) || folds.contains(variable.name)
    case .element(let array, _): holders.contains(array.name)
    case .apply(.add, let operands, _), .apply(.concatenate, let operands, _),
      .apply(.interleave, let operands, _):
      operands.allSatisfy(isFold)
    case .apply(.lowHalf, let operands, _), .apply(.highHalf, let operands, _),
      .apply(.evenLanes, let operands, _),
      .apply(.oddLanes, let operands, _), .apply(.lane, let operands, _):
      isFold(operands[0])
    default: false
    }
  }

  /// The holders and folds that an expression reads.
  func sums(in expression: Expression) -> Set<String> {
    var found: Set<String> = []
    expression.forEachName { name, _ in
      if holders.contains(name) || folds.contains(name) { found.insert(name) }
    }
    return found
  }
}

/// A statement that adds to what a register or an element holds.
struct Addition {
  let holder: String
  /// What is added: one value, or the two factors of a fused multiply-add.
  let addends: [Expression]
  /// Lanes from it on keep their sum.
  let active: Expression?
  let type: MachineType

  init?(_ statement: MachineStatement, _ folded: Set<String>) {
    guard let (name, value) = statement.assigned, let place = statement.place, statement.elementFold == nil
    else {
      return nil
    }
    // An element that is set once holds +0 and its addend.
    if folded.contains(name), case .apply(.add, let operands, _) = value, operands[0].isPositiveZero {
      (holder, addends, active, type) = (name, [operands[1]], nil, value.type)
      return
    }
    guard let found = Self.added(value, to: place, active: nil) else { return nil }
    (holder, addends, active, type) = (name, found.addends, found.active, value.type)
    guard type.scalar == .f32 || type.scalar == .f64 else { return nil }
  }

  private static func added(
    _ value: Expression, to place: Expression, active: Expression?
  ) -> (addends: [Expression], active: Expression?)? {
    switch value {
    case .apply(.add, let operands, _):
      if operands[0] == place { return ([operands[1]], active) }
      return operands[1] == place ? ([operands[0]], active) : nil
    case .apply(.fusedMultiplyAdd, let operands, _):
      return operands[2] == place ? (Array(operands[..<2]), active) : nil
    case .apply(.select, let operands, _):
      guard operands[2] == place, let active = operands[0].activeLanes else { return nil }
      return added(operands[1], to: place, active: active)
    default: return nil
    }
  }
}

extension MachineStatement {
  /// The name whose value a statement sets, and to what.
  var assigned: (name: String, value: Expression)? {
    switch self {
    case .define(let variable, let value), .declare(let variable, let value),
      .assign(let variable, let value):
      (variable.name, value)
    case .setElement(let array, _, let value): (array.name, value)
    case .storeRaw(let buffer, _, let value): (buffer, value)
    default: nil
    }
  }

  /// The elements of one array that it adds to each other in an element of the same.
  var elementFold: [[Expression]]? {
    guard case .setElement(let array, _, .apply(.add, let operands, _)) = self else { return nil }
    let found = operands.compactMap { operand -> [Expression]? in
      if case .element(array, let indices) = operand { indices } else { nil }
    }
    return found.count == 2 ? found : nil
  }

  /// What reads the place that it sets.
  fileprivate var place: Expression? {
    switch self {
    case .assign(let variable, _): .variable(variable)
    case .setElement(let array, let indices, _): .element(array, indices)
    case .storeRaw(let buffer, let offset, let value): .raw(buffer: buffer, offset: offset, value.type)
    default: nil
    }
  }
}

extension Expression {
  /// How many lanes a mask of the first ones leaves: `lane numbers < active`.
  var activeLanes: Expression? {
    guard case .apply(.compare(.less), let operands, _) = self, case .laneNumbers = operands[0] else {
      return nil
    }
    var bound = operands[1]
    if case .broadcast(let value, _) = bound { bound = value }
    if case .apply(.convert, let converted, _) = bound { bound = converted[0] }
    return bound
  }

  /// Names of registers and register arrays, and of memories, that it reads, those of offsets too.
  func forEachName(_ body: (_ name: String, _ isMemory: Bool) -> Void) {
    switch self {
    case .variable(let variable): body(variable.name, false)
    case .integer, .float, .laneNumbers, .table: break
    case .apply(_, let operands, _): for operand in operands { operand.forEachName(body) }
    case .broadcast(let value, _): value.forEachName(body)
    case .element(let array, let indices):
      body(array.name, false)
      for index in indices { index.forEachName(body) }
    case .conditional(let condition, let a, let b): for part in [condition, a, b] { part.forEachName(body) }
    case .load(let access, _, let active):
      body(access.buffer, true)
      access.offset.forEachName(body)
      active?.forEachName(body)
    case .gather(let access, let lanes, _, let active):
      body(access.buffer, true)
      access.offset.forEachName(body)
      lanes.forEachName(body)
      active?.forEachName(body)
    case .raw(let buffer, let offset, _):
      body(buffer, true)
      offset.forEachName(body)
    case .gatherRaw(let buffer, let offset, let lanes, _):
      body(buffer, true)
      offset.forEachName(body)
      lanes.forEachName(body)
    }
  }
}
