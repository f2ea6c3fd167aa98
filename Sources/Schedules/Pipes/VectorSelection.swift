import MachineIR
import TileIR

/// Lanes that instructions take: a tensor's, one constant in all of them, or one number in all of a block.
enum Lanes {
  case local(LocalView)
  case constant(Expression)
  case spread(LocalView)
}

/// Instructions of the vector unit for operations on lanes: only those whose bits the numeric contract can lean on.
extension PipeLowering {
  @discardableResult
  func emit(
    _ operation: VectorOperation, _ destination: LocalView, _ sources: [LocalView], _ count: Int,
    scalar: Expression? = nil, spread: [Int: OperandSpread] = [:]
  ) -> LocalView {
    let instruction = VectorInstruction(
      operation, destination, sources, count: count, scalar: scalar, spread: spread)
    if !isHoisted(instruction) { append(.vector(instruction)) }
    return destination
  }

  /// An operation of two operands, the last of its sources, where what is the same in all lanes takes one repeat or block.
  @discardableResult
  private func emit(
    _ operation: VectorOperation, _ destination: LocalView, of first: [LocalView] = [], _ operands: [Lanes],
    _ type: MachineType, count: Int, as element: LocalElement? = nil
  ) throws -> LocalView {
    var (views, spread) = (first, [Int: OperandSpread]())
    let isWhole =
      type.scalar != .mask && type.lanes % 64 == 0 && type.lanes / 64 <= VectorInstruction.mostRepeats
    for operand in operands {
      let own: LocalView
      switch operand {
      case .spread(let block) where isWhole:
        spread[views.count] = .oneBlock
        own = block
      case .constant where isWhole && type.lanes > 64:
        spread[views.count] = .oneRepeat
        own = try view(operand, type.with(lanes: 64))
      default: own = try view(operand, type)
      }
      views.append(element.map(own.reinterpreted) ?? own)
    }
    return emit(operation, destination, views, count, spread: spread)
  }

  func zero(of element: LocalElement) -> Expression {
    element == .float32 ? .float(0) : .integer(0, MachineType(.i32))
  }

  /// A constant's one lane.
  private func one(_ constant: Expression) -> Expression {
    switch constant {
    case .integer(let value, let type): .integer(value, type.with(lanes: 1))
    case .float(let bits, let type): .float(bits, type.with(lanes: 1))
    default: preconditionFailure("\(constant) is no constant")
    }
  }

  /// Lanes in a tensor.
  func view(_ lanes: Lanes, _ type: MachineType) throws -> LocalView {
    switch lanes {
    case .local(let view): return view
    case .spread(let view): return emit(.repeatBlock, try tensor("spread", type), [view], type.lanes)
    case .constant(let value):
      let key = ConstantKey(bits: one(value), lanes: type.lanes)
      if type.scalar == .mask, case .integer(let truth, _) = value {
        let bits = Expression.integer(truth == 0 ? 0 : -1, MachineType(.i32))
        return try constant(key, truth == 0 ? "none" : "all", type) {
          VectorInstruction(
            .duplicate, $0.reinterpreted(as: .int32), count: VectorInstruction.wholeRepeats(type.lanes) / 32,
            scalar: bits)
        }
      }
      return try constant(key, "constant", type) {
        VectorInstruction(
          .duplicate, $0, count: VectorInstruction.wholeRepeats(type.lanes), scalar: one(value))
      }
    }
  }

  /// 0, 1, 2, … in `i32` lanes.
  func laneNumbers(_ lanes: Int) throws -> LocalView {
    try constant(
      ConstantKey(bits: .laneNumbers(lanes), lanes: lanes), "lane_numbers", MachineType(.i32, lanes)
    ) {
      VectorInstruction(.laneNumbers, $0, count: lanes, scalar: .integer(0, MachineType(.i32)))
    }
  }

  // MARK: Arithmetic

  func binary(_ instruction: Instruction, _ a: Lanes, _ b: Lanes, _ type: MachineType, _ name: String) throws
    -> LocalView
  {
    if type.scalar == .mask { return try bitwise(instruction, a, b, type, name) }
    switch instruction {
    case .add:
      if case .constant(let value) = b { return try unary(.addScalar, a, type, name, scalar: one(value)) }
      if case .constant(let value) = a { return try unary(.addScalar, b, type, name, scalar: one(value)) }
      return try plain(.add, a, b, type, name)
    case .subtract:
      if case .constant(let value) = b, let negative = negated(value) {
        return try unary(.addScalar, a, type, name, scalar: negative)
      }
      return try plain(.subtract, a, b, type, name)
    case .multiply:
      if case .constant(let value) = b {
        return try unary(.multiplyScalar, a, type, name, scalar: one(value))
      }
      if case .constant(let value) = a {
        return try unary(.multiplyScalar, b, type, name, scalar: one(value))
      }
      return try plain(.multiply, a, b, type, name)
    case .minimum, .maximum:
      return type.scalar == .f32
        ? try floatExtreme(instruction, a, b, type, name) : try integerExtreme(instruction, a, b, type, name)
    case .and, .or, .xor: return try bitwise(instruction, a, b, type, name)
    default: throw refusal("\(instruction) of vectors is not supported")
    }
  }

