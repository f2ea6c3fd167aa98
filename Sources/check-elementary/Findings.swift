import ElementaryOracle
import TileIR

/// An input and what the compiled function returned for it.
struct Evaluation {
  let x, y: UInt32
  /// The error in ulps by the fp64 evaluation.
  let error: Double
}

/// What is found over a part of the inputs; parts are joined with `merge`.
struct Findings {
  /// Errors from this share of the worst, or of the bound, are judged again.
  static let share = 0.99
  /// Enough for any function near its bound; a broken one would fill memory.
  static let mostSuspects = 200_000

  var inputs = 0
  /// The worst error so far by the fp64 evaluation.
  var worst = 0.0
  /// Inputs near the worst so far, or near the bound.
  var suspects: [Evaluation] = []
  /// The largest error among suspects that were dropped because there were too many.
  var dropped = 0.0
  /// NaN inputs whose result is not the canonical NaN.
  var leakedNaN: [Evaluation] = []
  var leakedNaNCount = 0
  /// Second inputs of neighbours that break a promised direction.
  var reversals: [Evaluation] = []
  var reversalCount = 0

  /// From which error on an input is worth a second judgement.
  var threshold: Double { Self.share * min(worst, 1) }

  mutating func note(_ evaluation: Evaluation) {
    worst = max(worst, evaluation.error)
    suspects.append(evaluation)
    if suspects.count >= Self.mostSuspects { prune() }
  }

  mutating func noteNaN(_ evaluation: Evaluation) {
    leakedNaNCount += 1
    if leakedNaN.count < 5 { leakedNaN.append(evaluation) }
  }

  mutating func noteReversal(_ evaluation: Evaluation) {
    reversalCount += 1
    if reversals.count < 5 { reversals.append(evaluation) }
  }

  /// Drops what a worse input has made unsuspicious; of too many, the worst stay.
  private mutating func prune() {
    let threshold = threshold
    suspects.removeAll { $0.error < threshold }
    if suspects.count >= Self.mostSuspects {
      suspects.sort { $0.error > $1.error }
      dropped = max(dropped, suspects[suspects.count / 2].error)
      suspects.removeLast(suspects.count - suspects.count / 2)
    }
  }

  mutating func merge(_ other: Findings) {
    inputs += other.inputs
    worst = max(worst, other.worst)
    suspects += other.suspects
    dropped = max(dropped, other.dropped)
    leakedNaNCount += other.leakedNaNCount
    leakedNaN = Array((leakedNaN + other.leakedNaN).prefix(5))
    reversalCount += other.reversalCount
    reversals = Array((reversals + other.reversals).prefix(5))
    prune()
  }
}
