/// A cursor over one JSON text (RFC 8259), read strictly: no duplicate keys, no trailing commas, no lone
/// surrogates, valid UTF-8, and no nesting deeper than `deepest`.
///
/// Nothing is built but what the caller asks for, so a hostile text costs no more memory than its own
/// length and the set of keys of the objects that are open.
public struct JSONReader {
  /// Containers within containers; a deeper text is refused.
  public static let deepest = 64

  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// What the next value is.
  public enum Kind: String, Sendable {
    case null, bool = "a bool", number = "a number", string = "a string", array = "an array"
    case object = "an object"
  }

  // MARK: Values

  /// The kind of the next value, which stays unread.
  public mutating func kind() throws -> Kind {
    skipSpace()
    switch peek.map(Unicode.Scalar.init) {
    case "n": return .null
    case "t", "f": return .bool
    case "\"": return .string
    case "[": return .array
    case "{": return .object
    case .some("0"..."9"), "-": return .number
    default: throw mistake("a value expected, \(foundHere) found")
    }
  }

  /// Reads an object: `body` is called for each key, in order, and must read exactly that key's value.
  public mutating func object(_ body: (inout JSONReader, String) throws -> Void) throws {
    try expect(.object)
    try enter()
    var keys: Set<ExactString> = []
    skipSpace()
    if peek == UInt8(ascii: "}") {
      position += 1
    } else {
      while true {
        try expect(.string)
        let start = position
        let key = try string()
        guard keys.insert(ExactString(key)).inserted else {
          position = start
          throw mistake("the key \(quoted(key)) stands twice in one object")
        }
        try take(UInt8(ascii: ":"), "a colon after the key \(quoted(key))")
        try body(&self, key)
        if try !another(before: UInt8(ascii: "}")) { break }
      }
    }
    depth -= 1
  }

  /// Reads an array: `body` is called for each element, in order, and must read exactly that element.
  public mutating func array(_ body: (inout JSONReader, Int) throws -> Void) throws {
    try expect(.array)
    try enter()
    skipSpace()
    if peek == UInt8(ascii: "]") {
      position += 1
    } else {
      var index = 0
      while true {
        try body(&self, index)
        index += 1
        if try !another(before: UInt8(ascii: "]")) { break }
      }
    }
    depth -= 1
  }

