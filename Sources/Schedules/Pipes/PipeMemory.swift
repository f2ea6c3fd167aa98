import MachineIR
import TileIR

/// Copies between main memory and the unified buffer, conversions of what is stored narrow, and arrays on chip.
extension PipeLowering {
  // MARK: Main memory

  /// Elements of a buffer as register lanes: float32 and int32 as they are, else codes in int32. Lanes from `active`
  /// on are unspecified.
  func load(_ access: Access, _ type: MachineType, _ active: Expression?, _ name: String) throws -> LocalView
  {
    if let spilled = inMainMemory(access.buffer, access.offset) {
      return try load(spilled, type, active, name)
    }
    if let tensor = tensors[access.buffer] {
      // A masked load of an array on chip: the lanes behind are unspecified.
      return try raw(
        access.buffer, access.offset, MachineType(tensor.element == .float32 ? .f32 : .i32, type.lanes), name)
    }
    if access.element.bitWidth == 4 { return try loadPacked(access, type, active, name) }
    let stored = try copyIn(access, lanes: type.lanes, active, name)
    return try codes(stored, access.element, type, name)
  }

  private func copyIn(_ access: Access, lanes: Int, _ active: Expression?, _ name: String) throws -> LocalView
  {
    let element = access.element.stored
    let view = fresh(
      "\(access.buffer)_in", element,
      count: element.byteCount == 4 ? VectorInstruction.wholeRepeats(lanes) : lanes)
    let copy = PipeCopy(
      buffer: access.buffer, access.element, offset: try scalar(access.offset), local: view,
      count: try active.map(scalar) ?? .constant(lanes), most: lanes)
    try appendCopy(.copyIn(copy), copy.count)
    return view
  }

  /// A copy, which must not be of nothing.
  func appendCopy(_ statement: PipeStatement, _ count: Expression, _ rows: PipeCopy.Rows? = nil) throws {
    var statement = statement
    // Of rows nothing says that there is one.
    if let number = rows?.count, number.constantValue == nil {
      statement = .branch(number.compared(.greater, .constant(0)), [statement], [])
    }
    if count.constantValue == nil, mayBeZero(count) {
      statement = .branch(count.compared(.greater, .constant(0)), [statement], [])
    }
    append(statement)
  }

  /// The lanes of a block's tail are at least one; those of a group's tail may be none.
  private func mayBeZero(_ count: Expression) -> Bool {
    if case .variable(let variable) = count, let definition = definitions[variable.name] {
      return mayBeZero(definition)
    }
    if case .apply(.subtract, _, _) = count { return false }
    return true
  }

  /// Stored elements as register lanes.
  func codes(_ stored: LocalView, _ element: ElementType, _ type: MachineType, _ name: String) throws
    -> LocalView
  {
    let count = type.lanes
    func cast(_ view: LocalView, to element: LocalElement, _ name: String) -> LocalView {
      let isWord = element.byteCount == 4
      let result = fresh(name, element, count: isWord ? VectorInstruction.wholeRepeats(count) : count)
      let isExact = !(view.element == .float32 || view.element == .float16) || element == .float32
      return emit(.cast(isExact ? .none : .nearestEven), result, [view], count)
    }
    switch element {
    case .float32, .int32: return stored
    case .bfloat16, .float16:
      // As numbers of 16 bits, whose upper half of the word is the sign's.
      let float = cast(stored.reinterpreted(as: .int16), to: .float32, "\(name)_number")
      let word = cast(float, to: .int32, "\(name)_word")
      let words = MachineType(.i32, count)
      return try binary(.and, .local(word), .constant(.integer(0xFFFF, words)), words, name)
    default:
      let word = cast(cast(stored, to: .float16, "\(name)_half"), to: .int32, name)
      guard element == .bool else { return word }
      return try compare(
        .notEqual, .local(word), .constant(.integer(0, MachineType(.i32, count))), MachineType(.i32, count),
        name)
    }
  }

  /// Loaded bf16 as float32 in one conversion, which is exact; nil for another operand.
  func widened(_ operand: Expression, _ name: String) throws -> LocalView? {
    guard case .load(let access, let type, let active) = operand, access.element == .bfloat16,
      type.scalar == .i32
    else { return nil }
    let stored = try copyIn(access, lanes: type.lanes, active, name)
    return emit(.cast(.none), try tensor(name, MachineType(.f32, type.lanes)), [stored], type.lanes)
  }

