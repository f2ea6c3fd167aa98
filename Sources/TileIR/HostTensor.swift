/// A tensor in host memory: row-major, contiguous, outermost axis first.
///
/// 4-bit types are packed two to a byte along the last axis, the even element low; a row of an odd
/// length ends in half a byte that counts whole, so every row starts on a byte.
public struct HostTensor: Hashable, Sendable {
  public let element: ElementType
  public let shape: [Int]
  public private(set) var bytes: [UInt8]

  /// Elements, not bytes.
  public var count: Int { shape.reduce(1, *) }
  /// Elements along the last axis; 1 for a tensor without axes.
  private var rowLength: Int { shape.last ?? 1 }
  private var rowBytes: Int { element.byteCount(of: rowLength) }

  /// Bytes of a tensor of this type and shape.
  public static func byteCount(of element: ElementType, _ shape: [Int]) -> Int {
    shape.dropLast().reduce(1, *) * element.byteCount(of: shape.last ?? 1)
  }

  /// A tensor whose bits are all 0.
  public init(_ element: ElementType, _ shape: [Int]) {
    self.init(
      element, shape, bytes: [UInt8](repeating: 0, count: Self.byteCount(of: element, shape)))
  }

  /// A tensor of the given bytes; their number must be that of the type and shape.
  public init(_ element: ElementType, _ shape: [Int], bytes: [UInt8]) {
    precondition(shape.allSatisfy { $0 >= 0 }, "extents are not negative")
    precondition(
      bytes.count == Self.byteCount(of: element, shape),
      "\(element.rawValue) \(shape) takes \(Self.byteCount(of: element, shape)) bytes, "
        + "\(bytes.count) given")
    self.element = element
    self.shape = shape
    self.bytes = bytes
  }

  /// A tensor of codes, in row-major order.
  public init(_ element: ElementType, _ shape: [Int], codes: [UInt32]) {
    self.init(element, shape)
    precondition(codes.count == count, "\(count) elements expected, \(codes.count) given")
    for (position, code) in codes.enumerated() { self[position] = code }
  }

  /// A tensor of a floating type, each number rounded to it.
  public init(_ element: ElementType, _ shape: [Int], numbers: [Float]) {
    self.init(element, shape, codes: numbers.map { element.code(rounding: $0) })
  }

  /// A tensor of an integer type or `bool`; each integer must be one of its values.
  public init(_ element: ElementType, _ shape: [Int], integers: [Int]) {
    precondition(
      integers.allSatisfy { element.integers.contains($0) }, "\(element.rawValue) holds \(element.integers)")
    self.init(element, shape, codes: integers.map { element.code(saturating: $0) })
  }

  /// The code of the element at a row-major position.
  public subscript(position: Int) -> UInt32 {
    get {
      let (row, column) = position.quotientAndRemainder(dividingBy: rowLength)
      let start = row * rowBytes + column * element.bitWidth / 8
      switch element.bitWidth {
      case 32:
        return UInt32(bytes[start]) | UInt32(bytes[start + 1]) << 8
          | UInt32(bytes[start + 2]) << 16 | UInt32(bytes[start + 3]) << 24
      case 16: return UInt32(bytes[start]) | UInt32(bytes[start + 1]) << 8
      case 8: return UInt32(bytes[start])
      default: return UInt32(bytes[start] >> UInt8(column % 2 * 4)) & 0xF
      }
    }
    set {
      precondition(newValue & ~element.mask == 0, "a code of \(element.rawValue) expected")
      let (row, column) = position.quotientAndRemainder(dividingBy: rowLength)
      let start = row * rowBytes + column * element.bitWidth / 8
      switch element.bitWidth {
      case 4:
        let shift = UInt8(column % 2 * 4)
        bytes[start] = bytes[start] & ~(0xF << shift) | UInt8(newValue) << shift
      default:
        for byte in 0..<element.bitWidth / 8 {
          bytes[start + byte] = UInt8(truncatingIfNeeded: newValue >> UInt32(8 * byte))
        }
      }
    }
  }

  /// Every code, in row-major order.
  public var codes: [UInt32] {
    if element.bitWidth == 32 {
      return bytes.withUnsafeBytes { raw in
        (0..<count).map { UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)) }
      }
    }
    return (0..<count).map { self[$0] }
  }

  /// Every element of a floating type as its value.
  public var numbers: [Float] { codes.map { element.number($0) } }

  /// Every element of an integer type or `bool` as its value.
  public var integers: [Int] { codes.map { element.integer($0) } }
}
