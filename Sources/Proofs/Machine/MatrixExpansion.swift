import MachineIR

/// Matrix products of `f64` as what they are: a multiply-add for each step along the depth, in the lanes of the sums.
///
/// Lane l of a left operand holds the element of row l / 4 at step l % 4, so its element for a lane of the sums, at step
/// k, is the same expression with that lane's row and k in the place of both; likewise for columns. The sums are exact,
/// so the order of steps is free.
///
/// Operands have to be loads, or what is computed from loads lane by lane, of the loop that the product stands in, and
/// nothing in that loop may store to memory. A product with others stays, and its sum is then not followed.
struct MatrixExpansion {
  /// Values that are set once and read no memory, by name, and elements of register arrays that one loop over them sets.
  private var definitions: [String: Expression] = [:]
  private var elements: [String: (counter: String, value: Expression)] = [:]
  /// Register arrays that operands were taken from.
  private var operands: Set<String> = []
  private var count = 0

  /// The kernel with its matrix products expanded.
  static func expanded(_ kernel: MachineKernel) -> MachineKernel {
    var hasProducts = false
    for statement in kernel.body {
      statement.forEach { if case .setElement(_, _, .apply(.multiplyDoubles, _, _)) = $0 { hasProducts = true } }
    }
    guard hasProducts else { return kernel }
    var expansion = MatrixExpansion()
    let body = expansion.block(kernel.body, mayExpand: false)
    var used: Set<String> = []
    for statement in body {
      statement.forEach { for expression in $0.expressions { expression.forEachName { name, _ in used.insert(name) } } }
    }
    // What products were made of is in them now: the same elements are read.
    let unused = expansion.operands.subtracting(used)
    return kernel.with(body: body.compactMap { without(unused, $0) })
  }

  /// A statement without the loops that set these register arrays.
  private static func without(_ arrays: Set<String>, _ statement: MachineStatement) -> MachineStatement? {
    func without(_ statements: [MachineStatement]) -> [MachineStatement] {
      statements.compactMap { Self.without(arrays, $0) }
    }
    switch statement {
    case .registers(let array): return arrays.contains(array.name) ? nil : statement
    case .loop(let loop):
      if loop.body.count == 1, case .setElement(let array, _, _) = loop.body[0], arrays.contains(array.name) {
        return nil
      }
      return .loop(loop.with(without(loop.body)))
    case .branch(let condition, let then, let otherwise):
      return .branch(condition, without(then), without(otherwise))
    default: return statement
    }
  }

  // MARK: Statements

  private mutating func block(_ statements: [MachineStatement], mayExpand: Bool) -> [MachineStatement] {
    statements.map { statement in
      switch statement {
      case .define(let variable, let value):
        // What was read before may have been stored to since.
        definitions[variable.name] = value.reads.isEmpty ? value : nil
        return statement
      case .registers(let array):
        elements[array.name] = nil
        return statement
      case .loop(let loop):
        // Only what is unrolled stands between operands and their product.
        let isWithin = loop.isUnrolled ? mayExpand : !loop.body.contains { $0.storesToMemory }
        if loop.isUnrolled, loop.body.count == 1, case .setElement(let array, let indices, let value) = loop.body[0],
          indices == [.variable(loop.counter)], !value.reads.isEmpty
        {
          let isWhole =
            loop.lower == .constant(0) && loop.step == 1 && array.extents.map(Expression.constant) == [loop.upper]
          elements[array.name] = isWithin && isWhole ? (loop.counter.name, value) : nil
          return statement
        }
        // What is set in one round is not what another has.
        if !loop.isUnrolled { elements = [:] }
        defer { if !loop.isUnrolled { elements = [:] } }
        return .loop(loop.with(block(loop.body, mayExpand: isWithin)))
      case .branch(let condition, let then, let otherwise):
        elements = [:]
        return .branch(
          condition, block(then, mayExpand: false), block(otherwise, mayExpand: false))
      case .setElement(let array, let indices, .apply(.multiplyDoubles, let operands, let type)):
        guard mayExpand, type == DoubleMatrices.sum, operands.count == 3 else { return statement }
        return expanded(array, indices, operands) ?? statement
      case .setElement(let array, _, _):
        elements[array.name] = nil
        return statement
      default: return statement
      }
    }
  }

