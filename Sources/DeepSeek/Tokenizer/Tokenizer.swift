import Synchronization

/// Text to tokens and back, as a checkpoint's `tokenizer.json` says: byte-level pair encoding.
///
/// It agrees with Hugging Face's `tokenizers` on every text. Any text can be encoded, and decoding the
/// tokens gives it back.
public final class Tokenizer: Sendable {
  /// One more than the largest token.
  public let tokenCount: Int
  private let splitters: [Splitter]
  private let encoder: Mutex<BytePairEncoder>
  /// Found first, then within what they leave the others.
  private let addedTokens: [AddedTokens]
  /// By token: its bytes from `ends[token - 1]` to `ends[token]`.
  private let bytes: [UInt8]
  private let ends: [Int]
  private let special: Set<Int>
  private let numbers: [String: Int]

  /// Reads the `tokenizer.json` of a folder, for a model with so many tokens.
  ///
  /// - Throws: `ModelRefusal` for what a tokenizer of this kind does not have, by its place in the file.
  public convenience init(folder: String, vocabularySize: Int) throws {
    let file = folder + "/tokenizer.json"
    try self.init(file: file)
    guard tokenCount <= vocabularySize else {
      throw ModelRefusal(
        file, expected: "tokens below the model's vocab_size \(vocabularySize)", found: "token \(tokenCount - 1)")
    }
    try TokenizerFile.checkSettings(folder + "/tokenizer_config.json")
  }

  public convenience init(file: String) throws {
    try self.init(TokenizerFile(ModelFile.bytes(of: file, atMost: TokenizerFile.longest), path: file))
  }

  init(_ file: TokenizerFile) throws {
    let vocabulary = try file.vocabulary()
    splitters = file.splitters
    encoder = Mutex(
      BytePairEncoder(
        merges: vocabulary.merges, byteTokens: vocabulary.byteTokens,
        wholePieces: file.ignoresMerges ? (vocabulary.table, vocabulary.tokens) : nil))
    var plain = AddedTokens()
    var normalized = AddedTokens()
    for added in file.addedTokens {
      if added.isNormalized {
        normalized.add(Array(added.content.utf8), Int32(added.token))
      } else {
        plain.add(Array(added.content.utf8), Int32(added.token))
      }
    }
    addedTokens = [plain, normalized]
    special = Set(file.addedTokens.filter(\.isSpecial).map(\.token))
    numbers = Dictionary(file.addedTokens.map { ($0.content, $0.token) }, uniquingKeysWith: { first, _ in first })
    tokenCount = vocabulary.contents.count
    bytes = Array(vocabulary.contents.joined())
    var end = 0
    ends = vocabulary.contents.map { content in
      end += content.count
      return end
    }
  }

  // MARK: Encoding

  /// The tokens of a text; nothing is added before or after.
  ///
  /// With `addedTokens` false, markers that the text holds are text: for what a user wrote.
  public func encode(_ text: String, addedTokens isMarked: Bool = true) -> [Int] {
    var text = text
    return text.withUTF8 { bytes in
      var result: [Int] = []
      encoder.withLock { encoder in
        guard isMarked else { return encode(bytes, 0..<bytes.count, &encoder, &result) }
        addedTokens[0].sections(of: bytes, in: 0..<bytes.count) { section in
          switch section {
          case .token(let token): result.append(token)
          case .text(let range):
            addedTokens[1].sections(of: bytes, in: range) { section in
              switch section {
              case .token(let token): result.append(token)
              case .text(let range): encode(bytes, range, &encoder, &result)
              }
            }
          }
        }
      }
      return result
    }
  }

  /// Splits a stretch without markers and encodes each piece.
  private func encode(
    _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ encoder: inout BytePairEncoder,
    _ result: inout [Int]
  ) {
    let text = ClassifiedText(UnsafeBufferPointer(rebasing: bytes[range]))
    var pieces = text.classes.isEmpty ? [] : [text.classes.startIndex..<text.classes.endIndex]
    for splitter in splitters {
      var finer: [Range<Int>] = []
      finer.reserveCapacity(pieces.count)
      for piece in pieces { splitter.split(piece, of: text) { finer.append($0) } }
      pieces = finer
    }
    for piece in pieces {
      let range = text.offsets[piece.lowerBound]..<text.offsets[piece.upperBound]
      encoder.encode(UnsafeBufferPointer(rebasing: text.bytes[range]), into: &result)
    }
  }

  // MARK: Decoding

  /// The text of some tokens. What is no valid UTF-8 becomes U+FFFD; numbers that are no tokens add nothing.
  ///
  /// Special tokens, such as the end of a sentence, are left out unless `special` is true.
  public func decode(_ tokens: some Sequence<Int>, special isKept: Bool = false) -> String {
    String(decoding: tokens.flatMap { contents(of: $0, special: isKept) }, as: UTF8.self)
  }

  /// The bytes that a token adds to a text.
  func contents(of token: Int, special isKept: Bool) -> ArraySlice<UInt8> {
    guard ends.indices.contains(token), isKept || !special.contains(token) else { return [] }
    return bytes[(token == 0 ? 0 : ends[token - 1])..<ends[token]]
  }

  /// The added token that a text is, such as `<think>`; nil if it is none.
  public func token(_ content: String) -> Int? { numbers[content] }

  /// Whether `decode` leaves a token out.
  public func isSpecial(_ token: Int) -> Bool { special.contains(token) }

  /// A decoder for tokens that come one by one.
  public func stream(special: Bool = false) -> TokenStream { TokenStream(self, special: special) }
}
