import MachineIR
import TileIR

/// An operator on a device, as the launches of steps call it.
protocol StepProgram: AnyObject {
  var plan: Plan { get }
  var host: HostPlan { get }
  /// Whether the cache had the compiled kernels.
  var wasCached: Bool { get }

  /// Bytes of a thread's memory that any kernel needs, where the step has to bring them.
  func scratchBytes(_ numbers: borrowing LaunchNumbers) -> Int

  /// Runs a kernel over its cells and gives the status that they raised, 0 where they raised none.
  func run(
    _ kernel: HostKernel, _ arguments: borrowing KernelArguments, _ numbers: borrowing LaunchNumbers
  ) throws -> Int32

  /// Lays out the weights among a launch's arguments.
  func prepare(_ arguments: [LaunchArgument], threads: Int?) throws -> Executable.PreparedWeights
}

/// What a kernel is called with besides numbers.
struct KernelArguments: ~Copyable {
  /// In the kernel's order.
  var buffers: [UnsafeMutableRawPointer?]
  var floats: [Float]
  var threads = 1
  var scratch = ThreadScratch.none
}

/// Memory of each thread of a pool, for one kernel after the other.
final class ThreadScratch {
  let pointers: [UnsafeMutablePointer<UInt8>?]
  let byteCount: Int
  private let areas: [AlignedMemory]

  nonisolated(unsafe) static let none = ThreadScratch()

  private init() { (pointers, byteCount, areas) = ([nil], 0, []) }

  init(threads: Int, byteCount: Int) throws {
    let areas = try (0..<threads).map { _ in try AlignedMemory(byteCount: byteCount) }
    self.areas = areas
    self.byteCount = byteCount
    pointers = areas.map { $0.pointer.assumingMemoryBound(to: UInt8.self) }
  }
}
