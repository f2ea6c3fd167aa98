import TileIR

/// What a program writes: every element of an output once, of a state at most once, and integers as their
/// buffer declares.
extension TileContext {
  /// One store at a symbolic site.
  struct Store {
    let parameter: Int
    let indices: [Index]
    let value: ValueID
    let condition: ValueID?
    let location: SourceLocation
    let effect: EffectSite
  }

  func stores(mark: String = "") -> [Store] {
    effectSites(mark: mark).compactMap { effect in
      let statement = program.regions[effect.region].statements[effect.statement]
      guard case .store(let parameter, let indices, let value, let condition) = statement.effect else {
        return nil
      }
      return Store(
        parameter: parameter, indices: indices, value: value, condition: condition,
        location: statement.location, effect: effect)
    }
  }

  func places(_ store: Store) -> [Term] { store.indices.map { values.term($0, at: store.effect.site) } }

  /// That the store's coordinates exist and its condition holds.
  func path(_ store: Store) -> [Formula] {
    store.effect.path + (store.condition.map { [values.formula($0, at: store.effect.site)] } ?? [])
  }

  /// The element as the author wrote it: `ring[%4, %5 % 128, channels]`.
  func text(_ parameter: Int, _ indices: [Index]) -> String {
    "\(program.parameters[parameter].name)[\(indices.map { $0.text(in: program) }.joined(separator: ", "))]"
  }

  /// The mark of the second of two cells.
  static let other = "other "

  func obligeStores() {
    let all = stores()
    let others = stores(mark: Self.other)
    for (number, store) in all.enumerated() {
      for other in others[number...] where other.parameter == store.parameter {
        obligeWrittenOnce(store, other, isSame: other.effect.isSame(as: store.effect))
      }
      obligeRefinements(store, others[number])
    }
    for (position, parameter) in program.parameters.enumerated() where parameter.role == .output {
      obligeCovered(position, all.filter { $0.parameter == position })
    }
  }

  /// Two cells that name one element are one cell of one store.
  private func obligeWrittenOnce(_ store: Store, _ other: Store, isSame: Bool) {
    let equal = zip(places(store), places(other)).map { $0 .== $1 }
    let asserted = [store, other].flatMap { self.asserted(at: $0.effect.site, before: $0.effect.region + 1) }
    let path = path(store) + path(other) + equal + asserted
    let element = text(store.parameter, store.indices)
    if isSame {
      let same = store.effect.axes.map {
        store.effect.site.coordinates[$0]! .== other.effect.site.coordinates[$0]!
      }
      oblige(
        .writtenOnce, program.parameters[store.parameter].name, at: store.location,
        "\(element): no two cells write one element", given: path, goal: .all(same))
    } else {
      oblige(
        .writtenOnce, program.parameters[store.parameter].name, at: other.location,
        "\(text(other.parameter, other.indices)) and \(element) of line \(store.location.line) are different "
          + "elements",
        given: path, goal: .truth(false))
    }
  }

  // MARK: Declared integers

  private func obligeRefinements(_ store: Store, _ other: Store) {
    let parameter = program.parameters[store.parameter]
    guard program[store.value].type.isInteger else { return }
    let value = values.term(store.value, at: store.effect.site)
    let element = text(store.parameter, store.indices)
    for refinement in parameter.refinements {
      switch refinement {
      case .range(let lower, let upper):
        oblige(
          .withinRefinement, parameter.name, at: store.location,
          "\(element): \(value) is in \(lower)...\(upper)",
          given: path(store), goal: value.isIn(lower...upper))
      case .coordinate(let dimension):
        let length = values.length(of: dimension, at: TileSite())
        oblige(
          .withinRefinement, parameter.name, at: store.location,
          "\(element): \(value) is a coordinate of \(dimension.name), of length \(length)",
          given: path(store), goal: value.isCoordinate(of: length))
      case .below(let bound):
        let bound = values.term(bound, at: TileSite())
        oblige(
          .withinRefinement, parameter.name, at: store.location, "\(element): \(value) is in 0..<\(bound)",
          given: path(store), goal: value.isCoordinate(of: bound))
      case .permutation(let dimension): permutation(of: dimension, store, other)
      case .increasing:
        let rows = zip(places(store), places(other)).map { ($0, $1) }
        let same = rows.dropLast().map { $0 .== $1 }
        let next = values.term(other.value, at: other.effect.site)
        oblige(
          .withinRefinement, parameter.name, at: store.location, "\(element) ascends along its last axis",
          given: path(store) + path(other) + same + [rows.last!.0 .< rows.last!.1], goal: value .< next)
      case .partition(let dimension): partition(of: dimension, store)
      }
    }
  }

