import MachineIR

/// Operands of products of byte matrices: where their lanes lie, and signed slices of integers, four depths to a word.
///
/// Codes have these places too: a product of halves multiplies two of the four depths of each lane, the same ones of both
/// operands.
enum ByteFragments {
  /// Depth coordinates of one product.
  static let depth = ByteMatrices.depth
  /// Slices of an integer: x = s0 + 2^7 s1 + 2^14 s2, the last with the sign.
  static let slices = 3
  static let sliceBits = 7

  // MARK: Lanes

  /// Rows of the left operand's lanes, and the first of their four depths; of its first two registers alone where
  /// `lanes` is 64.
  static func leftRow(_ lanes: Int = 128) -> Expression {
    rowOfThread(lanes) + rows(register(lanes).remainder(by: 2))
  }
  static func leftDepth(_ lanes: Int = 128) -> Expression {
    lanes > 64 ? depthOfThread(lanes) + depths(register(lanes).divided(by: 2)) : depthOfThread(lanes)
  }

  /// Columns of the right operand's lanes, and the first of their four depths.
  static var rightColumn: Expression { rowOfThread(64) }
  static var rightDepth: Expression { depthOfThread(64) + depths(register(64)) }

  /// Rows and columns of the sums.
  static var sumRow: Expression { rowOfThread(128) + rows(register(128).divided(by: 2)) }
  static var sumColumn: Expression {
    thread(128).remainder(by: 4) * integer(2, 128) + register(128).remainder(by: 2)
  }

  /// The rows, and the columns, that a thread has sums of: two each. `ofRows` and `ofColumns` put values in these lanes
  /// beside all sums.
  static var ownRow: Expression { rowOfThread(64) + rows(register(64)) }
  static var ownColumn: Expression { thread(64).remainder(by: 4) * integer(2, 64) + register(64) }

  static func ofRows(_ value: Expression) -> Expression {
    let halves = [Instruction.lowHalf, .highHalf].map { half -> Expression in
      let own = Expression.apply(half, [value], value.type.with(lanes: GPU.warp))
      return .apply(.concatenate, [own, own], value.type)
    }
    return .apply(.concatenate, halves, value.type.with(lanes: 128))
  }
  static func ofColumns(_ value: Expression) -> Expression {
    .apply(.concatenate, [value, value], value.type.with(lanes: 128))
  }

  /// Places of the sums in rows of `pitch` elements, or with rows and columns exchanged.
  static func sumPlace(_ pitch: Int) -> Expression {
    sumRow.apply(.multiply, integer(pitch, 128)).apply(.add, sumColumn)
  }
  static func exchangedSumPlace(_ pitch: Int) -> Expression {
    sumColumn.apply(.multiply, integer(pitch, 128)).apply(.add, sumRow)
  }

  static func integer(_ value: Int, _ lanes: Int) -> Expression {
    .integer(Int64(value), MachineType(.i32, lanes))
  }

  private static func thread(_ lanes: Int) -> Expression {
    lanes > GPU.warp ? Expression.laneNumbers(lanes).remainder(by: GPU.warp) : .laneNumbers(lanes)
  }
  private static func register(_ lanes: Int) -> Expression {
    Expression.laneNumbers(lanes).divided(by: GPU.warp)
  }
  private static func rowOfThread(_ lanes: Int) -> Expression { thread(lanes).divided(by: 4) }
  private static func depthOfThread(_ lanes: Int) -> Expression {
    thread(lanes).remainder(by: 4) * integer(4, lanes)
  }
  private static func rows(_ half: Expression) -> Expression { half * integer(8, half.type.lanes) }
  private static func depths(_ half: Expression) -> Expression { half * integer(16, half.type.lanes) }

  // MARK: Codes

  /// An E4M3 code that is a number's, with a zero in the place of NaN. `size` is the code without its sign.
  static func number(_ code: Expression, size: Expression) -> Expression {
    let lanes = code.type.lanes
    return .apply(.select, [size.compared(.equal, integer(0x7F, lanes)), integer(0, lanes), code], code.type)
  }

  // MARK: Slices

  /// The integer value 2^9 of the E4M3 code in the lowest byte of `i32` lanes; NaN counts something.
  ///
  /// A code's exponent and fraction are those of a small `f32`, subnormal ones too: two products by powers of two,
  /// both exact, make it the integer.
  static func integers(_ word: Expression) -> Expression { wholeNumbers(word).converted(to: .i32) }

  /// The same integers as `float32`.
  static func wholeNumbers(_ word: Expression) -> Expression {
    let lanes = word.type.lanes
    let first = word.apply(.shiftLeft, integer(24, lanes))
    let signAndSize = Int64(Int32(bitPattern: 0x87F0_0000))
    let small = first.apply(.shiftRightArithmetic, integer(4, lanes)).apply(
      .and, .integer(signAndSize, word.type))
    return small.bitCast(to: .f32).apply(.multiply, .float(0x1p127, lanes: lanes))
      .apply(.multiply, .float(4, lanes: lanes))
  }

  /// The integers at four depths that are stored as bf16 numbers, two to a word: those of the first two depths in the
  /// lower half of the lanes.
  static func integers(pairs: Expression) -> [Expression] {
    let half = pairs.type.with(lanes: pairs.type.lanes / 2)
    return [Instruction.lowHalf, .highHalf].flatMap { part -> [Expression] in
      let words = Expression.apply(part, [pairs], half)
      let first = words.apply(.shiftLeft, integer(16, half.lanes))
      let second = words.apply(.and, .integer(Int64(Int32(bitPattern: 0xFFFF_0000)), half))
      return [first, second].map { $0.bitCast(to: .f32).converted(to: .i32) }
    }
  }

  /// Byte number `byte` of a word of a slice of an integer that `integers` gave.
  static func byte(_ slice: Int, of integer: Expression, at byte: Int) -> Expression {
    let lanes = integer.type.lanes
    let left = 8 * byte - sliceBits * slice
    let shift = Self.integer(abs(left), lanes)
    // The upper bits of the last slice are its sign's.
    let mask = Int32(truncatingIfNeeded: (slice == slices - 1 ? 255 : 127) << (8 * byte))
    let moved =
      left > 0
      ? integer.apply(.shiftLeft, shift)
      : left < 0 ? integer.apply(.shiftRightLogical, shift) : integer
    return moved.apply(.and, .integer(Int64(mask), integer.type))
  }
}
