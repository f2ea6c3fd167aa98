import TileIR

/// The exact product of two tiles of byte slices, as a matrix unit of whole tiles computes it.
///
/// Operands are consecutive signed bytes of a buffer, or of an array of the cell's own of `i8`: left [slice][row][depth]
/// and right [slice][column][depth], or, of an array alone, [slice][depth][`pitch`] with the columns from the first byte
/// on. Slices i of the left and j of the right weigh i + j together, and products of the same weight share a sum: with
/// sums `i32` [weight][row][column] from the target's first element on,
/// sums[w][r][c] = sum over i + j = w and k of left[i][r][k] right[j][c][k], exactly. What the target held is lost. The
/// right operand may have more slices than are multiplied, behind these, of zeros.
public struct SliceProduct: Hashable, Sendable {
  /// The first byte of each operand, elements `int8`.
  public let left: Access
  public let right: Access
  public let leftSlices: Int
  public let rightSlices: Int
  /// How many slices lie at the right operand's place; those behind `rightSlices` hold zeros.
  public let rightSlicesThere: Int
  /// Multiples of `tile`.
  public let rows: Int
  public let columns: Int
  /// A multiple of `depthStep`.
  public let depth: Int
  /// Bytes from one coordinate of the depth to the next of the right operand, where its columns stand together.
  public let pitch: Int?
  /// The array on chip, of `i32`.
  public let target: String
  /// The buffer of `int32` through which sums reach the array where the unit is another core's: room for `room` of
  /// each agent. What it holds means nothing.
  public let exchange: String

  public init(
    _ left: Access, slices leftSlices: Int, by right: Access, slices rightSlices: Int,
    ofSlices rightSlicesThere: Int? = nil, rows: Int, columns: Int, depth: Int, pitch: Int? = nil, to target: String,
    through exchange: String
  ) {
    self.pitch = pitch
    self.left = left
    self.right = right
    self.leftSlices = leftSlices
    self.rightSlices = rightSlices
    self.rightSlicesThere = rightSlicesThere ?? rightSlices
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
  /// From the first to the last.
  public var rightBytes: Int {
    pitch.map { (rightSlices * depth - 1) * $0 + columns } ?? rightSlices * columns * depth
  }
  /// Bytes of a block of the right operand with the slices that are zeros.
  public var rightBlockBytes: Int { pitch == nil ? rightSlicesThere * columns * depth : rightBytes }
  /// Sums of different weights, and elements of all.
  public var weights: Int { leftSlices + rightSlices - 1 }
  public var sums: Int { weights * rows * columns }
  /// What they would be of all slices that lie there.
  public var room: Int { (leftSlices + rightSlicesThere - 1) * rows * columns }

  /// Whether another product has as many rows, columns, slices and depths.
  public func hasForm(of other: SliceProduct) -> Bool {
    (rows, columns, depth, leftSlices, rightSlices) == (
      other.rows, other.columns, other.depth, other.leftSlices, other.rightSlices
    ) && pitch == other.pitch
  }

  /// The most that a sum can be, either way: products of -128 by -128.
  public var largestSum: Int { min(leftSlices, rightSlices) * depth << 14 }

  /// Whether there are whole tiles of everything, and sums keep within 32 bits.
  public var isWellFormed: Bool {
    leftSlices > 0 && rightSlices > 0 && rightSlices <= rightSlicesThere
      && [rows, columns].allSatisfy { $0 > 0 && $0 % Self.tile == 0 }
      && depth > 0
      && depth % Self.depthStep == 0
      && (pitch.map { $0 >= columns && $0 % Self.depthStep == 0 && columns % Self.depthStep == 0 } ?? true)
      && largestSum <= Int(Int32.max) && left.element == .int8
      && right.element == .int8
  }
}

extension SliceProduct: CustomStringConvertible {
  private var shape: String { pitch.map { "\(depth) x \(columns) of \($0)" } ?? "\(columns) x \(depth)" }
  public var description: String {
    "multiply \(left.buffer)[\(left.offset); \(leftSlices) x \(rows) x \(depth)] by "
      + "\(right.buffer)[\(right.offset); \(rightSlices) x \(shape)] to @\(target)"
  }
}