  public mutating func string() throws -> String {
    try expect(.string)
    position += 1
    let contents = position
    while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
      position += 1
    }
    if peek == UInt8(ascii: "\"") {
      position += 1
      return try text(bytes[contents..<position - 1])
    }
    return try escapedString(contents: contents)
  }

  public mutating func bool() throws -> Bool {
    try expect(.bool)
    let value = peek == UInt8(ascii: "t")
    try word(value ? "true" : "false")
    return value
  }

  public mutating func null() throws {
    try expect(.null)
    try word("null")
  }

  public mutating func number() throws -> JSONNumber {
    try expect(.number)
    let start = position
    if peek == UInt8(ascii: "-") { position += 1 }
    if peek == UInt8(ascii: "0") { position += 1 } else { try digits() }
    if peek == UInt8(ascii: ".") {
      position += 1
      try digits()
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      position += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    return JSONNumber(literal: String(decoding: bytes[start..<position], as: UTF8.self))
  }

  /// A whole number that an `Int` holds, written without fraction or exponent.
  public mutating func integer() throws -> Int {
    skipSpace()
    let start = position
    let number = try number()
    guard let value = number.integer else {
      position = start
      throw mistake("an integer expected, \(number.literal.prefix(40)) found")
    }
    return value
  }

  /// Reads past one value of any kind.
  public mutating func skip() throws {
    switch try kind() {
    case .null: try null()
    case .bool: _ = try bool()
    case .number: _ = try number()
    case .string: _ = try string()
    case .array: try array { reader, _ in try reader.skip() }
    case .object: try object { reader, _ in try reader.skip() }
    }
  }

  /// Nothing but white space may follow the last value.
  public mutating func end() throws {
    skipSpace()
    if position < bytes.count { throw mistake("the end expected, \(foundHere) found") }
  }

  // MARK: Mistakes

  /// A mistake at the place where the reader stands.
  public func mistake(_ message: String) -> JSONError {
    var line = 1
    var lineStart = 0
    for (offset, byte) in bytes[..<min(position, bytes.count)].enumerated() where byte == 0x0A {
      line += 1
      lineStart = offset + 1
    }
    return JSONError(message, line: line, column: position - lineStart + 1)
  }

  private var foundHere: String {
    guard let byte = peek else { return "the end" }
    let isVisible = (0x21...0x7E).contains(byte)
    return isVisible ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
  }

  private func quoted(_ key: String) -> String { "\"\(key.shown(atMost: 80))\"" }

  // MARK: Bytes

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private mutating func expect(_ expected: Kind) throws {
    skipSpace()
    let found = try? kind()
    guard found == expected else {
      throw mistake("\(expected.rawValue) expected, \(found?.rawValue ?? foundHere) found")
    }
  }

  private mutating func enter() throws {
    guard depth < Self.deepest else { throw mistake("nested deeper than \(Self.deepest) containers") }
    depth += 1
    position += 1
  }

  private mutating func take(_ byte: UInt8, _ expected: String) throws {
    skipSpace()
    guard peek == byte else { throw mistake("\(expected) expected, \(foundHere) found") }
    position += 1
  }

  /// After an element: true past a comma, false past the closing bracket.
  private mutating func another(before close: UInt8) throws -> Bool {
    skipSpace()
    guard peek == close || peek == UInt8(ascii: ",") else {
      throw mistake("',' or '\(Character(Unicode.Scalar(close)))' expected, \(foundHere) found")
    }
    position += 1
    return bytes[position - 1] != close
  }

  private mutating func word(_ word: StaticString) throws {
    for offset in 0..<word.utf8CodeUnitCount {
      guard peek == word.utf8Start[offset] else { throw mistake("\(word) expected, \(foundHere) found") }
      position += 1
    }
  }

  private mutating func digits() throws {
    guard let byte = peek, (0x30...0x39).contains(byte) else {
      throw mistake("a digit expected, \(foundHere) found")
    }
    while let byte = peek, (0x30...0x39).contains(byte) { position += 1 }
  }

  private func text(_ slice: ArraySlice<UInt8>) throws -> String {
    guard let text = String(validating: slice, as: UTF8.self) else {
      throw mistake("valid UTF-8 expected in the string that ends here")
    }
    return text
  }

  // MARK: Escapes

  /// The rest of a string whose first `position - contents` bytes stand for themselves.
  private mutating func escapedString(contents: Int) throws -> String {
    var decoded = Array(bytes[contents..<position])
    while let byte = peek {
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return try text(decoded[...])
      case UInt8(ascii: "\\"): try escape(into: &decoded)
      case ..<0x20:
        position -= 1
        throw mistake("a control character within a string must be escaped, \(foundHere) found")
      default: decoded.append(byte)
      }
    }
    throw mistake("a closing quote expected, the end found")
  }

  private mutating func escape(into decoded: inout [UInt8]) throws {
    guard let byte = peek else { throw mistake("an escape expected, the end found") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): decoded.append(byte)
    case UInt8(ascii: "b"): decoded.append(0x08)
    case UInt8(ascii: "f"): decoded.append(0x0C)
    case UInt8(ascii: "n"): decoded.append(0x0A)
    case UInt8(ascii: "r"): decoded.append(0x0D)
    case UInt8(ascii: "t"): decoded.append(0x09)
    case UInt8(ascii: "u"): decoded += Array(String(try escapedScalar()).utf8)
    default:
      position -= 1
      throw mistake("an escape expected, \(foundHere) found")
    }
  }

  /// The scalar of `\uXXXX`, or of two that are a surrogate pair.
  private mutating func escapedScalar() throws -> Unicode.Scalar {
    let first = try hexadecimal()
    if let scalar = Unicode.Scalar(first) { return scalar }
    if (0xD800..<0xDC00).contains(first), peek == UInt8(ascii: "\\") {
      position += 1
      if peek == UInt8(ascii: "u") {
        position += 1
        let second = try hexadecimal()
        if (0xDC00..<0xE000).contains(second) {
          return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))!
        }
      }
    }
    throw mistake("a surrogate pair expected, a lone surrogate found")
  }

  private mutating func hexadecimal() throws -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw mistake("four hexadecimal digits expected, \(foundHere) found")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }
}

/// A text that equals another when their bytes do; `String` also equates canonically equivalent texts,
/// which are different keys in JSON.
struct ExactString: Hashable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (a: ExactString, b: ExactString) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

  func hash(into hasher: inout Hasher) {
    var text = text
    text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
