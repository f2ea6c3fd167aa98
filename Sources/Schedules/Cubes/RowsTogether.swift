import MachineIR
import TileIR

/// Loops over a cell's rows on a vector core beside a cube core: several rows in a round, in one loop along them.
extension RegionLowering {
  /// The axis whose coordinates a nest's outermost loop may take side by side; nil where there is none.
  func rowsTogether(_ nest: Nest) -> Dimension? {
    guard multipliesCubes, haveShortLists, let rows = nest.loops.first, rows == sharedAxis, nest.loops.count == 2, rows != nest.vector,
      let count = domains[rows]?.count.constantValue, count % SharedCube.rowsTogether == 0
    else { return nil }
    return rows
  }

  func emit(_ nest: Nest, rows: Dimension) throws {
    let (counter, lower) = (stack.variable(rows.name, .index), domains[rows]!.lower)
    /// Statements of each row, one behind the other.
    func forEachRow(_ body: (Int) throws -> Void) rethrows {
      let outer = environment
      defer { environment = outer }
      for row in 0..<SharedCube.rowsTogether {
        environment.bind(rows, LaneCoordinate(lower + .variable(counter) + .constant(row)))
        stack.open(binding: [rows])
        try body(row)
        stack.append(contentsOf: stack.close())
      }
    }
    stack.open()
    var accumulators = [[(ValueID, Accumulator)]](repeating: [], count: SharedCube.rowsTogether)
    try forEachRow { row in
      for case .reduce(let id) in nest.work { accumulators[row].append((id, try openAccumulator(id, nest))) }
    }
    try loop(nest.loops[1], nest) { try forEachRow { try work(nest, accumulators[$0]) } }
    try forEachRow { row in
      for (id, accumulator) in accumulators[row] { try finish(accumulator, id, nest) }
    }
    stack.append(
      .loop(
        CountedLoop(
          counter, from: .constant(0), to: domains[rows]!.count, step: SharedCube.rowsTogether, stack.close())))
  }
}