  private func plain(
    _ operation: VectorOperation, _ a: Lanes, _ b: Lanes, _ type: MachineType, _ name: String
  ) throws -> LocalView {
    try emit(operation, try tensor(name, type), [a, b], type, count: type.lanes)
  }

  func unary(
    _ operation: VectorOperation, _ a: Lanes, _ type: MachineType, _ name: String, scalar: Expression? = nil
  ) throws -> LocalView {
    let source = try view(a, type)
    return emit(operation, try tensor(name, type), [source], type.lanes, scalar: scalar)
  }

  private func negated(_ value: Expression) -> Expression? {
    switch value {
    case .integer(let x, _) where x > Int64(Int32.min): .integer(-x, MachineType(.i32))
    case .float(let bits, _): .float(Float(-Double(bitPattern: bits)))
    default: nil
    }
  }

  private func integerExtreme(
    _ instruction: Instruction, _ a: Lanes, _ b: Lanes, _ type: MachineType, _ name: String
  ) throws -> LocalView {
    let isMinimum = instruction == .minimum
    if case .constant(let value) = b {
      return try unary(isMinimum ? .minimumScalar : .maximumScalar, a, type, name, scalar: one(value))
    }
    return try plain(isMinimum ? .minimum : .maximum, a, b, type, name)
  }

  /// The contract's minimum and maximum, a NaN where either is one, +0 above -0: the unit's own promise neither.
  private func floatExtreme(
    _ instruction: Instruction, _ a: Lanes, _ b: Lanes, _ type: MachineType, _ name: String
  ) throws -> LocalView {
    let beats: Comparison = instruction == .minimum ? .less : .greater
    if case .constant(let value) = b, case .float(let bits, _) = value {
      let number = Double(bitPattern: bits)
      if number != 0, !number.isNaN {
        // A NaN is not beaten, and stays.
        let loses: Comparison = instruction == .minimum ? .greater : .less
        let replaced = try compare(loses, a, b, type)
        return try select(replaced, b, a, type, name)
      }
      if instruction == .maximum, bits == 0 {
        // A sum with +0 has its sign where it is zero.
        let replaced = try compare(.greater, b, a, type)
        let sum = try unary(.addScalar, a, type, "either", scalar: .float(0))
        return try select(replaced, b, .local(sum), type, name)
      }
    }
    let (x, y) = (try view(a, type), try view(b, type))
    let words = MachineType(.i32, type.lanes)
    // Equal numbers differ in the zero's sign alone; a sum with a NaN is one.
    let equal = try bitwise(
      instruction == .minimum ? .or : .and, .local(x.reinterpreted(as: .int32)),
      .local(y.reinterpreted(as: .int32)),
      words, "same")
    let sum = try plain(.add, .local(x), .local(y), type, "either")
    let isEqual = try compare(.equal, .local(x), .local(y), type)
    let rest = try select(isEqual, .local(equal.reinterpreted(as: .float32)), .local(sum), type, "rest")
    let isSecond = try compare(beats, .local(y), .local(x), type)
    let second = try select(isSecond, .local(y), .local(rest), type, "second")
    let isFirst = try compare(beats, .local(x), .local(y), type)
    return try select(isFirst, .local(x), .local(second), type, name)
  }

  // MARK: Bits

  /// Bit operations on the halves of words, or on the bits of truth values.
  private func bitwise(
    _ instruction: Instruction, _ a: Lanes, _ b: Lanes, _ type: MachineType, _ name: String
  ) throws -> LocalView {
    let own: LocalElement = type.scalar == .mask ? .uint8 : .int32
    func apply(_ operation: VectorOperation, _ operands: [Lanes], _ name: String) throws -> LocalView {
      let result = try tensor(name, type).reinterpreted(as: .uint16)
      return try emit(operation, result, operands, type, count: halves(type), as: .uint16).reinterpreted(as: own)
    }
    switch instruction {
    case .and: return try apply(.and, [a, b], name)
    case .or: return try apply(.or, [a, b], name)
    case .xor:
      // What either has, without what both have.
      let neither = try not(apply(.and, [a, b], "both"), type, "not_both")
      return try apply(.and, [.local(try apply(.or, [a, b], "either")), .local(neither)], name)
    default: throw refusal("\(instruction) of bits is not supported")
    }
  }

