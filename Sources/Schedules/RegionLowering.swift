import MachineIR
import TileIR

/// Lowers one region to one machine kernel: cells over blocks of the parallel axes, and inside a cell
/// loops for each item of the region's analysis.
///
/// The state of one lowering; its parts are in the extensions: values, loop nests, reductions,
/// products, primitives and carried loops, a file each.
final class RegionLowering {
  let program: Program
  /// Parameters of a launch; those of `program` behind them lie in the first workspaces.
  let parameterCount: Int
  let region: Region
  let machine: MachineDescription
  let schedule: Schedule
  let analysis: RegionAnalysis
  /// The region's matrix products, where it is made of them.
  let pattern: ProductPattern?
  /// The region's product of nibbles, where lanes run along its columns.
  let nibbles: NibbleProduct?
  /// The parallel axis that lanes run along, if any.
  let laneAxis: Dimension?
  /// The parallel axis that a cell holds a block of for its register tiles, if any.
  let sharedAxis: Dimension?
  var stack = ScopeStack()
  /// The coordinates that hold at the place being built.
  var environment = Environment()
  var storage: [ValueID: Storage] = [:]
  var fixedOperands: [FixedOperandKey: FixedOperand] = [:]
  /// What kernels before cut of listed rows, the arrays of a cell's powers of two, and those that all its products on a
  /// cube core use.
  var cutLists: [ValueID: CutRows] = [:]
  var listExponents: [ValueID: String] = [:]
  var sharedArrays: CubeArrays?
  /// Whether products of this region go to a cube core, tile by tile inside a cell.
  private(set) lazy var multipliesCubes = findsSharedCubes()
  /// Whether what their cells compute for listed rows stays on chip.
  private(set) lazy var haveShortLists = findsShortLists()
  /// Its products on a cube core, where it is cut for them.
  var cubeProducts: [ValueID: CubeProduct] = [:]
  /// The axis of which a cell has the columns of one tile of a cube core.
  var cubeColumns: Dimension?
  /// First coordinate and count of axes that a cell holds a block of.
  var domains: [Dimension: (lower: Expression, count: Expression, most: HostExpression)] = [:]
  /// The parallel axis whose loop is innermost around a cell's items, the vector loop that was the first to read
  /// each of its rows, and how many vector loops have begun.
  var rowAxis: Dimension?
  var firstReads: [RowRead: Int] = [:]
  var vectorLoops = 0
  /// The register that a group's unrolled loop is at.
  var groupMember: Expression?
  /// The counters of the carried loops around the place being built.
  var rounds: [Int: Expression] = [:]
  /// States that earlier regions have written.
  let stateWritten: Set<Int>
  private(set) var scalars: [KernelScalar] = []
  private var scalarNames: [HostExpression: Expression] = [:]
  private(set) var buffers: [KernelBuffer] = []
  private(set) var floats: [Int] = []
  private(set) var scratch: [ScratchArray] = []
  var messages: [Diagnostic]
  var workspaces: [Workspace]
  /// The workspace of each print.
  var printed: [Statement: Int] = [:]
  /// What its products of byte matrices are made of, where it has some.
  var preparedMatrices: PreparedMatrices?
  /// The slices of left operands that regions so far have cut.
  var leftSlices: [LeftSlices]
  /// Kernels that run before this one in the same launch.
  var before: [MachineKernel] = []
  /// Kernels that lay weights out for this one.
  var preparations: [MachineKernel] = []

  /// Where the elements of an anchor are.
  enum Storage {
    case register(Expression)
    /// An on-chip array over these axes, row-major.
    case array(String, MachineScalar, [Dimension])
  }

  /// Why a program cannot be lowered to this machine.
  struct Refusal: Error { let diagnostic: Diagnostic }

