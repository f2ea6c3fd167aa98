import TileIR

/// What an element of a tensor in the unified buffer is to the vector unit; `int64` is the scalar unit's alone.
public enum LocalElement: String, Hashable, Sendable {
  case float32, int32, uint32, float16, bfloat16, int16, uint16, int8, uint8, int64

  public var byteCount: Int {
    switch self {
    case .int64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8: 1
    }
  }
}

/// A tensor in a memory on chip: a name, what it holds and where it lies.
public struct LocalTensor: Hashable, Sendable {
  public let name: String
  public let memory: LocalMemory
  public let element: LocalElement
  public let count: Int
  /// The address of its first byte; a multiple of the memory's alignment.
  public var byteAddress: Int

  public init(
    _ name: String, _ element: LocalElement, count: Int, byteAddress: Int,
    in memory: LocalMemory = .unifiedBuffer
  ) {
    self.name = name
    self.memory = memory
    self.element = element
    self.count = count
    self.byteAddress = byteAddress
  }

  /// Bytes that its elements take.
  public var byteCount: Int { count * element.byteCount }
  public var bytes: Range<Int> { byteAddress..<byteAddress + byteCount }
  /// Its bytes among those of all memories.
  public var place: Range<Int> { memory.base + byteAddress..<memory.base + byteAddress + byteCount }
}

/// Consecutive elements of a tensor, from an element on, perhaps taken as another type of the same or another width.
public struct LocalView: Hashable, Sendable {
  /// The tensor's name.
  public let tensor: String
  public let element: LocalElement
  /// Elements of `element`'s type before the first; the scalar unit computes it.
  public let offset: Expression

  public init(_ tensor: String, _ element: LocalElement, offset: Expression = .constant(0)) {
    self.tensor = tensor
    self.element = element
    self.offset = offset
  }

  /// The same bytes as elements of another type; the view must begin where the tensor does, or widths must agree.
  public func reinterpreted(as element: LocalElement) -> LocalView {
    let (from, to) = (self.element.byteCount, element.byteCount)
    let offset = from >= to ? self.offset * .constant(from / to) : self.offset.divided(by: to / from)
    return LocalView(tensor, element, offset: offset)
  }
}