  private mutating func expanded(_ array: RegisterArray, _ indices: [Expression], _ operands: [Expression])
    -> MachineStatement?
  {
    count += 1
    let step = MachineIR.Variable("matrix_step_\(count)", .index)
    guard let left = element(operands[1], DoubleMatrices.sumRow, .variable(step)),
      let right = element(operands[2], DoubleMatrices.sumColumn, .variable(step))
    else { return nil }
    for case .element(let array, _) in operands[1...] { self.operands.insert(array.name) }
    let sum = Expression.apply(.fusedMultiplyAdd, [left, right, operands[0]], DoubleMatrices.sum)
    return .loop(
      CountedLoop(
        step, from: .constant(0), to: .constant(DoubleMatrices.depth), unrolled: true,
        [.setElement(array, indices, sum)]))
  }

  // MARK: Operands

  /// An operand's element of a line and a step in the lanes of the sums; nil where lanes are not followed.
  private func element(_ operand: Expression, _ line: Expression, _ step: Expression) -> Expression? {
    let lanes = line.type.lanes
    let wideStep = step.converted(to: .i32).broadcast(to: lanes)
    func taken(_ expression: Expression) -> Expression? {
      guard expression.type.lanes > 1 else { return expression }
      switch expression {
      case DoubleMatrices.line: return line
      case DoubleMatrices.step: return wideStep
      case .integer(let value, let type): return .integer(value, type.with(lanes: lanes))
      case .float(let bits, let type): return .float(bits, type.with(lanes: lanes))
      case .broadcast(let value, _): return value.broadcast(to: lanes)
      case .variable(let variable): return definitions[variable.name].flatMap(taken)
      case .element(let array, let indices):
        guard let set = elements[array.name], indices.count == 1 else { return nil }
        return taken(set.value.replacing(set.counter, by: indices[0]))
      case .gather(let access, let places, let type, nil):
        return taken(places).map { .gather(access, lanes: $0, type.with(lanes: lanes), active: nil) }
      case .gatherRaw(let buffer, let offset, let places, let type):
        return taken(places).map {
          .gatherRaw(buffer: buffer, offset: offset, lanes: $0, type.with(lanes: lanes))
        }
      case .apply(let instruction, let operands, let type) where Self.isLanewise(instruction):
        var parts: [Expression] = []
        for operand in operands {
          guard let part = taken(operand) else { return nil }
          parts.append(part)
        }
        return .apply(instruction, parts, type.with(lanes: lanes))
      default: return nil
      }
    }
    return taken(operand)
  }

  private static func isLanewise(_ instruction: Instruction) -> Bool {
    switch instruction {
    case .add, .subtract, .multiply, .minimum, .maximum, .convert: true
    default: false
    }
  }
}

extension MachineStatement {
  /// Whether it, or one inside it, writes memory or moves what lies there.
  fileprivate var storesToMemory: Bool {
    var stores = false
    forEach { statement in
      if statement.write != nil { stores = true }
      switch statement {
      case .startCopy, .awaitCopies, .leave, .assign: stores = true
      default: break
      }
    }
    return stores
  }
}

extension Expression {
  /// With a value in the place of a scalar variable.
  fileprivate func replacing(_ name: String, by value: Expression) -> Expression {
    func replaced(_ expression: Expression) -> Expression { expression.replacing(name, by: value) }
    switch self {
    case .variable(let variable): return variable.name == name ? value : self
    case .integer, .float, .laneNumbers, .table: return self
    case .apply(let instruction, let operands, let type): return .apply(instruction, operands.map(replaced), type)
    case .broadcast(let inner, let lanes): return .broadcast(replaced(inner), lanes)
    case .load(let access, let type, let active):
      return .load(access.moved(to: replaced(access.offset)), type, active: active.map(replaced))
    case .gather(let access, let lanes, let type, let active):
      return .gather(
        access.moved(to: replaced(access.offset)), lanes: replaced(lanes), type, active: active.map(replaced))
    case .element(let array, let indices): return .element(array, indices.map(replaced))
    case .raw(let buffer, let offset, let type): return .raw(buffer: buffer, offset: replaced(offset), type)
    case .gatherRaw(let buffer, let offset, let lanes, let type):
      return .gatherRaw(buffer: buffer, offset: replaced(offset), lanes: replaced(lanes), type)
    case .conditional(let condition, let a, let b):
      return .conditional(replaced(condition), replaced(a), replaced(b))
    }
  }
}

extension Access {
  fileprivate func moved(to offset: Expression) -> Access { Access(buffer, element, offset) }
}
