/// Decodes tokens as they come, and gives out only whole characters: bytes of one that is not complete
/// wait for the next token.
///
/// All that it gives out, `finish` included, is what `Tokenizer.decode` gives for all tokens at once.
public struct TokenStream: Sendable {
  private let tokenizer: Tokenizer
  private let isSpecialKept: Bool
  /// The beginning of a character, at most 3 bytes.
  private var waiting: [UInt8] = []

  init(_ tokenizer: Tokenizer, special: Bool) {
    self.tokenizer = tokenizer
    isSpecialKept = special
  }

  /// The text that a token completes, often all of its own.
  public mutating func append(_ token: Int) -> String {
    waiting += tokenizer.contents(of: token, special: isSpecialKept)
    let end = waiting.count - Self.unfinished(waiting)
    defer { waiting.removeFirst(end) }
    return String(decoding: waiting[..<end], as: UTF8.self)
  }

  /// What still waits; it is no whole character.
  public mutating func finish() -> String {
    defer { waiting = [] }
    return String(decoding: waiting, as: UTF8.self)
  }

  /// How many of the last bytes are the beginning of a character that further bytes could complete.
  private static func unfinished(_ bytes: [UInt8]) -> Int {
    for length in 1..<4 where length <= bytes.count {
      let first = bytes[bytes.count - length]
      if first < 0x80 { return 0 }
      if first < 0xC0 { continue }
      // A second byte is bounded more narrowly after some first bytes: no overlong forms, no surrogates.
      let second = length > 1 ? bytes[bytes.count - length + 1] : nil
      switch first {
      case 0xC2...0xDF: return length < 2 ? length : 0
      case 0xE0...0xEF:
        let allowed: ClosedRange<UInt8> = first == 0xE0 ? 0xA0...0xBF : first == 0xED ? 0x80...0x9F : 0x80...0xBF
        return length < 3 && second.map(allowed.contains) ?? true ? length : 0
      case 0xF0...0xF4:
        let allowed: ClosedRange<UInt8> = first == 0xF0 ? 0x90...0xBF : first == 0xF4 ? 0x80...0x8F : 0x80...0xBF
        return second.map(allowed.contains) ?? true ? length : 0
      default: return 0
      }
    }
    return 0
  }
}
