import Foundation
import Operators
import TileIR

/// Texts of every kind for tokenizers, the same in every run.
enum MixedText {
  /// The project's own sources and documents, and texts at random from the whole of Unicode.
  static func texts(seed: UInt64) throws -> [String] {
    var texts: [String] = []
    for folder in ["Sources/Schedules", "Documentation", "Tests/Oracles", "Fixtures/tokenizers"] {
      let path = ModelFiles.root + "/" + folder
      for name in try FileManager.default.contentsOfDirectory(atPath: path).sorted() {
        guard let text = try? String(contentsOfFile: path + "/" + name, encoding: .utf8) else { continue }
        texts.append(String(text.prefix(12_000)))
      }
    }
    var random = SplitMix64(seed: seed)
    for number in 0..<400 { texts.append(text(&random, length: 40 + number)) }
    return texts
  }

  /// Stretches from one pool each, of random lengths.
  static func text(_ random: inout SplitMix64, length: Int) -> String {
    var scalars = String.UnicodeScalarView()
    while scalars.count < length {
      let pool = pools[Int(random.next() % UInt64(pools.count))]
      for _ in 0...(random.next() % 6) { scalars.append(pool(&random)) }
    }
    return String(scalars)
  }

  private static let pools: [@Sendable (inout SplitMix64) -> Unicode.Scalar] = [
    { scalar(in: 0x61...0x7A, &$0) },  // letters
    { scalar(in: 0x41...0x5A, &$0) },
    { scalar(in: 0x30...0x39, &$0) },  // digits
    { scalar(in: 0x21...0x7E, &$0) },  // ASCII
    { one(of: " \t\n\r\u{B}\u{C}\u{A0}\u{85}\u{2003}\u{2028}\u{3000}\u{200B}", &$0) },
    { one(of: "  \n\n\r", &$0) },
    { one(of: "'stmdrevl ", &$0) },
    { scalar(in: 0x4E00...0x9FFF, &$0) },  // Chinese, beyond the pattern's end too
    { scalar(in: 0x3040...0x30FF, &$0) },  // kana
    { scalar(in: 0xAC00...0xD7A3, &$0) },  // Hangul
    { scalar(in: 0x300...0x36F, &$0) },  // combining marks
    { scalar(in: 0x400...0x4FF, &$0) },  // Cyrillic
    { scalar(in: 0x590...0x6FF, &$0) },  // Hebrew and Arabic
    { scalar(in: 0x900...0xDFF, &$0) },  // scripts of India
    { scalar(in: 0x1F300...0x1FAFF, &$0) },  // emoji
    { one(of: "\u{200D}\u{FE0F}\u{1F3FD}\u{1F469}\u{2764}\u{1F1E9}\u{1F1EA}", &$0) },
    { scalar(in: 0x2000...0x2BFF, &$0) },  // punctuation and symbols
    { scalar(in: 0x0...0x1F, &$0) },  // controls
    { scalar(in: 0x80...0x24F, &$0) },  // Latin
    { scalar(in: 0xFE00...0xFFFF, &$0) },
    { scalar(in: 0x10000...0x10FFFF, &$0) },
    { one(of: "½²Ⅷ٣१①㈠", &$0) },  // numbers that are no digits
    { one(of: "<>｜▁｜DSML/thinkUserAs", &$0) },  // pieces of markers
  ]

  private static func scalar(in range: ClosedRange<UInt32>, _ random: inout SplitMix64) -> Unicode.Scalar {
    Unicode.Scalar(range.lowerBound + UInt32(random.next() % UInt64(range.count))) ?? " "
  }

  private static func one(of text: String, _ random: inout SplitMix64) -> Unicode.Scalar {
    let scalars = Array(text.unicodeScalars)
    return scalars[Int(random.next() % UInt64(scalars.count))]
  }
}
