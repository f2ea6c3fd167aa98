import DeviceModel
import MachineIR
import Runtime
@testable import Schedules
import Testing
import TileIR
import Tiles

/// Sorts of few integers by minima and maxima.
@Suite struct SortingNetworkTests {
  /// A network that sorts all sequences of zeros and ones sorts everything (D. E. Knuth, "The Art of Computer
  /// Programming", volume 3, 5.3.4, theorem Z).
  @Test(arguments: 0...SortingNetwork.mostKeys) func zerosComeBeforeOnes(_ count: Int) {
    let pairs = SortingNetwork.pairs(count)
    #expect(pairs.allSatisfy { 0 <= $0 && $0 < $1 && $1 < count })
    let isSorted = (0..<1 << count).allSatisfy { number in
      var keys = (0..<count).map { number >> $0 & 1 }
      for (a, b) in pairs where keys[a] > keys[b] { keys.swapAt(a, b) }
      return zip(keys, keys.dropFirst()).allSatisfy { $0 <= $1 }
    }
    #expect(isSorted)
  }

  /// The least and the greatest integers, equal ones and negative ones; one key more than a network takes is sorted too.
  @Test(arguments: [1, 2, 6, 7, 16, 17]) func rowsAreSorted(_ count: Int) throws {
    let kernel = Kernel("sorting") { k in
      let (rows, keys) = (k.dimension("rows", in: 0...100), Dimension("keys", count))
      let x = k.input("x", Int32.self, [rows, keys])
      let y = k.output("y", Int32.self, [rows, keys])
      k.parallel(rows) { r in y[r] = x[r].sorted(along: keys) }
    }
    let rows = 9
    let executable = try AscendModelExecutable(try kernel.program())
    let drawn: [Int32] = [.min, 7, -1, .max, 7, 0, -30_000, 5, .min, 2, 1 << 20, -7, 3]
    let codes = (0..<rows * count).map { UInt32(bitPattern: drawn[($0 * $0 + $0 / count) % drawn.count]) }
    let arguments: [String: Argument] = ["x": .tensor(HostTensor(.int32, [rows, count], codes: codes))]
    try executable.expectReference(arguments, extents: [:], seed: 3)
  }
}
