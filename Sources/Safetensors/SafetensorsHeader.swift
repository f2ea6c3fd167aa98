import JSON

/// Where a tensor lies in its file, checked.
public struct TensorRecord: Hashable, Sendable {
  public let name: String
  public let type: StorageType
  /// Outermost axis first; the elements are row-major and little-endian.
  public let shape: [Int]
  /// Its bytes, counted from the beginning of the file.
  public let range: Range<Int>

  public init(name: String, type: StorageType, shape: [Int], range: Range<Int>) {
    self.name = name
    self.type = type
    self.shape = shape
    self.range = range
  }
}

/// The first part of a safetensors file: a length of 8 bytes, little-endian, and that many bytes of JSON
/// with a record for each tensor; the rest of the file are the tensors, without gaps.
///
/// Source: the format's description in the safetensors project's README.
struct SafetensorsHeader {
  let metadata: [String: String]
  /// In order of their bytes.
  let records: [TensorRecord]

  /// A longer header is refused, as the format's own library does.
  static let longest = 100_000_000
  /// A tensor with more axes is refused.
  static let mostAxes = 8

  /// Reads and checks the header: every record's type and shape are known, take exactly the bytes of its
  /// offsets, and all together cover the rest of the file without overlap or gap.
  init(of file: MappedFile) throws {
    let bytes = file.bytes
    func refuse(_ expected: String, _ found: String) -> SafetensorsError {
      SafetensorsError(file: file.path, expected: expected, found: found)
    }
    guard bytes.count >= 8 else {
      throw refuse("a header's length in the first 8 bytes", "a file of \(bytes.count) bytes")
    }
    let length = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
    guard length <= Self.longest else {
      throw refuse("a header of at most \(Self.longest) bytes", "a header length of \(length)")
    }
    let start = 8 + Int(length)
    guard start <= bytes.count else {
      throw refuse("a header of \(length) bytes", "a file of \(bytes.count) bytes, the header is cut off")
    }
    let parser: HeaderParser
    do {
      parser = try HeaderParser(Array(bytes[8..<start]), file: file.path, data: start..<bytes.count)
    } catch let error as JSONError {
      throw SafetensorsError(file: file.path, expected: "a JSON header", cause: error)
    }
    metadata = parser.metadata
    // Among tensors that begin together, empty ones come first.
    records = parser.records.sorted {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    var end = start
    for (position, record) in records.enumerated() {
      let begin = record.range.lowerBound
      guard begin == end else {
        let before = position == 0 ? "the header" : records[position - 1].name.jsonLiteral
        throw SafetensorsError(
          file: file.path, tensor: record.name,
          expected: "data at offset \(end - start), where \(before) ends",
          found: "offset \(begin - start), " + (begin < end ? "an overlap" : "a gap"))
      }
      end = record.range.upperBound
    }
    guard end == bytes.count else {
      throw refuse("\(end - start) bytes after the header, as its tensors take", "\(bytes.count - start)")
    }
  }
}

/// The header's JSON, read straight into records.
private struct HeaderParser {
  var metadata: [String: String] = [:]
  var records: [TensorRecord] = []
  private let file: String
  /// The bytes of the file after the header.
  private let data: Range<Int>

  init(_ bytes: [UInt8], file: String, data: Range<Int>) throws {
    self.file = file
    self.data = data
    var reader = JSONReader(bytes)
    try reader.object { reader, name in
      if name == "__metadata__" {
        try reader.object { reader, key in metadata[key] = try reader.string() }
      } else {
        records.append(try record(name, &reader))
      }
    }
    try reader.end()
  }

  private func record(_ name: String, _ reader: inout JSONReader) throws -> TensorRecord {
    func refuse(_ expected: String, _ found: String) -> SafetensorsError {
      SafetensorsError(file: file, tensor: name, expected: expected, found: found)
    }
    var typeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    do {
      try reader.object { reader, key in
        switch key {
        case "dtype": typeName = try reader.string()
        case "shape": shape = try Self.integers(&reader, atMost: SafetensorsHeader.mostAxes)
        case "data_offsets": offsets = try Self.integers(&reader, atMost: 2)
        default: throw reader.mistake("dtype, shape or data_offsets expected, \(key.jsonLiteral) found")
        }
      }
    } catch let error as JSONError {
      throw SafetensorsError(
        file: file, tensor: name, expected: "a record with dtype, shape and data_offsets", cause: error)
    }
    guard let typeName, let shape, let offsets else {
      let missing = typeName == nil ? "dtype" : shape == nil ? "shape" : "data_offsets"
      throw refuse("a record with dtype, shape and data_offsets", "one without \(missing)")
    }
    guard let type = StorageType(rawValue: typeName) else {
      let known = StorageType.allCases.map(\.rawValue).joined(separator: ", ")
      throw refuse("a dtype of \(known)", String(typeName.prefix(40)).jsonLiteral)
    }
    guard let size = Self.byteCount(of: type, shape) else {
      throw refuse("a shape whose bytes can be counted", "\(shape)")
    }
    guard offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= data.count else {
      throw refuse("data_offsets [begin, end] within 0...\(data.count)", "\(offsets)")
    }
    guard offsets[1] - offsets[0] == size else {
      throw refuse(
        "\(size) bytes for \(type.rawValue) \(shape)",
        "\(offsets[1] - offsets[0]) bytes at data_offsets \(offsets)")
    }
    return TensorRecord(
      name: name, type: type, shape: shape,
      range: data.lowerBound + offsets[0]..<data.lowerBound + offsets[1])
  }

  /// An array of whole numbers that are not negative.
  private static func integers(_ reader: inout JSONReader, atMost most: Int) throws -> [Int] {
    var values: [Int] = []
    try reader.array { reader, index in
      guard index < most else { throw reader.mistake("at most \(most) numbers expected, more found") }
      let value = try reader.integer()
      guard value >= 0 else { throw reader.mistake("a number of at least 0 expected, \(value) found") }
      values.append(value)
    }
    return values
  }

  /// The bytes of a shape; nil where they overflow, with zeros left out of the product so that no part of
  /// an empty shape can overflow later.
  private static func byteCount(of type: StorageType, _ shape: [Int]) -> Int? {
    var count = 8 * type.byteWidth
    for extent in shape where extent != 0 {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      if overflow { return nil }
      count = product
    }
    return shape.contains(0) ? 0 : count / 8
  }
}
