import MachineIR
import TileIR

/// The choices that carry a tile program to a machine. None of them is visible in bits.
public struct Schedule: Hashable, Sendable, CustomStringConvertible {
  /// f32 lanes of a register value, as registers of the machine: wide values are several registers
  /// that go together and hide latency.
  public var registersPerVector: Int
  /// Coordinates of the outermost parallel axis that one cell takes.
  public var cellRows: Int
  /// The parallel axis that lanes run along, where lanes do not run along an axis inside the cell.
  public var vectorParallelAxis: String?
  /// Coordinates of that axis that one cell takes.
  public var cellLanes: Int
  /// Whether neighbouring loops over the same axes become one.
  public var fusesLoops: Bool
  /// From which cost, in operations an element, a value that several loops need is kept.
  public var keepsFromCost: Int

  public init(
    registersPerVector: Int = 4, cellRows: Int = 4, vectorParallelAxis: String? = nil,
    cellLanes: Int = 1024, fusesLoops: Bool = true, keepsFromCost: Int = 12
  ) {
    self.registersPerVector = registersPerVector
    self.cellRows = cellRows
    self.vectorParallelAxis = vectorParallelAxis
    self.cellLanes = cellLanes
    self.fusesLoops = fusesLoops
    self.keepsFromCost = keepsFromCost
  }

  public var description: String {
    "registers \(registersPerVector), rows \(cellRows), lanes along \(vectorParallelAxis ?? "inner axes")"
      + " \(cellLanes), \(fusesLoops ? "fused" : "separate") loops, keep from \(keepsFromCost)"
  }
}
