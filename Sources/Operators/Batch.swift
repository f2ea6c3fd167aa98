import Tiles

/// Sequences whose state a step's buffers hold at most.
let mostSequences = 65536

/// Where the tokens of a step stand: the rows of several sequences one after the other, those of each
/// consecutive and ascending.
///
/// Inputs, int32 [tokens]: `sequence`, the sequence's place in state buffers; `position`, from 0 over the
/// whole of it; `first`, the row of the sequence's first token in this step; `count`, its tokens in this
/// step. A state ring keeps the row of position p at p mod its span.
struct Batch {
  let tokens, sequences: Dimension
  let sequence, position, first: Tensor<Int32>
  private let count: Tensor<Int32>?

  /// Declares the inputs; `count` only for operators that write rings. Positions are coordinates of
  /// `positions` where that is given.
  init(_ k: Trace, positions: Dimension? = nil, writesRings: Bool) {
    tokens = k.dimension("tokens", in: 0...mostRows)
    sequences = k.dimension("sequences", in: 1...mostSequences)
    sequence = k.input("sequence", Int32.self, [tokens], .coordinate(of: sequences))
    let range = positions.map { Refinement.coordinate(of: $0) } ?? .range(0, mostRows - 1)
    position = k.input("position", Int32.self, [tokens], range)
    first = k.input("first", Int32.self, [tokens], .coordinate(of: tokens))
    count = writesRings ? k.input("count", Int32.self, [tokens], .range(1, mostRows)) : nil
  }

  /// The position of the sequence's first token in this step.
  func start(of t: Block) -> Tile<Int32> { position[t] - (t.coordinate - first[t]) }

  /// As above, for a token whose row is computed.
  func start(ofRow t: Tile<Int32>) -> Tile<Int32> {
    position[Position(t)] - (t - first[Position(t)])
  }

  /// Whether no later token of the sequence in this step has the same place in a ring of `span` rows: of
  /// those that meet there only the last is written.
  func isLast(_ t: Block, span: Int) -> Tile<Bool> {
    t.coordinate - first[t] .>= count![t] - Int32(span)
  }
}
