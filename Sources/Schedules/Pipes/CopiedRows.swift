import MachineIR
import TileIR

/// Rows that one copy moves: a loop that does nothing but load row after row, and lanes as far apart as each other.
extension PipeLowering {
  /// A loop that loads a row of a buffer to one of an array in each round, as one copy; false for another loop.
  func copyRows(_ loop: CountedLoop) throws -> Bool {
    guard loop.step == 1, loop.body.count == 1, case .storeRaw(let array, let offset, let value) = loop.body[0],
      case .load(let access, let type, let active) = value, let own = tensors[array], spills[array] == nil,
      isInMainMemory(access.buffer), access.element.stored == own.element, own.element.byteCount == 4,
      let pitch = offset.steps(of: loop.counter)?.constantValue, pitch >= type.lanes, pitch % 8 == 0,
      let steps = access.offset.steps(of: loop.counter), let stride = rowStride(steps, of: access.buffer),
      active?.steps(of: loop.counter)?.constantValue ?? 0 == 0
    else { return false }
    let (lower, upper) = (try scalar(loop.lower), try scalar(loop.upper))
    guard let most = mostOf(upper - lower), most <= PipeCopy.mostRows else { return false }
    renamed[loop.counter.name] = lower
    defer { renamed[loop.counter.name] = nil }
    let rows = PipeCopy.Rows(loop.counter, from: lower, to: upper, most: most, stride: stride, pitch: pitch)
    let place = try scalar(offset)
    guard alignment(of: place) % 8 == 0 else { return false }
    let copy = PipeCopy(
      buffer: access.buffer, access.element, offset: try scalar(access.offset),
      local: LocalView(array, own.element, offset: place), count: try active.map(scalar) ?? .constant(type.lanes),
      most: type.lanes, rows: rows)
    try appendCopy(.copyIn(copy), copy.count, rows)
    return true
  }

  /// Lanes as rows of one element, a block each on chip; nil where they are not as far apart as each other.
  func rowsOfLanes(_ places: Expression, _ access: Access, _ lanes: Int, _ active: Expression?) throws
    -> PipeCopy.Rows?
  {
    guard lanes <= PipeCopy.mostRows, let steps = places.stepsOfLanes,
      let stride = rowStride(steps, of: access.buffer)
    else { return nil }
    let counter = Variable(unique("lane"), .index)
    return PipeCopy.Rows(
      counter, from: .constant(0), to: try active.map(scalar) ?? .constant(lanes), most: lanes, stride: stride,
      pitch: Ascend.block / access.element.narrow.byteCount)
  }

  /// What the scalar unit knows rows of a buffer to be apart: a constant, or the stride of an axis, which launches bound.
  func rowStride(_ steps: Expression, of buffer: String) -> Expression? {
    guard let own = kernel.buffers.first(where: { $0.name == buffer }) else { return nil }
    if let known = steps.constantValue { return known > 0 ? steps : nil }
    guard case .variable(let variable) = steps.unconverted,
      let scalar = kernel.scalars.first(where: { $0.name == variable.name }),
      case .stride(let parameter, _) = scalar.value, own.source == .parameter(parameter)
    else { return nil }
    limit(rowsOf: buffer, scalar.value, to: PipeCopy.mostStep / own.element.stored.byteCount)
    return .variable(variable)
  }

  /// The most that a number of rows can be, where its expression says so.
  func mostOf(_ count: Expression) -> Int? {
    switch count {
    case .integer(let value, _): Int(value)
    case .variable(let variable): definitions[variable.name].flatMap(mostOf)
    case .apply(.minimum, let operands, _): operands.compactMap(mostOf).min()
    default: nil
    }
  }
}

extension Expression {
  /// What is added where a variable is one more, where that is always the same; nil where it is not.
  func steps(of variable: Variable) -> Expression? {
    switch self {
    case .variable(variable): return .constant(1)
    case .variable, .integer: return .constant(0)
    case .apply(.convert, let operands, _): return operands[0].steps(of: variable)
    case .apply(.add, let operands, _), .apply(.subtract, let operands, _):
      guard let a = operands[0].steps(of: variable), let b = operands[1].steps(of: variable) else { return nil }
      if case .apply(.subtract, _, _) = self { return a - b }
      return a + b
    case .apply(.multiply, let operands, _):
      guard let a = operands[0].steps(of: variable), let b = operands[1].steps(of: variable) else { return nil }
      if b.constantValue == 0 { return a * operands[1] }
      if a.constantValue == 0 { return operands[0] * b }
      return nil
    default: return variables.contains(variable) ? nil : .constant(0)
    }
  }

  /// How far each lane's place is from the one before; nil where they differ.
  fileprivate var stepsOfLanes: Expression? {
    switch self {
    case .laneNumbers: .constant(1)
    case .apply(.multiply, let operands, _):
      if case .laneNumbers = operands[0] { operands[1].oneOfAll } else { nil }
    default: nil
    }
  }

  /// The number in all lanes.
  private var oneOfAll: Expression? {
    switch self {
    case .broadcast(let value, _): value
    case .integer(let value, _): .constant(Int(value))
    default: nil
    }
  }

  /// Without a change of width.
  fileprivate var unconverted: Expression {
    if case .apply(.convert, let operands, _) = self { operands[0].unconverted } else { self }
  }
}
