import MachineIR
import TileIR

/// How long a kernel of a GPU is predicted to take, and what it is bound by: a prediction from the machine
/// program and the registers of its compiled form, not a measurement.
public struct KernelPrediction: Hashable, Sendable {
  public let kernel: String
  /// Seconds that each part would take alone; the slowest one is the kernel's time.
  public let parts: [Part: Double]
  /// Cells, and the warps that work on them at once.
  public let cells: Int
  public let warps: Double
  /// Whether some of the work is known to the data only; `WorkCounter` says what is then supposed.
  public let dependsOnData: Bool

  /// What may be the slowest.
  public enum Part: Hashable, Sendable, CustomStringConvertible {
    /// Device memory's bandwidth over the bytes that the launch must move.
    case memory
    /// Reads that are under way at once, over the time of one.
    case readLatency
    case cache
    case sharedMemory
    case unit(Work.Unit)
    /// Instructions of all kinds that a multiprocessor, or a warp, can issue.
    case issue
    case warpIssue

    public var description: String {
      switch self {
      case .memory: "memory"
      case .readLatency: "read latency"
      case .cache: "cache"
      case .sharedMemory: "shared memory"
      case .unit(let unit): unit.description
      case .issue: "issue"
      case .warpIssue: "a warp's issue"
      }
    }
  }

  public var slowest: (part: Part, seconds: Double) {
    let first = parts.max { ($0.value, "\($0.key)") < ($1.value, "\($1.key)") }!
    return (first.key, first.value)
  }
}

/// How long a launch is predicted to take on a GPU.
public struct Prediction: Hashable, Sendable {
  public let product: String
  public let kernels: [KernelPrediction]
  /// Bytes that any implementation must move, and the seconds that this takes at the memory's bandwidth: of each
  /// parameter its size, or what the kernels ask of it where that is less, as of a table of which few rows are read.
  public let leastBytes: Double
  public let floor: Double

  /// Of the whole launch in a captured graph.
  public var seconds: Double { kernels.reduce(0) { $0 + $1.slowest.seconds + GPURates.launchGap } }

  /// Of a plan for a GPU at the numbers of a launch.
  ///
  /// - Parameter resources: for each kernel, registers of a thread and bytes of shared memory of a block.
  public init?(
    _ plan: Plan, _ sizes: LaunchSizes, resources: (MachineKernel) throws -> (registers: Int, shared: Int)
  ) rethrows {
    guard let gpu = plan.machine.gpu, let rates = GPURates.of(plan.machine) else { return nil }
    let variant = plan.variants.first { $0.guards.allSatisfy { sizes.value($0) >= 0 } }
    product = rates.product
    var asked: [Int: Double] = [:]
    var kernels: [KernelPrediction] = []
    for kernel in variant?.kernels ?? [] {
      let (registers, shared) = try resources(kernel)
      let resident = gpu.residentWarps(
        registers: registers, sharedPerBlock: shared, warpsPerBlock: WarpLaunch(kernel).warpsPerBlock)
      let (prediction, bytes) = KernelPrediction.make(
        kernel, plan.workspaces, sizes, rates, residentWarps: max(1, resident))
      kernels.append(prediction)
      for (parameter, count) in bytes { asked[parameter, default: 0] += count }
    }
    leastBytes = asked.reduce(0) { $0 + min($1.value, sizes.byteCount(plan.program.parameters[$1.key])) }
    floor = leastBytes / rates.memoryBandwidth
    self.kernels = kernels
  }
}

extension KernelPrediction {
  /// The prediction, and the bytes that the kernel asks of each parameter.
  fileprivate static func make(
    _ kernel: MachineKernel, _ workspaces: [Workspace], _ sizes: LaunchSizes, _ rates: GPURates,
    residentWarps: Int
  ) -> (KernelPrediction, [Int: Double]) {
    let cells = sizes.value(kernel.cells)
    var counter = WorkCounter(kernel, sizes, convertsE4M3: rates.convertsE4M3)
    let cell = counter.cell(of: cells)
    let launch = WarpLaunch(kernel)
    let agentWarps = Double(kernel.agentWarps)
    let agents = min(
      Double(cells), rates.multiprocessors * Double(residentWarps / launch.warpsPerBlock * launch.agentsPerBlock))
    let warps = agents * agentWarps
    guard cells > 0 else {
      return (
        KernelPrediction(kernel: kernel.name, parts: [.memory: 0], cells: 0, warps: 0, dependsOnData: false),
        [:]
      )
    }
    let all = cell * Double(cells)
    // Cells are taken in turns: the last turn takes as long as a full one.
    let turns = (Double(cells) / agents).rounded(.up)
    let used = min(rates.multiprocessors, (agents / Double(launch.agentsPerBlock)).rounded(.up))
    let ticks = used * rates.clock
    var (asked, moved) = ([Int: Double](), 0.0)
    for buffer in kernel.buffers {
      let bytes = all.bytes[buffer.name] ?? 0
      switch buffer.source {
      case .parameter(let parameter):
        asked[parameter, default: 0] += bytes
        moved += min(bytes, sizes.byteCount(sizes.program.parameters[parameter]))
      case .workspace(let position):
        // A weight that was laid out anew is read in place of the weight.
        let most = min(bytes, Double(sizes.value(workspaces[position].byteCount)))
        if let parameter = workspaces[position].prepares { asked[parameter, default: 0] += most }
        moved += most
      }
    }
    let readTimes = cell.ownReadBytes / GPURates.bytesInFlight + cell.copyTimes
    var parts: [Part: Double] = [
      .memory: moved / rates.memoryBandwidth,
      .readLatency: readTimes * GPURates.readLatency * turns,
      .cache: all.globalBytes / rates.cacheBandwidth,
      .sharedMemory: all.sharedTurns / ticks,
      .issue: all.total / GPURates.issued / ticks,
      .warpIssue: (cell.ownInstructions * GPURates.warpTicks + cell.blockWaits * GPURates.blockWaitTicks) * turns
        / rates.clock,
    ]
    for (unit, count) in all.instructions { parts[.unit(unit)] = count / rates.rate(unit) / ticks }
    return (
      KernelPrediction(
        kernel: kernel.name, parts: parts, cells: cells, warps: warps, dependsOnData: counter.dependsOnData),
      asked
    )
  }
}
