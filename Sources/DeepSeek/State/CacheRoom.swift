/// How much room a model's caches have.
///
/// Rings hold what a token may look back at: absolute position modulo the ring's span is the slot, and the
/// span leaves room for a draft, so that rejected positions never cover what the accepted ones need.
public struct CacheRoom: Hashable, Sendable {
  /// Sequences that live side by side.
  public let sequences: Int
  /// Tokens of a sequence at most.
  public let context: Int
  /// Positions that may be written and taken back.
  public let longestDraft: Int

  public init(sequences: Int = 1, context: Int, longestDraft: Int = 1) {
    precondition(sequences > 0 && context > 0 && longestDraft >= 0, "room for a sequence")
    self.sequences = sequences
    self.context = context
    self.longestDraft = longestDraft
  }

  /// Compressed entries of a sequence at most, at least 1.
  public func capacity(ratio: Int) -> Int { max(1, context / ratio) }
}
