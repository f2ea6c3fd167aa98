import TileIR

/// Where a value is computed: a coordinate along each axis at hand, and the round of each open loop.
struct TileSite: Hashable {
  var coordinates: [Dimension: Term] = [:]
  var rounds: [Int: Term] = [:]

  func with(_ dimension: Dimension, _ term: Term) -> TileSite {
    var site = self
    site.coordinates[dimension] = term
    return site
  }

  /// The part that a value with these axes can depend on.
  func over(_ axes: [Dimension]) -> TileSite {
    TileSite(coordinates: coordinates.filter { axes.contains($0.key) }, rounds: rounds)
  }

  /// The same for equal sites, for an order that does not change from run to run.
  var text: String {
    let places = coordinates.map { "\($0.key.name) = \($0.value)" }.sorted()
    return (places + rounds.map { "\($0.key): \($0.value)" }.sorted()).joined(separator: ", ")
  }

  /// Names of all variables in it.
  var names: Set<String> {
    var names: Set<String> = []
    for term in coordinates.values { term.visitVariables { names.insert($0.name) } }
    for term in rounds.values { term.visitVariables { names.insert($0.name) } }
    return names
  }
}
