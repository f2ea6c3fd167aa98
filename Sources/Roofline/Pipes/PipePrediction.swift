import MachineIR
import TileIR

/// How long a pipe program is predicted to take on the cores of an Ascend chip: followed in time, not
/// measured.
public struct PipeKernelPrediction: Hashable, Sendable {
  public let kernel: String
  public let cells: Int
  /// Cores that work on them, or groups of a cube core with its vector cores.
  public let cores: Int
  /// Cycles of the core that takes the longest.
  public let ticks: Double
  /// Cycles in which each of its pipes works.
  public let busy: [Pipe: Double]
  public var usesCubes: Bool { busy[.cube] != nil }
  /// Whether some of the work is known to the data only, so that it is counted from below.
  public let dependsOnData: Bool
  /// Whether rounds that differ were sampled.
  public let isApproximate: Bool
  /// Of its innermost loop; nil where it has no cell.
  public let round: PipeRound?
}

/// A launch that keeps more on chip than there is room for.
public struct PipeLimitExceeded: Error, CustomStringConvertible {
  public let kernel: String
  public let array: String
  public let count: Int
  public let most: Int
  public var description: String {
    "\(kernel) keeps \(count) elements of \(array) on chip, of which there is room for \(most)"
  }
}

/// How long a launch is predicted to take on an Ascend chip.
public struct PipePrediction: Hashable, Sendable {
  public static let product = "910B1"
  public let kernels: [PipeKernelPrediction]
  public let bounds: PipeBounds
  public let clock: Double

  public var ticks: Double { kernels.reduce(0) { $0 + $1.ticks } }
  public var seconds: Double { ticks / clock }
  /// The slowest bound over the estimate.
  public var ratio: Double { ticks > 0 ? bounds.slowest.ticks / ticks : 1 }

  /// Of a plan for an Ascend chip and its pipe programs, a program for each of the plan's kernels, at the
  /// numbers of a launch. Throws `PipeLimitExceeded` where the launch would be refused.
  ///
  /// With `followsEveryRound` no round of a loop is taken to be as those before it: slow, for comparison.
  public init(
    _ plan: Plan, _ programs: [PipeKernel], _ sizes: LaunchSizes, followsEveryRound: Bool = false
  ) throws {
    let npu = plan.machine.npu!
    kernels = try PipeLaunch.all(of: plan, programs, sizes).map { launch in
      var launch = launch
      launch.followsEveryRound = followsEveryRound
      return launch.prediction(npu)
    }
    bounds = PipeBounds(plan.program, sizes, npu)
    clock = npu.rates.clock
  }

  /// What the pipes of one core, or group, do when, in each kernel that has a cell: at most `limit` bars of
  /// each, with the kernel's prediction and how many instructions are left out.
  public static func timelines(
    _ plan: Plan, _ programs: [PipeKernel], _ sizes: LaunchSizes, limit: Int
  ) throws -> [(kernel: PipeKernelPrediction, recorded: PipeRecorder, leftOut: Double)] {
    let npu = plan.machine.npu!
    return try PipeLaunch.all(of: plan, programs, sizes).compactMap { launch in
      let kernel = launch.prediction(npu)
      guard kernel.cells > 0 else { return nil }
      let (recorded, leftOut) = launch.record(npu, limit: limit)
      return (kernel, recorded, leftOut)
    }
  }
}

/// One kernel of a launch.
struct PipeLaunch {
  private let program: PipeKernel
  private let workspaces: [Workspace]
  private let sizes: LaunchSizes
  private let cells: Int
  var followsEveryRound = false

  /// The kernels of the variant that fits.
  static func all(of plan: Plan, _ programs: [PipeKernel], _ sizes: LaunchSizes) throws -> [PipeLaunch] {
    var first = plan.preparations.count
    for variant in plan.variants {
      if variant.guards.allSatisfy({ sizes.value($0) >= 0 }) {
        return try variant.kernels.indices.map { try PipeLaunch(programs[first + $0], plan, sizes) }
      }
      first += variant.kernels.count
    }
    return []
  }

  private init(_ program: PipeKernel, _ plan: Plan, _ sizes: LaunchSizes) throws {
    self.program = program
    self.sizes = sizes
    workspaces = plan.workspaces
    cells = sizes.value(program.source.cells)
    for limit in program.limits where sizes.value(limit.count) > limit.most {
      throw PipeLimitExceeded(
        kernel: program.source.name, array: limit.name, count: sizes.value(limit.count), most: limit.most)
    }
  }

  /// Vector cores, or groups, at work.
  private func cores(_ npu: Ascend) -> Int {
    guard program.usesCubes else { return min(npu.vectorCores, cells) }
    return min(npu.cube.cores, (cells + program.vectorCoresOfCube - 1) / program.vectorCoresOfCube)
  }

