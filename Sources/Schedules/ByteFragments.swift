import MachineIR

/// Operands of products of byte matrices: where their lanes lie, and signed slices of E4M3 codes, four depths to a
/// word.
enum ByteFragments {
  /// Depth coordinates of one product.
  static let depth = ByteMatrices.depth
  /// Signed slices of an E4M3 number's integer: x = s0 + 2^7 s1 + 2^14 s2.
  static let slices = SignedSlices.count
  static let sliceBits = SignedSlices.bits

  // MARK: Lanes

  /// Rows of the left operand's lanes, and the first of their four depths.
  static var leftRow: Expression { rowOfThread(128) + rows(register(128).remainder(by: 2)) }
  static var leftDepth: Expression { depthOfThread(128) + depths(register(128).divided(by: 2)) }

  /// Columns of the right operand's lanes, and the first of their four depths; of its first register alone where
  /// `lanes` is 32.
  static func rightColumn(_ lanes: Int) -> Expression { rowOfThread(lanes) }
  static func rightDepth(_ lanes: Int) -> Expression {
    lanes > GPU.warp ? depthOfThread(lanes) + depths(register(lanes)) : depthOfThread(lanes)
  }

  /// Rows and columns of the sums.
  static var sumRow: Expression { rowOfThread(128) + rows(register(128).divided(by: 2)) }
  static var sumColumn: Expression {
    thread(128).remainder(by: 4) * integer(2, 128) + register(128).remainder(by: 2)
  }

  /// Places of the sums in rows of `pitch` elements.
  static func sumPlace(_ pitch: Int) -> Expression {
    sumRow.apply(.multiply, integer(pitch, 128)).apply(.add, sumColumn)
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

  // MARK: Slices

  /// The integer value 2^9 of the E4M3 code in the lowest byte of `i32` lanes; NaN counts something.
  ///
  /// A code's exponent and fraction are those of a small `f32`, subnormal ones too: two products by powers of two,
  /// both exact, make it the integer.
  static func integers(_ word: Expression) -> Expression {
    let lanes = word.type.lanes
    let first = word.apply(.shiftLeft, integer(24, lanes))
    let signAndSize = Int64(Int32(bitPattern: 0x87F0_0000))
    let small = first.apply(.shiftRightArithmetic, integer(4, lanes)).apply(
      .and, .integer(signAndSize, word.type))
    return small.bitCast(to: .f32).apply(.multiply, .float(0x1p127, lanes: lanes))
      .apply(.multiply, .float(4, lanes: lanes)).converted(to: .i32)
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
