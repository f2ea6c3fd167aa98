import TileIR

extension TileContext {
  /// A read of a state buffer at a symbolic site.
  struct StateLoad {
    let parameter: Int
    let indices: [Index]
    let location: SourceLocation
    let site: TileSite
    let path: [Formula]
    let effect: EffectSite
  }

  /// A launch reads state as it was before, so nothing may be read after it is written: not in a later
  /// region, not by another cell, not by a later statement.
  func obligeIndependence(_ loads: [StateLoad]) {
    if loads.isEmpty { return }
    for store in stores(mark: Self.other) {
      for load in loads where load.parameter == store.parameter && store.effect.region <= load.effect.region {
        let places = load.indices.map { values.term($0, at: load.site) }
        let equal = zip(places, self.places(store)).map { $0 .== $1 }
        let isSameRegion = store.effect.region == load.effect.region
        var goal = Formula.truth(false)
        if isSameRegion, store.effect.statement >= load.effect.statement {
          // The element's own cell reads before it writes.
          let isSameStatement = store.effect.statement == load.effect.statement
          let axes = isSameStatement
            ? store.effect.axes : program.regions[store.effect.region].axes.map(\.dimension)
          goal = .all(
            axes.map { axis in
              // What does not depend on an axis is read by every cell along it.
              load.site.coordinates[axis].map { $0 .== store.effect.site.coordinates[axis]! }
                ?? (values.length(of: axis, at: load.site) .<= .constant(1))
            })
        }
        let written = text(store.parameter, store.indices)
        oblige(
          .independentCells, program.parameters[load.parameter].name, at: load.location,
          "\(text(load.parameter, load.indices)) is read before line \(store.location.line) writes \(written)",
          given: load.path + path(store) + equal, goal: goal)
      }
    }
  }
}
