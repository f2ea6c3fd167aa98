import MachineIR
import TileIR

/// Arrays on chip that asynchronous copies fill: rings of stages, of which round r of a loop takes stage r % count.
///
/// A ring's rounds are numbers of the proof, a stage is a round but for multiples of how many there are. So that two
/// rounds have different stages follows from their difference, and it is enough to know that what is copied or read
/// in a round lies within one stage, which is an obligation.
struct CopyRings {
  struct Ring {
    /// How many stages, and elements of one.
    let stages: Int
    let size: Int
  }
  /// By array; nil for one whose stages are not told apart.
  private(set) var rings: [String: Ring?] = [:]

  init(_ kernel: MachineKernel) {
    var places: [String: Set<Int>] = [:]
    for copy in kernel.copies { places[copy.target, default: []].formUnion(copy.offset.remainders) }
    for array in kernel.scratch {
      guard let stages = places[array.name] else { continue }
      var ring: Ring?
      if case .constant(let count) = array.count, stages.count <= 1, count % (stages.first ?? 1) == 0 {
        ring = Ring(stages: stages.first ?? 1, size: count / (stages.first ?? 1))
      }
      rings[array.name] = .some(ring)
    }
  }

  func isRing(_ array: String) -> Bool { rings[array] != nil }
}

/// What happens to asynchronous copies, in a kernel's order.
enum CopyEvent {
  /// A round of a ring; none where it is not known. The part of the stage, in elements; none for any.
  struct Stage: Hashable {
    let ring: String
    var round: Polynomial?
    var part: Range<Int>?
  }
  case start(Stage, SourceLocation)
  case close
  case await(Int, SourceLocation)
  case read(Stage, SourceLocation)
}

extension [MachineStatement] {
  /// The arrays that asynchronous copies go to in them.
  var copyTargets: Set<String> {
    var found: Set<String> = []
    for statement in self {
      statement.forEach { if case .startCopy(let copy) = $0 { found.insert(copy.target) } }
    }
    return found
  }
}

extension Expression {
  /// What remainders in a place are by.
  fileprivate var remainders: Set<Int> {
    guard case .apply(let instruction, let operands, _) = self else { return [] }
    let inside = operands.reduce(into: Set<Int>()) { $0.formUnion($1.remainders) }
    if case .remainderFloor(let n) = instruction { return inside.union([n]) }
    return inside
  }
}

extension KernelWalk {
  /// Parts of a stage, and rounds that are copied before a loop.
  private static let mostRingSplits = 8

  mutating func step(copy statement: MachineStatement) {
    switch statement {
    case .startCopy(let copy): start(copy)
    case .closeCopies: if isJudged { touches.add(.copies(.close)) }
    case .awaitCopies(let latest): if isJudged { touches.add(.copies(.await(latest, location))) }
    default: preconditionFailure("a statement about copies")
    }
  }

  private mutating func start(_ copy: AsynchronousCopy) {
    let (from, to) = (integer(copy.source.offset), integer(copy.offset))
    guard kernel.fits(copy) else {
      if isJudged {
        refuse(.inBounds, "copy to \(copy.target)", "it is no array on chip with elements as wide")
      }
      return
    }
    contents.store(.unknown, to: copy.target, lanes: copy.count)
    let bits = copy.source.element.bitWidth
    let lane = lane(of: copy.count)
    judge(copy.source.buffer, from + lane, bits: bits, element: copy.source.element, isWrite: false)
    note(copy.source.buffer, from + lane, isWrite: false)
    judge(copy.target, to + lane, bits: bits, element: nil, isWrite: true)
    guard isJudged || notesCopies else { return }
    let (stage, place) = stage(copy.target, to, last: to + (copy.count - 1))
    if let place, let round = stage.round {
      // Before a loop of rounds: what another loop has copied does not count for it.
      if round.constant != nil, turnedRings.remove(copy.target) != nil { stored.renew(copy.target) }
      noteCopied(copy, place, round)
    }
    guard isJudged else { return }
    judgeAligned(copy, from, to)
    touches.add(.copies(.start(stage, location)))
  }

  /// Notes what a copy fills, by where it would be in an array with a stage for every round.
  private mutating func noteCopied(_ copy: AsynchronousCopy, _ place: Polynomial, _ round: Polynomial) {
    guard let lane = lane(of: copy.count).top, case .some(.some(let ring)) = copyRings.rings[copy.target]
    else { return }
    var places = [place]
    // As many rounds ahead as there are stages is the same remainder.
    if round.constant == nil, round.constantTerm == 0 { places.append(place + ring.stages * ring.size) }
    for place in places {
      let elements = StoredElements(
        place: place + Polynomial(lane), bits: copy.source.element.bitWidth,
        variables: [.init(symbol: lane, lower: Polynomial(0), uppers: [Polynomial(copy.count)])])
      prover.with { stored.add(elements, to: copy.target, joins: place == places[0], &$0) }
    }
  }

