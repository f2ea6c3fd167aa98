import MachineIR

/// Finds where the warps of a block that share the rounds of loops must wait for each other.
struct BlockWaits {
  /// Memory that some warp may have touched since all waited.
  struct Touched: Hashable {
    var reads: Set<String> = []
    var writes: Set<String> = []

    func union(_ other: Touched) -> Touched {
      Touched(reads: reads.union(other.reads), writes: writes.union(other.writes))
    }
    func needsWait(before next: Touched) -> Bool {
      !writes.isDisjoint(with: next.reads.union(next.writes)) || !reads.isDisjoint(with: next.writes)
    }
  }
  private let arrays: Set<String>
  private let within: (CountedLoop) -> [MachineStatement]

  /// `within` puts the waits of a warp into the body of a round.
  init(_ kernel: MachineKernel, within: @escaping (CountedLoop) -> [MachineStatement]) {
    arrays = Set(kernel.scratch.map(\.name))
    self.within = within
  }

  /// The statements with their waits, from what is touched before the first of them on.
  func block(_ statements: [MachineStatement], _ now: inout Touched) -> [MachineStatement] {
    var found: [MachineStatement] = []
    func wait(before next: Touched) {
      guard now.needsWait(before: next) else { return }
      found.append(.synchronise(.block))
      now = Touched()
    }
    for statement in statements {
      switch statement {
      case .loop(let loop) where loop.isSharedOut:
        let own = touched(statement)
        wait(before: own)
        found.append(.loop(loop.with(within(loop))))
        now = now.union(own)
      case .loop(let loop): found.append(.loop(loop.with(rounds(loop.body, &now))))
      case .branch(let condition, let then, let otherwise):
        wait(before: Touched(reads: memory(condition)))
        now.reads.formUnion(memory(condition))
        var (a, b) = (now, now)
        found.append(.branch(condition, block(then, &a), block(otherwise, &b)))
        now = a.union(b)
      default:
        let reads = Touched(reads: statement.expressions.reduce(into: []) { $0.formUnion(memory($1)) })
        wait(before: reads)
        now = now.union(reads)
        found.append(statement)
      }
    }
    return found
  }

  /// The body of a loop, each of whose rounds begins with what is touched before it or by the round before.
  func rounds(_ body: [MachineStatement], _ entry: inout Touched) -> [MachineStatement] {
    while true {
      var now = entry
      let found = block(body, &now)
      let next = entry.union(now)
      if next == entry { return found }
      entry = next
    }
  }

  private func memory(_ expression: Expression) -> Set<String> {
    Set(expression.reads.map(\.memory)).intersection(arrays)
  }

  private func touched(_ statement: MachineStatement) -> Touched {
    var found = Touched()
    statement.forEach { inner in
      for expression in inner.expressions { found.reads.formUnion(memory(expression)) }
      if let write = inner.write, arrays.contains(write.memory) { found.writes.insert(write.memory) }
    }
    return found
  }
}
