import CUDADriver
import Foundation
import MachineIR
import Schedules
import TileIR

/// An operator on a GPU.
///
/// Not for several threads at once.
public final class CUDAExecutable: RunnableOperator {
  public let plan: Plan
  public let device: CUDADevice
  public let wasCached: Bool
  let host: HostPlan
  /// By the kernels' positions in `Plan.kernels`.
  let kernels: [Kernel]

  /// A kernel on the device.
  final class Kernel {
    let warp: WarpKernel
    let function: CUDAKernel
    /// Blocks that the device holds at once, by the shared memory of one.
    private var resident: [Int: Int] = [:]

    init(warp: WarpKernel, function: CUDAKernel) {
      self.warp = warp
      self.function = function
    }

    /// The grid at the numbers of a launch: as many blocks as the device holds at once, or fewer.
    func size(_ numbers: borrowing LaunchNumbers, on device: CUDADevice) throws -> WarpKernel.Size {
      let full = warp.size(numbers, blocks: .max)
      guard full.cells > 0 else { return full }
      if resident[full.sharedBytes] == nil {
        let each = try function.residentBlocks(
          threads: warp.launch.threadsPerBlock, sharedBytes: full.sharedBytes)
        resident[full.sharedBytes] = device.facts.multiprocessors * max(1, each)
      }
      return warp.size(numbers, blocks: resident[full.sharedBytes]!)
    }
  }

  /// Lowers a program for the device's target and loads it.
  ///
  /// Throws as `CUDADriver.target(of:)`, `Lowering.plan` and `init(plan:on:)` do.
  public convenience init(
    _ program: Program, on device: CUDADevice, schedule: Schedule? = nil, cache: KernelCache = .standard
  ) throws {
    let machine = try device.driver.target(of: device.facts.number)
    try self.init(
      plan: try Lowering.plan(program, for: machine, schedule: schedule), on: device, cache: cache)
  }

  /// Compiles (or finds in the cache) every kernel of the plan, and loads it onto the device.
  ///
  /// Throws where the plan is for another machine, where the program or the plan is not proved, and what NVRTC
  /// or the driver says.
  public convenience init(plan: Plan, on device: CUDADevice, cache: KernelCache = .standard) throws {
    let (code, wasCached) = try cache.code(of: plan)
    try self.init(plan: plan, on: device, image: code.image, wasCached: wasCached, cache: cache)
  }

  /// Loads machine code of the plan's kernels that was compiled elsewhere; throws as `init(plan:on:)` does.
  public init(
    plan: Plan, on device: CUDADevice, image: Data, wasCached: Bool = true, cache: KernelCache = .standard
  ) throws {
    let target = try device.driver.target(of: device.facts.number)
    guard plan.machine == target else {
      throw RuntimeError(
        "\(plan.program.name) is lowered for \(plan.machine.name); cuda:\(device.facts.number) takes \(target.name)"
      )
    }
    try cache.requireProof(of: plan.program)
    let host = try HostPlan(plan, narrowSpans: try cache.requireProof(of: plan, plan.stableHash))
    self.plan = plan
    self.device = device
    self.wasCached = wasCached
    self.host = host
    try device.makeCurrent()
    let module = try image.withUnsafeBytes { bytes in try CUDAModule(bytes, on: device) }
    kernels = try zip(plan.kernels, host.all).map { kernel, own in
      let warp = WarpKernel(kernel, own, host.check)
      return Kernel(warp: warp, function: try module.kernel(warp.symbol))
    }
  }

  /// As `Executable.run`; `threads` has no meaning here. Everything is copied to the device and back.
  public func run(
    _ arguments: [String: Argument], extents: [TileIR.Dimension: Int] = [:], threads: Int? = nil,
    prints: (String) -> Void = { Swift.print($0) }
  ) throws -> [String: HostTensor] {
    let host = try HostArguments(plan.program, arguments, extents: extents)
    let launch = try CUDALaunch(self, host.launch, extents: extents)
    try launch.enqueue(preparing: true)
    try launch.finish(host.launch, prints: prints)
    return host.results()
  }

  /// Milliseconds that one launch takes on the device when `count` of them stand in a captured graph, the
  /// arguments on the device and weights laid out before.
  ///
  /// - Parameter copies: of the arguments, for one launch after the other, so that a cache does not hold them.
  public func milliseconds(
    _ arguments: [LaunchArgument], extents: [TileIR.Dimension: Int] = [:], count: Int, copies: Int = 1
  ) throws -> Float {
    let launches = try (0..<copies).map { _ in try CUDALaunch(self, arguments, extents: extents) }
    for launch in launches { try launch.enqueue(preparing: true) }
    try device.synchronise()
    let graph = try CUDAGraph(on: device) {
      for number in 0..<count { try launches[number % copies].enqueue(preparing: false) }
    }
    // The graph knows addresses alone.
    return try withExtendedLifetime(launches) { try graph.milliseconds() / Float(count) }
  }
}
