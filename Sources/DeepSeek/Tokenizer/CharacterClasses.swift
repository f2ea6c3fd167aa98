/// What the patterns of tokenizers ask of a character.
struct CharacterClasses: OptionSet {
  let rawValue: UInt16

  /// General categories L, M, N, P and S.
  static let letter = Self(rawValue: 1 << 0)
  static let mark = Self(rawValue: 1 << 1)
  static let number = Self(rawValue: 1 << 2)
  static let punctuation = Self(rawValue: 1 << 3)
  static let symbol = Self(rawValue: 1 << 4)
  /// `\s`: the property White_Space.
  static let space = Self(rawValue: 1 << 5)
  /// CR and LF.
  static let newline = Self(rawValue: 1 << 6)
  /// U+0020 alone.
  static let blank = Self(rawValue: 1 << 7)
  /// A to Z and a to z.
  static let asciiLetter = Self(rawValue: 1 << 8)
  /// The 32 visible characters of ASCII that are neither letters nor digits.
  static let asciiPunctuation = Self(rawValue: 1 << 9)
  /// U+4E00 to U+9FA5, hiragana and katakana.
  static let cjk = Self(rawValue: 1 << 10)

  /// The classes of a scalar. Characters newer than Unicode 16 have no category: the tokenizers that models were
  /// trained with know no newer ones, whatever this system's Swift knows.
  static func of(_ scalar: Unicode.Scalar) -> CharacterClasses {
    scalar.value < 0x1_0000 ? table[Int(scalar.value)] : computed(scalar)
  }

  /// By scalar of the first plane.
  private static let table: [CharacterClasses] = (0..<0x1_0000).map { value in
    Unicode.Scalar(UInt32(value)).map(computed) ?? []
  }

  private static func computed(_ scalar: Unicode.Scalar) -> CharacterClasses {
    var classes = category(scalar.properties)
    if scalar.properties.isWhitespace { classes.insert(.space) }
    // Ranges of code points, assigned or not.
    switch scalar {
    case "\r", "\n": classes.insert(.newline)
    case " ": classes.insert(.blank)
    case "A"..."Z", "a"..."z": classes.insert(.asciiLetter)
    case "!"..."/", ":"..."@", "["..."`", "{"..."~": classes.insert(.asciiPunctuation)
    case "\u{4E00}"..."\u{9FA5}", "\u{3040}"..."\u{30FF}": classes.insert(.cjk)
    default: break
    }
    return classes
  }

  private static func category(_ properties: Unicode.Scalar.Properties) -> CharacterClasses {
    guard let age = properties.age, age.major <= 16 else { return [] }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
    case .nonspacingMark, .spacingMark, .enclosingMark: return .mark
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      return .punctuation
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: return .symbol
    default: return []
    }
  }
}

/// A text as patterns see it: the classes of each scalar, and where in the bytes it begins.
struct ClassifiedText {
  let bytes: UnsafeBufferPointer<UInt8>
  private(set) var classes: [CharacterClasses] = []
  /// One more than scalars: the last is the end.
  private(set) var offsets: [Int] = []

  /// `bytes` are valid UTF-8.
  init(_ bytes: UnsafeBufferPointer<UInt8>) {
    self.bytes = bytes
    classes.reserveCapacity(bytes.count)
    offsets.reserveCapacity(bytes.count + 1)
    var position = 0
    while position < bytes.count {
      offsets.append(position)
      let first = UInt32(bytes[position])
      let length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
      var value = length == 1 ? first : first & (0x7F >> UInt32(length))
      for offset in 1..<max(length, 1) where length > 1 {
        value = value << 6 | UInt32(bytes[position + offset] & 0x3F)
      }
      classes.append(CharacterClasses.of(Unicode.Scalar(value)!))
      position += length
    }
    offsets.append(bytes.count)
  }
}
