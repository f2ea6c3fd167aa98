import Runtime
import Steps

extension Sequences {
  /// Refuses a batch that is larger than the model was loaded for, or a piece that does not begin where its
  /// sequence ends.
  func admit(_ batch: Batch, _ options: Model.Options) throws {
    guard batch.tokenCount <= options.chunk, batch.wantedCount <= options.rows else {
      throw RuntimeError(
        "a run has at most \(options.chunk) tokens and \(options.rows) rows of logits, "
          + "\(batch.tokenCount) and \(batch.wantedCount) are asked for")
    }
    var seen: Set<Int> = []
    for piece in batch.pieces {
      let sequence = piece.sequence
      guard (0..<room.sequences).contains(sequence), seen.insert(sequence).inserted else {
        throw RuntimeError(
          "each piece of a run belongs to a sequence of its own below \(room.sequences), not \(sequence)")
      }
      guard piece.start == length(sequence) else {
        throw RuntimeError(
          "sequence \(sequence) has \(length(sequence)) tokens, a piece begins at \(piece.start)")
      }
      guard piece.start + piece.tokens.count <= room.context else {
        throw RuntimeError(
          "sequence \(sequence) would have \(piece.start + piece.tokens.count) tokens, there is room for \(room.context)")
      }
    }
  }
}

extension StepExecutable {
  /// Sets the numbers and inputs of a model's step for a batch; `token` is the id at a place of a piece.
  func fill(_ batch: Batch, _ token: (_ piece: Int, _ place: Int) -> Int32) {
    func integers(_ name: String) -> UnsafeMutableBufferPointer<Int32> {
      input(name).bindMemory(to: Int32.self)
    }
    let (ids, sequence, position) = (integers("ids"), integers("sequence"), integers("position"))
    let (first, count) = (integers("first"), integers("count"))
    batch.forEachToken { row, piece, place in
      ids[row] = token(piece, place)
      sequence[row] = Int32(batch.pieces[piece].sequence)
      position[row] = Int32(batch.pieces[piece].start + place)
      first[row] = Int32(batch.firstRows[piece])
      count[row] = Int32(batch.pieces[piece].tokens.count)
    }
    set("tokens", to: batch.tokenCount)
    for ratio in [4, 128] where step.buffer(named: "closer\(ratio)") != nil {
      let closers = integers("closer\(ratio)")
      var closed = 0
      batch.closers(ratio: ratio) {
        closers[closed] = Int32($0)
        closed += 1
      }
      set("closed\(ratio)", to: closed)
    }
    if step.numbers.contains(where: { $0.name == "reach" }) {
      let longest = batch.pieces.map { $0.start + $0.tokens.count }.max() ?? 0
      set("reach", to: max(1, longest / 4))
    }
    guard step.buffer(named: "row") != nil else { return }
    let wanted = integers("row")
    var rows = 0
    batch.forEachWanted {
      wanted[rows] = Int32($0)
      rows += 1
    }
    set("rows", to: rows)
  }
}
