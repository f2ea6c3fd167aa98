import TileIR

/// A copy between main memory and the unified buffer: of consecutive elements, or of rows of as many each.
public struct PipeCopy: Hashable, Sendable {
  public let buffer: String
  public let element: ElementType
  /// Elements of the buffer before the first; bytes, as for `count`, where two elements share one.
  public let offset: Expression
  public let local: LocalView
  /// Elements of a row; the scalar unit computes it, at most `most`.
  public let count: Expression
  public let most: Int
  /// The rows, where there may be more than one.
  public let rows: Rows?

  /// Rows that lie apart, as far from each other as the first two.
  public struct Rows: Hashable, Sendable {
    /// Numbers the rows, from `lower` on below `upper`: the counter of the plan's loop that the copy stands for.
    public let counter: Variable
    public let lower: Expression
    public let upper: Expression
    /// The most rows there are.
    public let most: Int
    /// Elements of the buffer from row to row: a constant, or a number of the kernel's.
    public let stride: Expression
    /// Elements on chip from row to row, whole blocks of them.
    public let pitch: Int

    public init(
      _ counter: Variable, from lower: Expression, to upper: Expression, most: Int, stride: Expression, pitch: Int
    ) {
      (self.counter, self.lower, self.upper, self.most) = (counter, lower, upper, most)
      (self.stride, self.pitch) = (stride, pitch)
    }

    public var count: Expression { upper - lower }
  }

  public init(
    buffer: String, _ element: ElementType, offset: Expression, local: LocalView, count: Expression, most: Int,
    rows: Rows? = nil
  ) {
    self.buffer = buffer
    self.element = element
    self.offset = offset
    self.local = local
    self.count = count
    self.most = most
    self.rows = rows
  }

  /// What the scalar unit computes for it.
  public var operands: [Expression] {
    [offset, count, local.offset] + (rows.map { [$0.lower, $0.upper, $0.stride] } ?? [])
  }

  /// Blocks on chip of a row of so many elements, which a copy in writes whole.
  public func blocks(of count: Int) -> Int { (count * local.element.byteCount + Ascend.block - 1) / Ascend.block }

  /// Bytes on chip from the first to the last, `isWhole`: with what is behind the last row in its last block.
  public func byteCount(isWhole: Bool) -> Int {
    let row = isWhole ? blocks(of: most) * Ascend.block : most * local.element.byteCount
    guard let rows else { return row }
    return (rows.most - 1) * rows.pitch * local.element.byteCount + row
  }

  /// The most rows that an instruction takes, and bytes of one.
  public static let (mostRows, mostBytes) = (4095, 2_097_151)
  /// The most bytes from a row to the next.
  public static let mostStep = Int(UInt32.max)
}