  private func halves(_ type: MachineType) -> Int {
    type.scalar == .mask ? VectorInstruction.wholeRepeats(type.lanes) / 16 : 2 * type.lanes
  }

  func not(_ a: LocalView, _ type: MachineType, _ name: String) throws -> LocalView {
    let result = try tensor(name, type).reinterpreted(as: .uint16)
    emit(.not, result, [a.reinterpreted(as: .uint16)], halves(type))
    return result.reinterpreted(as: type.scalar == .mask ? .uint8 : .int32)
  }

  func shift(_ instruction: Instruction, _ a: Lanes, _ b: Lanes, _ type: MachineType, _ name: String) throws
    -> LocalView
  {
    guard case .constant(.integer(let amount, _)) = b, type.scalar == .i32 else {
      throw refusal("lanes are shifted each by its own amount, which this chip has no instruction for")
    }
    let source = try view(a, type)
    let result = try tensor(name, type)
    switch instruction {
    case .shiftRightArithmetic:
      return emit(.shiftRight(Int(amount)), result, [source], type.lanes)
    case .shiftLeft:
      emit(
        .shiftLeft(Int(amount)), result.reinterpreted(as: .uint32), [source.reinterpreted(as: .uint32)],
        type.lanes)
    default:
      emit(
        .shiftRight(Int(amount)), result.reinterpreted(as: .uint32), [source.reinterpreted(as: .uint32)],
        type.lanes)
    }
    return result
  }

  // MARK: Truth values

  /// Truth values of operands of `type`.
  func compare(
    _ comparison: Comparison, _ a: Lanes, _ b: Lanes, _ type: MachineType, _ name: String = "holds"
  ) throws -> LocalView {
    let answers = type.with(scalar: .mask)
    if comparison == .notEqual {
      return try not(compare(.equal, a, b, type), answers, name)
    }
    guard type.scalar == .i32, comparison != .equal else {
      guard type.scalar != .mask else {
        let different = try bitwise(.xor, a, b, type, name)
        return comparison == .equal ? try not(different, type, name) : different
      }
      if case .constant(let value) = b {
        return emit(
          .compareScalar(comparison), try tensor(name, answers), [try view(a, type)], type.lanes, scalar: one(value))
      }
      return try emit(.compare(comparison), try tensor(name, answers), [a, b], type, count: type.lanes)
    }
    if case .constant(.integer(let value, _)) = b, let found = try compare(comparison, a, value, type, answers, name) {
      return found
    }
    // The unit compares integers for equality alone: a >= b where the greater of them is a.
    let (x, y) = (try view(a, type), try view(b, type))
    let greater = try plain(.maximum, .local(x), .local(y), type, "greater")
    let isFirst = comparison == .greaterOrEqual || comparison == .less
    let reached = emit(.compare(.equal), try tensor(name, answers), [greater, isFirst ? x : y], type.lanes)
    return comparison == .greaterOrEqual || comparison == .lessOrEqual
      ? reached : try not(reached, answers, name)
  }

  /// Integers by a constant: a > b where the greater of a and b + 1 is a. Nil where b + 1 is none.
  private func compare(
    _ comparison: Comparison, _ a: Lanes, _ value: Int64, _ type: MachineType, _ answers: MachineType, _ name: String
  ) throws -> LocalView? {
    let (bound, operation): (Int64, VectorOperation) =
      switch comparison {
      case .greaterOrEqual: (value, .maximumScalar)
      case .greater: (value + 1, .maximumScalar)
      case .lessOrEqual: (value, .minimumScalar)
      case .less: (value - 1, .minimumScalar)
      case .equal, .notEqual: preconditionFailure("compared for equality")
      }
    guard Int32(exactly: bound) != nil else { return nil }
    let own = try view(a, type)
    let bounded = try unary(operation, .local(own), type, "bounded", scalar: .integer(bound, MachineType(.i32)))
    return emit(.compare(.equal), try tensor(name, answers), [bounded, own], type.lanes)
  }