  func store(_ access: Access, _ value: Expression, _ active: Expression?) throws {
    if let spilled = inMainMemory(access.buffer, access.offset) { return try store(spilled, value, active) }
    let lanes = value.type.lanes
    guard tensors[access.buffer] == nil else {
      throw refusal("lanes of \(access.buffer) are stored under a mask")
    }
    if access.element.bitWidth == 4 { return try storePacked(access, value, active) }
    if try storeLoaded(access, value, active) { return }
    let element = access.element.stored
    let type = value.type
    var view: LocalView
    if access.element.bitWidth == 16, case .apply(.interleave, let operands, _) = value {
      return try storePairs(access, operands)
    } else if access.element == .bfloat16, case .apply(.call(let function), let operands, _) = value,
      function == .bfloat16Narrowing
    {
      view = try signedBits(of: local(operands[0], named: "\(access.buffer)_value"), type)
    } else {
      view = try local(value, named: "\(access.buffer)_value")
      if access.element.bitWidth == 16 { view = try signed(view, type) }
    }
    func cast(_ source: LocalView, to element: LocalElement, _ name: String, _ mode: RoundMode) -> LocalView {
      emit(
        .cast(mode),
        fresh(name, element, count: element.byteCount == 4 ? VectorInstruction.wholeRepeats(lanes) : lanes),
        [source],
        lanes)
    }
    switch access.element {
    case .float32, .int32:
      // A tensor of its own, that may go on being read while what the value was is overwritten.
      let out = fresh("\(access.buffer)_out", element, count: VectorInstruction.wholeRepeats(lanes))
      if !retarget(view, to: out) { copy(view, to: out, lanes) }
      view = out
    case .bfloat16, .float16:
      view = cast(view, to: .int16, "\(access.buffer)_out", .none)
    case .bool, .int8, .uint8, .e4m3, .e5m2, .e8m0:
      var word = view
      if type.scalar == .mask {
        let ones = try self.view(.constant(.integer(1, type.with(scalar: .i32))), type.with(scalar: .i32))
        word = try select(
          view, .local(ones), .constant(.float(0, lanes: lanes)), type.with(scalar: .i32),
          "\(access.buffer)_truth")
      }
      let number = cast(word, to: .float32, "\(access.buffer)_number", .nearestEven)
      let half = cast(number, to: .float16, "\(access.buffer)_half", .nearestEven)
      view = cast(half, to: element, "\(access.buffer)_out", .nearestEven)
    case .e2m1, .int4: preconditionFailure("stored above")
    }
    let copy = PipeCopy(
      buffer: access.buffer, access.element, offset: try scalar(access.offset),
      local: view.reinterpreted(as: element),
      count: try active.map(scalar) ?? .constant(lanes), most: lanes)
    try appendCopy(.copyOut(copy), copy.count)
  }

  /// Stores codes of 16 bits, those of two vectors in turns: each two are the halves of a word.
  private func storePairs(_ access: Access, _ halves: [Expression]) throws {
    let type = halves[0].type
    func constant(_ value: Int64) -> Lanes { .constant(.integer(value, type)) }
    let names = ["even", "odd"].map { "\(access.buffer)_\($0)" }
    let codes = try zip(halves, names).map { Lanes.local(try local($0, named: $1)) }
    let low = try binary(.and, codes[0], constant(0xFFFF), type, "low")
    let high = try shift(.shiftLeft, codes[1], constant(16), type, "high")
    let words = try binary(.or, .local(low), .local(high), type, "\(access.buffer)_out")
    append(
      .copyOut(
        PipeCopy(
          buffer: access.buffer, access.element, offset: try scalar(access.offset),
          local: words.reinterpreted(as: access.element.stored), count: .constant(2 * type.lanes),
          most: 2 * type.lanes)))
  }

  /// Codes of 16 bits as numbers with a sign, so that their conversion is of a number in range.
  private func signed(_ codes: LocalView, _ type: MachineType) throws -> LocalView {
    let raised = try shift(.shiftLeft, .local(codes), .constant(.integer(16, type)), type, "raised")
    return try shift(.shiftRightArithmetic, .local(raised), .constant(.integer(16, type)), type, "signed")
  }

  /// `ScalarFunction.narrowing(.bfloat16)` with its codes as numbers with a sign: the last shift keeps the sign.
  private func signedBits(of x: LocalView, _ codes: MachineType) throws -> LocalView {
    func constant(_ value: Int64) -> Lanes { .constant(.integer(value, codes)) }
    let bits = Lanes.local(x.reinterpreted(as: .int32))
    let upper = try shift(.shiftRightLogical, bits, constant(16), codes, "upper")
    let odd = try binary(.and, .local(upper), constant(1), codes, "odd")
    let half = try binary(.add, bits, constant(0x7FFF), codes, "half")
    let sum = try binary(.add, .local(half), .local(odd), codes, "sum")
    let rounded = try shift(.shiftRightArithmetic, .local(sum), constant(16), codes, "rounded")
    let isNumber = try compare(.equal, .local(x), .local(x), codes.with(scalar: .f32), "is_number")
    return try select(isNumber, .local(rounded), constant(0x7FC0), codes, "signed")
  }

