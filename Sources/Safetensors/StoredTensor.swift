import TileIR

/// A tensor of an open file. It keeps the file open.
public struct StoredTensor: Sendable {
  public let record: TensorRecord
  let file: MappedFile

  public var name: String { record.name }
  public var type: StorageType { record.type }
  /// Outermost axis first.
  public var shape: [Int] { record.shape }
  /// The file it lies in.
  public var path: String { file.path }
  public var elementCount: Int { shape.reduce(1, *) }
  public var byteCount: Int { record.range.count }

  /// The bytes in the file's mapping, row-major and little-endian: no copy, and valid only while this
  /// tensor or another of its file is kept. They may begin anywhere; see `isAligned`.
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: file.bytes[record.range]) }

  /// Whether the bytes begin at a multiple of the element's width, as launches ask of their buffers.
  public var isAligned: Bool {
    guard let start = bytes.baseAddress else { return true }
    return UInt(bitPattern: start) % UInt(type.byteWidth) == 0
  }

  /// A copy in the element type of the same bits.
  ///
  /// - Throws: `SafetensorsError` for I64, which no tile has, and for a BOOL that is neither 0 nor 1.
  public func tensor() throws -> HostTensor {
    guard let element = type.element else {
      throw refusal("a type that tiles have", "\(type.rawValue), which only integers() reads")
    }
    return try tensor(as: element)
  }

  /// A copy whose bits are read as another type of the same width; the 4-bit types read each byte as two
  /// elements, the low nibble first, and so double the last extent.
  public func tensor(as element: ElementType) throws -> HostTensor {
    var shape = shape
    if element.bitWidth == 4, type == .int8 || type == .uint8, let last = shape.last {
      let (doubled, overflow) = last.multipliedReportingOverflow(by: 2)
      guard !overflow else { throw refusal("a shape whose elements can be counted", "\(shape)") }
      shape[shape.count - 1] = doubled
    } else if element.bitWidth != 8 * type.byteWidth {
      throw refusal("elements of \(element.bitWidth) bits for \(element.rawValue)", type.rawValue)
    }
    if element == .bool, let wrong = bytes.first(where: { $0 > 1 }) {
      throw refusal("bools of 0 and 1", "\(wrong)")
    }
    return HostTensor(element, shape, bytes: Array(bytes))
  }

  /// The elements of any integer type.
  public func integers() throws -> [Int] {
    let bytes = bytes
    func read<Integer: FixedWidthInteger>(_: Integer.Type) -> [Int] {
      (0..<elementCount).map { position in
        let offset = position * MemoryLayout<Integer>.size
        return Int(Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self)))
      }
    }
    switch type {
    case .int64: return read(Int64.self)
    case .int32: return read(Int32.self)
    case .int8: return read(Int8.self)
    case .uint8, .bool: return read(UInt8.self)
    case .float32, .bfloat16, .float16, .e4m3, .e5m2, .e8m0:
      throw refusal("an integer type", type.rawValue)
    }
  }

  /// A refusal that names this tensor.
  public func refusal(_ expected: String, _ found: String) -> SafetensorsError {
    SafetensorsError(file: path, tensor: name, expected: expected, found: found)
  }
}