  init(
    program: Program, parameterCount: Int, region: Region, machine: MachineDescription, schedule: Schedule,
    workspaces: [Workspace], messages: [Diagnostic], stateWritten: Set<Int>, leftSlices: [LeftSlices] = []
  ) {
    self.stateWritten = stateWritten
    self.leftSlices = leftSlices
    self.program = program
    self.parameterCount = parameterCount
    self.region = region
    self.machine = machine.withAgents(of: schedule.agentWarps)
    self.schedule = schedule
    self.workspaces = workspaces
    self.messages = messages
    let nibbles = NibbleProduct(program, region, machine)
    let laneAxis = Self.laneAxis(of: region, in: program, schedule, nibbles)
    self.laneAxis = laneAxis
    self.nibbles = nibbles?.columns == laneAxis ? nibbles : nil
    pattern = schedule.blocksProducts ? ProductPattern(program: program, region: region) : nil
    let sharedAxis = pattern == nil ? Self.sharedAxis(of: region, in: program, schedule) : nil
    self.sharedAxis = sharedAxis == laneAxis ? nil : sharedAxis
    let fixed = region.axes.map(\.dimension).filter { $0 != laneAxis && $0 != sharedAxis }
    analysis = RegionAnalysis(
      program: program, region: region, fixed: pattern?.fixed ?? Set(fixed),
      keepsFromCost: schedule.keepsFromCost, keptElements: schedule.keptElements, longestRow: schedule.longestRow,
      keepsOuterValues: machine.npu != nil, keepsLoads: self.nibbles?.isOfPairs ?? false)
  }

  /// A lowering of the region anew, for a kernel beside this one's.
  func sibling() -> RegionLowering {
    RegionLowering(
      program: program, parameterCount: parameterCount, region: region, machine: machine, schedule: schedule,
      workspaces: workspaces, messages: messages, stateWritten: stateWritten)
  }

  /// The kernel, named `name`.
  func lower(name: String) throws -> MachineKernel {
    if let pattern { return try lowerBlocked(pattern, name: name) }
    let cell = stack.variable("cell", .index)
    var remaining = Expression.variable(cell)
    var cells = HostExpression.constant(1)
    // The last parallel axis varies fastest from cell to cell.
    var fixedLoops: [FixedLoop] = []
    let fixed = region.axes.map(\.dimension).filter { $0 != laneAxis && $0 != sharedAxis }
    let levels = analysis.levels(fixed)
    for (position, axis) in region.axes.enumerated().reversed() {
      let isBlock = axis.dimension == laneAxis || axis.dimension == sharedAxis
      var size = position == 0 ? schedule.cellRows : 1
      if axis.dimension == sharedAxis { size = multipliesCubes ? SharedCube.height : 2 * schedule.cellInner }
      if axis.dimension == laneAxis {
        size = nibbles.map { min(schedule.cellLanes, $0.cellColumns) } ?? schedule.cellLanes
      }
      if axis.dimension == fixed.last, fixed.count > 1 { size = levels.isShared ? schedule.cellInner : 1 }
      let lowerBound = try axis.bounds.map { try host($0.lower) } ?? .constant(0)
      let upperBound = try axis.bounds.map { try host($0.upper) } ?? HostExpression(extentOf: axis.dimension)
      let extent =
        axis.bounds == nil ? upperBound : .maximum(.constant(0), upperBound + lowerBound * .constant(-1))
      let isOfPairs = axis.dimension == laneAxis && nibbles?.isOfPairs ?? false
      let blocks = isOfPairs ? extent.dividedUp(by: 2 * size) * .constant(2) : extent.dividedUp(by: size)
      cells = cells * blocks
      let first = scalar(lowerBound, "\(axis.dimension.name)_first")
      let last = scalar(upperBound, axis.bounds == nil ? axis.dimension.name : "\(axis.dimension.name)_last")
      let block: Expression
      if position == 0 {
        block = remaining
      } else {
        let count = scalar(blocks, "\(axis.dimension.name)_blocks")
        block = stack.define(
          "\(axis.dimension.name)_block", .apply(.remainder, [remaining, count], .index))
        remaining = stack.define("outer", .apply(.quotient, [remaining, count], .index))
      }
      let start = first + block * .constant(size)
      // The last one of a pair may have nothing.
      let lower = stack.define("\(axis.dimension.name)_lower", isOfPairs ? start.minimum(last) : start)
      let upper = stack.define(
        "\(axis.dimension.name)_upper", ((isOfPairs ? start : lower) + .constant(size)).minimum(last))
      if isBlock {
        let isWhole = axis.dimension == sharedAxis && axis.dimension.extent.map { $0 % size == 0 } ?? false
        let count =
          isWhole ? .constant(size) : stack.define("\(axis.dimension.name)_count", upper - lower)
        let isPitched = axis.dimension == laneAxis && size == nibbles?.cellColumns
        domains[axis.dimension] = (lower, count, .constant(isPitched ? nibbles!.pitch : size))
      } else {
        // A vector core's cells of one coordinate need no loop, which would keep groups of them from standing together.
        let isSingle = machine.npu != nil && size == 1
        fixedLoops.insert((axis.dimension, lower, isSingle ? nil : upper), at: 0)
      }
    }
    storage = [:]
    fixedOperands = [:]
    try lowerLoops(fixedLoops[...], levels)
    return kernel(name: name, cells: cells, cell: cell)
  }