  /// As many integers as there are coordinates, each one of them, no two equal.
  private func permutation(of dimension: Dimension, _ store: Store, _ other: Store) {
    let parameter = program.parameters[store.parameter]
    let length = values.length(of: dimension, at: TileSite())
    let count = parameter.axes.reduce(Term.constant(1)) { $0 * values.length(of: $1, at: TileSite()) }
    let value = values.term(store.value, at: store.effect.site)
    let next = values.term(other.value, at: other.effect.site)
    let same = Formula.all(zip(places(store), places(other)).map { $0 .== $1 })
    let element = text(store.parameter, store.indices)
    oblige(
      .withinRefinement, parameter.name, at: store.location,
      "\(element): \(value) is a coordinate of \(dimension.name), of length \(length)",
      given: path(store), goal: value.isCoordinate(of: length) && (count .== length))
    oblige(
      .withinRefinement, parameter.name, at: store.location, "\(element): no two elements are equal",
      given: path(store) + path(other) + [value .== next], goal: same)
  }

  /// Offsets made by counting: the exclusive running sum of how many elements fall into each bin.
  private func partition(of dimension: Dimension, _ store: Store) {
    let parameter = program.parameters[store.parameter]
    let element = text(store.parameter, store.indices)
    let node = program[store.value]
    let length = values.length(of: dimension, at: TileSite())
    guard case .scan(let bins, inclusive: false) = node.operation,
      let (counted, along) = values.countedBins(node.operands[0], bins), store.indices == [.axis(bins)],
      bins == program.parameters[store.parameter].axes[0]
    else {
      return oblige(
        .withinRefinement, parameter.name, at: store.location,
        "\(element) is a partition of \(dimension.name): only running sums of counts are known to be",
        given: [],
        goal: .truth(false))
    }
    let place = values.coordinate(along)
    let value = values.term(counted, at: TileSite().with(along, place))
    let last = values.length(of: bins, at: TileSite()) - 1
    oblige(
      .withinRefinement, parameter.name, at: store.location,
      "\(element) is a partition of \(dimension.name): each \(value) is counted before the last offset",
      given: [place .< values.length(of: along, at: TileSite())],
      goal: value.isCoordinate(of: last) && (values.length(of: along, at: TileSite()) .== length),
      lemma: "running sums of counts are offsets of the segments that the counts fill")
  }

  // MARK: Coverage

  /// Every element of an output is written by some store: for each store the site that would write it, and
  /// that one of these exists.
  private func obligeCovered(_ position: Int, _ stores: [Store]) {
    let parameter = program.parameters[position]
    let extents = parameter.axes.map { values.length(of: $0, at: TileSite()) }
    let element = parameter.axes.map { values.coordinate($0) }
    var hypotheses = zip(element, extents).map { $0.isCoordinate(of: $1) }
    var written: [Formula] = []
    for store in stores {
      var inversion = Inversion(self, store)
      if let condition = inversion.condition(writing: element) { written.append(condition) }
      hypotheses += inversion.facts
    }
    let names = parameter.axes.map(\.name).joined(separator: ", ")
    oblige(
      .covered, parameter.name, at: parameter.location,
      "every element of \(parameter.name)[\(names)] is written",
      given: hypotheses, goal: .any(written))
  }
}

extension EffectSite {
  func isSame(as other: EffectSite) -> Bool { region == other.region && statement == other.statement }
}
