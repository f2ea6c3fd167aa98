import MachineIR
import TileIR

/// The choices that carry a tile program to a machine. None of them is visible in bits.
public struct Schedule: Hashable, Sendable, CustomStringConvertible {
  /// f32 lanes of a register value, as registers of the machine: wide values are several registers
  /// that go together and hide latency.
  public var registersPerVector: Int
  /// Coordinates of the outermost parallel axis that one cell takes.
  public var cellRows: Int
  /// Coordinates of the innermost parallel axis that one cell takes where they share values.
  public var cellInner: Int
  /// Which axis lanes run along.
  public var laneAxis: LaneAxis
  /// Coordinates of a parallel axis under lanes that one cell takes.
  public var cellLanes: Int
  /// Whether neighbouring loops over the same axes become one.
  public var fusesLoops: Bool
  /// Whether matrix products of two parallel axes are cut into register tiles.
  public var blocksProducts: Bool
  /// Whether long products of a region that does more with them become kernels of their own.
  public var stagesProducts: Bool
  /// From which cost, in operations an element, a value that several loops need is kept.
  public var keepsFromCost: Int
  /// Warps of a GPU's agents: 1, or those of a block.
  public var agentWarps: Int
  /// Up to how many elements what several loops or rows of a cell load is kept, where memory is far.
  var keptElements = 0
  /// The most coordinates of an axis inside a cell that launches bind, where arrays of constant size are to hold it.
  var longestRow: Int?

  public init(
    registersPerVector: Int = 4, cellRows: Int = 4, cellInner: Int = 16, laneAxis: LaneAxis = .automatic,
    cellLanes: Int = 1024, fusesLoops: Bool = true, blocksProducts: Bool = true, stagesProducts: Bool = false,
    keepsFromCost: Int = 12, agentWarps: Int = 1
  ) {
    self.registersPerVector = registersPerVector
    self.cellRows = cellRows
    self.cellInner = cellInner
    self.laneAxis = laneAxis
    self.cellLanes = cellLanes
    self.fusesLoops = fusesLoops
    self.blocksProducts = blocksProducts
    self.stagesProducts = stagesProducts
    self.keepsFromCost = keepsFromCost
    self.agentWarps = agentWarps
  }

  public var description: String {
    "registers \(registersPerVector), rows \(cellRows) by \(cellInner), lanes along \(laneAxis) "
      + "\(cellLanes), \(fusesLoops ? "fused" : "separate") loops, "
      + "\(blocksProducts ? "blocked" : "plain") \(stagesProducts ? "staged products" : "products"), keep from \(keepsFromCost)"
  }
}

extension Schedule {
  /// The choices for a machine where nothing was measured. A warp's cell is small: there are
  /// thousands of them.
  public static func standard(for machine: MachineDescription) -> Schedule {
    switch machine.kind {
    case .cpu: Schedule()
    case .gpu: Schedule(registersPerVector: 1, cellRows: 1, cellLanes: 256, stagesProducts: true)
    // A cell of one row: groups of cells stand together, and where there are few rows there are many cores.
    case .npu: Schedule(registersPerVector: 8, cellRows: 1, stagesProducts: true)
    }
  }

  /// Registers of a vector on a vector core, the most first, of which the most are taken that fit: an instruction's
  /// beginning and end weigh less the longer it works. The last is the schedule's own.
  func longVectors(on machine: MachineDescription) -> [Int] {
    guard machine.npu != nil, self == .standard(for: machine) else { return [registersPerVector] }
    return [64, 32, 16, 8]
  }

  /// The choices for regions of staged products: a cell has one column, so that there are many.
  var ofStagedProducts: Schedule {
    var own = self
    (own.cellRows, own.cellInner) = (1, 1)
    return own
  }

  /// The choices for a region whose cells hold blocks of an axis, where blocks would be fewer than a machine has
  /// agents.
  var ofFewCells: Schedule {
    var own = self
    own.cellInner = DoubleMatrices.rows / 2
    return own
  }

  /// Schedules that differ in every choice that applies to `program` on `machine`, the chooser's own
  /// first. Each gives the same bits; which is fastest is for measurement.
  public static func candidates(
    for program: Program, on machine: MachineDescription
  ) -> [Schedule] {
    var found = [standard(for: machine)]
    func add(_ change: (inout Schedule) -> Void) {
      var schedule = Schedule()
      change(&schedule)
      if !found.contains(schedule) { found.append(schedule) }
    }
    add { $0.registersPerVector = 1 }
    add {
      $0.registersPerVector = 2
      $0.cellRows = 1
      $0.cellInner = 1
      $0.keepsFromCost = 4
    }
    add {
      $0.fusesLoops = false
      $0.cellRows = 7
      $0.cellInner = 2
      $0.laneAxis = .inner
    }
    add { $0.stagesProducts = true }
    // Not without end: what a transform reads twice at every stage would be computed 2^stages times.
    add { $0.keepsFromCost = 400 }
    add {
      $0.blocksProducts = false
      $0.registersPerVector = 1
    }
    for axis in program.laneAxes {
      add {
        $0.laneAxis = axis
        $0.cellLanes = 48
        $0.blocksProducts = false
      }
    }
    return found
  }
}
