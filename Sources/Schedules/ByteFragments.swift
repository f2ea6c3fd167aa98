import MachineIR

/// Operands of products of byte matrices: where their lanes lie, and signed slices of E4M3 codes, four depths to a
/// word.
enum ByteFragments {
  /// Depth coordinates of one product.
  static let depth = ByteMatrices.depth
  /// Signed slices of an E4M3 number's integer: x = s0 + 2^7 s1 + 2^14 s2.
  static let slices = 3
  static let sliceBits = 7

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

  static func integer(_ value: Int, _ lanes: Int) -> Expression { .integer(Int64(value), MachineType(.i32, lanes)) }

  private static func thread(_ lanes: Int) -> Expression {
    lanes > GPU.warp ? Expression.laneNumbers(lanes).remainder(by: GPU.warp) : .laneNumbers(lanes)
  }
  private static func register(_ lanes: Int) -> Expression { Expression.laneNumbers(lanes).divided(by: GPU.warp) }
  private static func rowOfThread(_ lanes: Int) -> Expression { thread(lanes).divided(by: 4) }
  private static func depthOfThread(_ lanes: Int) -> Expression {
    thread(lanes).remainder(by: 4) * integer(4, lanes)
  }
  private static func rows(_ half: Expression) -> Expression { half * integer(8, half.type.lanes) }
  private static func depths(_ half: Expression) -> Expression { half * integer(16, half.type.lanes) }

  // MARK: Slices

  /// The integer value 2^9 of E4M3 codes in `i32` lanes; NaN counts something.
  static func integers(_ code: Expression) -> Expression {
    let lanes = code.type.lanes
    func constant(_ value: Int) -> Expression { integer(value, lanes) }
    let exponent = code.apply(.shiftRightLogical, constant(3)).apply(.and, constant(15))
    let fraction = code.apply(.and, constant(7))
    let isNormal = exponent.compared(.notEqual, constant(0))
    let leading = Expression.apply(.select, [isNormal, constant(8), constant(0)], code.type)
    let shift = exponent.apply(.maximum, constant(1)).apply(.subtract, constant(1))
    let size = fraction.apply(.or, leading).apply(.shiftLeft, shift)
    let isNegative = code.apply(.and, constant(128)).compared(.notEqual, constant(0))
    return .apply(.select, [isNegative, size.apply(.negate), size], code.type)
  }

  /// Byte number `byte` of a word of a slice of `integer`: the upper bits of the last slice are its sign's.
  static func byte(_ slice: Int, of integer: Expression, at byte: Int) -> Expression {
    let lanes = integer.type.lanes
    let shifted = slice == 0 ? integer : integer.apply(.shiftRightArithmetic, Self.integer(sliceBits * slice, lanes))
    let mask = slice == slices - 1 ? 255 : 127
    let bits = shifted.apply(.and, Self.integer(mask, lanes))
    return byte == 0 ? bits : bits.apply(.shiftLeft, Self.integer(8 * byte, lanes))
  }
}