  /// Notes a read of an array that copies fill, and judges that the round has been copied there.
  mutating func readRing(_ array: String, _ place: Polynomial, bits: Int) {
    guard isJudged, copyRings.isRing(array) else { return }
    let width = kernel.scratch.first { $0.name == array }!.type.byteCount * 8
    let (stage, own) = bits == width ? stage(array, place, last: place) : (CopyEvent.Stage(ring: array), nil)
    touches.add(.copies(.read(stage, location)))
    judge(
      own ?? .invalid, bits: bits, isOneOf: stored.elements(of: array),
      "elements of \(array) are copied before they are read", splits: Self.mostRingSplits)
  }

  /// The stage in which elements `first ... last` of a ring lie; one without a round where that is not proved. And
  /// where the first would be in an array with a stage for every round.
  private mutating func stage(
    _ array: String, _ first: Polynomial, last: Polynomial
  ) -> (stage: CopyEvent.Stage, place: Polynomial?) {
    let unknown = CopyEvent.Stage(ring: array)
    guard case .some(.some(let ring)) = copyRings.rings[array], first.isValid, last.isValid
    else { return (unknown, nil) }
    for (round, start) in rounds(first, ring) {
      let (lower, upper) = (first - start, last - start)
      guard prover.isAtLeastZero(lower), prover.isAtLeastZero(upper * -1 + (ring.size - 1)) else { continue }
      var part: Range<Int>?
      if let lower = lower.constant, let upper = upper.constant { part = lower..<upper + 1 }
      return (CopyEvent.Stage(ring: array, round: round, part: part), round * ring.size + lower)
    }
    return (unknown, nil)
  }

  /// Opens what the rounds of a loop before the one at hand have copied, where its body copies; says whether it
  /// does.
  mutating func openEarlierCopies(
    _ loop: CountedLoop, _ lower: Polynomial, _ symbol: Symbol, mark: Int
  ) -> Bool {
    guard isJudged, !copyRings.rings.isEmpty, !loop.body.copyTargets.isEmpty else { return false }
    stored.begin()
    _ = rehearse(loop.body, notesCopies: true)
    let frame = stored.end()
    let other = prover.with { $0.add("earlier_round", lowers: [.init(lower)]) }
    let variable = StoredElements.Variable(symbol: other, lower: lower, uppers: [Polynomial(symbol)])
    stored.begin()
    var log = stored
    log.take(frame) {
      overRounds(replacing($0, symbol, Polynomial(other)), variable, mark: mark, outer: [symbol])
    }
    stored = log
    return true
  }

  /// Rounds in whose stage a place may lie, and where that stage begins.
  private func rounds(_ place: Polynomial, _ ring: CopyRings.Ring) -> [(round: Polynomial, start: Polynomial)]
  {
    var found: [(round: Polynomial, start: Polynomial)] = []
    // size * (round - stages * floor(round / stages)), and what is within the stage.
    for part in place.parts where part.factor == -ring.stages * ring.size {
      let symbols = Polynomial.symbols(part.symbols)
      guard symbols.count == 1, case .floor(let round, ring.stages) = prover.table[symbols[0]].meaning else {
        continue
      }
      found.append((round, (round - Polynomial(symbols[0]) * ring.stages) * ring.size))
    }
    // A round of fewer than there are stages, which is its own remainder.
    let (round, _) = place.divided(by: ring.size)
    return found + [(round, round * ring.size)]
  }

  /// A thread's pieces begin at multiples of their size. A workspace does; a parameter may begin anywhere.
  private mutating func judgeAligned(_ copy: AsynchronousCopy, _ from: Polynomial, _ to: Polynomial) {
    let sentence = "pieces of a copy from \(copy.source.buffer) to \(copy.target)"
    guard let piece = copy.pieceBytes else { return refuse(.aligned, sentence, "it has no whole words") }
    let elements = piece * 8 / copy.source.element.bitWidth
    let isWorkspace = kernel.buffers.contains {
      if case .workspace = $0.source { $0.name == copy.source.buffer } else { false }
    }
    guard isWorkspace else { return refuse(.aligned, sentence, "a parameter may begin anywhere") }
    guard divisor(from) % elements == 0, divisor(to) % elements == 0 else {
      return refuse(
        .aligned, sentence, "it may begin within \(piece) bytes",
        open: divisor(from) % elements == 0 ? to : from)
    }
    find(.aligned, sentence, .proved(.divisibility))
  }
}
