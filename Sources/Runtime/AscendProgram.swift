import EmitAscend
import MachineIR
import Proofs
import Schedules
import TileIR

/// An operator for an Ascend chip: proved, printed as Ascend C, and with what the host computes for its
/// launches. No compiler and no chip is needed for it. Values alone: one thread may make it and another use it.
public struct AscendProgram: @unchecked Sendable {
  public let plan: Plan
  /// The kernels as they are printed.
  public let kernels: [PipeKernel]
  public let source: String
  /// The functions of the text, by the kernels' positions in `Plan.kernels`.
  var symbols: [String] { plan.kernels.map(EmitAscend.symbol) }
  let host: HostPlan

  /// Throws what lowering and proofs say. A reason given for `unproved` lets a plan pass whose proof is open,
  /// not its program: for tests that run what they check. `given` takes the place of the plan's own pipe
  /// programs, one for each kernel, and is not proved: for tests of what the model reports.
  public init(
    plan: Plan, unproved reason: String? = nil, kernels given: [PipeKernel]? = nil,
    cache: KernelCache = .standard
  ) throws {
    self.plan = plan
    precondition(given == nil || reason != nil, "pipe programs that are not proved need a reason")
    guard plan.machine.npu != nil else {
      throw RuntimeError("\(plan.program.name) is lowered for \(plan.machine.name), which is no Ascend chip")
    }
    try cache.requireProof(of: plan.program)
    let narrow = reason == nil ? try cache.requireProof(of: plan, plan.stableHash) : []
    host = try HostPlan(plan, narrowSpans: narrow)
    guard host.prints.isEmpty else {
      throw RuntimeError("\(plan.program.name) prints tiles, which is not supported on Ascend")
    }
    kernels = try given ?? Self.pipes(of: plan)
    if given == nil { try PipeProof.require(kernels, of: plan) }
    source = try Self.source(kernels, of: plan)
  }

  /// The text with functions whose names end in `suffix`.
  func source(suffix: String) throws -> String { try Self.source(kernels, of: plan, suffix: suffix) }

  private static func source(_ kernels: [PipeKernel], of plan: Plan, suffix: String = "") throws -> String {
    try EmitAscend.source(kernels: kernels, machine: plan.machine, program: plan.program, suffix: suffix)
  }

  /// Lowers a program for an Ascend chip.
  public init(
    _ program: Program, for machine: MachineDescription = .ascend910b, schedule: Schedule? = nil,
    unproved reason: String? = nil, cache: KernelCache = .standard
  ) throws {
    try self.init(
      plan: try Lowering.plan(program, for: machine, schedule: schedule), unproved: reason, cache: cache)
  }

  /// A plan's kernels as programs of pipes, without the events that nothing needs, the others with the chip's numbers. They
  /// are not proved yet.
  public static func pipes(of plan: Plan) throws -> [PipeKernel] {
    try Lowering.pipes(plan).map { $0.withFewestEvents() }
  }

  /// The kernels of a launch on at most so many cores, its arguments checked as those of any launch.
  public func launch(
    _ arguments: HostArguments, extents: [Dimension: Int] = [:], cores: AscendCores
  ) throws -> AscendLaunch {
    var numbers = host.check.unbound
    try host.check.bind(arguments.launch, extents: extents, into: &numbers)
    try host.check.checkRefinements(arguments.launch, numbers)
    try requireRoom(numbers)
    return try AscendLaunch(host, kernels, arguments.launch, numbers, cores: cores)
  }

  /// Throws where a launch keeps more on chip than there is room for.
  func requireRoom(_ numbers: borrowing LaunchNumbers) throws {
    for kernel in host.preparations + (try host.kernels(numbers)) {
      for limit in kernels[kernel.number].limits {
        let count = host.check.compiled(limit.count).value(numbers)
        guard count <= limit.most else {
          throw RuntimeError(
            limit.isOfRows
              ? "\(plan.program.name): rows of \(limit.name) lie \(count) elements apart, of which a copy of "
                + "\(plan.machine.name) skips at most \(limit.most)"
              : "\(plan.program.name): this launch keeps \(count) elements of \(limit.name) on chip, of which "
                + "\(plan.machine.name) has room for \(limit.most)")
        }
      }
    }
  }
}

/// How many cores launches may use.
public struct AscendCores: Sendable {
  /// Vector cores, of kernels that need no cube core.
  public let vector: Int
  /// Cube cores, of kernels of groups.
  public let cube: Int

  /// Whether fewer vector cores do where cells are too few for groups of them.
  let fillsGroups: Bool

  public init(vector: Int, cube: Int) { self.init(vector: vector, cube: cube, fillsGroups: false) }

  init(vector: Int, cube: Int, fillsGroups: Bool) {
    self.vector = vector
    self.cube = cube
    self.fillsGroups = fillsGroups
  }

  /// All that a chip has.
  public init(of npu: Ascend) { self.init(vector: npu.vectorCores, cube: npu.cube.cores) }

  /// Enough to find what goes wrong between blocks, and few enough for loops over groups to have rounds.
  static let ofModel = AscendCores(vector: 3, cube: 3, fillsGroups: true)
}
