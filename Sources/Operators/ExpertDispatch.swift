import Tiles

/// How many picks each expert got, and the segments that they make when they stand expert by expert.
///
/// - Mathematics: counts[e] = number of slots with id e; offsets[e] = counts[0] + ... + counts[e-1].
/// - Shapes: id int32 [tokens, picks], each an expert's number; counts int32 [experts]; offsets int32
///   [experts + 1], a partition of the tokens * picks slots.
/// - Numeric class: exact.
/// - Edge cases: experts without picks have empty segments; no tokens give zeros.
/// - Source: DeepSeek-V4 specification, section 9.
public func expertCounts(experts: Int, picks: Int) -> Kernel {
  Kernel("expert_counts") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let (experts, picks) = (Dimension("experts", experts), Dimension("picks", picks))
    let id = k.input("id", Int32.self, [tokens, picks], .coordinate(of: experts))
    let counts = k.output("counts", Int32.self, [experts])
    let slots = k.slots(tokens, picks)
    let offsets = k.output("offsets", Int32.self, [experts.bounds], .partition(of: slots))
    k.once {
      let chosen = id[Position(slots) / picks.extent!, Position(slots) % picks.extent!]
      counts[experts] = chosen.counted(along: slots, into: experts)
      offsets[experts.bounds] = chosen.segmentOffsets(along: slots, experts.bounds)
    }
  }
}

/// The order in which slots stand expert by expert, ties by slot, and its inverse.
///
/// - Mathematics: permutation lists the slots token * picks + pick in stable ascending order of their
///   expert; inverse[permutation[j]] = j.
/// - Shapes: id int32 [tokens, picks], each an expert's number; permutation and inverse int32
///   [tokens * picks].
/// - Numeric class: exact.
/// - Edge cases: no tokens give empty results.
/// - Source: DeepSeek-V4 specification, section 9.
public func expertPermutation(experts: Int, picks: Int) -> Kernel {
  Kernel("expert_permutation") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let (experts, picks) = (Dimension("experts", experts), Dimension("picks", picks))
    let id = k.input("id", Int32.self, [tokens, picks], .range(0, experts.extent! - 1))
    let slots = k.slots(tokens, picks)
    let permutation = k.output("permutation", Int32.self, [slots], .permutation(of: slots))
    let inverse = k.output("inverse", Int32.self, [slots], .permutation(of: slots))
    k.once {
      let chosen = id[Position(slots) / picks.extent!, Position(slots) % picks.extent!]
      let order = chosen.stableOrder(along: slots)
      permutation[slots] = order
      inverse[Position(order)] = k.coordinate(of: slots)
    }
  }
}

/// Both of the above but for the counts, in one launch: what stands between a router and the experts.
///
/// - Mathematics, shapes, numeric class and edge cases: those of `expertCounts` and `expertPermutation`.
/// - Source: DeepSeek-V4 specification, section 9.
public func expertDispatch(experts: Int, picks: Int) -> Kernel {
  Kernel("expert_dispatch") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let (experts, picks) = (Dimension("experts", experts), Dimension("picks", picks))
    let id = k.input("id", Int32.self, [tokens, picks], .coordinate(of: experts))
    let slots = k.slots(tokens, picks)
    let offsets = k.output("offsets", Int32.self, [experts.bounds], .partition(of: slots))
    let permutation = k.output("permutation", Int32.self, [slots], .permutation(of: slots))
    let inverse = k.output("inverse", Int32.self, [slots], .permutation(of: slots))
    k.once {
      let chosen = id[Position(slots) / picks.extent!, Position(slots) % picks.extent!]
      let order = chosen.stableOrder(along: slots)
      offsets[experts.bounds] = chosen.segmentOffsets(along: slots, experts.bounds)
      permutation[slots] = order
      inverse[Position(order)] = k.coordinate(of: slots)
    }
  }
}

extension Tile where Element == Int32 {
  /// Where each expert's segment begins, and the last ends.
  fileprivate func segmentOffsets(along slots: Dimension, _ bounds: Dimension) -> Tile {
    counted(along: slots, into: bounds).scan(along: bounds, inclusive: false)
  }
}

extension Trace {
  /// The axis of all picks of all tokens: slot = token * picks + pick.
  func slots(_ tokens: Dimension, _ picks: Dimension) -> Dimension {
    axis(
      "slots", in: 0...tokens.range.upperBound * picks.extent!,
      length: Position(lengthOf: tokens) * picks.extent!)
  }
}
