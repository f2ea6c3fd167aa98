import MachineIR
import TileIR

/// Rows that a GPU's blocks work on, in place of warps: long ones, which a warp would read piece after piece, and whose
/// elements do not fit into what it has on chip.
enum LongRows: Equatable {
  /// Rows are long in every launch.
  case always
  /// An axis of them is as long as the launch says.
  case along(Dimension)

  /// Coordinates from which an axis is long, and up to which one that a launch bounds is kept on chip.
  fileprivate static let least = 1024
  private static let kept = 8192
  /// Elements of a row from which it is always long, and up to which one thread may as well take them all.
  fileprivate static let (long, short) = (2048, 64)
  /// Rows up to which a larger block takes each.
  private static let few = 64

  /// Kernels of a region by the launches that are theirs; none where all have the same.
  struct Kernels {
    var few: LaunchKernels?
    var onChip: LaunchKernels?
    var long: LaunchKernels?
  }

  func kernels(_ region: Region, name: String, _ begin: (Schedule) -> RegionLowering, _ schedule: Schedule) throws
    -> Kernels
  {
    var found = Kernels()
    switch self {
    case .always:
      found.few = (
        [try begin(schedule.ofLargeBlocks).lower(name: "\(name)_few_rows")],
        [RegionLowering.spare(of: Self.few, region.axes[0].dimension)]
      )
    case .along(let dimension):
      let isLong = HostExpression(extentOf: dimension) + .constant(-Self.least)
      var own = schedule.ofBlocks
      own.longestRow = Self.kept
      found.onChip = (
        [try begin(own).lower(name: "\(name)_rows_on_chip")], [isLong, RegionLowering.spare(of: Self.kept, dimension)]
      )
      found.long = ([try begin(schedule.ofLargeBlocks).lower(name: "\(name)_long_rows")], [isLong])
    }
    return found
  }
}

extension Schedule {
  /// The choices where a block takes some rows and keeps what it has read.
  var ofBlocks: Schedule {
    var own = self
    (own.agentWarps, own.keptElements, own.cellRows) = (8, 8192, 4)
    return own
  }

  /// The choices where there is a large block for each row.
  var ofLargeBlocks: Schedule {
    var own = self
    (own.agentWarps, own.keptElements) = (16, 8192)
    return own
  }
}

extension RegionLowering {
  /// Whether blocks are to work on cells: each has a long axis reduced by all threads at once, and nothing that they
  /// would do one after the other, all of them the same. Cells that matrix units work on are a warp's, as are those
  /// of schedules that say what an agent is.
  func longRows(isStaged: Bool) -> LongRows? {
    guard machine.gpu != nil, schedule.agentWarps == 1, pattern == nil, nibbles == nil, sharedAxis == nil,
      laneAxis == nil, !prints
    else { return nil }
    var found: LongRows?
    for id in analysis.anchors where analysis.home[id] == nil {
      switch program[id].operation {
      case .reduce(_, let dimension):
        if histogram(id) != nil { return nil }
        let inner = analysis.innerAxes(id)
        let others = inner.reduce(1) { $0 * ($1.extent ?? LongRows.long) }
        if analysis.fixed.contains(dimension) { continue }
        guard let extent = dimension.extent else {
          guard program.lengths[dimension] == .buffer, others == 1 else { return nil }
          found = .along(dimension)
          continue
        }
        if extent * others <= LongRows.short { continue }
        // Threads have a result each where such a reduction is short.
        let longest = inner.reduce(extent) { max($0, $1.extent ?? 0) }
        guard extent * others >= LongRows.long, longest >= LongRows.least else { return nil }
        found = .always
      case .product(let dimension, .ordered(.interleaved, _), _, _):
        // Of staged products there is a cell for each column.
        guard isStaged, let extent = dimension.extent, extent >= 4 * LongRows.long else { return nil }
        found = .always
      case .product, .scan, .topK, .sort, .stableOrder: return nil
      default: break
      }
    }
    return found
  }
}
