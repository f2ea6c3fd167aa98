import TileIR

/// One effect at a symbolic coordinate of every axis that it has.
struct EffectSite {
  let region: Int
  let statement: Int
  let site: TileSite
  /// That the coordinates exist.
  let path: [Formula]
  /// The same for the axes whose length is the same everywhere: lengths of others are looked at wherever
  /// these exist.
  let uniform: [Formula]
  /// The axes, the region's first.
  let axes: [Dimension]
}

extension TileContext {
  /// Every effect of the program; names of coordinates end in `mark`.
  func effectSites(mark: String = "") -> [EffectSite] {
    program.regions.enumerated().flatMap { number, region in
      region.statements.indices.map { effectSite(number, region, $0, mark) }
    }
  }

  private func effectSite(_ number: Int, _ region: Region, _ position: Int, _ mark: String) -> EffectSite {
    let statement = region.statements[position]
    var axes = region.axes.map(\.dimension)
    func add(_ more: [Dimension]) { for axis in more where !axes.contains(axis) { axes.append(axis) } }
    switch statement.effect {
    case .store(_, let indices, let value, let condition):
      for index in indices { add(self.axes(of: index)) }
      add(program[value].axes)
      if let condition { add(program[condition].axes) }
    case .assert(let value, _), .print(_, let value): add(program[value].axes)
    }
    var next = 0
    while next < axes.count {
      if case .computed(let length)? = program.lengths[axes[next]] { add(self.axes(of: length)) }
      next += 1
    }
    var site = TileSite()
    for axis in axes {
      site.coordinates[axis] = .variable(
        Variable(mark + axis.name, from: 0, to: max(0, axis.range.upperBound - 1)))
    }
    var path: [Formula] = []
    var uniform: [Formula] = []
    for axis in axes {
      let place = site.coordinates[axis]!
      path.append(place .< values.length(of: axis, at: site))
      var isUniform = true
      if case .computed(let length)? = program.lengths[axis] { isUniform = self.axes(of: length).isEmpty }
      if isUniform { uniform.append(path.last!) }
      if let bounds = region.axes.first(where: { $0.dimension == axis })?.bounds {
        path.append(values.term(bounds.lower, at: site) .<= place)
        path.append(place .< values.term(bounds.upper, at: site))
      }
    }
    return EffectSite(
      region: number, statement: position, site: site, path: path, uniform: uniform, axes: axes)
  }

  /// What assertions tell at a site: a launch that breaks one in an earlier region does not reach this one,
  /// and one that breaks any is refused as a whole.
  func asserted(at site: TileSite, before region: Int) -> [Formula] {
    var facts: [Formula] = []
    for effect in effectSites() where effect.region < region {
      guard case .assert(let value, _) = program.regions[effect.region].statements[effect.statement].effect,
        effect.axes.allSatisfy({ site.coordinates[$0] != nil })
      else { continue }
      var terms: [Variable: Term] = [:]
      for axis in effect.axes {
        if case .variable(let variable)? = effect.site.coordinates[axis] {
          terms[variable] = site.coordinates[axis]!
        }
      }
      let exists = Formula.all(effect.path.map { $0.replacing(terms) })
      facts.append(exists.implies(values.formula(value, at: site)))
    }
    return facts
  }

  func axes(of index: Index) -> [Dimension] {
    var axes: [Dimension] = []
    index.visit {
      switch $0 {
      case .axis(let dimension): axes.append(dimension)
      case .value(let id): axes += program[id].axes
      case .extent(let dimension):
        if case .computed(let length)? = program.lengths[dimension] { axes += self.axes(of: length) }
      default: break
      }
    }
    return axes
  }
}

extension Program {
  /// What must hold before any machine program of this one may run, for every launch that its
  /// declarations admit.
  public func obligations() -> [Obligation] {
    let context = TileContext(self)
    var walk = AccessWalk(context)
    for region in regions { context.obligeBounds(of: region, &walk) }
    for effect in context.effectSites() { context.obligeAccesses(of: effect, &walk) }
    context.obligeStores()
    context.obligeIndependence(walk.stateLoads)
    // By source line: the kernel's own file first.
    return context.obligations.enumerated().sorted { a, b in
      func key(_ item: (offset: Int, element: Obligation)) -> (Int, String, Int, Int) {
        let place = item.element.location
        return (place.file == location.file ? 0 : 1, place.file, place.line, item.offset)
      }
      return key(a) < key(b)
    }.map(\.element)
  }
}

extension TileContext {
  /// Coordinates of parallel axes exist: their bounds lie within the axis where they do not cross.
  fileprivate func obligeBounds(of region: Region, _ walk: inout AccessWalk) {
    for axis in region.axes {
      walk.needLength(of: axis.dimension, at: TileSite(), [], region.location)
      guard let bounds = axis.bounds else { continue }
      for index in [bounds.lower, bounds.upper] { walk.need(index, at: TileSite(), [], region.location) }
      let (lower, upper) = (
        values.term(bounds.lower, at: TileSite()), values.term(bounds.upper, at: TileSite())
      )
      let length = values.length(of: axis.dimension, at: TileSite())
      oblige(
        .inBounds, axis.dimension.name, at: region.location,
        "\(lower) ..< \(upper) of \(axis.dimension.name) lies within its extent \(length)",
        given: [lower .< upper],
        goal: (.constant(0) .<= lower) && (upper .<= length))
    }
  }

  /// What an effect reads, and where a store writes.
  fileprivate func obligeAccesses(of effect: EffectSite, _ walk: inout AccessWalk) {
    let statement = program.regions[effect.region].statements[effect.statement]
    walk.walk(effect) { walk in
      for axis in effect.axes {
        walk.needLength(of: axis, at: effect.site, effect.uniform, statement.location)
      }
      switch statement.effect {
      case .store(let parameter, let indices, let value, let condition):
        var path = effect.path + asserted(at: effect.site, before: effect.region)
        if let condition {
          walk.need(condition, at: effect.site, path)
          path.append(values.formula(condition, at: effect.site))
        }
        walk.need(value, at: effect.site, path)
        for (axis, index) in indices.enumerated() {
          walk.need(index, at: effect.site, path, statement.location)
          walk.access(parameter, axis, indices, at: effect.site, path, statement.location)
        }
      case .assert(let value, _), .print(_, let value): walk.need(value, at: effect.site, effect.path)
      }
    }
  }
}
