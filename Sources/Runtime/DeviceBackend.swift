import DeviceModel
import MachineIR

/// What differs between devices: where memory lies that their kernels reach, and how programs get there.
protocol DeviceBackend: AnyObject {
  /// The plans' kernels, compiled or found in the cache, and loaded.
  func load(
    _ plans: [Plan], progress: @escaping @Sendable (CompilationProgress) -> Void
  ) throws -> [any StepProgram]

  /// Memory that both this process and the device reach, at one address.
  func memory(_ byteCount: Int) throws -> AlignedMemory
  /// Whether the device reaches a pointer of this process.
  func reaches(_ pointer: UnsafeRawPointer) -> Bool
  /// Told that memory which the device reaches is bound to a step, as what runs write or as what they only read.
  func bind(_ pointer: UnsafeRawPointer, isWritten: Bool) throws

  /// Carries out a run of a step, whose numbers and addresses are those of every run with equal `numbers`.
  func run(_ step: AnyObject, _ numbers: [Int], _ enqueue: () throws -> Void) throws
  /// Waits for every kernel that was asked for. Throws the message of a failed assertion.
  func finish() throws
}

extension DeviceBackend {
  func bind(_: UnsafeRawPointer, isWritten: Bool) throws {}
}

/// Devices whose kernels are done when they were asked for.
extension DeviceBackend {
  func run(_: AnyObject, _: [Int], _ enqueue: () throws -> Void) throws { try enqueue() }
  func finish() throws {}
}

/// Device models, whose processes share memory with this one.
protocol SharedMemoryBackend: DeviceBackend {
  var shared: SharedMemory { get }
}

extension SharedMemoryBackend {
  func memory(_ byteCount: Int) throws -> AlignedMemory {
    AlignedMemory(try shared.take(byteCount), byteCount: byteCount, of: shared)
  }
  func reaches(_ pointer: UnsafeRawPointer) -> Bool { shared.holds(pointer) }
}

/// This computer's processor.
final class HostBackend: DeviceBackend {
  private let cache: KernelCache
  private let pool: ThreadPool

  init(_ cache: KernelCache, _ pool: ThreadPool) {
    self.cache = cache
    self.pool = pool
  }

  func load(
    _ plans: [Plan], progress: @escaping @Sendable (CompilationProgress) -> Void
  ) throws -> [any StepProgram] {
    try Executable.load(plans, cache: cache, pool: pool, progress: progress)
  }

  func memory(_ byteCount: Int) throws -> AlignedMemory { try AlignedMemory(byteCount: byteCount) }
  func reaches(_: UnsafeRawPointer) -> Bool { true }
}
