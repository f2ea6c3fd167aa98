import MachineIR
import TileIR

/// Whether every element that is used of an array of sums has been added to: what tiles leave out would keep +0.
extension HeldSum {
  /// Why not; nil where all have.
  /// - Parameter added: the elements that are added to, the addends as their last axis.
  func faultOfElements(_ added: [WrittenRegion], _ joining: inout WrittenRegions) -> String? {
    guard !adds[0].step.index.isEmpty, added[0].axes.count > 1 else { return nil }
    let last = nodes.lastIndex { !$0.adds(to: holder).isEmpty }!
    let uses = Array(nodes[(last + 1)...]).flatMap { self.uses($0) }
    guard !uses.isEmpty else { return "its elements are used elsewhere" }
    let complaints = joining.complaints.count
    joining.isOfReads = true
    defer { joining.isOfReads = false }
    let used = joining.regions(uses).filter { !$0.axes.contains { $0.count == Polynomial(0) } }
    guard joining.complaints.count == complaints else {
      return "which of its elements are used is not followed (\(joining.complaints[complaints].message))"
    }
    for region in used where !joining.covers(added, region) {
      return "elements that are used may not have been added to (\(joining.walk.text(region)))"
    }
    return nil
  }

  /// Uses as writes.
  private func uses(_ node: SumTree.Node) -> [WriteTree.Node] {
    switch node {
    case .step(let step):
      return step.uses.filter { $0.holder == holder }.map { use in
        .write(
          WriteTree.Write(
            buffer: holder, place: Polynomial(0), lanes: use.lanes, active: use.active,
            location: step.location,
            isScattered: false, keys: use.index + [Polynomial(0)]))
      }
    case .loop(let loop, let inner):
      let found = inner.flatMap { uses($0) }
      return found.isEmpty ? [] : [.loop(loop.numbers, found)]
    case .branch(let holds, let fails, let a, let b):
      let (x, y) = (a.flatMap { uses($0) }, b.flatMap { uses($0) })
      return (x.isEmpty ? [] : [.branch(holds, fails, x)]) + (y.isEmpty ? [] : [.branch(fails, holds, y)])
    }
  }
}

extension WrittenRegions {
  /// Whether each element of a region is one of others', the last axis of all left aside.
  fileprivate mutating func covers(_ regions: [WrittenRegion], _ part: WrittenRegion) -> Bool {
    if regions.contains(where: {
      covers(Array($0.axes.dropLast()), Array(part.axes.dropLast())) && !$0.hasGaps
    }) {
      return true
    }
    guard let axis = part.axes.indices.dropLast(2).first(where: { part.axes[$0 + 1].radix != nil }) else {
      return false
    }
    // Elements of blocks lie between the first of the first block and the last of the last; failing that, blocks are looked
    // at one by one.
    let (blocks, inner) = (part.axes[axis], part.axes[axis + 1])
    func only(_ first: Polynomial, _ count: Polynomial) -> WrittenRegion {
      var single = part
      single.axes[axis + 1] = Progression(first: first, step: 1, count: count, radix: blocks.radix)
      single.axes.remove(at: axis)
      return single
    }
    let radix = inner.radix!
    let (first, last) = (blocks.first * radix + inner.first, blocks.last * radix + inner.last)
    if covers(regions, only(first, last - first + 1)) { return true }
    guard let count = blocks.count.constant, (1...16).contains(count), inner.step == 1 else { return false }
    return (0..<count).allSatisfy { block in
      covers(regions, only((blocks.first + block * blocks.step) * radix + inner.first, inner.count))
    }
  }

  private mutating func covers(_ whole: [Progression], _ part: [Progression]) -> Bool {
    whole.count == part.count
      && zip(whole, part).allSatisfy { a, b in
        let isSame = isZero(a.first - b.first)
        guard a.radix == b.radix, a.step == 1 || isSame && (a.step == b.step || b.count == Polynomial(1))
        else {
          return false
        }
        return isSame && isZero(a.count - b.count)
          || isAtLeastZero(b.first - a.first) && isAtLeastZero(a.last - b.last)
      }
  }
}