  func prediction(_ npu: Ascend) -> PipeKernelPrediction {
    let code = PipeCode(program, npu.rates, entries: sizes.integers(of: program.source))
    guard cells > 0 else {
      return PipeKernelPrediction(
        kernel: program.source.name, cells: 0, cores: 0, ticks: 0, busy: [:], dependsOnData: false,
        isApproximate: false,
        round: nil)
    }
    let cores = cores(npu)
    let memory = memoryTicks(code, npu)
    // The first core has the most cells, another the last cell. Where segments have rows of their own, any may have most.
    let turns = (cells + step - 1) / step
    let followed = code.findsSegments ? Set(0..<cores) : [0, (turns - 1) % cores]
    let runs = followed.sorted().map { core -> PipeSimulation in
      var run = simulation(code, npu, memory, core: core)
      run.run()
      return run
    }
    let busiest = runs.max { $0.times.latest < $1.times.latest }!
    var busy: [Pipe: Double] = [:]
    for (number, pipe) in PipeCode.pipes.enumerated() where program.usesCubes || pipe.core == .vector {
      busy[pipe] = busiest.times.busy(number)
    }
    return PipeKernelPrediction(
      kernel: program.source.name, cells: cells, cores: cores, ticks: busiest.times.latest, busy: busy,
      dependsOnData: runs.contains(where: \.dependsOnData),
      isApproximate: runs.contains(where: \.isApproximate),
      round: PipeRound(code, busiest.times))
  }

  func record(_ npu: Ascend, limit: Int) -> (PipeRecorder, leftOut: Double) {
    let code = PipeCode(program, npu.rates, entries: sizes.integers(of: program.source))
    var run = simulation(code, npu, memoryTicks(code, npu), core: 0)
    run.recorder = PipeRecorder(limit: limit, code)
    run.run()
    run.recorder!.cut()
    return (run.recorder!, max(0, run.times.instructions - run.recorder!.instructions))
  }

  /// Cells that a core or a group takes at once.
  private var step: Int { max(1, program.vectorCoresOfCube) }

  private func simulation(_ code: PipeCode, _ npu: Ascend, _ memory: [Double], core: Int) -> PipeSimulation {
    var numbers: [String: Int] = [:]
    for scalar in program.source.scalars { numbers[scalar.name] = sizes.value(scalar.value) }
    let cores = cores(npu)
    numbers[PipeKernel.cells.name] = cells
    numbers[PipeKernel.block.name] = core * step
    numbers[PipeKernel.blocks.name] = cores
    numbers[PipeKernel.firstPair.name] = 2 * core
    numbers[PipeKernel.pairStep.name] = 2 * cores
    numbers[PipeKernel.subCore.name] = 0
    return PipeSimulation(
      code, npu.rates, memoryTicks: memory, numbers: numbers,
      followsEveryRound: followsEveryRound)
  }

  // MARK: Main memory

  /// Ticks of a byte of each buffer at the core's share of main memory: of what fits into the second-level
  /// cache, for as large a part of what the cores ask as is asked for the first time; of workspaces that
  /// kernels alone use, none.
  private func memoryTicks(_ code: PipeCode, _ npu: Ascend) -> [Double] {
    let buffers = program.source.buffers
    // A cube core's bytes are those of its group.
    let cores = buffers.map { Double(self.cores(npu) * (program.isOfCube($0.name) ? 1 : step)) }
    let shares = cores.map { npu.rates.memory / $0 }
    var first = simulation(code, npu, shares.map { 1 / $0 }, core: 0)
    first.run()
    return buffers.indices.map { number in
      guard let size = bytesInMainMemory(buffers[number]) else { return 0 }
      let asked = first.times.bytes(of: number) * cores[number]
      guard size <= Double(npu.rates.cacheBytes), asked > size else { return 1 / shares[number] }
      return size / asked / shares[number]
    }
  }

  private func bytesInMainMemory(_ buffer: KernelBuffer) -> Double? {
    switch buffer.source {
    case .parameter(let parameter): return sizes.byteCount(sizes.program.parameters[parameter])
    case .workspace(let position):
      guard position < workspaces.count, workspaces[position].prepares != nil else { return nil }
      return Double(sizes.value(workspaces[position].byteCount))
    }
  }
}

extension PipeKernel {
  /// Whether the cube core copies a buffer.
  fileprivate func isOfCube(_ buffer: String) -> Bool {
    var isFound = false
    forEachStatement {
      if case .cube(let instruction) = $0, instruction.buffer?.name == buffer { isFound = true }
    }
    return isFound
  }
}
