import Operators
import TileIR

/// Small damages to a valid file, at random: the damages that strangers, disks and other writers do.
struct Mutation {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// A copy with one to eight damages.
  mutating func damage(_ bytes: [UInt8], splicing others: [[UInt8]]) -> [UInt8] {
    var bytes = bytes
    for _ in 0...number(below: 8) {
      switch number(below: 10) {
      case 0: flipBit(&bytes)
      case 1: overwrite(&bytes)
      case 2: bytes.removeSubrange(range(in: bytes))
      case 3: bytes.insert(contentsOf: bytes[range(in: bytes)], at: number(through: bytes.count))
      case 4: bytes.removeLast(number(through: min(bytes.count, 64)))
      case 5: replaceNumber(&bytes)
      case 6: replaceWord(&bytes)
      case 7:
        let word = Self.words[number(below: Self.words.count)]
        bytes.insert(contentsOf: Array(word.utf8), at: number(through: bytes.count))
      case 8: replaceNumber(&bytes)
      default:
        let other = others[number(below: others.count)]
        bytes.insert(contentsOf: other[range(in: other)], at: number(through: bytes.count))
      }
    }
    return bytes
  }

  /// A number of a table of lengths and offsets.
  mutating func length(near size: Int) -> UInt64 {
    switch number(below: 4) {
    case 0: [0, 1, 7, 8, .max, 1 << 63, 1 << 32, 100_000_000, 100_000_001][number(below: 9)]
    default: UInt64(max(0, size + number(below: 17) - 8))
    }
  }

  mutating func number(below limit: Int) -> Int { Int(random.next() % UInt64(limit)) }
  private mutating func number(through limit: Int) -> Int { number(below: limit + 1) }

  /// Mostly short.
  private mutating func range(in bytes: [UInt8]) -> Range<Int> {
    let start = number(through: bytes.count)
    let longest = [4, 16, 64, 1024][number(below: 4)]
    return start..<start + number(through: min(longest, bytes.count - start))
  }

  private mutating func flipBit(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    bytes[number(below: bytes.count)] ^= 1 << UInt8(number(below: 8))
  }

  private mutating func overwrite(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    let signs = Array("\"{}[],:\\ \n-09eEnull".utf8) + [0, 0x1F, 0x7F, 0x80, 0xC0, 0xED, 0xF4, 0xFF]
    bytes[number(below: bytes.count)] = signs[number(below: signs.count)]
  }

  /// Puts another number where one stands.
  private mutating func replaceNumber(_ bytes: inout [UInt8]) {
    guard let range = run(in: bytes, where: { (0x30...0x39).contains($0) }) else { return }
    bytes.replaceSubrange(range, with: Array(Self.numbers[number(below: Self.numbers.count)].utf8))
  }

  /// Puts another word where one stands.
  private mutating func replaceWord(_ bytes: inout [UInt8]) {
    guard let range = run(in: bytes, where: { (0x61...0x7A).contains($0) || $0 == 0x5F }) else { return }
    bytes.replaceSubrange(range, with: Array(Self.words[number(below: Self.words.count)].utf8))
  }

  /// The run of bytes of a kind around the first such one after a random place.
  private mutating func run(in bytes: [UInt8], where isKind: (UInt8) -> Bool) -> Range<Int>? {
    guard !bytes.isEmpty, var start = bytes[number(below: bytes.count)...].firstIndex(where: isKind) else { return nil }
    while start > 0, isKind(bytes[start - 1]) { start -= 1 }
    var end = start
    while end < bytes.count, isKind(bytes[end]) { end += 1 }
    return start..<end
  }

  private static let numbers = [
    "0", "1", "-1", "2", "8", "127", "128", "255", "4096", "65536", "1048576", "2147483648", "4294967296",
    "9223372036854775807", "9223372036854775808", "18446744073709551616", "1e400", "1e-400", "1.5", "-0", "1e3",
    "00",
  ]

  private static let words = [
    "null", "true", "false", "\"\"", "[]", "{}", "\"x\"", "[0]", "\\u0000", "\\ud800", "\"a\": 1,", "dtype", "shape",
    "data_offsets", "__metadata__", "F32", "BF16", "I8", "F8_E4M3", "F8_E8M0", "I64", "BOOL", "model", "layers",
    "vocab", "merges", "content", "added_tokens", "ByteLevel", "Sequence", "Split", "Isolated", "role", "tool",
    "assistant", "tools", "function", "arguments", "</think>", "<｜DSML｜parameter name=\"", "string=\"true\">", "\"\"\"",
    "{{", "{x}", String(repeating: "[", count: 100), String(repeating: "{\"a\":", count: 70), "\u{301}", "\r\n",
  ]
}
