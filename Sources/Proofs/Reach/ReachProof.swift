import MachineIR
import TileIR

/// That a pipe program touches main memory where its plan does, and nowhere else.
///
/// Both are walked with the same numbers. Each store of the program is one of the plan's at the same bytes, in the same
/// loops and under the same conditions, and each of the plan's is made; each load is one of the plan's that stands
/// under no more conditions, and each of the plan's has been made by then. No copy is of nothing, or has more elements
/// than it has room for on chip.
///
/// What the vector unit computes is taken to be the plan's: an integer that the scalar unit reads back is one that the
/// plan computes of lanes or floats, the same wherever it is named.
struct ReachProof {
  private(set) var faults: [PipeProof.Fault] = []
  private let plan: ReachWalk
  private let pipes: ReachWalk
  private var agreement: ReachAgreement
  /// What of the plan's numbers and loops has to be compared, for places that depend on it.
  private var asked: Set<Symbol> = []

  init(_ kernel: PipeKernel) {
    var plan = ReachWalk(
      kernel, ReachNumbers(), ofPipes: false, changing: ReachWalk.assigned(kernel.source.body))
    plan.walk(kernel.source.body)
    let first = Symbol(plan.numbers.prover.table.count + 1)
    var pipes = ReachWalk(kernel, plan.numbers, ofPipes: true, changing: plan.changing)
    pipes.walkProgram()
    self.plan = plan
    self.pipes = pipes
    agreement = ReachAgreement(pipes.numbers, firstOfPipes: first)
    let (read, written) = (plan.buffers(areWritten: false), plan.buffers(areWritten: true))
    let inOneWay = read.symmetricDifference(written)
    agreement.partsOfLoops = Set(pipes.touches.compactMap { inOneWay.contains($0.buffer) ? $0.rows : nil })
    for fault in plan.faults + pipes.faults { fail(fault.message, fault.location) }
    if plan.leaves != pipes.leaves { fail("a loop is left elsewhere than in the plan", nil) }
    matchStores()
    matchLoads()
    matchLoops()
  }

  private mutating func fail(_ message: String, _ location: SourceLocation?) {
    let fault = PipeProof.Fault(message: message, location: location)
    if !faults.contains(fault) { faults.append(fault) }
  }

  // MARK: Touches

  /// The context of a pipe program's touch, without conditions that there is something to copy and with them.
  private func contexts(_ touch: ReachTouch) -> [[ReachCircumstance]] {
    var found = [touch.context]
    for condition in touch.conditions.sorted(by: >) {
      let without = found.map { context in
        var other = context
        other.remove(at: condition)
        return other
      }
      found = without + found
    }
    return found
  }

  private mutating func matchStores() {
    var left = plan.touches.filter(\.isWrite)
    let spilled = Set(plan.kernel.spills.map(\.buffer.name))
    for touch in pipes.touches where touch.isWrite {
      let contexts = contexts(touch)
      let index = left.firstIndex { store in
        contexts.contains { context in
          agreement.tries {
            // Lanes of an array that hold nothing stay behind.
            $0.agree(context, store.context)
              && $0.agree(touch, store, mayBeLess: spilled.contains(store.buffer))
          }
        }
      }
      guard let index else {
        fail("\(touch.buffer) is stored to where the plan does not, or to another length", touch.location)
        continue
      }
      left.remove(at: index)
    }
    for store in left { fail("a store of the plan to \(store.buffer) is missing", store.location) }
  }

