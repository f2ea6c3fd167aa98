/// How fast the parts of an Ascend chip are, in bytes and clock ticks ("cycles") of one core.
///
/// What is marked *stated* is the maker's, of the product 910B1. What is marked *assumed* no document states;
/// it is listed by name in `assumptions`, and a measurement on a chip would replace it.
public struct AscendRates: Hashable, Sendable {
  /// Ticks a second. Stated.
  public let clock: Double
  /// Bytes a tick between main memory and all cores together: 32 for each cube core. Stated.
  public let memory: Double
  /// Bytes that the second-level cache holds, for all cores. Stated.
  public let cacheBytes: Int
  /// Bytes a tick that a core reads from the second-level cache and writes to it. Stated.
  public let cacheRead: Double
  public let cacheWrite: Double
  /// Bytes a tick from L1 to the left and to the right operand's memory. Stated.
  public let loadLeft: Double
  public let loadRight: Double
  /// Bytes a tick from the unified buffer to main memory. Stated.
  public let copyOut: Double
  /// Multiply-adds of signed bytes that a cube core begins in a tick: 16 by 16 by 32. Stated.
  public let multiplyAdds: Double
  /// Ticks of a vector unit for a repeat of 256 bytes. Stated.
  public let ticksPerRepeat = 1.0

  /// Bytes a tick of a gather, a block of 32. Assumed.
  public let gathered = 32.0
  /// Ticks from an instruction's end on its pipe until what it has done is there for who waits. Assumed.
  public let vectorLatency = 16.0
  public let cubeLatency = 16.0
  public let loadLatency = 32.0
  /// The same of copies from and to main memory. Assumed.
  public let memoryLatency = 400.0
  /// Ticks of the scalar unit for one of its own operations, for handing out an instruction to a pipe, an
  /// event or a barrier, for a number read from the unified buffer or written to it, and for one read from
  /// main memory. Assumed.
  public let scalarOperation = 1.0
  public let handOver = 2.0
  public let localAccess = 16.0
  public let memoryAccess = 50.0
  /// Ticks until what one core of a group raises is seen by the other. Assumed.
  public let flagLatency = 100.0

  /// 910B1: 1.85 GHz, 24 cube cores, 192 MiB of second-level cache.
  public static let ascend910b1 = AscendRates(
    clock: 1.85e9, memory: 24 * 32, cacheBytes: 192 << 20, cacheRead: 110, cacheWrite: 86, loadLeft: 512,
    loadRight: 256, copyOut: 64, multiplyAdds: 16 * 16 * 32)

  public init(
    clock: Double, memory: Double, cacheBytes: Int, cacheRead: Double, cacheWrite: Double, loadLeft: Double,
    loadRight: Double, copyOut: Double, multiplyAdds: Double
  ) {
    self.clock = clock
    self.memory = memory
    self.cacheBytes = cacheBytes
    self.cacheRead = cacheRead
    self.cacheWrite = cacheWrite
    self.loadLeft = loadLeft
    self.loadRight = loadRight
    self.copyOut = copyOut
    self.multiplyAdds = multiplyAdds
  }

  /// What an estimate supposes and no document of the maker states, by name.
  public var assumptions: [(name: String, text: String)] {
    func ticks(_ count: Double) -> String { count == 1 ? "1 cycle" : "\(Int(count)) cycles" }
    return [
      ("copy-rates", "copies in reach the second-level cache's read rate, sums from L0C its write rate"),
      (
        "memory-share",
        "cores at work share main memory evenly; what fits into the second-level cache comes from main memory "
          + "once a launch, workspaces not at all"
      ),
      ("gathers", "a gather takes \(Int(gathered)) bytes a cycle"),
      (
        "latencies",
        "what an instruction does is there after its pipe has ended it: \(ticks(vectorLatency)) of V and M, "
          + "\(ticks(loadLatency)) of MTE1, \(ticks(memoryLatency)) of MTE2, MTE3 and FIX"
      ),
      (
        "scalar-unit",
        "\(ticks(scalarOperation)) an operation, \(ticks(handOver)) to hand out an instruction, \(ticks(localAccess)) "
          + "to touch the unified buffer, \(ticks(memoryAccess)) to read main memory"
      ),
      ("flags-across", "a flag is seen by the other core after \(ticks(flagLatency))"),
      ("long-queues", "no pipe's queue is ever full"),
      (
        "longest-lists",
        "integers of data are the largest that their buffers may hold, so that lists are at their longest; offsets cut rows "
          + "into segments as even as can be"
      ),
      ("equal-cores", "both vector cores of a group take the same time"),
      ("no-launch-time", "a launch takes no time beside its kernels' cycles"),
    ]
  }
}
