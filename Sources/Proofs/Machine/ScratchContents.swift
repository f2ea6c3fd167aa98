import MachineIR

/// What is known of the integers in on-chip arrays: bounds that hold of everything that a kernel stores to
/// them. A value that is only moved from one array to another adds nothing.
struct ScratchContents {
  struct Part {
    var lowers: [Polynomial] = []
    var uppers: [Polynomial] = []
  }
  /// Bounds by array: of the number, or of the upper and the lower half of a packed one.
  private var known: [String: [Part]] = [:]
  private var stored: [String: [AbstractValue]] = [:]
  /// Numbers that loads gave, with the arrays that they come from and their half.
  private var origins: [Symbol: Origin] = [:]
  private struct Origin: Hashable {
    let array: String
    let half: Int
  }

  init() {}

  mutating func store(_ value: AbstractValue, to array: String, lanes: Int) {
    stored[array, default: []].append(value)
  }

  /// What an element of an array is.
  mutating func load(
    _ array: String, _ range: ClosedRange<Int>, _ prover: inout BoundElimination
  ) -> AbstractValue {
    func number(_ part: Part?, _ half: Int, _ range: ClosedRange<Int>) -> Polynomial {
      let symbol = prover.with { table in
        table.add(
          array,
          lowers: (part?.lowers ?? []).map { .init($0) } + [.init(Polynomial(range.lowerBound))],
          uppers: (part?.uppers ?? []).map { .init($0) } + [.init(Polynomial(range.upperBound))])
      }
      origins[symbol] = Origin(array: array, half: half)
      return Polynomial(symbol)
    }
    let isPacked =
      known[array]?.count == 2
      || stored[array]?.contains { if case .packed = $0 { true } else { false } } == true
    guard isPacked else { return .integer(number(known[array]?.first, 0, range)) }
    let half = MachineScalar.i32.values!
    return .packed(
      high: number(known[array]?.first, 0, half), low: number(known[array]?.last, 1, 0...half.upperBound))
  }

  /// Says that a number is an element of the array that another came from.
  mutating func name(_ symbol: Symbol, asPartOf other: Symbol) {
    if let origin = origins[other] { origins[symbol] = origin }
  }

  /// The bounds of what a walk has stored, by numbers of the launch: symbols up to `mark`.
  func summarised(_ walk: KernelWalk, mark: Int) -> ScratchContents {
    var result = ScratchContents()
    for array in stored.keys.sorted() {
      let isPacked = stored[array]!.contains { if case .packed = $0 { true } else { false } }
      var parts: [Part] = []
      for half in isPacked ? [0, 1] : [0] {
        var sources: [Polynomial] = []
        var seen: Set<Origin> = []
        guard collect(Origin(array: array, half: half), &sources, &seen), !sources.isEmpty else { continue }
        parts.append(Self.bounds(of: sources, walk, mark: mark))
      }
      if parts.count == (isPacked ? 2 : 1) { result.known[array] = parts }
    }
    return result
  }

  /// Gathers what is stored to an array other than elements of arrays; false where something is unknown.
  private func collect(_ origin: Origin, _ sources: inout [Polynomial], _ seen: inout Set<Origin>) -> Bool {
    guard seen.insert(origin).inserted else { return true }
    for value in stored[origin.array] ?? [] {
      let part: Polynomial
      switch value {
      case .integer(let a) where origin.half == 0: part = a
      case .packed(let high, let low): part = origin.half == 0 ? high : low
      default: return false
      }
      guard part.isValid else { return false }
      if let top = part.top, part == Polynomial(top), let from = origins[top] {
        guard collect(from, &sources, &seen) else { return false }
      } else if part.parts.contains(where: { Polynomial.symbols($0.symbols).contains { origins[$0] != nil } })
      {
        return false
      } else {
        sources.append(part)
      }
    }
    return true
  }

  private static func bounds(of sources: [Polynomial], _ walk: KernelWalk, mark: Int) -> Part {
    var prover = walk.prover
    var part = Part()
    for bound in Set(sources.flatMap { LoopInvariants.outerBounds(walk, $0, mark: mark, lower: true) }) {
      if sources.allSatisfy({ prover.isAtLeastZero($0 - bound) }) { part.lowers.append(bound) }
    }
    for bound in Set(sources.flatMap { LoopInvariants.outerBounds(walk, $0, mark: mark, lower: false) }) {
      if sources.allSatisfy({ prover.isAtLeastZero(bound - $0) }) { part.uppers.append(bound) }
    }
    // The order of a set is not the same on every run.
    part.lowers.sort { $0.isBefore($1) }
    part.uppers.sort { $0.isBefore($1) }
    return part
  }
}

extension Polynomial {
  fileprivate func isBefore(_ other: Polynomial) -> Bool {
    for (a, b) in zip(parts, other.parts) where a != b {
      return a.symbols != b.symbols ? a.symbols < b.symbols : a.factor < b.factor
    }
    return parts.count < other.parts.count
  }
}
