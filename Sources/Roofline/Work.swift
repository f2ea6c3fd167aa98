import MachineIR

/// What a kernel asks of a multiprocessor's units: warp instructions by unit, and bytes by memory.
public struct Work: Hashable, Sendable {
  /// By the units' order; an array because kernels are counted statement by statement.
  private var counts = [Double](repeating: 0, count: Unit.allCases.count)
  /// Bytes that accesses to each buffer, and to each array in device memory, ask for.
  public var bytes: [String: Double] = [:]
  /// Turns of 128 bytes that accesses to shared memory take.
  public var sharedTurns: Double = 0
  /// Bytes of asynchronous copies, among `bytes`.
  public var copiedBytes: Double = 0
  /// Bytes that are stored, among `bytes`: nobody waits for them.
  public var storedBytes: Double = 0
  /// How often a read's whole time passes until copies have come: a wait that leaves n groups under way is one of n + 1
  /// that share a read's time.
  public var copyTimes: Double = 0

  /// Of the above what a warp of an agent does or waits for one after the other: instructions, and bytes that it reads.
  public var ownInstructions: Double = 0
  public var ownReadBytes: Double = 0
  /// How often the warps of a block wait for each other.
  public var blockWaits: Double = 0

  /// Warps that carry out each instruction, whether it has lanes for all of them or not.
  let agentWarps: Int
  /// Whether there are instructions that convert from and to E4M3.
  let convertsE4M3: Bool

  public init(agentWarps: Int = 1, convertsE4M3: Bool = false) {
    self.agentWarps = agentWarps
    self.convertsE4M3 = convertsE4M3
  }

  /// Warp instructions of an agent's instruction on values of `lanes` lanes.
  func registers(_ lanes: Int) -> Double { Double(max(agentWarps, (lanes + GPU.warp - 1) / GPU.warp)) }

  /// A unit of a multiprocessor, as the throughput table of the CUDA programming guide divides them.
  public enum Unit: Int, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// binary32 addition, multiplication, multiply-add.
    case fp32
    /// The same of binary64.
    case fp64
    /// binary16 arithmetic on two numbers in a word.
    case half
    /// Integer addition, multiplication, logic, shifts, comparisons, selection.
    case integer
    /// Conversions between types of up to 32 bits.
    case conversion
    /// Conversions from or to types of 64 bits.
    case wideConversion
    /// The approximations that division and roots start from.
    case special
    /// Values that go from lane to lane.
    case shuffle
    /// Loads and stores.
    case access
    /// Products of bytes of the matrix unit.
    case matrix
    /// Its products of binary64, 8 x 4 by 4 x 8.
    case wideMatrix
    /// Waiting for the warp, or the block.
    case wait

    public var description: String {
      switch self {
      case .fp32: "fp32"
      case .fp64: "fp64"
      case .half: "half"
      case .integer: "integer"
      case .conversion: "conversion"
      case .wideConversion: "wide conversion"
      case .special: "special"
      case .shuffle: "shuffle"
      case .access: "access"
      case .matrix: "matrix"
      case .wideMatrix: "binary64 matrix"
      case .wait: "wait"
      }
    }
  }

  /// Bytes that are asked for in device memory.
  public var globalBytes: Double { bytes.values.reduce(0, +) }

  /// Warp instructions of each unit that is asked at all, one for up to 32 lanes.
  public var instructions: [Unit: Double] {
    var found: [Unit: Double] = [:]
    for (unit, count) in zip(Unit.allCases, counts) where count > 0 { found[unit] = count }
    return found
  }

  /// All warp instructions.
  public var total: Double { counts.reduce(0, +) }

  mutating func add(_ unit: Unit, _ count: Double) {
    counts[unit.rawValue] += count
    ownInstructions += count / Double(agentWarps)
  }

  /// Bytes that are asked for of a memory that is not on chip.
  mutating func ask(_ buffer: String, _ count: Double) {
    bytes[buffer, default: 0] += count
    ownReadBytes += count / Double(agentWarps)
  }

  static func += (a: inout Work, b: Work) {
    for unit in a.counts.indices { a.counts[unit] += b.counts[unit] }
    for (buffer, count) in b.bytes { a.bytes[buffer, default: 0] += count }
    a.sharedTurns += b.sharedTurns
    a.copiedBytes += b.copiedBytes
    a.storedBytes += b.storedBytes
    a.copyTimes += b.copyTimes
    a.ownInstructions += b.ownInstructions
    a.ownReadBytes += b.ownReadBytes
    a.blockWaits += b.blockWaits
  }

  static func + (a: Work, b: Work) -> Work {
    var sum = a
    sum += b
    return sum
  }

  static func * (a: Work, n: Double) -> Work {
    var product = a
    for unit in product.counts.indices { product.counts[unit] *= n }
    product.bytes = a.bytes.mapValues { $0 * n }
    product.sharedTurns *= n
    product.copiedBytes *= n
    product.storedBytes *= n
    product.copyTimes *= n
    product.ownInstructions *= n
    product.ownReadBytes *= n
    product.blockWaits *= n
    return product
  }
}
