/// Where in the author's source a thing was written, as `#fileID` and `#line` give it.
public struct SourceLocation: Hashable, Sendable, CustomStringConvertible {
  public let file: String
  public let line: Int

  public init(file: String, line: Int) {
    self.file = file
    self.line = line
  }

  public var description: String { "\(file):\(line)" }
}

/// A mistake in a program, in its author's terms: what is wrong and the lines that clash.
public struct Diagnostic: Error, Hashable, Sendable, CustomStringConvertible {
  public let message: String
  /// The offending line first, then the line that it contradicts, where there is one.
  public let locations: [SourceLocation]

  public init(_ message: String, at locations: [SourceLocation]) {
    self.message = message
    self.locations = locations
  }

  public var description: String {
    guard let first = locations.first else { return message }
    let others = locations.dropFirst().map { "; see \($0)" }.joined()
    return "\(first): \(message)\(others)"
  }
}
