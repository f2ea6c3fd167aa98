import Foundation
import JSON
import TileIR

/// A tensor on its way to a file: a name, what it is, and memory that stays until it is written.
public struct OutgoingTensor {
  public let name: String
  public let type: StorageType
  public let shape: [Int]
  fileprivate let contents: Contents

  fileprivate enum Contents {
    case array([UInt8])
    case memory(UnsafeRawBufferPointer)
  }

  /// A tensor; 4-bit elements are written as the `I8` pairs that they are in memory.
  ///
  /// Rows of an odd number of 4-bit elements have no form in a file: that is a programming error.
  public init(_ name: String, _ tensor: HostTensor) {
    var shape = tensor.shape
    if tensor.element.bitWidth == 4 {
      precondition(shape.last.map { $0 % 2 == 0 } ?? false, "\(name): rows of whole bytes expected")
      shape[shape.count - 1] /= 2
    }
    self.init(name, StorageType(storing: tensor.element), shape, .array(tensor.bytes))
  }

  /// Row-major, little-endian elements in memory that the caller keeps until they are written.
  public init(_ name: String, _ type: StorageType, _ shape: [Int], memory: UnsafeRawBufferPointer) {
    self.init(name, type, shape, .memory(memory))
  }

  /// Row-major, little-endian elements.
  public init(_ name: String, _ type: StorageType, _ shape: [Int], bytes: [UInt8]) {
    self.init(name, type, shape, .array(bytes))
  }

  private init(_ name: String, _ type: StorageType, _ shape: [Int], _ contents: Contents) {
    self.name = name
    self.type = type
    self.shape = shape
    self.contents = contents
    let expected = shape.reduce(type.byteWidth, *)
    precondition(byteCount == expected, "\(name): \(expected) bytes expected, \(byteCount) given")
  }

  var byteCount: Int {
    switch contents {
    case .array(let bytes): bytes.count
    case .memory(let bytes): bytes.count
    }
  }

  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    switch contents {
    case .array(let bytes): try bytes.withUnsafeBytes(body)
    case .memory(let bytes): try body(bytes)
    }
  }
}

extension SafetensorsFile {
  /// Writes a file: whole under its name, or not at all.
  ///
  /// Tensors are laid out by falling width and then by name, so that each is aligned to its elements and
  /// equal contents make equal files. Names must differ. The bytes are on the disk when this returns.
  ///
  /// - Throws: `SafetensorsError` with the system's reason; what was at `path` is then still there.
  public static func write(
    _ tensors: [OutgoingTensor], metadata: [String: String] = [:], to path: String
  ) throws {
    let ordered = tensors.sorted {
      ($1.type.byteWidth, $0.name) < ($0.type.byteWidth, $1.name)
    }
    precondition(Set(ordered.map(\.name)).count == ordered.count, "names of tensors differ")
    try AtomicFile.write(to: path) { file in
      try header(ordered, metadata: metadata).withUnsafeBytes(file.append)
      for tensor in ordered { try tensor.withBytes(file.append) }
    }
  }

  private static func header(_ tensors: [OutgoingTensor], metadata: [String: String]) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\($0.key.jsonLiteral):\($0.value.jsonLiteral)" }
      members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let end = offset + tensor.byteCount
      members.append(
        "\(tensor.name.jsonLiteral):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    // Spaces up to a multiple of 8, so that the tensors begin aligned.
    text += [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8)
    return withUnsafeBytes(of: UInt64(text.count).littleEndian, Array.init) + text
  }
}

/// A file that appears under its name only when it is complete.
struct AtomicFile {
  private let path: String
  private let descriptor: Int32

  /// Creates a file beside `path`, lets `body` fill it, brings it to the disk and renames it.
  static func write(to path: String, _ body: (AtomicFile) throws -> Void) throws {
    let draft = "\(path).\(UUID().uuidString).part"
    func refuse(_ expected: String) -> SafetensorsError {
      SafetensorsError(file: path, expected: expected, found: String(cString: strerror(errno)))
    }
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw refuse("a folder to write the file in") }
    do {
      try body(AtomicFile(path: path, descriptor: descriptor))
      guard fsync(descriptor) == 0 else { throw refuse("a disk that takes the file") }
    } catch {
      close(descriptor)
      unlink(draft)
      throw error
    }
    close(descriptor)
    guard rename(draft, path) == 0 else {
      let error = refuse("a name that the file can take")
      unlink(draft)
      throw error
    }
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Foundation.write(descriptor, rest.base.baseAddress! + rest.startIndex, rest.count)
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        throw SafetensorsError(
          file: path, expected: "room for \(rest.count) more bytes", found: String(cString: strerror(errno)))
      }
    }
  }
}
