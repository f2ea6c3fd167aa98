/// A JSON text as a tree. Objects keep the order of their keys, numbers the way they were written.
public enum JSONValue: Hashable, Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSONValue])
  case object(JSONObject)

  /// Reads a whole text.
  ///
  /// - Throws: `JSONError` with line and column.
  public init(parsing bytes: [UInt8]) throws {
    var reader = JSONReader(bytes)
    self = try reader.value()
    try reader.end()
  }

  public init(parsing text: String) throws { try self.init(parsing: Array(text.utf8)) }

  /// What kind of value it is, as messages say it: `a string`.
  public var kind: JSONReader.Kind {
    switch self {
    case .null: .null
    case .bool: .bool
    case .number: .number
    case .string: .string
    case .array: .array
    case .object: .object
    }
  }

  public var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  public var number: JSONNumber? { if case .number(let value) = self { value } else { nil } }
  public var string: String? { if case .string(let value) = self { value } else { nil } }
  public var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
  public var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
}

/// A number as it was written.
public struct JSONNumber: Hashable, Sendable {
  /// The literal of the text, such as `1e-6`.
  public let literal: String

  init(literal: String) { self.literal = literal }

  public init(_ value: Int) { literal = "\(value)" }

  /// Whether it was written without fraction and exponent.
  public var isInteger: Bool { !literal.utf8.contains { $0 == 0x2E || $0 | 0x20 == 0x65 } }
  /// The value of a literal without fraction and exponent; nil for others and where `Int` cannot hold it.
  public var integer: Int? { Int(literal) }
  /// The nearest double; infinite beyond its range.
  public var double: Double { Double(literal)! }
}

/// The members of an object, in order; no key stands twice.
public struct JSONObject: Hashable, Sendable {
  public struct Member: Hashable, Sendable {
    public let key: String
    public let value: JSONValue

    public init(_ key: String, _ value: JSONValue) {
      self.key = key
      self.value = value
    }
  }

  public private(set) var members: [Member]

  /// The keys must differ.
  public init(_ members: [Member]) { self.members = members }

  /// The value of a key; absent keys are nil.
  public subscript(key: String) -> JSONValue? {
    members.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }
}

extension JSONReader {
  /// Reads one value of any kind.
  public mutating func value() throws -> JSONValue {
    switch try kind() {
    case .null:
      try null()
      return .null
    case .bool: return .bool(try bool())
    case .number: return .number(try number())
    case .string: return .string(try string())
    case .array:
      var elements: [JSONValue] = []
      try array { reader, _ in elements.append(try reader.value()) }
      return .array(elements)
    case .object:
      var members: [JSONObject.Member] = []
      try object { reader, key in members.append(JSONObject.Member(key, try reader.value())) }
      return .object(JSONObject(members))
    }
  }
}
