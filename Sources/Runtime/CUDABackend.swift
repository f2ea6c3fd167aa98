import CUDADriver
import Foundation
import MachineIR
import TileIR

/// A GPU as a device of steps. Buffers lie in managed memory, which the host reaches at the same address whenever
/// nothing is under way; kernels are asked for on the device's stream and waited for at the end of a run.
final class CUDABackend: DeviceBackend {
  /// Machine code of plans, in their order.
  typealias Compile = (
    [Plan], @escaping @Sendable (CompilationProgress) -> Void
  ) throws -> [(image: Data, wasCached: Bool)]

  let device: CUDADevice
  private let cache: KernelCache
  private let compile: Compile
  private var areas: [Area] = []
  /// A word for each kernel that was asked for since the last wait, and whose it is.
  private let statuses: CUDAMemory
  private var asked: [HostPlan] = []
  /// Memory of the warps of a grid, for one kernel after the other.
  private var spill: CUDAMemory?
  /// The last run of each step.
  private var last: [ObjectIdentifier: Recording] = [:]

  private struct Area {
    let range: Range<UInt>
    weak var memory: CUDAMemory?
  }

  /// What a run was; with its launches, where another was equal to it.
  private struct Recording {
    /// A step that is gone may have left its identity to another.
    weak var step: AnyObject?
    let numbers: [Int]
    let asked: [HostPlan]
    let graph: CUDAGraph?
  }

  /// Kernels between two waits at most.
  private static let mostAsked = 1 << 16

  init(_ device: CUDADevice, _ cache: KernelCache, compile: Compile? = nil) throws {
    self.device = device
    self.cache = cache
    self.compile = compile ?? { try cache.code(of: $0, progress: $1) }
    try device.makeCurrent()
    statuses = try device.allocate(byteCount: 4 * Self.mostAsked, isManaged: true)
    memset(statuses.pointer!, 0, statuses.byteCount)
  }

  func load(
    _ plans: [Plan], progress: @escaping @Sendable (CompilationProgress) -> Void
  ) throws -> [any StepProgram] {
    try zip(plans, compile(plans, progress)).map { plan, code in
      CUDAStepProgram(
        try CUDAExecutable(
          plan: plan, on: device, image: code.image, wasCached: code.wasCached, cache: cache), self)
    }
  }

  // MARK: Memory

  func memory(_ byteCount: Int) throws -> AlignedMemory {
    try device.makeCurrent()
    let memory = try device.allocate(byteCount: byteCount, isManaged: true)
    let start = UInt(memory.address)
    areas.removeAll { $0.memory == nil }
    areas.append(Area(range: start..<start + UInt(max(1, byteCount)), memory: memory))
    return AlignedMemory(memory.pointer!, byteCount: byteCount, of: memory)
  }

  func reaches(_ pointer: UnsafeRawPointer) -> Bool {
    areas.contains { $0.memory != nil && $0.range.contains(UInt(bitPattern: pointer)) }
  }

  /// Grows only in runs that are not recorded: one with the same numbers has been done before those are.
  fileprivate func spill(_ byteCount: Int) throws -> UInt64 {
    if let spill, spill.byteCount >= byteCount { return spill.address }
    // What is under way, or recorded, uses the memory that there was.
    try device.synchronise()
    last = [:]
    let fresh = try device.allocate(byteCount: byteCount)
    spill = fresh
    return fresh.address
  }

  // MARK: Runs

  /// The address of the status of the kernel that is asked for next.
  fileprivate func status(of host: HostPlan) throws -> UInt64 {
    if asked.count == Self.mostAsked { try finish() }
    asked.append(host)
    return statuses.address + UInt64(4 * (asked.count - 1))
  }

