import DeviceModel
import MachineIR
import Schedules
import TileIR

/// An operator for a GPU, run in the device model: for checking bits and finding hazards, not for speed.
public final class DeviceModelExecutable: RunnableOperator {
  public let plan: Plan
  private let program: DeviceModelProgram
  private let order: DeviceOrder
  public var wasCached: Bool { program.wasCached }

  /// Throws as `DeviceModelProgram` does.
  public init(
    plan: Plan, isChecked: Bool = true, order: DeviceOrder = .ascending, unproved reason: String? = nil,
    cache: KernelCache = .standard
  ) throws {
    self.plan = plan
    self.order = order
    program = try DeviceModelProgram(plans: [plan], isChecked: isChecked, unproved: reason, cache: cache)
  }

  /// Lowers a program for `machine`, which must be a GPU.
  public convenience init(
    _ program: Program, for machine: MachineDescription = .sm90a, schedule: Schedule? = nil,
    isChecked: Bool = true,
    order: DeviceOrder = .ascending, unproved reason: String? = nil, cache: KernelCache = .standard
  ) throws {
    try self.init(
      plan: try Lowering.plan(program, for: machine, schedule: schedule), isChecked: isChecked, order: order,
      unproved: reason, cache: cache)
  }

  /// As `Executable.run`; `threads` processes share a grid where nothing is checked. Throws `DeviceHazards` where
  /// the kernels have something to report.
  public func run(
    _ arguments: [String: Argument], extents: [Dimension: Int] = [:], threads: Int? = nil,
    prints: (String) -> Void = { Swift.print($0) }
  ) throws -> [String: HostTensor] {
    let host = try HostArguments(plan.program, arguments, extents: extents)
    let launch = DeviceModelProgram.Launch(plan: 0, host.launch, extents: extents)
    try program.run([launch], order: order, workers: threads ?? 1, print: prints)[0].get()
    return host.results()
  }
}
