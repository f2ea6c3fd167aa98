import MachineIR
import TileIR

/// The statements of a kernel, one after the other.
extension PipeLowering {
  func lower(_ statements: [MachineStatement]) throws {
    var left = statements[...]
    while let statement = left.popFirst() {
      if case .loop(let loop) = statement, try roundRows(loop, &left) { continue }
      try lower(statement)
    }
  }

  private func lower(_ statement: MachineStatement) throws {
    switch statement {
    case .note(let text, let place):
      if let place { location = place }
      append(.note(text, place))
    case .define(let variable, let value):
      actives[variable.name] = activeLanes(of: value)
      if isWide(value.type) {
        let view = wideTensor(variable.name, lanes: value.type.lanes)
        try assignWide(view, value)
        locals[variable.name] = view
      } else if isOfScalars(value.type), isScalar(value) || value.type.scalar.byteCount == 8 {
        append(.define(named(variable, value), try scalar(value)))
      } else {
        let view = try local(value, named: variable.name)
        let own = mutable.contains(view.tensor) ? try copied(view, variable) : view
        locals[variable.name] = own
        named.insert(own.tensor)
      }
    case .declare(let variable, let value):
      if isWide(variable.type) {
        let view = wideTensor(variable.name, lanes: variable.type.lanes)
        locals[variable.name] = view
        try assignWide(view, value)
      } else if isScalar(.variable(variable)) {
        let start = try scalar(value)
        append(.declare(named(variable, nil), start))
      } else {
        let view = try tensor(variable.name, variable.type)
        mutable.insert(view.tensor)
        locals[variable.name] = view
        try assign(view, value)
      }
    case .assign(let variable, let value):
      if let view = locals[variable.name] {
        return isWide(variable.type) ? try assignWide(view, value) : try assign(view, value)
      }
      guard case .variable(let own) = try scalar(.variable(variable)) else {
        preconditionFailure("a variable")
      }
      append(.assign(own, try scalar(value)))
    case .registers(let array) where array.type.scalar.byteCount == 8:
      locals[array.name] = wideTensor(array.name, lanes: array.extents.reduce(array.type.lanes, *))
    case .registers(let array):
      let lanes = VectorInstruction.wholeRepeats(array.type.lanes)
      guard array.type.scalar == .f32 || array.type.scalar == .i32 else {
        throw refusal("register arrays of \(array.type.scalar.rawValue) are not supported")
      }
      let count = array.extents.reduce(1, *) * lanes
      let view = fresh(array.name, array.type.scalar == .f32 ? .float32 : .int32, count: count)
      mutable.insert(view.tensor)
      locals[array.name] = view
    case .setElement(let array, let indices, let value):
      let view = try element(array, indices)
      if array.type.scalar.byteCount == 8 {
        try array.type.lanes > 1 ? assignWide(view, value) : append(.write(view, scalar(value)))
      } else {
        try assign(view, value)
      }
    case .store(let access, let value, let active): try store(access, value, active)
    case .stream(let access, let value, _): try store(access, value, nil)
    case .scatter(let access, let places, let value, let active):
      try scatterLanes(access, places, value, active)
    case .storeRaw(let buffer, let offset, let value): try storeRaw(buffer, offset, value)
    case .clear(let buffer, let offset, let count):
      guard let lanes = count.constantValue, alignment(of: offset) % 8 == 0, let own = tensors[buffer] else {
        throw refusal("\(buffer) is cleared in parts of no constant size, or in main memory")
      }
      emit(
        .duplicate, LocalView(buffer, own.element, offset: try scalar(offset)), [], lanes,
        scalar: zero(of: own.element))
    case .prefetch: break
    case .startCopy, .closeCopies, .awaitCopies: throw refusal("asynchronous copies are not supported")
    case .multiplySlices(let product): try multiply(product)
    case .loop(let loop): try lower(loop)
    case .leave: append(.leave)
    case .branch(let condition, let then, let otherwise):
      let holds = try scalar(condition)
      if let known = Self.truth(holds) { return try lower(known ? then : otherwise) }
      append(.branch(holds, try collect { try lower(then) }, try collect { try lower(otherwise) }))
    case .synchronise: throw refusal("waits of a warp have no meaning")
    case .check(let condition, let code):
      let own = status ?? Variable(unique("status"), MachineType(.i32))
      status = own
      append(.branch(try scalar(condition), [], [.assign(own, .integer(Int64(code), own.type))]))
    }
  }

  /// What a comparison of constants gives.
  private static func truth(_ condition: Expression) -> Bool? {
    guard case .apply(.compare(let comparison), let operands, _) = condition,
      let a = operands[0].constantValue,
      let b = operands[1].constantValue
    else { return nil }
    return comparison.holds(a, b)
  }

  /// The scalar unit's variable for one of the kernel, whose definition may stand in an unrolled loop.
  private func named(_ variable: Variable, _ value: Expression?) -> Variable {
    let own = Variable(unique(variable.name), variable.type)
    renamed[variable.name] = own == variable ? nil : .variable(own)
    if let value {
      alignments[own.name] = alignment(of: value)
      definitions[own.name] = value
    }
    return own
  }

  private func lower(_ loop: CountedLoop) throws {
    let (lower, upper) = (try scalar(loop.lower), try scalar(loop.upper))
    if loop.isUnrolled, let first = lower.constantValue, let last = upper.constantValue {
      for value in stride(from: first, to: last, by: loop.step) {
        let constant = Expression.constant(value)
        renamed[loop.counter.name] = constant
        try self.lower(loop.body)
      }
      return
    }
    if try copyRows(loop) || stageLines(loop) { return }
    try lowerRounds(loop)
  }

  /// A loop as one of the scalar unit.
  func lowerRounds(_ loop: CountedLoop) throws {
    let (lower, upper) = (try scalar(loop.lower), try scalar(loop.upper))
    renamed[loop.counter.name] = nil
    alignments[loop.counter.name] = Self.common(alignment(of: lower), loop.step)
    let own = spreadArrays(for: loop.body)
    let before = Set(tensors.keys)
    let body = try collect { try self.lower(loop.body) }
    for array in own { spreads[array] = nil }
    let whole = PipeLoop(loop.counter, from: lower, to: upper, step: .constant(loop.step), body)
    let statements = widened(whole, own: Set(tensors.keys).subtracting(before).subtracting(constantTensors))
    for statement in statements ?? [.loop(whole)] { append(statement) }
  }
}
