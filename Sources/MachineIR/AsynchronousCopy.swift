import TileIR

/// A copy of consecutive elements of a buffer to an array on chip that goes on beside the statements after it.
///
/// The threads of a warp share it in pieces of `pieceBytes`, taking turns, and each knows of its own pieces only: what
/// another has brought is there once both have waited for their copies and then for each other.
public struct AsynchronousCopy: Hashable, Sendable {
  public let source: Access
  /// The array on chip, its elements as wide as the buffer's, and the first of them that is written.
  public let target: String
  public let offset: Expression
  /// How many elements.
  public let count: Int

  public init(_ source: Access, to target: String, at offset: Expression, count: Int) {
    self.source = source
    self.target = target
    self.offset = offset
    self.count = count
  }

  public var byteCount: Int { count * source.element.bitWidth / 8 }

  /// Bytes that a thread asks for at once: 16, 8 or 4, as divides all of them; both places must be multiples too. Nil
  /// where there is none.
  public var pieceBytes: Int? {
    source.element.bitWidth < 8 ? nil : [16, 8, 4].first { byteCount > 0 && byteCount % $0 == 0 }
  }
}

extension MachineKernel {
  /// Whether a copy's target is an array of the kernel's own with elements as wide as what is copied.
  public func fits(_ copy: AsynchronousCopy) -> Bool {
    scratch.contains { $0.name == copy.target && 8 * $0.type.byteCount == copy.source.element.bitWidth }
  }

  /// The asynchronous copies that it starts.
  public var copies: [AsynchronousCopy] {
    var found: [AsynchronousCopy] = []
    for statement in body {
      statement.forEach { if case .startCopy(let copy) = $0 { found.append(copy) } }
    }
    return found
  }
}
