import MachineIR
import TileIR

/// Which numbers of a pipe program are the plan's, found where both say the same of main memory.
///
/// What the scalar unit reads back is taken for the number that the plan computes of lanes there, when it is first met;
/// from then on it is that one.
struct ReachAgreement {
  private(set) var numbers: ReachNumbers
  /// The pipe program's own symbols are those from here on.
  private let firstOfPipes: Symbol
  private var bound: [Symbol: Polynomial] = [:]
  /// Loops of the pipe program that are part of one of the plan's: over the rows of a copy of what the plan only reads or
  /// only writes, so that it is the same before, between or behind its other parts.
  var partsOfLoops: Set<Symbol> = []

  init(_ numbers: ReachNumbers, firstOfPipes: Symbol) {
    self.numbers = numbers
    self.firstOfPipes = firstOfPipes
  }

  /// Whether `body` finds all that it compares to agree; nothing is learnt where it does not.
  mutating func tries(_ body: (inout ReachAgreement) -> Bool) -> Bool {
    let before = bound
    if body(&self) { return true }
    bound = before
    return false
  }

  /// A number of the pipe program in the plan's numbers, as far as those are known.
  mutating func resolved(_ number: Polynomial) -> Polynomial {
    let (bound, first) = (bound, firstOfPipes)
    let symbols = number.parts.flatMap { Polynomial.symbols($0.symbols) }
    guard symbols.contains(where: { $0 >= first }) else { return number }
    return numbers.rebuilt(number) { bound[$0] ?? ($0 < first ? Polynomial($0) : nil) }
  }

  /// Whether a number of the pipe program is one of the plan's. A lane's place is read back, or else computed.
  mutating func agree(_ pipes: Polynomial, _ plan: Polynomial) -> Bool {
    if tries({ $0.same(pipes, plan) }) { return true }
    var computed = plan
    for symbol in plan.parts.flatMap({ Polynomial.symbols($0.symbols) }) {
      guard let origin = numbers.origin(of: symbol), origin.shape == .place else { continue }
      computed = computed.replacing(symbol, origin.operands[0])
    }
    return computed != plan && same(pipes, computed)
  }

  private mutating func same(_ pipes: Polynomial, _ plan: Polynomial) -> Bool {
    for _ in 0..<16 {
      let rest = resolved(pipes) - plan
      guard rest.isValid else { return false }
      if rest == Polynomial(0) { return true }
      guard bind(in: rest) else { return false }
    }
    return false
  }

  mutating func agree(_ pipes: [Polynomial], _ plan: [Polynomial]) -> Bool {
    pipes.count == plan.count && zip(pipes, plan).allSatisfy { agree($0, $1) }
  }

  /// Takes a number of the pipe program for the plan's that stands against it.
  private mutating func bind(in rest: Polynomial) -> Bool {
    for part in rest.parts {
      let symbols = Polynomial.symbols(part.symbols)
      for symbol in symbols where symbol >= firstOfPipes && bound[symbol] == nil {
        for other in rest.parts where other.factor == -part.factor {
          var (own, theirs) = (symbols, Polynomial.symbols(other.symbols))
          own.removeAll { theirs.contains($0) }
          theirs.removeAll { symbols.contains($0) }
          guard own == [symbol], theirs.count == 1, theirs[0] < firstOfPipes else { continue }
          if tries({ $0.match(symbol, theirs[0]) }) { return true }
        }
      }
    }
    return false
  }

  private mutating func match(_ symbol: Symbol, _ plan: Symbol) -> Bool {
    guard let own = numbers.origin(of: symbol), let theirs = numbers.origin(of: plan) else { return false }
    switch (own.shape, theirs.shape) {
    case (.read, .opaque), (.read, .place): break
    // A loop over all lanes.
    case (.round, .lane):
      guard agree(own.operands, [Polynomial(0), theirs.operands[0], Polynomial(1)]) else { return false }
    case (.round(let a, _), .round(let b, _)) where a == b && partsOfLoops.contains(symbol):
      guard agree(own.operands, theirs.operands) else { return false }
    case (let a, let b) where a == b && !own.operands.isEmpty:
      guard agree(own.operands, theirs.operands) else { return false }
    default: return false
    }
    bound[symbol] = Polynomial(plan)
    return true
  }

  // MARK: Circumstances and touches

  mutating func agree(_ pipes: ReachCircumstance, _ plan: ReachCircumstance) -> Bool {
    switch (pipes, plan) {
    case (.loop(let a), .loop(let b)): a == b || agree(Polynomial(a), Polynomial(b))
    case (.fact(let a), .fact(let b)):
      a.kind == b.kind
        && (agree(a.number, b.number) || (a.kind != .atLeastZero && agree(a.number * -1, b.number)))
    default: false
    }
  }

  mutating func agree(_ pipes: [ReachCircumstance], _ plan: [ReachCircumstance]) -> Bool {
    pipes.count == plan.count && zip(pipes, plan).allSatisfy { agree($0, $1) }
  }

  /// Whether both touch the same bytes.
  mutating func agree(_ pipes: ReachTouch, _ plan: ReachTouch, mayBeLess: Bool = false) -> Bool {
    guard pipes.buffer == plan.buffer, pipes.leaves == plan.leaves, agree(pipes.first, plan.first)
    else { return false }
    return agree(pipes.count, plan.count)
      || (mayBeLess && numbers.prover.isAtLeastZero(plan.count - pipes.count))
  }
}

extension ReachAgreement {
  /// Whether what `plan` asks for is all asked for in `pipes`, in its order.
  mutating func covers(_ pipes: [ReachCircumstance], _ plan: [ReachCircumstance]) -> Bool {
    var rest = pipes[...]
    for circumstance in plan {
      guard let index = rest.firstIndex(where: { own in tries { $0.agree(own, circumstance) } }) else {
        return false
      }
      rest = rest[(index + 1)...]
    }
    return true
  }

  /// Whether what `pipes` asks for is all asked for in `plan`, in its order.
  mutating func isCovered(_ pipes: [ReachCircumstance], by plan: [ReachCircumstance]) -> Bool {
    var rest = plan[...]
    for circumstance in pipes {
      guard let index = rest.firstIndex(where: { other in tries { $0.agree(circumstance, other) } }) else {
        return false
      }
      rest = rest[(index + 1)...]
    }
    return true
  }
}
