/// Why a text is not the JSON that its reader expects, and where.
public struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  public let message: String
  /// Counted from 1, in bytes within the line; nil where a value was judged after it was read.
  public let line: Int?
  public let column: Int?

  public init(_ message: String, line: Int? = nil, column: Int? = nil) {
    self.message = message
    self.line = line
    self.column = column
  }

  public var description: String {
    if let line, let column { "line \(line), column \(column): \(message)" } else { message }
  }
}