  /// Stores what is loaded from another buffer with elements of the same kind, which the vector unit need not see.
  private func storeLoaded(_ access: Access, _ value: Expression, _ active: Expression?) throws -> Bool {
    guard case .load(let from, let type, let loaded) = value, from.element == access.element, loaded == active,
      tensors[from.buffer] == nil, spills[from.buffer] == nil, from.element != .bool
    else { return false }
    let view = try copyIn(from, lanes: type.lanes, active, "\(access.buffer)_value")
    let copy = PipeCopy(
      buffer: access.buffer, access.element, offset: try scalar(access.offset), local: view,
      count: try active.map(scalar) ?? .constant(type.lanes), most: type.lanes)
    try appendCopy(.copyOut(copy), copy.count)
    return true
  }

  // MARK: Variables

  /// Lanes as they are.
  func copy(_ source: LocalView, to destination: LocalView, _ lanes: Int) {
    guard source != destination else { return }
    emit(.copy, destination, [source], lanes)
  }

  func copied(_ view: LocalView, _ variable: Variable) throws -> LocalView {
    let own = try tensor(variable.name, variable.type)
    if variable.type.scalar == .mask {
      emit(
        .copy, own.reinterpreted(as: .uint16), [view.reinterpreted(as: .uint16)],
        VectorInstruction.wholeRepeats(variable.type.lanes) / 16)
    } else {
      copy(view, to: own, variable.type.lanes)
    }
    return own
  }

  /// Puts the value of an expression into a view of its type.
  func assign(_ destination: LocalView, _ value: Expression) throws {
    let source = try local(value, named: destination.tensor)
    guard source != destination, !retarget(source, to: destination) else { return }
    if value.type.scalar == .mask {
      emit(
        .copy, destination.reinterpreted(as: .uint16), [source.reinterpreted(as: .uint16)],
        VectorInstruction.wholeRepeats(value.type.lanes) / 16)
    } else {
      copy(source, to: destination, value.type.lanes)
    }
  }

  /// Lets the last instruction, which made `source`, write `destination` instead; false where it cannot.
  private func retarget(_ source: LocalView, to destination: LocalView) -> Bool {
    guard !mutable.contains(source.tensor), !named.contains(source.tensor),
      !constantTensors.contains(source.tensor),
      source.offset.constantValue == 0, source.element.byteCount == destination.element.byteCount
    else { return false }
    let isDone = changeLast { statement in
      guard case .vector(let instruction) = statement, instruction.destination.tensor == source.tensor,
        instruction.operation != .maskedCopy, Self.mayWriteInPlace(instruction, destination)
      else { return nil }
      return .vector(
        VectorInstruction(
          instruction.operation, destination.reinterpreted(as: instruction.destination.element),
          instruction.sources,
          count: instruction.count, scalar: instruction.scalar, spread: instruction.spread))
    }
    if isDone { tensors[source.tensor] = nil }
    return isDone
  }

  /// Whether an instruction may write a view that it may also read: lane by lane, the very same lanes.
  private static func mayWriteInPlace(_ instruction: VectorInstruction, _ destination: LocalView) -> Bool {
    switch instruction.operation {
    case .add, .subtract, .multiply, .addScalar, .multiplyScalar, .maximum, .minimum, .maximumScalar,
      .minimumScalar,
      .duplicate:
      instruction.sources.allSatisfy { $0.tensor != destination.tensor || $0 == destination }
    default: instruction.sources.allSatisfy { $0.tensor != destination.tensor }
    }
  }

  // MARK: Arrays on chip

  func element(_ array: RegisterArray, _ indices: [Expression]) throws -> LocalView {
    guard let base = locals[array.name] else { throw refusal("no registers \(array.name)") }
    var place = Expression.constant(0)
    for (extent, index) in zip(array.extents, indices) {
      place = place * .constant(extent) + (try scalar(index.converted(to: .i64)))
    }
    let lanes = base.element == .int64 ? array.type.lanes : VectorInstruction.wholeRepeats(array.type.lanes)
    return LocalView(base.tensor, base.element, offset: place * .constant(lanes))
  }

