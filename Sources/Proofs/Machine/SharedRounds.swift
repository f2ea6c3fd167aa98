import MachineIR
import TileIR

/// A loop whose rounds go to the warps of a block in turns: no round may write what another touches, nor be handed
/// anything by another.
///
/// The elements of an array on chip that a round touches lie in a band: place = P h + s r + l, r the round, with
/// 0 <= l < s and 0 <= s r + l < P, whatever h is, so that a place belongs to one round. Every touch of an array that
/// the loop writes is to have the same s and P. Buffers need no bands: each of their elements is written once in all,
/// and none that a kernel writes is read by it, which are obligations of their own.
struct SharedRounds {
  fileprivate let round: Symbol
  /// Names of what the loop writes.
  fileprivate let written: Set<String>
  /// s and P of each array, as far as its touches leave several.
  fileprivate var bands: [String: [Band]] = [:]

  fileprivate struct Band: Hashable {
    let apart: Int
    let pitch: Int?
  }
}

extension KernelWalk {
  mutating func openRounds(_ loop: CountedLoop, _ round: Symbol) {
    var written: Set<String> = []
    for statement in loop.body {
      statement.forEach { if let write = $0.write, scratchCounts[write.memory] != nil { written.insert(write.memory) } }
    }
    guard isJudged else { return }
    if !kernel.sharesLoops || sharedRounds != nil {
      refuse(.ordered, Self.sentence, "the loop over \(loop.counter.name) is shared within another, or by none")
    }
    if loop.handsOn { refuse(.ordered, Self.sentence, "a round of \(loop.counter.name) hands something on") }
    sharedRounds = SharedRounds(round: round, written: written)
  }

  mutating func closeRounds() { if isJudged { sharedRounds = nil } }

  private static let sentence = "rounds that warps share are apart"

  /// Judges that a touch of an array is within its round's band.
  mutating func shareRound(_ memory: String, _ place: Polynomial, lanes: Int?, isWrite: Bool) {
    guard kernel.sharesLoops else { return }
    guard let rounds = sharedRounds else {
      if isWrite { refuse(.ordered, Self.sentence, "each warp writes \(memory)") }
      return
    }
    guard rounds.written.contains(memory) else { return }
    guard let lanes, place.isValid, let (apart, rest) = place.split(rounds.round), let apart = apart.constant, apart > 0
    else {
      return refuse(.ordered, Self.sentence, "places of \(memory) do not follow the round")
    }
    let factors = rest.parts.filter { !Polynomial.symbols($0.symbols).isEmpty }.map { abs($0.factor) }
    // Of places within a matrix a pitch is left only beside what its columns take.
    let pitches = Set(factors + factors.flatMap { a in factors.map { a + $0 } }).filter { $0 > apart }.sorted()
    let all = [SharedRounds.Band(apart: apart, pitch: nil)] + pitches.map { SharedRounds.Band(apart: apart, pitch: $0) }
    let possible = (rounds.bands[memory] ?? all).filter { $0.apart == apart }
    var left = possible.filter { band in
      goals(rest, lanes, rounds.round, band).allSatisfy { prover.isAtLeastZero($0) || prover.isUnreachable() }
    }
    if left.isEmpty {
      // Rows of a matrix' lanes are bounded by whole numbers only.
      left = possible.filter { band in
        goals(rest, lanes, rounds.round, band).allSatisfy { goal in
          if case .proved = decide(goal, .ordered, Self.sentence) { true } else { false }
        }
      }
    }
    guard let band = left.first else {
      return refuse(.ordered, Self.sentence, "places of \(memory) may be another round's", open: rest)
    }
    sharedRounds!.bands[memory] = left
    judge(.ordered, Self.sentence, goals(rest, lanes, rounds.round, band))
  }

  /// What is at least 0 where a place, without what the round adds, is within the round's band.
  private func goals(_ rest: Polynomial, _ lanes: Int, _ round: Symbol, _ band: SharedRounds.Band) -> [Polynomial] {
    guard let pitch = band.pitch else { return [rest, Polynomial(band.apart - lanes) - rest] }
    let low = rest.remainders(by: pitch)
    let place = low + Polynomial(round) * band.apart
    return [low, Polynomial(band.apart - lanes) - low, place, Polynomial(pitch - lanes) - place]
  }
}
