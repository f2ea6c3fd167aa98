import MachineIR
import TileIR

/// Vectors of 64-bit lanes, which the vector unit does not have: the scalar unit takes them lane by lane, as integers
/// of 64 bits in the unified buffer. A whole expression is one loop over lanes; what of it is in lanes of 32 bits is
/// computed by the vector unit before.
extension PipeLowering {
  /// Gives one lane of a vector inside a loop over lanes, by the statements that it appends there.
  typealias LaneReader = (_ lane: Expression) throws -> Expression

  func isWide(_ type: MachineType) -> Bool { type.lanes > 1 && (type.scalar == .f64 || type.scalar == .i64) }

  /// Whether an expression of lanes of 32 bits, or of their truth, is made of 64-bit numbers.
  func comesOfWide(_ expression: Expression) -> Bool {
    guard case .apply(let instruction, let operands, let type) = expression, !isWide(type),
      type.scalar != .i64,
      type.scalar != .f64
    else { return false }
    if case .call = instruction { return false }
    return operands.contains { isWide($0.type) || ($0.type.scalar == .f64 && type.scalar == .f32) }
  }

  /// A tensor for lanes of 64 bits.
  func wideTensor(_ name: String, lanes: Int) -> LocalView { fresh(name, .int64, count: lanes) }

  /// Puts the lanes of an expression into a view of elements of 64 bits.
  func assignWide(_ destination: LocalView, _ value: Expression) throws {
    try forEachLane(of: value) { lane, element in
      append(.write(Self.element(destination, lane), element))
    }
  }

  /// The lanes of an expression that is made of 64-bit numbers, in 32 bits.
  func narrowed(_ expression: Expression, _ name: String) throws -> LocalView {
    let type = expression.type
    let words = MachineType(.i32, type.lanes)
    let result = try tensor(name, type.scalar == .mask ? words : type)
    let bits = result.reinterpreted(as: .int32)
    func word(_ element: Expression) -> Expression {
      switch type.scalar {
      case .f32: Expression.apply(.bitCast, [element], MachineType(.i32))
      case .mask: .conditional(element, .integer(1, MachineType(.i32)), .integer(0, MachineType(.i32)))
      default: element
      }
    }
    if type.lanes == 1 {
      let reader = try laneReader(expression)
      emit(.duplicate, bits, [], 1, scalar: word(try reader(.constant(0))))
    } else {
      try forEachLane(of: expression) { lane, element in
        append(.write(Self.element(bits, lane), word(element)))
      }
    }
    guard type.scalar == .mask else { return result }
    return try compare(.notEqual, .local(bits), .constant(.integer(0, words)), words, name)
  }

  private func forEachLane(
    of value: Expression, _ body: (_ lane: Expression, _ element: Expression) throws -> Void
  ) throws {
    let reader = try laneReader(value)
    let lane = Variable(unique("lane"), .index)
    let statements = try collect { try body(.variable(lane), try reader(.variable(lane))) }
    append(.loop(PipeLoop(lane, from: .constant(0), to: .constant(value.type.lanes), statements)))
  }

  static func element(_ view: LocalView, _ lane: Expression) -> LocalView {
    LocalView(view.tensor, view.element, offset: view.offset + lane)
  }

  /// One element of the unified buffer in a register of the scalar unit; `type` is what its bits mean.
  func read(_ view: LocalView, as type: MachineScalar, _ name: String) -> Expression {
    let bits = MachineType(view.element == .int64 ? .i64 : .i32)
    let variable = Variable(unique(name), bits)
    let source = view.element == .float32 ? view.reinterpreted(as: .int32) : view
    append(.read(variable, source))
    let value = Expression.variable(variable)
    return type == bits.scalar ? value : .apply(.bitCast, [value], MachineType(type))
  }

  // MARK: Lanes

  /// Prepares an expression for a loop over its lanes: what is the same in all is computed here.
  func laneReader(_ expression: Expression) throws -> LaneReader {
    let type = expression.type
    let one = type.with(lanes: 1)
    if type.lanes == 1, type.scalar == .i64 || type.scalar == .f64 || isScalar(expression) {
      let value = try scalar(expression)
      return { _ in value }
    }
    switch expression {
    case .integer(let value, _): return { _ in .integer(value, one) }
    case .float(let bits, _): return { _ in .float(bits, one) }
    case .broadcast(let value, _): return try held(value)
    case .laneNumbers: return { $0.converted(to: .i32) }
    case .variable(let variable) where isWide(type):
      let view = locals[variable.name]!
      return { self.read(Self.element(view, $0), as: type.scalar, "\(variable.name)_lane") }
    case .raw(let buffer, let offset, _) where isWide(type):
      let view = try arrayView(buffer, offset, lanes: type.lanes)
      return { self.read(Self.element(view, $0), as: type.scalar, "\(buffer)_lane") }
    case .load(let access, _, _) where isWide(type):
      let view = try arrayView(access.buffer, access.offset, lanes: type.lanes)
      return { self.read(Self.element(view, $0), as: type.scalar, "\(access.buffer)_lane") }
    case .gatherRaw(let buffer, let offset, let places, _) where isWide(type):
      return try scattered(buffer, offset, places, type)
    case .gather(let access, let places, _, _) where isWide(type):
      return try scattered(access.buffer, access.offset, places, type)
    case .element(let array, let indices) where isWide(type):
      let view = try element(array, indices)
      return { self.read(Self.element(view, $0), as: type.scalar, "\(array.name)_lane") }
    case .conditional(let condition, let a, let b) where isWide(type):
      let holds = try scalar(condition)
      return try chosen({ _ in holds }, laneReader(a), laneReader(b), one)
    case .apply(let instruction, let operands, _) where isByLane(expression):
      return try reader(of: instruction, operands, type)
    default: break
    }
    guard !isWide(type) else { throw refusal("64-bit lanes of \(expression) are not supported") }
    if type.scalar == .mask {
      let words = MachineType(.i32, type.lanes)
      let ones = try view(.constant(.integer(1, words)), words)
      let truth = try select(
        local(expression, named: "holds"), .local(ones), .constant(.float(0, lanes: type.lanes)), words,
        "truth")
      return {
        self.read(Self.element(truth, $0), as: .i32, "truth_lane").compared(
          .notEqual, .integer(0, MachineType(.i32)))
      }
    }
    let view = try local(expression, named: "lanes")
    let reader: LaneReader = { self.read(Self.element(view, $0), as: type.scalar, "\(view.tensor)_lane") }
    guard let active = activeLanes(of: expression) else { return reader }
    // Lanes behind a tail hold nothing, and nobody asks for what comes of them: they count as 0.
    let count = try scalar(active)
    return try chosen(
      { $0.compared(.less, count) }, reader, { _ in type.scalar == .f32 ? .float(0) : .integer(0, one) }, one)
  }

