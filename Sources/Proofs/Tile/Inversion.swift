import TileIR

/// Which coordinates make a store write a given element.
///
/// Indices are inverted one axis at a time: sums of coordinates with constant factors as digits of a number,
/// permutations by the place that the element has in them. A site found so is one that writes the element
/// if it exists; that it exists remains to be proved.
struct Inversion {
  private let context: TileContext
  private let store: TileContext.Store
  private var site = TileSite()
  private var conditions: [Formula] = []
  /// What is known of places in permutations.
  private(set) var facts: [Formula] = []
  private var program: Program { context.program }
  private var values: TileValues { context.values }

  init(_ context: TileContext, _ store: TileContext.Store) {
    self.context = context
    self.store = store
  }

  /// The condition under which the store writes `element`; nil where its indices cannot be inverted.
  mutating func condition(writing element: [Term]) -> Formula? {
    var open = Array(zip(store.indices, element))
    // Indices that read others' coordinates wait for them.
    while !open.isEmpty {
      guard let next = open.firstIndex(where: { unbound($0.0).count <= 1 }) ?? open.indices.first else {
        break
      }
      let (index, place) = open.remove(at: next)
      guard solve(index, place) else { return nil }
    }
    for axis in store.effect.axes where site.coordinates[axis] == nil {
      site.coordinates[axis] = .constant(0)
    }
    let region = program.regions[store.effect.region]
    for axis in store.effect.axes {
      let place = site.coordinates[axis]!
      conditions.append(place.isCoordinate(of: values.length(of: axis, at: site)))
      if let bounds = region.axes.first(where: { $0.dimension == axis })?.bounds {
        conditions.append(values.term(bounds.lower, at: site) .<= place)
        conditions.append(place .< values.term(bounds.upper, at: site))
      }
    }
    if let condition = store.condition { conditions.append(values.formula(condition, at: site)) }
    return .all(conditions)
  }

  private func unbound(_ index: Index) -> [Dimension] {
    var found: [Dimension] = []
    for axis in context.axes(of: index) where site.coordinates[axis] == nil && !found.contains(axis) {
      found.append(axis)
    }
    return found
  }

  /// Binds coordinates so that `index` is `place`; false where there is no rule.
  private mutating func solve(_ index: Index, _ place: Term) -> Bool {
    if unbound(index).isEmpty {
      conditions.append(values.term(index, at: site) .== place)
      return true
    }
    if case .value(let id) = index { return solve(id, place) }
    guard let sum = digits(index) else { return guess(index, place) }
    // Coordinates bound already stand on the other side.
    var rest = place - sum.rest
    var digits: [(dimension: Dimension, factor: Int)] = []
    for (dimension, factor) in sum.factors {
      if let bound = site.coordinates[dimension] {
        rest = rest - bound * factor
      } else {
        digits.append((dimension, factor))
      }
    }
    if digits.count == 1, digits[0].factor == -1 {
      site.coordinates[digits[0].dimension] = rest * -1
      return true
    }
    guard digits.allSatisfy({ $0.factor > 0 }) else { return false }
    for (dimension, factor) in digits.sorted(by: { $0.factor > $1.factor }) {
      site.coordinates[dimension] = rest / factor
      rest = rest % factor
    }
    conditions.append(rest .== .constant(0))
    return true
  }

  /// A coordinate that may be right where there is no rule; the condition says whether it is.
  private mutating func guess(_ index: Index, _ place: Term) -> Bool {
    let open = unbound(index)
    guard open.count == 1 else { return false }
    site.coordinates[open[0]] = place
    // A rotation: the coordinate that stands a shift before.
    if case .remainder(let inner, let modulus) = index, let sum = digits(inner), sum.factors.count == 1,
      sum.factors[0].1 == 1
    {
      site.coordinates[open[0]] = (place - sum.rest) % modulus
    }
    conditions.append(values.term(index, at: site) .== place)
    return true
  }

  /// The index as coordinates with factors and a rest that depends on the launch alone.
  private func digits(_ index: Index) -> (factors: [(Dimension, Int)], rest: Term)? {
    switch index {
    case .axis(let dimension): return ([(dimension, 1)], .constant(0))
    case .constant, .extent, .scalar: return ([], values.term(index, at: site))
    case .sum(let a, let b):
      guard let a = digits(a), let b = digits(b) else { return nil }
      var factors = a.factors
      for (dimension, factor) in b.factors {
        if let known = factors.firstIndex(where: { $0.0 == dimension }) {
          factors[known].1 += factor
        } else {
          factors.append((dimension, factor))
        }
      }
      return (factors.filter { $0.1 != 0 }, a.rest + b.rest)
    case .scaled(let a, let factor):
      guard let a = digits(a) else { return nil }
      return (a.factors.map { ($0.0, $0.1 * factor) }, a.rest * factor)
    case .value(let id):
      switch program[id].operation {
      case .coordinate(let dimension): return ([(dimension, 1)], .constant(0))
      case .index(let index): return digits(index)
      default: return unbound(index).isEmpty ? ([], values.term(index, at: site)) : nil
      }
    case .divided, .remainder: return unbound(index).isEmpty ? ([], values.term(index, at: site)) : nil
    }
  }

  private mutating func solve(_ id: ValueID, _ place: Term) -> Bool {
    let node = program[id]
    switch node.operation {
    case .coordinate(let dimension): return solve(.axis(dimension), place)
    case .index(let index): return solve(index, place)
    case .stableOrder(let dimension):
      let length = values.length(of: dimension, at: site)
      site.coordinates[dimension] = position(of: place, in: "stable order %\(id.number)", dimension, length)
      facts.append(place.isCoordinate(of: length).implies(values.term(id, at: site) .== place))
      return true
    case .load(let parameter, let indices) where indices.count == 1:
      for case .permutation(let dimension) in program.parameters[parameter].refinements {
        let length = values.length(of: dimension, at: site)
        let position = position(of: place, in: program.parameters[parameter].name, dimension, length)
        guard solve(indices[0], position) else { return false }
        facts.append(place.isCoordinate(of: length).implies(values.term(id, at: site) .== place))
        return true
      }
      return false
    default: return false
    }
  }

  /// Where a permutation has a coordinate: some place, if it is one at all.
  private mutating func position(of place: Term, in name: String, _ dimension: Dimension, _ length: Term)
    -> Term
  {
    let position = Term.variable(
      Variable("place of \(place) in \(name)", from: 0, to: max(0, dimension.range.upperBound - 1)))
    facts.append(place.isCoordinate(of: length).implies(position .< length))
    return position
  }
}
