import MachineIR
import TileIR

/// Memory for a row to come, asked for while a row is computed: a kernel that reads a row in one loop and
/// works on it in later ones leaves the memory's reading side idle meanwhile.
extension RegionLowering {
  /// A row of an input that a loop along `vector` reads.
  struct RowRead: Hashable {
    let position: Int
    let indices: [Index]
    let vector: Dimension
  }

  /// How many rows ahead: the next one would come too late for rows that take a few hundred nanoseconds.
  private static let distance = 2

  /// Remembers a read of consecutive elements of a row that may come from memory.
  func noteRowRead(_ position: Int, _ indices: [Index], _ environment: Environment) {
    guard let row = rowAxis, case .axis(let vector)? = indices.last, environment.canonical.contains(vector),
      indices.dropLast().contains(.axis(row)), program.parameters[position].element.bitWidth >= 8,
      mayExceedCaches(position),
      indices.dropLast().allSatisfy({ $0.values.isEmpty && analysis.fixed.isSuperset(of: $0.dimensions) })
    else { return }
    let read = RowRead(position: position, indices: indices, vector: vector)
    if firstReads[read] == nil { firstReads[read] = vectorLoops }
  }

  /// Asks for a later row of what the loop before was the first to read, along the same axis: in the loop at
  /// hand the row is worked on while nothing comes from memory.
  func prefetchRow() throws {
    // A GPU has other warps to run meanwhile.
    guard machine.cpu != nil, let row = rowAxis, let here = environment.coordinates[row],
      environment.active == nil
    else { return }
    let earlier = firstReads.filter { read, loop in
      loop == vectorLoops - 1 && !(environment.coordinates[read.vector]?.isUniform ?? true)
    }.keys
    var later = environment
    later.coordinates[row] = LaneCoordinate(here.base + .constant(Self.distance))
    var asked: Set<Int> = []
    for read in earlier.sorted(by: { $0.position < $1.position }) where asked.insert(read.position).inserted {
      let place = try place(read.position, read.indices, later)
      let line = 64 * 8 / program.parameters[read.position].element.bitWidth
      for lane in Swift.stride(from: 0, to: environment.lanes, by: line) {
        stack.append(.prefetch(buffer: buffer(read.position), offset: place.base + .constant(lane)))
      }
    }
  }

  /// Whether some launch's parameter is larger than every cache.
  func mayExceedCaches(_ position: Int) -> Bool {
    let parameter = program.parameters[position]
    let most = parameter.axes.reduce(Double(parameter.element.bitWidth) / 8) {
      $0 * Double($1.range.upperBound)
    }
    return most >= Double(MachineDescription.streamedResult)
  }
}