  func raw(_ buffer: String, _ offset: Expression, _ type: MachineType, _ name: String) throws -> LocalView {
    if let spilled = inMainMemory(buffer, offset) { return try load(spilled, type, nil, name) }
    let own = tensors[buffer]!
    let place = try scalar(offset)
    if alignment(of: place) % 8 == 0 { return LocalView(buffer, own.element, offset: place) }
    // A view must begin at a block's beginning: the elements are gathered from where they are.
    let words = MachineType(.i32, type.lanes)
    let offsets: LocalView
    if type.lanes == 1 {
      offsets = try view(.constant(.integer(0, words)), words)
    } else {
      let numbers = try laneNumbers(type.lanes)
      offsets = try unary(
        .multiplyScalar, .local(numbers), words, "offsets", scalar: .integer(4, MachineType(.i32)))
    }
    return emit(
      .gather, try tensor(name, type), [LocalView(buffer, own.element), offsets.reinterpreted(as: .uint32)],
      type.lanes,
      scalar: (place * .constant(4)).converted(to: .i32))
  }

  func gather(
    _ buffer: String, _ offset: Expression, _ places: Expression, _ type: MachineType, _ name: String
  ) throws -> LocalView {
    if let spilled = inMainMemory(buffer, offset) {
      return try gatherLanes(spilled, places, type, activeLanes(of: places), name)
    }
    let words = MachineType(.i32, type.lanes)
    let numbers = Lanes.local(try local(places, named: "places"))
    let offsets = try unary(
      .multiplyScalar, numbers, words, "offsets", scalar: .integer(4, MachineType(.i32)))
    return emit(
      .gather, try tensor(name, type),
      [LocalView(buffer, tensors[buffer]!.element), offsets.reinterpreted(as: .uint32)],
      type.lanes, scalar: (try scalar(offset) * .constant(4)).converted(to: .i32))
  }

  func storeRaw(_ buffer: String, _ offset: Expression, _ value: Expression) throws {
    if spills[buffer] != nil { return try storeSpilled(buffer, offset, value) }
    let own = tensors[buffer]!
    let place = try scalar(offset)
    let view = LocalView(buffer, own.element, offset: place)
    if isWide(value.type) { return try assignWide(view, value) }
    if isScalar(value) || value.type.scalar.byteCount == 8 { return append(.write(view, try scalar(value))) }
    if value.type.lanes > 1 {
      return alignment(of: place) % 8 == 0 ? try assign(view, value) : try storeWithin(view, value)
    }
    // One element of a block: the element in all of a block, of which one is copied.
    let source = try local(value, named: "\(buffer)_element")
    let blocks = fresh("block", own.element, count: 64)
    emit(.broadcastBlocks, blocks, [source], 64)
    let within = place.remainder(by: 8)
    let bit =
      within.constantValue.map { Expression.constant(1 << $0) }
      ?? Expression.constant(1).apply(.shiftLeft, within)
    emit(
      .maskedCopy, LocalView(buffer, own.element, offset: place - within), [blocks], 8, scalar: bit)
  }
}

extension PipeLowering {
  /// Stores lanes from a place within a block of 32 bytes on: the lanes moved there, chosen by their numbers.
  private func storeWithin(_ view: LocalView, _ value: Expression) throws {
    let (lanes, word) = (value.type.lanes, MachineType(.i32))
    let source = try local(value, named: "\(view.tensor)_value")
    let within = view.offset.remainder(by: 8)
    let shift = within.converted(to: .i32)
    // With what stands before them in their first block.
    let count = VectorInstruction.wholeRepeats(lanes + 7)
    let words = MachineType(.i32, count)
    let own = try unary(
      .addScalar, .local(try laneNumbers(count)), words, "own",
      scalar: Expression.integer(0, word).apply(.subtract, shift))
    let bounded = try unary(
      .minimumScalar, .local(try unary(.maximumScalar, .local(own), words, "own", scalar: .integer(0, word))),
      words,
      "own", scalar: .integer(Int64(lanes - 1), word))
    let isOwn = try compare(.equal, .local(own), .local(bounded), words)
    let offsets = try unary(.multiplyScalar, .local(bounded), words, "offsets", scalar: .integer(4, word))
    let moved = emit(
      .gather, fresh("moved", view.element, count: count),
      [LocalView(source.tensor, source.element), offsets.reinterpreted(as: .uint32)], count,
      scalar: (source.offset * .constant(4)).converted(to: .i32))
    let blocks = LocalView(view.tensor, view.element, offset: view.offset - within)
    let type = MachineType(view.element == .float32 ? .f32 : .i32, count)
    let whole = try select(isOwn, .local(moved), .local(blocks), type, "whole")
    copy(whole, to: blocks, (lanes + 7 + 7) / 8 * 8)
  }
}

extension ElementType {
  /// What a vector core sees of it; of two that share a byte, the byte.
  var stored: LocalElement {
    switch self {
    case .float32: .float32
    case .int32: .int32
    case .bfloat16: .bfloat16
    case .float16: .float16
    case .int8: .int8
    case .uint8, .bool, .e4m3, .e5m2, .e8m0, .e2m1, .int4: .uint8
    }
  }
}
