import TileIR

/// Which axis of a region lanes run along.
public enum LaneAxis: Hashable, Sendable, CustomStringConvertible {
  /// A parallel axis where a region is elementwise along it and stores are contiguous there; else an
  /// axis inside the cell.
  case automatic
  /// An axis inside the cell.
  case inner
  /// The parallel axis of this name, in regions that have it and whose loops are as long in every lane.
  case parallel(String)

  public var description: String {
    switch self {
    case .automatic: "the contiguous axis"
    case .inner: "inner axes"
    case .parallel(let name): name
    }
  }
}

extension Program {
  /// The parallel axes that lanes may run along in some region, in the order of the regions.
  public var laneAxes: [LaneAxis] {
    var found: [LaneAxis] = []
    for axis in regions.flatMap(laneAxes(of:)).map({ LaneAxis.parallel($0.name) }) where !found.contains(axis)
    {
      found.append(axis)
    }
    return found
  }

  /// The parallel axes of a region that lanes may run along. Not those of segments, whose rows a cell has to
  /// look for; and not those that the length of an axis inside the cell depends on: there each lane would have
  /// loops of its own, which no machine runs at once.
  func laneAxes(of region: Region) -> [Dimension] {
    let whole = RegionAnalysis(
      program: self, region: region, fixed: Set(region.axes.map(\.dimension)), keepsFromCost: .max)
    let lengths = Set(whole.uses.keys.flatMap(whole.innerAxes)).flatMap(whole.lengthValues)
    let ragged = Set(lengths.flatMap { self[$0].axes })
    return region.axes.filter { $0.partition == nil }.map(\.dimension).filter { !ragged.contains($0) }
  }

  /// Refuses a schedule that names an axis for lanes where no region can take it.
  func requireLanes(along axis: LaneAxis) throws(Diagnostic) {
    guard case .parallel(let name) = axis, !laneAxes.contains(axis) else { return }
    let taken = laneAxes.map(\.description).joined(separator: ", ")
    let choices = taken.isEmpty ? "this program has no axis that they can" : "they can along \(taken)"
    guard let region = regions.first(where: { $0.axes.contains { $0.dimension.name == name } }) else {
      throw Diagnostic(
        "lanes are to run along \(name), which is no parallel axis of \(self.name); \(choices)",
        at: [location])
    }
    let isCut = region.axes.contains { $0.dimension.name == name && $0.partition != nil }
    let reason =
      isCut ? "it is cut into segments" : "loops inside have other lengths at each of its coordinates"
    throw Diagnostic("lanes are to run along \(name), but \(reason); \(choices)", at: [region.location])
  }
}

extension RegionLowering {
  /// The parallel axis for lanes: one that the schedule names, or the contiguous axis of the stores of a
  /// region that is elementwise along it and has no long axes inside its cells, or has a product of nibbles
  /// along it.
  static func laneAxis(
    of region: Region, in program: Program, _ schedule: Schedule, _ nibbles: NibbleProduct?
  ) -> Dimension? {
    switch schedule.laneAxis {
    case .inner: return nil
    case .parallel(let name): return program.laneAxes(of: region).first { $0.name == name }
    case .automatic: break
    }
    if let nibbles { return nibbles.columns }
    let whole = RegionAnalysis(
      program: program, region: region, fixed: Set(region.axes.map(\.dimension)),
      keepsFromCost: schedule.keepsFromCost)
    let longAxes = whole.uses.keys.flatMap { whole.innerAxes($0) }.contains { ($0.extent ?? .max) > 16 }
    guard !longAxes else { return nil }
    for statement in region.statements {
      guard case .store(_, let indices, _, _) = statement.effect, case .axis(let last)? = indices.last
      else { continue }
      if region.axes.contains(where: { $0.dimension == last && $0.partition == nil }) { return last }
    }
    return nil
  }
}