  /// Decode steps with equal numbers ask for equal launches: sizes and addresses follow from the numbers, and
  /// everything else lies in buffers. Those of the second run in a row are recorded and asked for together from
  /// then on. Recording others would cost the host what asking for them does.
  func run(_ step: AnyObject, _ numbers: [Int], _ enqueue: () throws -> Void) throws {
    try device.makeCurrent()
    let before = last[ObjectIdentifier(step)].flatMap { $0.step === step && $0.numbers == numbers ? $0 : nil }
    do {
      if let before, let graph = before.graph {
        asked = before.asked
        try graph.launch()
      } else if before != nil {
        let graph = try CUDAGraph(on: device, recording: enqueue)
        last[ObjectIdentifier(step)] = Recording(step: step, numbers: numbers, asked: asked, graph: graph)
        try graph.launch()
      } else {
        last[ObjectIdentifier(step)] = nil
        try enqueue()
        // A wait in its midst cannot be recorded.
        guard asked.count < Self.mostAsked else { return try finish() }
        last[ObjectIdentifier(step)] = Recording(step: step, numbers: numbers, asked: [], graph: nil)
      }
    } catch {
      // What was asked for before is done before anybody frees what it uses.
      try? finish()
      throw error
    }
    try finish()
  }

  func finish() throws {
    defer { asked = [] }
    try device.synchronise()
    let words = statuses.pointer!.assumingMemoryBound(to: Int32.self)
    guard let failed = asked.indices.first(where: { words[$0] != 0 }) else { return }
    let failure = asked[failed].failure(words[failed])
    memset(words, 0, 4 * asked.count)
    if let failure { throw failure }
  }
}

/// An operator on a GPU, as steps launch it.
private final class CUDAStepProgram: StepProgram {
  private let executable: CUDAExecutable
  private let backend: CUDABackend
  var plan: Plan { executable.plan }
  var host: HostPlan { executable.host }
  var wasCached: Bool { executable.wasCached }

  init(_ executable: CUDAExecutable, _ backend: CUDABackend) {
    self.executable = executable
    self.backend = backend
  }

  /// Warps have memory of the device.
  func scratchBytes(_: borrowing LaunchNumbers) -> Int { 0 }

  /// Asks for the kernel; its status is seen when the backend waits.
  func run(
    _ kernel: HostKernel, _ bound: borrowing KernelArguments, _ numbers: borrowing LaunchNumbers
  ) throws -> Int32 {
    try executable.device.makeCurrent()
    let own = executable.kernels[kernel.number]
    let size = try own.size(numbers, on: executable.device)
    guard size.cells > 0 else { return 0 }
    var words: [UInt64] = []
    for buffer in bound.buffers { words.append(UInt64(UInt(bitPattern: buffer))) }
    for integer in size.integers { words.append(UInt64(bitPattern: Int64(integer))) }
    for float in bound.floats { words.append(UInt64(float.bitPattern)) }
    words.append(try backend.status(of: host))
    if own.warp.launch.usesDeviceMemory { words.append(try backend.spill(size.deviceBytes)) }
    try words.withUnsafeMutableBytes { bytes in
      try own.function.launch(
        blocks: size.blocks, threads: own.warp.launch.threadsPerBlock, sharedBytes: size.sharedBytes,
        arguments: bytes.baseAddress!, at: Array(stride(from: 0, to: bytes.count, by: 8)))
    }
    return 0
  }

  func prepare(_ arguments: [LaunchArgument], threads: Int?) throws -> Executable.PreparedWeights {
    let prepared = try prepared(arguments, memory: backend.memory)
    try backend.finish()
    return prepared
  }
}

extension KernelCache {
  /// The machine code of several plans, several compiled at once.
  fileprivate func code(
    of plans: [Plan], progress: @escaping @Sendable (CompilationProgress) -> Void
  ) throws -> [(image: Data, wasCached: Bool)] {
    try compiling(plans, progress) { plan in
      let (code, wasCached) = try self.code(of: plan)
      return ((image: code.image, wasCached: wasCached), wasCached)
    }.map { try $0.get() }
  }
}
