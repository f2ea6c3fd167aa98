import MachineIR
import TileIR

/// Elements of 4 bits, two in a byte, the even one in the low half: copied as bytes, taken apart and put together by
/// the vector unit.
extension PipeLowering {
  /// Codes in `int32`, from an element on that may be a byte's second.
  func loadPacked(_ access: Access, _ type: MachineType, _ active: Expression?, _ name: String) throws
    -> LocalView
  {
    let place = try scalar(access.offset)
    let isEven = alignment(of: place) % 2 == 0
    let half = isEven ? Expression.constant(0) : place.remainder(by: 2)
    let most = isEven ? (type.lanes + 1) / 2 : type.lanes / 2 + 1
    let stored = fresh("\(access.buffer)_in", .uint8, count: most)
    let count = (try active.map(scalar) ?? .constant(type.lanes)) + half + .constant(1)
    let copy = PipeCopy(
      buffer: access.buffer, .uint8, offset: place.divided(by: 2), local: stored, count: count.divided(by: 2),
      most: most)
    try appendCopy(.copyIn(copy), copy.count)
    let (word, words) = (MachineType(.i32), type)
    let bytes = try codes(stored, .uint8, MachineType(.i32, most), "\(name)_bytes")
    // Each lane's byte, and of it the half that the lane's number tells.
    var lanes = try laneNumbers(type.lanes)
    if !isEven {
      lanes = try unary(.addScalar, .local(lanes), words, "places", scalar: half.converted(to: .i32))
    }
    let number = try shift(
      .shiftRightArithmetic, .local(lanes), .constant(.integer(1, words)), words, "byte_number")
    let offsets = try unary(.multiplyScalar, .local(number), words, "offsets", scalar: .integer(4, word))
    let byte = emit(
      .gather, try tensor("byte", words), [bytes, offsets.reinterpreted(as: .uint32)], type.lanes,
      scalar: .integer(0, word))
    let isOdd = try binary(.and, .local(lanes), .constant(.integer(1, words)), words, "odd")
    let low = try binary(.and, .local(byte), .constant(.integer(15, words)), words, "low")
    let high = try shift(.shiftRightArithmetic, .local(byte), .constant(.integer(4, words)), words, "high")
    let difference = try binary(.subtract, .local(high), .local(low), words, "difference")
    let added = try binary(.multiply, .local(difference), .local(isOdd), words, "added")
    let code = try binary(.add, .local(low), .local(added), words, name)
    guard access.element == .int4 else { return code }
    let raised = try shift(.shiftLeft, .local(code), .constant(.integer(28, words)), words, name)
    return try shift(.shiftRightArithmetic, .local(raised), .constant(.integer(28, words)), words, name)
  }

  /// Stores codes; of several, the first is a byte's first: rows begin at bytes, and vectors at even elements.
  func storePacked(_ access: Access, _ value: Expression, _ active: Expression?) throws {
    let type = value.type
    guard type.lanes > 1 else { return try storeHalf(access, value) }
    let (word, pairs) = (MachineType(.i32), MachineType(.i32, type.lanes / 2))
    var masked = try binary(
      .and, .local(try local(value, named: "\(access.buffer)_value")), .constant(.integer(15, type)), type,
      "code")
    if let active {
      // Where their number is odd, the half behind them is 0.
      let limit = emit(
        .duplicate, try tensor("active", type), [], type.lanes, scalar: try scalar(active).converted(to: .i32)
      )
      let isThere = try compare(.less, .local(try laneNumbers(type.lanes)), .local(limit), type)
      masked = try select(isThere, .local(masked), .constant(.float(0, lanes: type.lanes)), type, "code")
    }
    let low = try picked(masked, (0, 2), pairs, "low")
    let high = try unary(
      .multiplyScalar, .local(try picked(masked, (1, 2), pairs, "high")), pairs, "raised",
      scalar: .integer(16, word))
    let bytes = try binary(.add, .local(low), .local(high), pairs, "bytes")
    let local = bytesOfWords(bytes, pairs.lanes, "\(access.buffer)_out")
    let count = try active.map { (try scalar($0) + .constant(1)).divided(by: 2) } ?? .constant(pairs.lanes)
    let copy = PipeCopy(
      buffer: access.buffer, .uint8, offset: try scalar(access.offset).divided(by: 2), local: local,
      count: count,
      most: pairs.lanes)
    try appendCopy(.copyOut(copy), copy.count)
  }

  /// Changes one half of a byte; the other belongs to the same cell.
  private func storeHalf(_ access: Access, _ value: Expression) throws {
    let word = MachineType(.i32)
    let place = try scalar(access.offset)
    let power = Expression.conditional(
      place.remainder(by: 2).compared(.equal, .constant(0)), .integer(1, word), .integer(16, word))
    let code = try binary(
      .and, .local(try local(value, named: "\(access.buffer)_value")), .constant(.integer(15, word)), word,
      "code")
    let own = try unary(.multiplyScalar, .local(code), word, "own", scalar: power)
    let byte = fresh("\(access.buffer)_byte", .uint8, count: 1)
    let offset = place.divided(by: 2)
    append(
      .copyIn(
        PipeCopy(buffer: access.buffer, .uint8, offset: offset, local: byte, count: .constant(1), most: 1)))
    // Bits alone, of which the other half may not hold anything yet.
    let kept = emit(
      .duplicate, try tensor("kept", word), [], 1,
      scalar: Expression.integer(255, word).apply(.subtract, power.apply(.multiply, .integer(15, word))))
    let other = fresh("other", .uint16, count: 16)
    emit(.and, other, [byte.reinterpreted(as: .uint16), kept.reinterpreted(as: .uint16)], 1)
    let out = fresh("\(access.buffer)_out", .uint16, count: 16)
    emit(.or, out, [other, own.reinterpreted(as: .uint16)], 1)
    append(
      .copyOut(
        PipeCopy(
          buffer: access.buffer, .uint8, offset: offset, local: out.reinterpreted(as: .uint8),
          count: .constant(1),
          most: 1)))
  }

  /// Words up to 255 as bytes.
  private func bytesOfWords(_ words: LocalView, _ lanes: Int, _ name: String) -> LocalView {
    let number = emit(
      .cast(.nearestEven), fresh("\(name)_number", .float32, count: VectorInstruction.wholeRepeats(lanes)),
      [words],
      lanes)
    let half = emit(.cast(.nearestEven), fresh("\(name)_half", .float16, count: lanes), [number], lanes)
    return emit(.cast(.nearestEven), fresh(name, .uint8, count: lanes), [half], lanes)
  }
}
