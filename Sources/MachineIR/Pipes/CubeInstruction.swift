import TileIR

/// One instruction of a cube core: matrices of signed bytes and of their sums in 32 bits.
///
/// Operands lie in fractals of 16 lines by 32 bytes, sums in fractals of 16 by 16. In L1 fractals of the same depth
/// follow each other (zN); in the left operand's memory those of the same rows (zZ), in the right one's those of the
/// same depth (nZ); sums of the same columns follow each other (zN).
public enum CubeInstruction: Hashable, Sendable {
  /// Copies `lines` lines of `depth` consecutive bytes from a buffer to L1, as fractals.
  case stage(LocalView, buffer: String, offset: Expression, lines: Int, depth: Int)
  /// The same of lines that lie anywhere, each found by its number.
  case stageLines(StagedLines)
  /// From L1 to the memory of the left operand, of the right operand.
  case loadLeft(LocalView, from: LocalView, lines: Int, depth: Int)
  case loadRight(LocalView, from: LocalView, lines: Int, depth: Int)
  /// The right operand of fractals in L1 whose lines are the depth: turned on the way, 32 by 32 bytes at a time.
  case loadTurned(LocalView, from: LocalView, columns: Int, depth: Int)
  /// Adds the product of both operands to the sums, or to zeros.
  case multiply(
    LocalView, left: LocalView, right: LocalView, rows: Int, columns: Int, depth: Int, clears: Bool)
  /// Copies sums to a buffer, row by row.
  case drain(buffer: String, offset: Expression, from: LocalView, rows: Int, columns: Int)

  public var pipe: Pipe {
    switch self {
    case .stage, .stageLines: .cubeCopyIn
    case .loadLeft, .loadRight, .loadTurned: .load
    case .multiply: .cube
    case .drain: .drain
    }
  }

  /// Lines of a fractal, bytes of an operand's line in it, and sums of a line.
  public static let lines = 16
  public static let lineBytes = 32

  /// Views that it reads and the one that it writes, with the bytes from the beginning of each.
  public var reads: [(view: LocalView, bytes: Int)] {
    switch self {
    case .stage, .stageLines: []
    case .loadLeft(_, let from, let lines, let depth), .loadRight(_, let from, let lines, let depth),
      .loadTurned(_, let from, let lines, let depth):
      [(from, lines * depth)]
    case .multiply(let sums, let left, let right, let rows, let columns, let depth, let clears):
      [(left, rows * depth), (right, columns * depth)] + (clears ? [] : [(sums, 4 * rows * columns)])
    case .drain(_, _, let from, let rows, let columns): [(from, 4 * rows * columns)]
    }
  }
  public var write: (view: LocalView, bytes: Int)? {
    switch self {
    case .stage(let to, _, _, let lines, let depth), .loadLeft(let to, _, let lines, let depth),
      .loadRight(let to, _, let lines, let depth), .loadTurned(let to, _, let lines, let depth): (to, lines * depth)
    case .stageLines(let staged): (staged.to, staged.byteCount)
    case .multiply(let sums, _, _, let rows, let columns, _, _): (sums, 4 * rows * columns)
    case .drain: nil
    }
  }

  /// The buffer in main memory that it touches, and from which element on.
  public var buffer: (name: String, offset: Expression, isWrite: Bool)? {
    switch self {
    case .stage(_, let buffer, let offset, _, _): (buffer, offset, false)
    case .stageLines(let staged): (staged.buffer, staged.offset, false)
    case .drain(let buffer, let offset, _, _, _): (buffer, offset, true)
    default: nil
    }
  }
}

/// Lines of a product's operand that lie anywhere in a buffer, the slices of each behind one another: copied to L1 one by
/// one, as one instruction that fills a tensor.
public struct StagedLines: Hashable, Sendable {
  /// The beginning of the tensor: fractals of each slice of all lines.
  public let to: LocalView
  public let buffer: String
  /// The first byte of the line that the counter numbers.
  public let offset: Expression
  public let counter: Variable
  public let lines: Int
  public let slices: Int
  /// Bytes of a line's slice.
  public let depth: Int

  public init(
    _ to: LocalView, from buffer: String, at offset: Expression, of counter: Variable, lines: Int, slices: Int, depth: Int
  ) {
    self.to = to
    self.buffer = buffer
    self.offset = offset
    self.counter = counter
    self.lines = lines
    self.slices = slices
    self.depth = depth
  }

  public var byteCount: Int { slices * lines * depth }
}

/// A memory on chip that tensors lie in.
public enum LocalMemory: String, Hashable, Sendable, CaseIterable {
  /// A vector core's.
  case unifiedBuffer = "unified buffer"
  /// A cube core's.
  case l1 = "L1"
  case left = "L0A"
  case right = "L0B"
  case sums = "L0C"

  /// What addresses of tensors are multiples of.
  public var alignment: Int {
    switch self {
    case .unifiedBuffer, .l1: Ascend.block
    case .left, .right: 512
    case .sums: 1024
    }
  }

  public func capacity(of npu: Ascend) -> Int {
    switch self {
    case .unifiedBuffer: npu.unifiedBufferBytes
    case .l1: npu.cube.l1Bytes
    case .left: npu.cube.l0aBytes
    case .right: npu.cube.l0bBytes
    case .sums: npu.cube.l0cBytes
    }
  }

  /// Where its bytes begin among those of all memories.
  var base: Int { Self.allCases.firstIndex(of: self)! << 32 }
}
