import MachineIR
import TileIR

/// Memory for the next row, asked for while this one is written: a kernel that reads a row in one loop and
/// writes its result in a later one leaves the memory's reading side idle meanwhile.
extension RegionLowering {
  /// A row of an input that a loop along `vector` has read.
  struct RowRead: Hashable {
    let position: Int
    let indices: [Index]
    let vector: Dimension
    /// Which of the cell's loops it was.
    let loop: Int
  }

  /// Remembers a read of consecutive elements of a row.
  func noteRowRead(_ position: Int, _ indices: [Index], _ environment: Environment) {
    guard let row = rowAxis, case .axis(let vector)? = indices.last, environment.canonical.contains(vector),
      indices.dropLast().contains(.axis(row)), program.parameters[position].element.bitWidth >= 8,
      indices.dropLast().allSatisfy({ $0.values.isEmpty && analysis.fixed.isSuperset(of: $0.dimensions) })
    else { return }
    rowReads.insert(RowRead(position: position, indices: indices, vector: vector, loop: vectorLoops))
  }

  /// Asks for the next row of what earlier loops along the same axis have read.
  func prefetchNextRow() throws {
    guard let row = rowAxis, let here = environment.coordinates[row] else { return }
    let earlier = rowReads.filter { $0.loop < vectorLoops && !(environment.coordinates[$0.vector]?.isUniform ?? true) }
    var next = environment
    next.coordinates[row] = LaneCoordinate(here.base + .constant(1))
    var asked: Set<Int> = []
    for read in earlier.sorted(by: { $0.position < $1.position }) where asked.insert(read.position).inserted {
      let place = try place(read.position, read.indices, next)
      let line = 64 * 8 / program.parameters[read.position].element.bitWidth
      for lane in Swift.stride(from: 0, to: environment.lanes, by: line) {
        stack.append(.prefetch(buffer: buffer(read.position), offset: place.base + .constant(lane)))
      }
    }
  }
}