  /// The kernel for launches of few cells, small ones, whose loops the warps of a block share; nil where cells hold no
  /// block of an axis, or are no warp's.
  func lowerFewCells(name: String) throws -> LaunchKernels? {
    guard machine.gpu != nil, sharedAxis != nil, !prints else { return nil }
    let kernel = try lower(name: "\(name)_few_cells")
    let shared = kernel.sharingLoops(warps: Self.sharingWarps) ?? kernel
    return ([shared], [Self.spare(of: Self.fewCells, region.axes[0].dimension)])
  }
  /// Coordinates of a region's first axis up to which whole blocks of another are too few cells.
  private static let fewCells = 64
  private static let sharingWarps = 16

  /// What is not negative where an axis has at most so many coordinates.
  static func spare(of most: Int, _ axis: Dimension) -> HostExpression {
    .constant(most) + HostExpression(extentOf: axis) * .constant(-1)
  }

  /// Whether the author prints from the region: then it has one kernel for all launches.
  var prints: Bool {
    region.statements.contains { if case .print = $0.effect { true } else { false } }
  }

  /// The kernel of what has been built.
  func kernel(name: String, cells: HostExpression, cell: Variable) -> MachineKernel {
    MachineKernel(
      name: name, buffers: buffers, scalars: scalars, floats: floats,
      floatNames: floats.map { program.parameters[$0].name }, scratch: scratch, cells: cells,
      cell: cell, body: stack.close(), agentWarps: machine.gpu?.agentWarps ?? 1)
  }

  /// An axis of a cell, its first coordinate and what they stay below; nil where there is one.
  private typealias FixedLoop = (dimension: Dimension, lower: Expression, upper: Expression?)

  /// Loops over the coordinates of a cell; what varies only with the outer ones is computed there.
  private func lowerLoops(_ loops: ArraySlice<FixedLoop>, _ levels: RegionAnalysis.Levels) throws {
    let level = loops.startIndex
    try lower(items: levels.items[level])
    for (id, product) in levels.operands[level] { try quantiseAhead(id, of: product) }
    guard let (dimension, lower, last) = loops.first else { return }
    guard let upper = last else {
      environment.bind(dimension, LaneCoordinate(lower))
      return try lowerLoops(loops.dropFirst(), levels)
    }
    let counter = stack.variable(dimension.name, .index)
    let outer = environment
    environment.bind(dimension, LaneCoordinate(.variable(counter)))
    rowAxis = loops.count == 1 ? dimension : nil
    stack.open(binding: [dimension])
    try lowerLoops(loops.dropFirst(), levels)
    let body = stack.close()
    environment = outer
    stack.append(.loop(CountedLoop(counter, from: lower, to: upper, body)))
  }

