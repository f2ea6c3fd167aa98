import TileIR

/// The exact product of two tiles of byte slices, as a matrix unit of whole tiles computes it.
///
/// Operands are consecutive signed bytes in main memory, left [slice][row][depth] and right [slice][column][depth].
/// Slices i of the left and j of the right weigh i + j together, and products of the same weight share a sum: with
/// sums `i32` [weight][row][column] from the target's first element on,
/// sums[w][r][c] = sum over i + j = w and k of left[i][r][k] right[j][c][k], exactly. What the target held is lost.
public struct SliceProduct: Hashable, Sendable {
  /// The first byte of each operand, elements `int8`.
  public let left: Access
  public let right: Access
  public let leftSlices: Int
  public let rightSlices: Int
  /// Multiples of `tile`.
  public let rows: Int
  public let columns: Int
  /// A multiple of `depthStep`.
  public let depth: Int
  /// The array on chip, of `i32`.
  public let target: String
  /// The buffer of `int32` through which sums reach the array where the unit is another core's: room for `sums` of
  /// each agent. What it holds means nothing.
  public let exchange: String

  public init(
    _ left: Access, slices leftSlices: Int, by right: Access, slices rightSlices: Int, rows: Int,
    columns: Int,
    depth: Int, to target: String, through exchange: String
  ) {
    self.left = left
    self.right = right
    self.leftSlices = leftSlices
    self.rightSlices = rightSlices
    self.rows = rows
    self.columns = columns
    self.depth = depth
    self.target = target
    self.exchange = exchange
  }

  /// Rows and columns of the unit's tiles, and the depth that it takes at once.
  public static let tile = 16
  public static let depthStep = 32

  public var leftBytes: Int { leftSlices * rows * depth }
  public var rightBytes: Int { rightSlices * columns * depth }
  /// Sums of different weights, and elements of all.
  public var weights: Int { leftSlices + rightSlices - 1 }
  public var sums: Int { weights * rows * columns }

  /// The most that a sum can be, either way: products of -128 by -128.
  public var largestSum: Int { min(leftSlices, rightSlices) * depth << 14 }

  /// Whether there are whole tiles of everything, and sums keep within 32 bits.
  public var isWellFormed: Bool {
    leftSlices > 0 && rightSlices > 0 && [rows, columns].allSatisfy { $0 > 0 && $0 % Self.tile == 0 }
      && depth > 0
      && depth % Self.depthStep == 0 && largestSum <= Int(Int32.max) && left.element == .int8
      && right.element == .int8
  }
}

extension SliceProduct: CustomStringConvertible {
  public var description: String {
    "multiply \(left.buffer)[\(left.offset); \(leftSlices) x \(rows) x \(depth)] by "
      + "\(right.buffer)[\(right.offset); \(rightSlices) x \(columns) x \(depth)] to @\(target)"
  }
}
