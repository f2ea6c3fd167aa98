/// A pattern that cuts a text into pieces, none of which is merged with another.
///
/// The patterns are those that tokenizers of DeepSeek and GPT-2 hold, each written as a scanner. A scanner
/// gives what a backtracking matcher of the pattern gives: the first alternative that matches, each as long
/// as its quantifiers let it be.
enum Splitter: Hashable, Sendable, CaseIterable {
  /// Numbers by three digits.
  case digitGroups
  /// Runs of Chinese and Japanese characters.
  case cjkRuns
  /// DeepSeek's words: identifiers after punctuation, letters and marks, punctuation, line ends, spaces.
  case deepseekWords
  /// GPT-2's words: English endings, letters, numbers, other characters, spaces.
  case gpt2Words

  /// As files write it.
  var pattern: String {
    switch self {
    case .digitGroups: #"\p{N}{1,3}"#
    case .cjkRuns: "[一-龥\u{3040}-ゟ゠-ヿ]+"
    case .deepseekWords:
      ##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|"## + "[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
        + "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+" + #"|\s+(?!\S)|\s+"#
    case .gpt2Words: #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#
    }
  }

  /// The splitter of a pattern, byte for byte; nil for one that is not known.
  init?(pattern: String) {
    guard let known = Self.allCases.first(where: { $0.pattern.utf8.elementsEqual(pattern.utf8) }) else { return nil }
    self = known
  }

  /// Cuts a range of scalars into matches and what lies between them, in order.
  func split(_ range: Range<Int>, of text: ClassifiedText, _ body: (Range<Int>) -> Void) {
    var position = range.lowerBound
    var gap = position
    while position < range.upperBound {
      let end = matchEnd(text, position, range.upperBound)
      if end == position {
        position += 1
        continue
      }
      if gap < position { body(gap..<position) }
      body(position..<end)
      position = end
      gap = end
    }
    if gap < range.upperBound { body(gap..<range.upperBound) }
  }

  /// Where the match that begins at `start` ends; `start` itself where none does.
  private func matchEnd(_ text: ClassifiedText, _ start: Int, _ end: Int) -> Int {
    switch self {
    case .digitGroups: return text.run(of: .number, start, min(end, start + 3))
    case .cjkRuns: return text.run(of: .cjk, start, end)
    case .deepseekWords: return text.deepseekWord(start, end)
    case .gpt2Words: return text.gpt2Word(start, end)
    }
  }
}

extension ClassifiedText {
  /// Where the run of scalars with any of some classes that begins at `start` ends.
  fileprivate func run(of wanted: CharacterClasses, _ start: Int, _ end: Int) -> Int {
    var position = start
    while position < end, !classes[position].isDisjoint(with: wanted) { position += 1 }
    return position
  }

  fileprivate func deepseekWord(_ start: Int, _ end: Int) -> Int {
    let first = classes[start]
    // [!"#…~][A-Za-z]+
    if first.contains(.asciiPunctuation) {
      let stop = run(of: .asciiLetter, start + 1, end)
      if stop > start + 1 { return stop }
    }
    // [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
    let wordStart = first.isDisjoint(with: [.newline, .letter, .punctuation, .symbol]) ? start + 1 : start
    let wordEnd = run(of: [.letter, .mark], wordStart, end)
    if wordEnd > wordStart { return wordEnd }
    if first.contains(.mark) { return start + 1 }
    // ␣?[\p{P}\p{S}]+[\r\n]*
    let signStart = first.contains(.blank) ? start + 1 : start
    let signEnd = run(of: [.punctuation, .symbol], signStart, end)
    if signEnd > signStart { return run(of: .newline, signEnd, end) }
    // \s*[\r\n]+
    let spaceEnd = run(of: .space, start, end)
    var lineEnd = spaceEnd
    while lineEnd > start, !classes[lineEnd - 1].contains(.newline) { lineEnd -= 1 }
    if lineEnd > start { return lineEnd }
    return spaces(start, spaceEnd, end)
  }

  fileprivate func gpt2Word(_ start: Int, _ end: Int) -> Int {
    if let stop = englishEnding(start, end) { return stop }
    let wordStart = classes[start].contains(.blank) ? start + 1 : start
    if wordStart < end {
      // ␣?\p{L}+ and ␣?\p{N}+
      for wanted in [CharacterClasses.letter, .number] where classes[wordStart].contains(wanted) {
        return run(of: wanted, wordStart, end)
      }
      // ␣?[^\s\p{L}\p{N}]+
      var stop = wordStart
      while stop < end, classes[stop].isDisjoint(with: [.space, .letter, .number]) { stop += 1 }
      if stop > wordStart { return stop }
    }
    return spaces(start, run(of: .space, start, end), end)
  }

  /// `\s+(?!\S)|\s+` for a run of spaces: all of it where nothing follows, otherwise all but the last,
  /// and a single one in any case.
  private func spaces(_ start: Int, _ spaceEnd: Int, _ end: Int) -> Int {
    spaceEnd == end || spaceEnd - start < 2 ? spaceEnd : spaceEnd - 1
  }

  /// `'s|'t|'re|'ve|'m|'ll|'d`
  private func englishEnding(_ start: Int, _ end: Int) -> Int? {
    func byte(_ position: Int) -> UInt8 { position < end ? bytes[offsets[position]] : 0 }
    guard byte(start) == UInt8(ascii: "'") else { return nil }
    switch byte(start + 1) {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
    case UInt8(ascii: "r") where byte(start + 2) == UInt8(ascii: "e"): return start + 3
    case UInt8(ascii: "v") where byte(start + 2) == UInt8(ascii: "e"): return start + 3
    case UInt8(ascii: "l") where byte(start + 2) == UInt8(ascii: "l"): return start + 3
    default: return nil
    }
  }
}