  /// The statements that `body` builds.
  func collect(_ body: () throws -> Void) rethrows -> [MachineStatement] {
    stack.open()
    try body()
    return stack.close()
  }

  /// A loop over `0 ..< count` that is unrolled: how register arrays are walked.
  func unrolled(
    _ name: String, _ count: Int, _ body: (Expression) throws -> [MachineStatement]
  ) rethrows -> MachineStatement {
    let counter = stack.variable(name, .index)
    return .loop(
      CountedLoop(
        counter, from: .constant(0), to: .constant(count), unrolled: true,
        try body(.variable(counter))))
  }

  // MARK: Names of the launch's numbers

  /// A kernel scalar for a number that the host computes.
  func scalar(_ value: HostExpression, _ name: String) -> Expression {
    if case .constant(let x) = value { return .constant(x) }
    if let known = scalarNames[value] { return known }
    let variable = stack.variable(name, .index)
    scalars.append(KernelScalar(variable.name, value))
    scalarNames[value] = .variable(variable)
    return .variable(variable)
  }

  /// An index of lengths, scalars and constants, as the host computes it.
  func host(_ index: Index) throws -> HostExpression {
    do {
      return try HostExpression(index, in: program)
    } catch {
      throw Refusal(diagnostic: error)
    }
  }

  /// The most that the length of a dimension can be, for the size of on-chip arrays.
  func most(_ dimension: Dimension) -> HostExpression {
    if let domain = domains[dimension] { return domain.most }
    func whole(_ count: Int) -> HostExpression {
      // Tiles of a cube core have whole columns, as many as are under way together.
      multipliesCubes
        ? HostExpression.constant(count).roundedUp(to: max(SharedCube.tiles * SharedCube.columns, longestTail(count)))
        : .constant(count)
    }
    if let extent = dimension.extent { return whole(extent) }
    switch program.lengths[dimension] {
    case .computed(let index)?:
      if let exact = try? host(index) { return exact }
      // Tiles of matrix units have whole columns; eight more than their multiple keeps rows in banks of their own.
      guard multipliesMatrices else { return whole(dimension.range.upperBound) }
      let columns = FixedMatrices.width * DoubleMatrices.columns
      return .constant((dimension.range.upperBound + columns - 1) / columns * columns + DoubleMatrices.columns)
    default: return schedule.longestRow.map { .constant($0) } ?? .extent(dimension)
    }
  }

  /// Lanes of the longest vector along an axis, whose tail is stored whole.
  private func longestTail(_ count: Int) -> Int {
    min(machine.lanes(of: .f32) * schedule.registersPerVector, Self.powerOfTwo(count))
  }

  /// The length of a dimension here, as an `i64`.
  func length(_ dimension: Dimension) throws -> Expression {
    if let domain = domains[dimension] { return domain.count }
    if let extent = dimension.extent { return .constant(extent) }
    if let known = stack.knownLength(dimension) { return known }
    guard case .computed(let index)? = program.lengths[dimension] else {
      return scalar(.extent(dimension), dimension.name)
    }
    let coordinate = try self.coordinate(index, environment)
    let axes = analysis.lengthValues(dimension).flatMap { program[$0].axes }
    let depth = stack.depth(binding: axes)
    let value = stack.define(MachineStatement.length(of: dimension.name), coordinate.base, at: depth)
    stack.rememberLength(dimension, value, at: depth)
    return value
  }

  /// The name of a parameter's buffer in this kernel.
  func buffer(_ position: Int, written: Bool = false) -> String {
    let parameter = program.parameters[position]
    guard position < parameterCount else {
      return buffer(workspace: position - parameterCount, parameter.element, written: written)
    }
    if let at = buffers.firstIndex(where: { $0.source == .parameter(position) }) {
      if written, !buffers[at].isWritten {
        buffers[at] = KernelBuffer(
          buffers[at].name, buffers[at].source, parameter.element, isWritten: true)
      }
      return buffers[at].name
    }
    let name = stack.unique(parameter.name)
    buffers.append(KernelBuffer(name, .parameter(position), parameter.element, isWritten: written))
    return name
  }

