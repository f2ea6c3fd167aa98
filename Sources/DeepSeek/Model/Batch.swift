/// What one run of a model works on: pieces of sequences, one after the other.
public struct Batch {
  /// Consecutive tokens of one sequence.
  public struct Piece {
    /// The sequence's number in the caches.
    public let sequence: Int
    /// Position of the first token.
    public let start: Int
    public let tokens: [Int32]
    /// How many tokens, counted from the last, have their logits computed.
    public let wanted: Int

    public init(sequence: Int, start: Int, tokens: [Int32], wanted: Int = 1) {
      precondition(!tokens.isEmpty && wanted <= tokens.count, "a piece has tokens, and logits for its tokens")
      self.sequence = sequence
      self.start = start
      self.tokens = tokens
      self.wanted = wanted
    }
  }

  public let pieces: [Piece]
  /// Row of each piece's first token.
  public let firstRows: [Int]
  public let tokenCount: Int
  /// Rows of logits.
  public let wantedCount: Int

  public init(_ pieces: [Piece]) {
    self.pieces = pieces
    var row = 0
    firstRows = pieces.map { piece in
      defer { row += piece.tokens.count }
      return row
    }
    tokenCount = row
    wantedCount = pieces.reduce(0) { $0 + $1.wanted }
  }

  /// Calls `body` with every token's row, piece and place in the piece.
  func forEachToken(_ body: (_ row: Int, _ piece: Int, _ place: Int) -> Void) {
    for (number, piece) in pieces.enumerated() {
      for place in piece.tokens.indices { body(firstRows[number] + place, number, place) }
    }
  }

  /// Rows of the tokens that complete a group of `ratio` tokens of their sequence, ascending.
  func closers(ratio: Int, _ body: (Int) -> Void) {
    forEachToken { row, piece, place in
      if (pieces[piece].start + place + 1) % ratio == 0 { body(row) }
    }
  }

  /// Rows whose logits are wanted, ascending.
  func forEachWanted(_ body: (Int) -> Void) {
    for (number, piece) in pieces.enumerated() {
      for place in piece.tokens.count - piece.wanted..<piece.tokens.count { body(firstRows[number] + place) }
    }
  }
}
