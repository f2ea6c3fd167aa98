import JSON

/// Why a file of a model is refused: every problem that was found in it, each with what was expected and
/// what was found.
public struct ModelRefusal: Error, Hashable, Sendable, CustomStringConvertible {
  public struct Problem: Hashable, Sendable, CustomStringConvertible {
    /// The field or tensor, such as `hidden_size`; nil for the file itself.
    public let subject: String?
    public let expected: String
    public let found: String

    public init(_ subject: String?, expected: String, found: String) {
      self.subject = subject
      self.expected = expected
      self.found = found
    }

    /// One line, whatever a hostile file gives as a name.
    public var description: String {
      (subject.map { $0.shown(atMost: 200) + ": " } ?? "") + "\(expected.shown()) expected, \(found.shown()) found"
    }
  }

  /// So many are listed in `description`.
  public static let mostListed = 20

  public let file: String
  public let problems: [Problem]

  public init(_ file: String, _ problems: [Problem]) {
    self.file = file
    self.problems = problems
  }

  init(_ file: String, _ subject: String? = nil, expected: String, found: String) {
    self.init(file, [Problem(subject, expected: expected, found: found)])
  }

  public var description: String {
    if problems.count == 1 { return "\(file): \(problems[0])" }
    var lines = ["\(file): \(problems.count) problems"]
    lines += problems.prefix(Self.mostListed).map { "  \($0)" }
    if problems.count > Self.mostListed { lines.append("  and \(problems.count - Self.mostListed) more") }
    return lines.joined(separator: "\n")
  }
}

extension JSONValue {
  /// The value in a message: scalars themselves, containers by their kind.
  var summary: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .number(let number): String(number.literal.prefix(40))
    case .string(let text): String(text.prefix(80)).jsonLiteral
    case .array, .object: kind.rawValue
    }
  }
}
