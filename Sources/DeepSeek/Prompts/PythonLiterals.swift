/// A string literal of a Python source, with the name that it is assigned to, if it is.
struct PythonLiteral: Equatable {
  let name: String?
  var value: String

  /// The text literals of a source; neighbours that Python joins are joined. Bytes are left out, and so is
  /// what is not well formed: nothing is run.
  static func all(in source: [UInt8]) -> [PythonLiteral] {
    var scanner = PythonScanner(bytes: source)
    return scanner.literals()
  }
}

private struct PythonScanner {
  let bytes: [UInt8]
  var position = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func literals() -> [PythonLiteral] {
    var found: [PythonLiteral] = []
    // The name before the last `=`, as long as only brackets and spaces follow it.
    var word = ""
    var assigned: String?
    var isJoined = false
    while let byte = peek() {
      switch byte {
      case UInt8(ascii: "#"):
        position = bytes[position...].firstIndex(of: 0x0A) ?? bytes.count
      case UInt8(ascii: "\""), UInt8(ascii: "'"):
        let prefix = word.lowercased()
        let isPrefix = position > 0 && Self.isWord(bytes[position - 1])
        guard let value = literal(isRaw: isPrefix && prefix.contains("r")) else { return found }
        if isPrefix, prefix.contains("b") {
          isJoined = false
        } else if isJoined {
          found[found.count - 1].value += value
        } else {
          found.append(PythonLiteral(name: assigned, value: value))
          isJoined = true
        }
        word = ""
      case UInt8(ascii: "="):
        let isComparison = peek(1) == byte || position > 0 && "=!<>+".utf8.contains(bytes[position - 1])
        assigned = isComparison || word.isEmpty ? nil : word
        word = ""
        isJoined = false
        position += 1
      case UInt8(ascii: "("), UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"), UInt8(ascii: "\\"):
        position += 1
      case 0x0A:
        position += 1
        word = ""
      case UInt8(ascii: ":"):
        // An annotation between a name and its value.
        let name = word
        position += 1
        while let byte = peek(), byte == 0x20 || Self.isWord(byte) { position += 1 }
        word = peek() == UInt8(ascii: "=") ? name : ""
        isJoined = false
      case _ where Self.isWord(byte):
        let start = position
        while let byte = peek(), Self.isWord(byte) { position += 1 }
        word = String(decoding: bytes[start..<position], as: UTF8.self)
        let isPrefix = word.count < 3 && (peek() == UInt8(ascii: "\"") || peek() == UInt8(ascii: "'"))
        if !isPrefix { (assigned, isJoined) = (nil, false) }
      default:
        position += 1
        (word, assigned, isJoined) = ("", nil, false)
      }
    }
    return found
  }

  private func peek(_ offset: Int = 0) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: "_") || byte >= 0x80 || (0x30...0x39).contains(byte)
      || (0x61...0x7A).contains(byte | 0x20)
  }

  /// Reads the literal that begins here; nil where it has no end.
  private mutating func literal(isRaw: Bool) -> String? {
    let quote = bytes[position]
    let isTriple = peek(1) == quote && peek(2) == quote
    let width = isTriple ? 3 : 1
    position += width
    var value: [UInt8] = []
    while let byte = peek() {
      if byte == quote, !isTriple || (peek(1) == quote && peek(2) == quote) {
        position += width
        return String(decoding: value, as: UTF8.self)
      }
      if byte == 0x0A, !isTriple { return nil }
      if byte == UInt8(ascii: "\\"), let next = peek(1) {
        if isRaw {
          value += [byte, next]
          position += 2
        } else {
          position += 1
          escape(into: &value)
        }
      } else {
        value.append(byte)
        position += 1
      }
    }
    return nil
  }

  /// Reads what follows a backslash; an unknown escape stands for itself, as in Python.
  private mutating func escape(into value: inout [UInt8]) {
    let byte = bytes[position]
    position += 1
    switch byte {
    case 0x0A: break
    case UInt8(ascii: "n"): value.append(0x0A)
    case UInt8(ascii: "t"): value.append(0x09)
    case UInt8(ascii: "r"): value.append(0x0D)
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): value.append(byte)
    case UInt8(ascii: "x"): scalar(digits: 2, into: &value)
    case UInt8(ascii: "u"): scalar(digits: 4, into: &value)
    case UInt8(ascii: "U"): scalar(digits: 8, into: &value)
    default: value += [UInt8(ascii: "\\"), byte]
    }
  }

  private mutating func scalar(digits: Int, into value: inout [UInt8]) {
    let text = String(decoding: bytes[position..<min(position + digits, bytes.count)], as: UTF8.self)
    position = min(position + digits, bytes.count)
    guard let number = UInt32(text, radix: 16), let scalar = Unicode.Scalar(number) else { return }
    value += Array(String(scalar).utf8)
  }
}
