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
  /// `positions` where that is given, and groups of `ratio` tokens up to each have room in `entries`.
  init(
    _ k: Trace, positions: Dimension? = nil, entries: (capacity: Dimension, ratio: Int)? = nil,
    writesRings: Bool
  ) {
    tokens = k.dimension("tokens", in: 0...mostRows)
    sequences = k.dimension("sequences", in: 1...mostSequences)
    sequence = k.input("sequence", Int32.self, [tokens], .coordinate(of: sequences))
    let range = positions.map { Refinement.coordinate(of: $0) } ?? .range(0, mostRows - 1)
    if let (capacity, ratio) = entries {
      position = k.input(
        "position", Int32.self, [tokens], range, .withEntries(in: capacity, ratio: ratio))
    } else {
      position = k.input("position", Int32.self, [tokens], range)
    }
    first = k.input("first", Int32.self, [tokens], .coordinate(of: tokens))
    count = writesRings ? k.input("count", Int32.self, [tokens], .range(1, mostRows)) : nil
    k.runs(of: sequence, first: first, counter: position, count: count)
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

extension Refinement {
  /// Positions p with (p + 1) / ratio <= |entries|: every group of `ratio` tokens that is complete there has
  /// a place in `entries`.
  static func withEntries(in entries: Dimension, ratio: Int) -> Refinement {
    .below((Position(lengthOf: entries) + 1) * ratio - 1)
  }
}
