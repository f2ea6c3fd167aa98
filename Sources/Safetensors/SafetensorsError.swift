import JSON

/// Why a tensor file is refused: the file, the tensor where there is one, what was expected and what was
/// found.
public struct SafetensorsError: Error, Hashable, Sendable, CustomStringConvertible {
  public let file: String
  public let tensor: String?
  public let expected: String
  public let found: String
  /// Where a JSON text went wrong, if that is what was found.
  public let cause: JSONError?

  public init(file: String, tensor: String? = nil, expected: String, found: String) {
    self.file = file
    self.tensor = tensor
    self.expected = expected
    self.found = found
    cause = nil
  }

  init(file: String, tensor: String? = nil, expected: String, cause: JSONError) {
    self.file = file
    self.tensor = tensor
    self.expected = expected
    found = "another text"
    self.cause = cause
  }

  /// One line, whatever a hostile file gives as a name.
  public var description: String {
    let place = tensor.map { ": tensor \"\($0.shown(atMost: 200))\"" } ?? ""
    let reason = cause.map { "; \($0)" } ?? ", \(found) found"
    return "\(file.shown(atMost: 4096))\(place): \(expected.shown()) expected" + reason.shown()
  }
}
