import MachineIR

/// Stores that are made lane by lane.
extension WrittenRegions {
  /// A store of one element, with what holds there.
  private struct LaneStore {
    let write: WriteTree.Write
    let keys: [Polynomial]
    /// Facts where it is made, and where it is not.
    let holds: [Polynomial]
    let fails: [Polynomial]
    let isGuarded: Bool

    init?(_ node: WriteTree.Node, _ walk: KernelWalk) {
      switch node {
      case .write(let write):
        (self.write, holds, fails, isGuarded) = (write, [], [], false)
      case .branch(let facts, let others, let inner):
        guard inner.count == 1, case .write(let write) = inner[0] else { return nil }
        (self.write, holds, fails, isGuarded) = (write, facts, others, true)
      case .loop, .either: return nil
      }
      guard write.lanes == 1, let keys = walk.keys(write) else { return nil }
      self.keys = keys
    }

    /// The axis along which it is `distance` elements behind another; nil where it is not.
    func axis(to other: LaneStore, _ distance: Int) -> Int? {
      guard write.buffer == other.write.buffer, keys.count == other.keys.count,
        holds.count == other.holds.count,
        isGuarded == other.isGuarded
      else { return nil }
      let moving = keys.indices.filter { keys[$0] != other.keys[$0] }
      guard moving.count == 1, (other.keys[moving[0]] - keys[moving[0]]).constant == distance else {
        return nil
      }
      return moving[0]
    }
  }

  /// Stores lane by lane, each where its lane is active, as one store of the active lanes.
  mutating func joinedLanes(_ nodes: [WriteTree.Node]) -> [WriteTree.Node] {
    let stores = nodes.map { LaneStore($0, walk) }
    var result: [WriteTree.Node] = []
    var position = 0
    while position < nodes.count {
      guard let first = stores[position], position + 1 < nodes.count, let second = stores[position + 1],
        let axis = first.axis(to: second, 1)
      else {
        result.append(nodes[position])
        position += 1
        continue
      }
      var group = [first, second]
      while position + group.count < nodes.count, let next = stores[position + group.count],
        first.axis(to: next, group.count) == axis
      { group.append(next) }
      result.append(.write(joined(group, axis)))
      position += group.count
    }
    return result
  }

  private mutating func joined(_ group: [LaneStore], _ axis: Int) -> WriteTree.Write {
    let first = group[0]
    // active - lane - 1 >= 0 in lane 0 gives how many are active.
    let bound = first.holds.indices.first { position in
      group.enumerated().allSatisfy { lane, store in
        (first.holds[position] - store.holds[position]).constant == lane
      }
    }
    // Facts follow from a condition. It is nothing but the bound where its opposite follows, too, when it fails.
    let isExact = group.allSatisfy { store in
      bound.map { store.holds == [store.holds[$0]] && store.fails == [store.holds[$0] * -1 - 1] } ?? !store
        .isGuarded
    }
    var keys = first.keys
    keys[axis] = keys[axis] + walk.lane(of: group.count)
    return WriteTree.Write(
      buffer: first.write.buffer, place: first.write.place, lanes: group.count,
      active: bound.map { first.holds[$0] + 1 }, location: first.write.location,
      isScattered: first.write.isScattered, keys: keys, isConditional: !isExact)
  }
}