  /// A workspace's buffer in this kernel.
  func buffer(workspace: Int, _ element: ElementType, written: Bool = true) -> String {
    if let known = buffers.first(where: { $0.source == .workspace(workspace) }) { return known.name }
    let name = stack.unique(workspaces[workspace].name)
    buffers.append(KernelBuffer(name, .workspace(workspace), element, isWritten: written))
    return name
  }

  /// Elements between neighbours along an axis of a parameter.
  func stride(_ position: Int, axis: Int) -> Expression {
    let parameter = program.parameters[position]
    if axis == parameter.axes.count - 1 { return .constant(1) }
    guard position < parameterCount else {
      let inner = parameter.axes[(axis + 1)...].reduce(HostExpression.constant(1)) {
        $0 * HostExpression(extentOf: $1)
      }
      return scalar(inner, "\(parameter.name)_\(parameter.axes[axis].name)_stride")
    }
    return scalar(
      .stride(parameter: position, axis: axis), "\(parameter.name)_\(parameter.axes[axis].name)_stride")
  }

  /// The register of a run-time float argument.
  func float(_ position: Int) -> Expression {
    if !floats.contains(position) { floats.append(position) }
    return .variable(Variable(program.parameters[position].name, MachineType(.f32)))
  }

  /// An on-chip array with room for a whole vector past its end, so that tails can be read whole.
  func scratch(_ name: String, _ type: MachineScalar, count: HostExpression) -> String {
    // A whole vector may begin near the end.
    var vector = machine.cpu != nil ? 0 : machine.lanes(of: .f32) * schedule.registersPerVector
    // No vector is longer than the axis that it runs along.
    if machine.npu != nil, let known = count.constantValue { vector = min(vector, Self.powerOfTwo(known)) }
    return addScratch(name, type, count + .constant(max(Self.scratchSlack, vector)))
  }
  static let scratchSlack = 256

  /// The least power of two that is no less.
  static func powerOfTwo(_ count: Int) -> Int {
    var least = 1
    while least < count { least *= 2 }
    return least
  }

  /// An on-chip array of exactly this many elements.
  func exactScratch(_ name: String, _ type: MachineScalar, _ count: Int) -> String {
    addScratch(name, type, .constant(count))
  }

  func addScratch(_ name: String, _ type: MachineScalar, _ count: HostExpression) -> String {
    let unique = stack.unique(name)
    scratch.append(ScratchArray(unique, type, count: count))
    return unique
  }

  /// A code for the launch's sticky status.
  func code(_ diagnostic: Diagnostic) -> Int {
    if let known = messages.firstIndex(of: diagnostic) { return known + 1 }
    messages.append(diagnostic)
    return messages.count
  }

  /// A name for the variable or array of a value.
  func name(of id: ValueID) -> String {
    let node = program[id]
    switch node.operation {
    case .load(let position, _): return "\(program.parameters[position].name)_value"
    case .call(let function): return function.name
    case .reduce(let reduction, _):
      switch reduction {
      case .sum: return "sum"
      case .maximum: return "maximum"
      case .minimum: return "minimum"
      case .argmax: return "argmax"
      case .any: return "any"
      case .all: return "all"
      case .count: return "count"
      }
    case .product: return "product"
    case .elementwise(let operation):
      switch operation {
      case .reciprocalSquareRoot: return "reciprocal_root"
      case .divide: return "quotient"
      case .multiply: return "scaled"
      case .convert: return "converted"
      default: return "value"
      }
    case .coordinate(let dimension): return "\(dimension.name)_coordinate"
    case .scan: return "running"
    case .topK: return "top"
    case .sort: return "sorted"
    case .stableOrder: return "order"
    case .carried: return "carried"
    case .loopResult: return "result"
    case .segment: return "segment"
    case .join(_, let into): return into.name
    default: return "value"
    }
  }
}
