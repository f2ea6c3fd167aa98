import MachineIR
import TileIR

/// Lanes that lie apart in main memory: each has a block of its own, since copies begin at blocks. One copy moves those
/// that are as far apart as each other; else there is one for each lane.
extension PipeLowering {
  /// Elements a lane at the access' offset and the lane's own, as register lanes.
  func gatherLanes(
    _ access: Access, _ places: Expression, _ type: MachineType, _ active: Expression?, _ name: String
  ) throws -> LocalView {
    guard access.element.bitWidth >= 8 else {
      throw refusal("\(access.buffer) packs two elements in a byte, which is not supported yet")
    }
    let word: LocalElement = access.element == .float32 ? .float32 : .int32
    let staging = staging(access.buffer, word, type.lanes, "in")
    if let rows = try rowsOfLanes(places, access, type.lanes, active) {
      try appendCopy(.copyIn(lane(of: access, staging, rows: rows)), .constant(1), rows)
    } else {
      try forEachLane(places, type.lanes, active) { .copyIn(try lane(of: access, staging, $0, at: $1)) }
    }
    // The first word of each block, of which what is stored fills the low bytes.
    let words = MachineType(.i32, type.lanes)
    let offsets = try unary(
      .multiplyScalar, .local(try laneNumbers(type.lanes)), words, "offsets",
      scalar: .integer(32, MachineType(.i32)))
    let own = fresh(name, word, count: VectorInstruction.wholeRepeats(type.lanes))
    emit(
      .gather, own, [staging, offsets.reinterpreted(as: .uint32)], type.lanes,
      scalar: .integer(0, MachineType(.i32)))
    guard access.element.bitWidth < 32 else { return own }
    let mask = Int64(1) << access.element.bitWidth - 1
    let code = try binary(.and, .local(own), .constant(.integer(mask, words)), words, name)
    switch access.element {
    case .bool: return try compare(.notEqual, .local(code), .constant(.integer(0, words)), words, name)
    case .int8:
      let raised = try shift(.shiftLeft, .local(code), .constant(.integer(24, words)), words, name)
      return try shift(.shiftRightArithmetic, .local(raised), .constant(.integer(24, words)), words, name)
    default: return code
    }
  }

  /// Stores an element a lane, in ascending order of lanes.
  func scatterLanes(_ access: Access, _ places: Expression, _ value: Expression, _ active: Expression?) throws
  {
    guard access.element.bitWidth >= 8, tensors[access.buffer] == nil else {
      throw refusal("lanes are scattered to \(access.buffer), which is not supported")
    }
    var lanes = try local(value, named: "\(access.buffer)_value")
    let type = value.type
    if type.scalar == .mask {
      let ones = try view(.constant(.integer(1, type.with(scalar: .i32))), type.with(scalar: .i32))
      lanes = try select(
        lanes, .local(ones), .constant(.float(0, lanes: type.lanes)), type.with(scalar: .i32),
        "\(access.buffer)_truth")
    }
    // Lane l in all of block l, eight blocks an instruction.
    let staging = staging(access.buffer, lanes.element, type.lanes, "out")
    for first in stride(from: 0, to: type.lanes, by: 8) {
      emit(
        .broadcastBlocks, LocalView(staging.tensor, staging.element, offset: .constant(8 * first)),
        [LocalView(lanes.tensor, lanes.element, offset: lanes.offset + .constant(first))], 64)
    }
    if let rows = try rowsOfLanes(places, access, type.lanes, active) {
      return try appendCopy(.copyOut(lane(of: access, staging, rows: rows)), .constant(1), rows)
    }
    try forEachLane(places, type.lanes, active) { .copyOut(try lane(of: access, staging, $0, at: $1)) }
  }

  /// The copy of a lane's element between its place in a buffer and its block on chip, or of those of all lanes.
  private func lane(
    of access: Access, _ staging: LocalView, _ lane: Expression = .constant(0), at place: Expression = .constant(0),
    rows: PipeCopy.Rows? = nil
  ) throws -> PipeCopy {
    let stored = access.element.narrow
    return PipeCopy(
      buffer: access.buffer, access.element, offset: try scalar(access.offset) + place,
      local: LocalView(staging.tensor, stored, offset: lane * .constant(Ascend.block / stored.byteCount)),
      count: .constant(1), most: 1, rows: rows)
  }

  /// Blocks for the lanes of a buffer, the same whenever they come or go.
  private func staging(_ buffer: String, _ element: LocalElement, _ lanes: Int, _ way: String) -> LocalView {
    let name = "\(buffer)_apart_\(way)"
    let key = "\(name) \(element.rawValue) \(lanes)"
    if let known = stagings[key] { return known }
    let view = fresh(name, element, count: 8 * VectorInstruction.wholeRepeats(lanes))
    mutable.insert(view.tensor)
    stagings[key] = view
    return view
  }

  /// A loop over lanes, each with its place, which the scalar unit reads back.
  private func forEachLane(
    _ places: Expression, _ lanes: Int, _ active: Expression?,
    _ body: (_ lane: Expression, _ place: Expression) throws -> PipeStatement
  ) throws {
    let offsets = try local(places, named: "places")
    let lane = Variable(unique("lane"), .index)
    let place = Variable(unique("place"), MachineType(.i32))
    let count = try active.map(scalar) ?? .constant(lanes)
    let statements = try collect {
      append(
        .read(place, LocalView(offsets.tensor, offsets.element, offset: offsets.offset + .variable(lane))))
      // Lanes' blocks are apart: no copy waits for the one before.
      append(try body(.variable(lane), Expression.variable(place).converted(to: .i64)))
    }
    append(.loop(PipeLoop(lane, from: .constant(0), to: count, statements)))
  }
}

extension ElementType {
  /// Bits of its width, whatever they mean.
  var narrow: LocalElement {
    switch self {
    case .float32: .float32
    case .int32: .int32
    case .bfloat16: .bfloat16
    case .float16: .float16
    case .int8: .int8
    default: .uint8
    }
  }
}
