import TileIR

extension RegionAnalysis {
  /// Items by the loops over a cell's coordinates that they need: level 0 needs none, level n the first
  /// n. What varies only with outer coordinates is computed once for all inner ones.
  struct Levels {
    var items: [[Item]]
    /// Operands of fixed-point products of deeper levels, with their products.
    var operands: [[(operand: ValueID, product: ValueID)]]
    /// Whether the innermost loop finds anything computed before it.
    var isShared: Bool {
      items.dropLast().contains { !$0.isEmpty } || operands.dropLast().contains { !$0.isEmpty }
    }
  }

  func levels(_ fixed: [Dimension]) -> Levels {
    var levels = Levels(
      items: Array(repeating: [], count: fixed.count + 1),
      operands: Array(repeating: [], count: fixed.count + 1))
    for item in items {
      // Statements have an effect for every coordinate, and carried loops take what is theirs along.
      guard case .anchor(let id) = item else {
        levels.items[fixed.count].append(item)
        continue
      }
      let own = level(of: id, fixed)
      levels.items[own].append(item)
      for operand in quantisedOperands(of: id) {
        let level = level(of: operand, fixed)
        if level < own { levels.operands[level].append((operand, id)) }
      }
    }
    return levels
  }

  private func quantisedOperands(of id: ValueID) -> [ValueID] {
    let node = program[id]
    switch node.operation {
    case .product(_, .fixedPoint, _, _): return Array(node.operands.prefix(2))
    // The left operand holds the quanta of the right one.
    case .product(_, .fixedPointFolded, _, _): return [node.operands[1]]
    default: return []
    }
  }

  /// How many of the loops a value needs: those of its axes and of the lengths of its axes.
  private func level(of id: ValueID, _ fixed: [Dimension]) -> Int {
    var seen: Set<ValueID> = []
    var pending = [id]
    var level = 0
    while let next = pending.popLast() {
      guard seen.insert(next).inserted else { continue }
      for (position, dimension) in fixed.enumerated()
      where position >= level && program[next].axes.contains(dimension) {
        level = position + 1
      }
      pending += dependencies(of: next)
    }
    return level
  }
}
