import TileIR

/// What whole-axis operations promise of the integers that they give.
extension TileValues {
  func reduce(
    _ reduction: Reduction, _ dimension: Dimension, _ id: ValueID, _ node: Node, at site: TileSite
  ) -> Term {
    let length = length(of: dimension, at: site)
    let most = dimension.range.upperBound
    switch reduction {
    case .count:
      return opaque(id, node, "count", at: site, from: 0, to: most) { [$0 .<= length] }
    case .argmax:
      return opaque(id, node, "argmax", at: site, from: 0, to: max(0, most - 1)) {
        [($0 .< length) || ((length .<= .constant(0)) && ($0 .== .constant(0)))]
      }
    case .maximum, .minimum:
      let empty = reduction == .maximum ? Int(Int32.min) : Int(Int32.max)
      return opaque(id, node, reduction.name, at: site) { value in
        let place = witness(of: value, along: dimension)
        let element = term(node.operands[0], at: site.with(dimension, place))
        return [
          (place.isCoordinate(of: length) && (value .== element))
            || ((length .<= .constant(0)) && (value .== .constant(empty)))
        ]
      }
    case .sum: return sum(dimension, id, node, at: site)
    case .any, .all: return opaque(id, node, reduction.name, at: site, from: 0, to: 1)
    }
  }

  func scan(_ dimension: Dimension, _ id: ValueID, _ node: Node, at site: TileSite) -> Term {
    if let (counted, along) = countedBins(node.operands[0], dimension) {
      // Every element falls into one bin at most, so all counts together are no more than the elements.
      _ = counted
      let length = length(of: along, at: site)
      return opaque(id, node, "offset", at: site, from: 0, to: along.range.upperBound) { [$0 .<= length] }
    }
    return sum(dimension, id, node, at: site)
  }

  /// The values counted and their axis where `id` counts, for each coordinate of `bins`, the elements that
  /// equal it.
  func countedBins(_ id: ValueID, _ bins: Dimension) -> (values: ValueID, along: Dimension)? {
    guard case .reduce(.count, let along) = program[id].operation,
      case .elementwise(.compare(.equal)) = program[program[id].operands[0]].operation
    else { return nil }
    let operands = program[program[id].operands[0]].operands
    for (values, bin) in [(operands[0], operands[1]), (operands[1], operands[0])] {
      if case .coordinate(bins) = program[bin].operation, !program[values].axes.contains(bins) {
        return (values, along)
      }
    }
    return nil
  }

  /// Bounds of an element of a whole-axis operation's operand.
  func elementBounds(_ node: Node, _ dimension: Dimension, at site: TileSite) -> Interval {
    Interval(term(node.operands[0], at: site.with(dimension, coordinate(dimension, avoiding: site.names))))
  }

  /// A sum of some of the elements: between the axis' length times the least and the greatest, or 0.
  private func sum(_ dimension: Dimension, _ id: ValueID, _ node: Node, at site: TileSite) -> Term {
    let bounds = elementBounds(node, dimension, at: site)
    let length = length(of: dimension, at: site)
    return opaque(id, node, "sum", at: site) { value in
      var facts: [Formula] = []
      if let lower = bounds.lower { facts.append(length * Swift.min(0, lower) .<= value) }
      if let upper = bounds.upper { facts.append(value .<= length * Swift.max(0, upper)) }
      return facts
    }
  }

  func topK(_ dimension: Dimension, _ into: Dimension, _ id: ValueID, _ node: Node, at site: TileSite) -> Term
  {
    let length = length(of: dimension, at: site)
    let rank = site.coordinates[into] ?? coordinate(into)
    return opaque(id, node, "top", at: site, from: -1, to: max(-1, dimension.range.upperBound - 1)) { value in
      [
        ((rank .< length) && value.isCoordinate(of: length))
          || ((length .<= rank) && (value .== .constant(-1)))
      ]
    }
  }

  /// Sorted ascending: the element at s is one of all, is no greater than the greatest of the first s + 1
  /// before sorting, and no less than the least of those from s on.
  func sorted(_ dimension: Dimension, _ id: ValueID, _ node: Node, at site: TileSite) -> Term {
    let length = length(of: dimension, at: site)
    let rank = site.coordinates[dimension] ?? coordinate(dimension)
    func element(_ place: Term) -> Term { term(node.operands[0], at: site.with(dimension, place)) }
    return opaque(id, node, "sorted", at: site) { value in
      let same = witness(of: value, along: dimension)
      let above = witness(of: value, along: dimension, "above")
      let below = witness(of: value, along: dimension, "below")
      return [
        same.isCoordinate(of: length), value .== element(same),
        (.constant(0) .<= above) && (above .<= rank), value .<= element(above),
        (rank .<= below) && (below .< length), element(below) .<= value,
      ]
    }
  }

  /// A place along an axis that a promise says exists.
  private func witness(of value: Term, along dimension: Dimension, _ kind: String = "of") -> Term {
    .variable(
      Variable("\(dimension.name) \(kind) \(value)", from: 0, to: max(0, dimension.range.upperBound - 1)))
  }
}
