import MachineIR
import TileIR

/// Sorts of few integers, whose number is known: a network of minima and maxima, one integer a variable.
///
/// Batcher's merge exchange (K. E. Batcher, "Sorting networks and their applications", 1968; D. E. Knuth, "The Art of
/// Computer Programming", volume 3, 5.2.2, algorithm M), for any number of keys.
enum SortingNetwork {
  /// The pairs of places that are put in order, one after the other, the lesser of each first.
  static func pairs(_ count: Int) -> [(Int, Int)] {
    var pairs: [(Int, Int)] = []
    var width = 1
    while width < count {
      var distance = width
      while distance >= 1 {
        for first in stride(from: distance % width, to: count - distance, by: 2 * distance) {
          for place in first..<min(first + distance, count - distance)
          where place / (2 * width) == (place + distance) / (2 * width) {
            pairs.append((place, place + distance))
          }
        }
        distance /= 2
      }
      width *= 2
    }
    return pairs
  }

  /// A chip's scalar unit keeps so many beside what else it has.
  static let mostKeys = 16
}

extension RegionLowering {
  /// Whether an axis' integers are sorted by a network: arrays cost the scalar unit of a vector core far more than
  /// variables do.
  func hasNetwork(_ dimension: Dimension) -> Bool {
    machine.npu != nil && domains[dimension] == nil && dimension.extent.map { $0 <= SortingNetwork.mostKeys } ?? false
  }

  /// Sorts integers, of which equal ones are the same.
  func lowerNetwork(_ id: ValueID, _ dimension: Dimension) throws {
    let (operand, count) = (program[id].operands[0], dimension.extent!)
    func at(_ place: Int, _ body: () throws -> Void) rethrows {
      let outer = environment
      environment.bind(dimension, LaneCoordinate(.constant(place)))
      stack.open(binding: [dimension])
      try body()
      environment = outer
      stack.append(contentsOf: stack.close())
    }
    try forEachRow(id, without: dimension) {
      var keys: [Expression] = []
      for place in 0..<count { try at(place) { keys.append(stack.define("key", try emit(operand, environment))) } }
      for (a, b) in SortingNetwork.pairs(count) {
        let (lesser, greater) = (keys[a].apply(.minimum, keys[b]), keys[a].apply(.maximum, keys[b]))
        (keys[a], keys[b]) = (stack.define("lesser", lesser), stack.define("greater", greater))
      }
      for place in 0..<count { try at(place) { try keep(keys[place], id) } }
    }
  }
}
