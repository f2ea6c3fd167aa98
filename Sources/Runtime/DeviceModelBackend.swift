import DeviceModel
import EmitCUDA
import MachineIR
import TileIR

/// The device model as a device: processes that stay alive and share memory with this one. Without checks.
final class DeviceModelBackend: DeviceBackend, SharedMemoryBackend {
  private let cache: KernelCache
  private let processes: Int
  let shared: SharedMemory
  /// Memory of the warps of a grid, for one kernel after the other.
  private var spill: AlignedMemory?
  fileprivate let status: UnsafeMutablePointer<Int32>

  init(_ cache: KernelCache, processes: Int) throws {
    self.cache = cache
    self.processes = processes
    shared = try SharedMemory()
    status = try shared.take(64).assumingMemoryBound(to: Int32.self)
  }

  func load(
    _ plans: [Plan], progress: @escaping @Sendable (CompilationProgress) -> Void
  ) throws -> [any StepProgram] {
    guard !plans.isEmpty else { return [] }
    let joined = JoinedKernels(plans)
    let compiled = try cache.deviceModel(of: joined, plans, isChecked: false) { done in
      progress(
        CompilationProgress(done: done, total: plans.count, compiled: 0, name: plans[done - 1].program.name))
    }
    let gpu = plans[0].machine.gpu!
    let session = try DeviceSession(
      compiled.program, memory: shared, chip: gpu.deviceChip, workers: processes)
    return zip(plans, zip(compiled.hosts, joined.numbers)).map { plan, rest in
      let (host, numbers) = rest
      return DeviceModelStepProgram(
        plan, host, host.all.map { WarpKernel(joined.all[numbers[$0.number]], $0, host.check) }, numbers,
        session, compiled.object, self)
    }
  }

  /// Enough for more blocks than there are processes: some take longer than others.
  fileprivate var blocks: Int { 16 * processes }

  fileprivate func spill(_ byteCount: Int) throws -> UnsafeMutableRawPointer {
    if let spill, spill.byteCount >= byteCount { return spill.pointer }
    let fresh = try memory(byteCount)
    spill = fresh
    return fresh.pointer
  }
}

/// An operator of a session of the device model.
private final class DeviceModelStepProgram: StepProgram {
  let plan: Plan
  let host: HostPlan
  private let kernels: [WarpKernel]
  /// The kernels' numbers in the session's program.
  private let numbers: [Int]
  private let session: DeviceSession
  private let object: KernelCache.Object
  private let backend: DeviceModelBackend
  var wasCached: Bool { object.wasCached }

  init(
    _ plan: Plan, _ host: HostPlan, _ kernels: [WarpKernel], _ numbers: [Int], _ session: DeviceSession,
    _ object: KernelCache.Object, _ backend: DeviceModelBackend
  ) {
    self.plan = plan
    self.host = host
    self.kernels = kernels
    self.numbers = numbers
    self.session = session
    self.object = object
    self.backend = backend
  }

  /// Warps have memory of the device.
  func scratchBytes(_: borrowing LaunchNumbers) -> Int { 0 }

  func run(
    _ kernel: HostKernel, _ bound: borrowing KernelArguments, _ numbers: borrowing LaunchNumbers
  ) throws -> Int32 {
    let warps = kernels[kernel.number]
    let size = warps.size(numbers, blocks: backend.blocks)
    guard size.cells > 0 else { return 0 }
    var arguments: [DeviceSession.Argument] = bound.buffers.map { .pointer($0) }
    arguments += size.integers.map { .integer(Int64($0)) }
    arguments += bound.floats.map { .float($0) }
    arguments.append(.pointer(backend.status))
    if warps.launch.usesDeviceMemory { arguments.append(.pointer(try backend.spill(size.deviceBytes))) }
    backend.status.pointee = 0
    try session.run(
      self.numbers[kernel.number], grid: size.blocks, block: warps.launch.threadsPerBlock,
      sharedBytes: size.sharedBytes, arguments)
    return backend.status.pointee
  }

  func prepare(_ arguments: [LaunchArgument], threads: Int?) throws -> Executable.PreparedWeights {
    try prepared(arguments, memory: backend.memory)
  }
}