  /// How many lanes of an expression hold anything, where it is made of loads of less than all.
  func activeLanes(of expression: Expression) -> Expression? {
    switch expression {
    case .load(_, _, let active?), .gather(_, _, _, let active?): active
    case .variable(let variable): actives[variable.name]
    case .apply(_, let operands, let type):
      operands.lazy.filter { $0.type.lanes == type.lanes }.compactMap(self.activeLanes).first
    case .conditional(_, let a, let b): activeLanes(of: a) ?? activeLanes(of: b)
    default: nil
    }
  }

  /// Whether the scalar unit computes an expression lane by lane, rather than reading what the vector unit computes.
  private func isByLane(_ expression: Expression) -> Bool {
    if isWide(expression.type) || comesOfWide(expression) { return true }
    // Lane numbers and numbers that are the same in all lanes.
    switch expression {
    case .laneNumbers, .integer: return true
    case .broadcast(let value, _): return isScalar(value)
    case .apply(let instruction, let operands, let type):
      return (type.scalar == .i32 || type.scalar == .mask) && Self.ofScalars(instruction)
        && operands.allSatisfy(isByLane)
    default: return false
    }
  }

  func reader(of instruction: Instruction, _ operands: [Expression], _ type: MachineType) throws -> LaneReader
  {
    let one = type.with(lanes: 1)
    let first = try laneReader(operands[0])
    switch instruction {
    case .lowHalf: return first
    case .highHalf: return { try first($0 + .constant(type.lanes)) }
    case .evenLanes: return { try first($0 * .constant(2)) }
    case .oddLanes: return { try first($0 * .constant(2) + .constant(1)) }
    case .lane(let number): return { _ in try first(.constant(number)) }
    case .select:
      return try chosen(first, laneReader(operands[1]), laneReader(operands[2]), one)
    default: break
    }
    guard Self.ofScalars(instruction) || instruction == .roundedSum || instruction == .bitCast else {
      throw refusal("\(instruction) of 64-bit lanes is not supported")
    }
    let others = try operands.dropFirst().map(laneReader)
    return { lane in .apply(instruction, [try first(lane)] + (try others.map { try $0(lane) }), one) }
  }

  /// The value of one lane that is the same in all, in a register of the scalar unit.
  private func held(_ value: Expression) throws -> LaneReader {
    let lane = try laneReader(value)(.constant(0))
    switch lane {
    case .variable, .integer, .float: return { _ in lane }
    default: break
    }
    let type: MachineScalar = lane.type.scalar == .f32 ? .i32 : lane.type.scalar
    let variable = Variable(unique("spread"), MachineType(type))
    append(.define(variable, lane.type.scalar == .f32 ? .apply(.bitCast, [lane], variable.type) : lane))
    let own = Expression.variable(variable)
    return { _ in lane.type.scalar == .f32 ? .apply(.bitCast, [own], lane.type) : own }
  }

  private func scattered(
    _ buffer: String, _ offset: Expression, _ places: Expression, _ type: MachineType
  ) throws -> LaneReader {
    let start = try scalar(offset)
    let place = try laneReader(places)
    return {
      let view = try self.arrayView(buffer, at: start + (try place($0)).converted(to: .i64), lanes: 1)
      return self.read(view, as: type.scalar, "\(buffer)_lane")
    }
  }

  /// The side that a condition chooses; the other is not read, and may hold nothing.
  private func chosen(
    _ condition: @escaping LaneReader, _ a: @escaping LaneReader, _ b: @escaping LaneReader,
    _ type: MachineType
  ) throws -> LaneReader {
    { lane in
      let held: MachineType = type.scalar == .f32 ? MachineType(.i32) : type
      let variable = Variable(self.unique("chosen"), held)
      func bits(_ value: Expression) -> Expression {
        if type == held { return value }
        if case .float(let bits, _) = value {
          return .integer(Int64(Int32(bitPattern: Float(Double(bitPattern: bits)).bitPattern)), held)
        }
        return .apply(.bitCast, [value], held)
      }
      let holds = try condition(lane)
      self.append(.declare(variable, held.scalar == .f64 ? .float(0, held) : .integer(0, held)))
      self.append(
        .branch(
          holds, try self.collect { self.append(.assign(variable, bits(try a(lane)))) },
          try self.collect { self.append(.assign(variable, bits(try b(lane)))) }))
      return type == held ? .variable(variable) : .apply(.bitCast, [.variable(variable)], type)
    }
  }
}
