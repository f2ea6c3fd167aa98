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

extension StepProgram {
  /// Weights laid out by the program's own kernels, in memory that the device gives.
  func prepared(
    _ arguments: [LaunchArgument], memory allocate: (Int) throws -> AlignedMemory
  ) throws -> Executable.PreparedWeights {
    var numbers = host.check.unbound
    try host.check.bind(arguments, into: &numbers)
    var memory: [AlignedMemory?] = []
    for (size, workspace) in zip(host.workspaceSizes, plan.workspaces) {
      memory.append(workspace.prepares == nil ? nil : try allocate(size.value(numbers)))
    }
    for kernel in host.preparations {
      let buffers = kernel.buffers.map { source -> UnsafeMutableRawPointer? in
        switch source {
        case .workspace(let workspace): memory[workspace]?.pointer
        case .parameter(let parameter):
          if case .buffer(let view) = arguments[parameter] { view.pointer } else { nil }
        }
      }
      let floats = kernel.floats.map { parameter -> Float in
        if case .float(let value) = arguments[parameter] { value } else { 0 }
      }
      _ = try run(kernel, KernelArguments(buffers: buffers, floats: floats), numbers)
    }
    return Executable.PreparedWeights(memory)
  }
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
