import MachineIR

/// How fast a GPU is: the numbers of one product of a target.
public struct GPURates: Hashable, Sendable {
  /// The product, such as `H200`.
  public let product: String
  public let multiprocessors: Double
  /// Clock ticks a second.
  public let clock: Double
  /// Bytes a second from and to device memory, and from the second-level cache.
  public let memoryBandwidth: Double
  public let cacheBandwidth: Double
  /// Warp instructions of a unit that a multiprocessor begins in a tick; of those that are not named, as many as
  /// it issues at all.
  public let rates: [Work.Unit: Double]
  /// Whether it has instructions that convert from and to E4M3, as compute capability 8.9 brought them.
  public let convertsE4M3: Bool
  /// Warp instructions that a multiprocessor issues in a tick.
  public static let issued = 4.0

  func rate(_ unit: Work.Unit) -> Double { rates[unit] ?? Self.issued }

  /// The product that stands for a target; nil for a processor.
  public static func of(_ machine: MachineDescription) -> GPURates? {
    switch machine.name {
    case MachineDescription.sm80.name: a100
    case MachineDescription.sm90a.name: h200
    default: nil
    }
  }

  /// A100 SXM 80 GB. Rates are results a tick over 32 lanes, from the CUDA programming guide's table of arithmetic
  /// throughput for compute capability 8.0; sizes and clocks are those of the data sheet.
  static let a100 = GPURates(
    product: "A100", multiprocessors: 108, clock: 1.41e9, memoryBandwidth: 2.04e12, cacheBandwidth: 4.7e12,
    rates: [
      .fp32: 2, .fp64: 1, .half: 4, .integer: 2, .conversion: 0.5, .wideConversion: 0.5, .special: 0.5,
      .shuffle: 1, .access: 1, .matrix: 0.5, .wideMatrix: 0.25, .wait: 1,
    ], convertsE4M3: false)

  /// H200 SXM, likewise for compute capability 9.0.
  static let h200 = GPURates(
    product: "H200", multiprocessors: 132, clock: 1.98e9, memoryBandwidth: 4.8e12, cacheBandwidth: 7.0e12,
    rates: [
      .fp32: 4, .fp64: 2, .half: 4, .integer: 2, .conversion: 2, .wideConversion: 0.5, .special: 0.5,
      .shuffle: 1, .access: 1, .matrix: 0.62, .wideMatrix: 0.5, .wait: 1,
    ], convertsE4M3: true)

  /// What a prediction supposes and no document of the maker states, by name.
  public static let assumptions: [(name: String, text: String)] = [
    ("cache-rate", "the second-level cache gives 4.7 TB/s on A100, 7.0 TB/s on H200"),
    (
      "warp-rate",
      "a warp issues an instruction every second tick at best: four ticks of latency, two independent chains"
    ),
    (
      "bytes-in-flight",
      "a warp has 1 KiB of reads under way at most, and a read of device memory takes 0.6 µs"
    ),
    ("copies-in-flight", "a group of asynchronous copies takes the time of one read, whatever its size"),
    (
      "legacy-matrix-rate",
      "mma.sync of bytes and of halves reaches 0.62 of the peak rate on H100 and H200, the whole on A100"
    ),
    ("binary64-matrix-rate", "mma.m8n8k4 of binary64 reaches the data sheet's rate of its matrix unit"),
    (
      "whole-sectors",
      "what a warp reads of a line beside what it needs is found in the first-level cache later"
    ),
    ("launch-gap", "a kernel in a captured graph costs 1.5 µs beside its work"),
    ("address-hoisting", "the compiler keeps two integer operations of an access' address in its loop"),
    ("written-out-rounds", "of loops that are written out, places of later rounds are a constant in the access"),
    ("block-wait", "the warps of a block wait 40 ticks for each other"),
    ("lane-hoisting", "what the lanes' numbers alone decide is computed before all loops"),
  ]
  static let warpTicks = 2.0
  static let blockWaitTicks = 40.0
  static let bytesInFlight = 1024.0
  static let readLatency = 0.6e-6
  static let launchGap = 1.5e-6
}
