import TileIR

/// A copy of consecutive elements of a buffer to an array on chip that goes on beside the statements after it.
///
/// The threads of a warp share it in pieces of `pieceBytes`, taking turns, and each knows of its own pieces only: what
/// another has brought is there once both have waited for their copies and then for each other. A bulk copy is one
/// instruction of one thread, whose bytes arrive at a barrier; all copies of a kernel are of one kind.
public struct AsynchronousCopy: Hashable, Sendable {
  public let source: Access
  /// The array on chip, its elements as wide as the buffer's, and the first of them that is written.
  public let target: String
  public let offset: Expression
  /// How many elements.
  public let count: Int
  /// The array on chip of the barriers of bulk copies, 64 bits each: group g's bytes arrive at barrier g % n, which
  /// every thread has waited for when group g + n begins. Nothing else touches it. Nil of copies by threads.
  public let barriers: String?

  public init(
    _ source: Access, to target: String, at offset: Expression, count: Int, barriers: String? = nil
  ) {
    self.source = source
    self.target = target
    self.offset = offset
    self.count = count
    self.barriers = barriers
  }

  public var byteCount: Int { count * source.element.bitWidth / 8 }

  /// Bytes that a thread asks for at once: 16, 8 or 4, as divides all of them, for a bulk copy 16; both places must be
  /// multiples too. Nil where there is none.
  public var pieceBytes: Int? {
    let sizes = barriers == nil ? [16, 8, 4] : [16]
    return source.element.bitWidth < 8 ? nil : sizes.first { byteCount > 0 && byteCount % $0 == 0 }
  }
}

extension MachineKernel {
  /// Whether a copy's target is an array of the kernel's own with elements as wide as what is copied.
  public func fits(_ copy: AsynchronousCopy) -> Bool {
    scratch.contains { $0.name == copy.target && 8 * $0.type.byteCount == copy.source.element.bitWidth }
  }

  /// How many barriers an array holds: a power of two of words of 64 bits on chip; nil where it is none.
  public func barrierCount(_ array: String) -> Int? {
    guard let array = scratch.first(where: { $0.name == array }), array.type == .i64, array.space == .onChip,
      case .constant(let count) = array.count, count > 0, count & (count - 1) == 0
    else { return nil }
    return count
  }

  /// The arrays of barriers that its copies arrive at, nil for copies by threads: one, where copies are of one kind.
  public var copyBarriers: Set<String?> { Set(copies.map(\.barriers)) }

  /// The asynchronous copies that it starts.
  public var copies: [AsynchronousCopy] {
    var found: [AsynchronousCopy] = []
    for statement in body {
      statement.forEach { if case .startCopy(let copy) = $0 { found.append(copy) } }
    }
    return found
  }
}
