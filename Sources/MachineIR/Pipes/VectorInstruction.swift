import TileIR

/// How a conversion rounds, by Ascend C's names.
public enum RoundMode: String, Hashable, Sendable {
  /// The value is exact.
  case none = "CAST_NONE"
  case nearestEven = "CAST_RINT"
}

/// What an instruction of the vector unit computes, lane by lane over its count unless said otherwise. Only what the
/// numeric contract can lean on is here: no division, no exponential, no multiply-add.
public enum VectorOperation: Hashable, Sendable {
  /// Of float32, rounded to nearest even, or of int32, the low 32 bits.
  case add, subtract, multiply
  /// The same with a scalar second operand.
  case addScalar, multiplyScalar
  /// Of int32.
  case maximum, minimum, maximumScalar, minimumScalar
  /// Of uint16.
  case and, or, not
  /// Of uint32, or right of int32 with the sign's copies.
  case shiftLeft(Int), shiftRight(Int)
  /// The scalar in every lane.
  case duplicate
  case cast(RoundMode)
  /// Lane l's answer is bit l of the result. Of float32, false where an operand is NaN; of int32 `equal` alone.
  case compare(Comparison), compareScalar(Comparison)
  /// Lanes of the second operand where the first has a 1 bit, else of the third (the scalar), as they are.
  case select, selectScalar
  /// The element of the first operand at the byte offset of each lane of the second (uint32), from the scalar's byte on.
  case gather
  /// Element l of the operand in each element of block l of the result, eight blocks at a time.
  case broadcastBlocks
  /// One block of the operand in each block of the result.
  case repeatBlock
  /// Elements as they are, those whose bit of the scalar is set; at most one repeat.
  case maskedCopy
  /// Elements as they are.
  case copy
  /// The scalar, then one more in each lane.
  case laneNumbers
}

/// How an operand serves the lanes of an instruction, where it does not go on with them.
public enum OperandSpread: Hashable, Sendable {
  /// One repeat for each repeat.
  case oneRepeat
  /// One block for each block.
  case oneBlock
  /// One block for each block of a repeat, the next for those of the next repeat.
  case blockOfRepeat
  /// The first of two repeats for each repeat.
  case everyOtherRepeat
}

/// One instruction of the vector unit.
public struct VectorInstruction: Hashable, Sendable {
  public let operation: VectorOperation
  public let destination: LocalView
  public let sources: [LocalView]
  /// Lanes of the result.
  public let count: Int
  /// What the scalar unit hands over with the instruction.
  public let scalar: Expression?
  /// Operands, by their positions, that do not go on with the lanes.
  public let spread: [Int: OperandSpread]

  public init(
    _ operation: VectorOperation, _ destination: LocalView, _ sources: [LocalView] = [], count: Int,
    scalar: Expression? = nil, spread: [Int: OperandSpread] = [:]
  ) {
    self.spread = spread
    self.operation = operation
    self.destination = destination
    self.sources = sources
    self.count = count
    self.scalar = scalar
  }

  /// Lanes of float32 and int32 that comparisons and selections come in: whole repeats.
  public static func wholeRepeats(_ count: Int) -> Int { (count + 63) / 64 * 64 }

  /// The most repeats of an instruction.
  public static let mostRepeats = 255

  /// Whether an operand may be spread: operations of two operands on whole repeats.
  public var maySpread: Bool {
    switch operation {
    case .add, .subtract, .multiply, .maximum, .minimum, .and, .or, .compare, .select: break
    default: return false
    }
    return count % lanesOfRepeat == 0 && count / lanesOfRepeat <= Self.mostRepeats
      && (operation != .select || spread[0] == nil)
  }

  /// Lanes of the last operand's elements in a repeat.
  public var lanesOfRepeat: Int { Ascend.repeatBytes / sources[sources.count - 1].element.byteCount }

  /// Bytes that it writes from the beginning of its destination.
  public var bytesWritten: Int {
    switch operation {
    case .compare, .compareScalar: Self.wholeRepeats(count) / 8
    case .select, .selectScalar: Self.wholeRepeats(count) * destination.element.byteCount
    case .repeatBlock, .copy:
      (count * destination.element.byteCount + Ascend.block - 1) / Ascend.block * Ascend.block
    default: count * destination.element.byteCount
    }
  }

  /// Bytes that it reads from the beginning of each source; nil: any of the tensor's.
  public var bytesRead: [Int?] {
    sources.enumerated().map { position, source in
      switch spread[position] {
      case .oneRepeat: return Ascend.repeatBytes
      case .oneBlock: return Ascend.block
      case .blockOfRepeat: return count / lanesOfRepeat * Ascend.block
      case .everyOtherRepeat: return (2 * count / lanesOfRepeat - 1) * Ascend.repeatBytes
      case nil: break
      }
      return switch operation {
      case .compare, .compareScalar: Self.wholeRepeats(count) * source.element.byteCount
      case .select, .selectScalar:
        position == 0 ? Self.wholeRepeats(count) / 8 : Self.wholeRepeats(count) * source.element.byteCount
      case .gather: position == 0 ? nil : count * source.element.byteCount
      case .broadcastBlocks: count / 8 * source.element.byteCount
      case .repeatBlock: Ascend.block
      case .copy: (count * source.element.byteCount + Ascend.block - 1) / Ascend.block * Ascend.block
      default: count * source.element.byteCount
      }
    }
  }
}
