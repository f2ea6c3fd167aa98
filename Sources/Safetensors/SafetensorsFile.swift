import TileIR

/// A safetensors file, mapped and checked in full when it is opened: what the header says is true of the
/// bytes that are there.
public final class SafetensorsFile: Sendable {
  /// What the header says about the file beside its tensors.
  public let metadata: [String: String]
  /// In order of their bytes.
  public let records: [TensorRecord]
  private let file: MappedFile
  private let numbers: [String: Int]

  /// Opens and checks a file; only its header is read.
  ///
  /// - Throws: `SafetensorsError` with the tensor's name, what was expected and what was found.
  public init(path: String) throws {
    file = try MappedFile(path: path)
    let header = try SafetensorsHeader(of: file)
    metadata = header.metadata
    records = header.records
    var numbers: [String: Int] = [:]
    for (number, record) in header.records.enumerated() {
      // Equal texts that differ in bytes are two names to the format and one to a dictionary.
      if let other = numbers.updateValue(number, forKey: record.name) {
        throw SafetensorsError(
          file: path, tensor: record.name, expected: "names that differ",
          found: "one that reads the same as that of tensor \(other)")
      }
    }
    self.numbers = numbers
  }

  public var path: String { file.path }

  /// The tensor of a name, or nil.
  public subscript(name: String) -> StoredTensor? {
    numbers[name].map { StoredTensor(record: records[$0], file: file) }
  }

  /// A copy of the tensor of a name.
  ///
  /// - Throws: `SafetensorsError` where the file has none of this name, and for what tiles do not have.
  public func tensor(_ name: String) throws -> HostTensor {
    guard let tensor = self[name] else {
      throw SafetensorsError(
        file: path, tensor: name, expected: "a tensor of this name", found: "none")
    }
    return try tensor.tensor()
  }
}