  /// Lanes of `a` where the mask holds, else of `b`.
  func select(_ mask: LocalView, _ a: Lanes, _ b: Lanes, _ type: MachineType, _ name: String) throws
    -> LocalView
  {
    if type.scalar == .mask {
      let truths = type
      let own = try bitwise(.and, .local(mask), a, truths, "chosen")
      let other = try bitwise(.and, .local(try not(mask, truths, "not_chosen")), b, truths, "other")
      return try bitwise(.or, .local(own), .local(other), truths, name)
    }
    let result = try tensor(name, type)
    let float = result.reinterpreted(as: .float32)
    if case .constant(.float(let bits, _)) = b, !Double(bitPattern: bits).isNaN {
      emit(
        .selectScalar, float, [mask, try view(a, type).reinterpreted(as: .float32)], type.lanes,
        scalar: .float(Float(Double(bitPattern: bits))))
    } else {
      try emit(.select, float, of: [mask], [a, b], type, count: type.lanes, as: .float32)
    }
    return result
  }

  // MARK: Lanes

  /// One lane in all lanes.
  func broadcast(_ source: LocalView, _ type: MachineType) throws -> Lanes {
    guard type.scalar != .mask else { throw refusal("a truth value of a vector is spread") }
    let blocks = fresh("block", type.scalar == .f32 ? .float32 : .int32, count: 64)
    return .spread(emit(.broadcastBlocks, blocks, [source], 64))
  }

  /// One element of an array on chip in all lanes; nil for another array.
  func spread(_ array: String, _ offset: Expression) throws -> Lanes? {
    guard spills[array] == nil, let own = tensors[array], own.element.byteCount == 4 else { return nil }
    let place = try scalar(offset)
    if let blocks = spreads[array] {
      return .spread(LocalView(blocks.tensor, blocks.element, offset: place * .constant(8)))
    }
    let words = MachineType(.i32, 8)
    let places = try view(.constant(.integer(0, words)), words)
    return .spread(
      emit(
        .gather, fresh("spread", own.element, count: 8),
        [LocalView(array, own.element), places.reinterpreted(as: .uint32)], 8,
        scalar: (place * .constant(4)).converted(to: .i32)))
  }

  /// Spreads, before a loop that does not change them, the arrays whose elements it takes for all lanes: an element a
  /// block. Those that are new.
  func spreadArrays(for body: [MachineStatement]) -> [String] {
    guard !isSparing else { return [] }
    var found: Set<String> = []
    for statement in body {
      statement.forEach { for expression in $0.expressions { found.formUnion(expression.spreadArrays) } }
    }
    found.subtract(body.writtenMemories)
    let fitting = kernel.scratch.filter { array in
      guard case .constant(let count) = array.count else { return false }
      return found.contains(array.name) && spills[array.name] == nil && spreads[array.name] == nil && array.type.byteCount == 4 && count <= Self.mostSpread
    }
    for array in fitting {
      let count = 8 * ((array.count.constantValue! + 7) / 8 * 8)
      let own = tensors[array.name]!
      spreads[array.name] = emit(
        .broadcastBlocks, fresh("\(array.name)_blocks", own.element, count: count),
        [LocalView(array.name, own.element)], count)
    }
    return fitting.map(\.name)
  }
  /// Elements that are spread at once: 32 KiB of blocks.
  private static let mostSpread = 1024

  /// The elements of `source` at constant places.
  func picked(_ source: LocalView, _ places: (first: Int, step: Int), _ type: MachineType, _ name: String)
    throws -> LocalView
  {
    guard type.scalar != .mask else { throw refusal("lanes of a truth value are rearranged") }
    let words = MachineType(.i32, type.lanes)
    let numbers = try laneNumbers(type.lanes)
    let offsets = try unary(
      .multiplyScalar, .local(numbers), words, "offsets",
      scalar: .integer(Int64(4 * places.step), MachineType(.i32)))
    return emit(
      .gather, try tensor(name, type), [source, offsets.reinterpreted(as: .uint32)], type.lanes,
      scalar: .integer(Int64(4 * places.first), MachineType(.i32)))
  }
}

extension MachineType {
  func with(scalar: MachineScalar) -> MachineType { MachineType(scalar, lanes) }
}

extension Expression {
  /// Arrays of which it takes one element for all lanes.
  fileprivate var spreadArrays: Set<String> {
    switch self {
    case .broadcast(.raw(let array, _, let type), _) where type.lanes == 1: [array]
    case .broadcast(let value, _): value.spreadArrays
    case .apply(_, let operands, _): operands.reduce(into: []) { $0.formUnion($1.spreadArrays) }
    case .conditional(let a, let b, let c): [a, b, c].reduce(into: []) { $0.formUnion($1.spreadArrays) }
    default: []
    }
  }
}