  private mutating func matchLoads() {
    let loads = plan.touches.filter { !$0.isWrite }
    var isMade = loads.map { _ in false }
    for touch in pipes.touches where !touch.isWrite {
      let contexts = contexts(touch)
      /// The first load that is the touch's, in a context that compares so.
      func first(
        _ agreement: inout ReachAgreement, where isAsked: (Int) -> Bool,
        _ compares: (inout ReachAgreement, [ReachCircumstance], [ReachCircumstance]) -> Bool
      ) -> Int? {
        loads.indices.first { number in
          guard isAsked(number), loads[number].epoch == touch.epoch else { return false }
          return contexts.contains { context in
            agreement.tries {
              $0.agree(touch, loads[number]) && compares(&$0, context, loads[number].context)
            }
          }
        }
      }
      // One that is not made yet comes first: what is read back for this load is not yet known.
      let own = first(&agreement, where: { !isMade[$0] }) { $0.agree($1, $2) }
      if let own { isMade[own] = true }
      // What the plan loads under fewer conditions may be loaded here, and more than once. What the scalar unit has, it
      // has wherever the plan loads it under more; a copy is of one load.
      if own == nil, first(&agreement, where: { _ in true }, { $0.covers($1, $2) }) == nil {
        fail("\(touch.buffer) is loaded where the plan does not, or to another length", touch.location)
      }
      guard !touch.isCopy else { continue }
      while let more = first(&agreement, where: { !isMade[$0] }, { $0.isCovered($1, by: $2) }) {
        isMade[more] = true
      }
    }
    for (load, isMade) in zip(loads, isMade) where !isMade {
      fail("a load of the plan from \(load.buffer) is missing", load.location)
    }
  }

  // MARK: Loops

  /// Loops that places depend on have the same numbers from round to round, and are left at the same.
  private mutating func matchLoops() {
    for touch in plan.touches {
      ask(touch.first)
      ask(touch.count)
      ask(touch.context)
    }
    var done: Set<Symbol> = []
    while let symbol = asked.subtracting(done).min() {
      done.insert(symbol)
      guard let origin = agreement.numbers.origin(of: symbol) else { continue }
      for operand in origin.operands { ask(operand) }
      switch origin.shape {
      case .round: matchExits(symbol)
      case .carried(let name), .left(let name): match(name, of: origin.operands[0].top!)
      default: break
      }
    }
  }

  private mutating func ask(_ number: Polynomial) {
    for part in number.parts { asked.formUnion(Polynomial.symbols(part.symbols)) }
  }

  private mutating func ask(_ context: [ReachCircumstance]) {
    for circumstance in context {
      switch circumstance {
      case .loop(let round): asked.insert(round)
      case .fact(let fact): ask(fact.number)
      }
    }
  }

  /// The pipe program's loop for one of the plan's, and the plan's own.
  private mutating func loops(_ round: Symbol) -> (pipes: ReachWalk.Loop, plan: ReachWalk.Loop)? {
    guard let own = plan.loops[round] else { return nil }
    if let same = pipes.loops[round] { return (same, own) }
    for (symbol, loop) in pipes.loops where agreement.resolved(Polynomial(symbol)) == Polynomial(round) {
      return (loop, own)
    }
    return nil
  }

  private mutating func matchExits(_ round: Symbol) {
    guard let (theirs, own) = loops(round) else { return fail("a loop of the plan is missing", nil) }
    for exit in own.exits { ask(exit.context) }
    let same = zip(theirs.exits, own.exits).allSatisfy { theirs, own in
      agreement.tries { $0.agree(theirs.context, own.context) }
    }
    if !same || theirs.exits.count != own.exits.count {
      fail("a loop is left elsewhere than in the plan", nil)
    }
  }

  private mutating func match(_ name: String, of round: Symbol) {
    guard let (theirs, own) = loops(round) else { return fail("a loop of the plan is missing", nil) }
    asked.insert(round)
    let pairs =
      [(theirs.start[name], own.start[name]), (theirs.end[name], own.end[name])]
      + zip(theirs.exits, own.exits).map { ($0.values[name], $1.values[name]) }
    for (theirs, own) in pairs {
      guard let theirs, let own, agreement.tries({ $0.agree(theirs, own) }) else {
        fail("\(name) is not the plan's from round to round", nil)
        continue
      }
      ask(own)
    }
  }
}

extension ReachWalk {
  /// Buffers that it reads, or writes.
  fileprivate func buffers(areWritten: Bool) -> Set<String> {
    Set(touches.lazy.filter { $0.isWrite == areWritten }.map(\.buffer))
  }
}
