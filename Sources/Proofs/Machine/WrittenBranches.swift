import MachineIR

/// What the sides of branches write.
extension WrittenRegions {
  /// A side of a branch. Where the other side has nothing, the region must be empty there.
  mutating func branch(
    _ holds: [Polynomial], _ fails: [Polynomial], _ inner: [WriteTree.Node]
  ) -> [WrittenRegion] {
    if holds.contains(where: { $0.constant.map { $0 < 0 } ?? false }) { return [] }
    let count = walk.prover.facts.count
    for fact in holds { walk.prover.push(fact) }
    let found = regions(inner)
    walk.prover.pop(to: count)
    for fact in fails { walk.prover.push(fact) }
    defer { walk.prover.pop(to: count) }
    return found.map { region in
      var region = region
      let isEmpty = region.axes.contains { isAtLeastZero($0.count * -1) }
      if !isEmpty, !isUnreachable() { region.isConditional = true }
      return region
    }
  }

  /// Both sides of a branch, as one where they have the same regions.
  mutating func either(
    _ holds: [Polynomial], _ fails: [Polynomial], _ a: [WriteTree.Node], _ b: [WriteTree.Node]
  ) -> [WrittenRegion] {
    func side(_ facts: [Polynomial], _ nodes: [WriteTree.Node]) -> [WrittenRegion] {
      let count = walk.prover.facts.count
      for fact in facts { walk.prover.push(fact) }
      defer { walk.prover.pop(to: count) }
      return regions(nodes)
    }
    func isSame(_ x: WrittenRegion, _ y: WrittenRegion, _ facts: [Polynomial]) -> Bool {
      let count = walk.prover.facts.count
      for fact in facts { walk.prover.push(fact) }
      defer { walk.prover.pop(to: count) }
      return x.axes.count == y.axes.count && x.isConditional == y.isConditional
        && zip(x.axes, y.axes).allSatisfy { p, q in
          isZero(p.first - q.first) && isZero(p.count - q.count)
            && (p.step == q.step || p.count == Polynomial(1))
        }
    }
    let (x, y) = (side(holds, a), side(fails, b))
    if x.count == y.count {
      if zip(x, y).allSatisfy({ isSame($0, $1, holds) }) { return y }
      if zip(x, y).allSatisfy({ isSame($0, $1, fails) }) { return x }
    }
    return branch(holds, fails, a) + branch(fails, holds, b)
  }
}
