import Foundation
import MachineIR
import Runtime

/// What a compiled kernel of a GPU takes of a multiprocessor, and how many of its warps fit there at once.
struct KernelResources: Encodable {
  let kernel: String
  let threadsPerBlock: Int
  let registers: Int
  let spillStoreBytes: Int
  let spillLoadBytes: Int
  let stackBytes: Int
  let sharedBytesPerBlock: Int
  /// How often the worst access to shared memory is repeated; 1 is no conflict.
  let bankConflicts: Conflicts
  /// The kernel's own memory that lies in device memory: bytes a warp, or that the launch decides.
  let deviceMemoryPerWarp: DeviceMemory
  let warpsPerMultiprocessor: Int

  enum Conflicts: Encodable {
    case known(BankConflicts)
    case noSharedMemory

    var text: String {
      switch self {
      case .known(let conflicts): "\(conflicts)"
      case .noSharedMemory: "-"
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .known(.degree(let degree)): try container.encode(degree)
      case .known(.unknown): try container.encode("by data")
      case .noSharedMemory: try container.encodeNil()
      }
    }
  }

  enum DeviceMemory: Encodable {
    case bytes(Int)
    case decidedByLaunch

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .bytes(let bytes): try container.encode(bytes)
      case .decidedByLaunch: try container.encode("decided by the launch")
      }
    }

    var text: String {
      switch self {
      case .bytes(let bytes): "\(bytes)"
      case .decidedByLaunch: "by the launch"
      }
    }
  }

  static func all(of plan: Plan) throws -> [KernelResources] {
    let resources = try KernelCache.standard.code(of: plan).code.resources()
    var seen: Set<String> = []
    // Variants may share a kernel.
    return try plan.kernels.filter { seen.insert($0.name).inserted }.map { kernel in
      guard let found = resources.first(where: { $0.kernel == GPUCode.symbol(of: kernel) }) else {
        throw Refusal("the compiler reports nothing on \(kernel.name)")
      }
      return KernelResources(kernel, found, on: plan.machine.gpu!)
    }
  }

  private init(_ kernel: MachineKernel, _ found: GPUCode.Resources, on gpu: GPU) {
    let launch = WarpLaunch(kernel)
    self.kernel = kernel.name
    threadsPerBlock = launch.threadsPerBlock
    registers = found.registers
    spillStoreBytes = found.spillStoreBytes
    spillLoadBytes = found.spillLoadBytes
    stackBytes = found.stackBytes
    var shared = found.staticSharedBytes
    if case .constant(let bytes) = launch.sharedBytesPerAgent { shared += bytes * launch.agentsPerBlock }
    sharedBytesPerBlock = shared
    let conflicts = Array(kernel.bankConflicts.values)
    bankConflicts = conflicts.isEmpty ? .noSharedMemory : .known(conflicts.reduce(.degree(1), BankConflicts.worst))
    deviceMemoryPerWarp =
      switch launch.deviceBytesPerAgent {
      case .constant(let bytes): .bytes(bytes)
      case .number: .decidedByLaunch
      }
    warpsPerMultiprocessor = gpu.residentWarps(
      registers: found.registers, sharedPerBlock: shared, warpsPerBlock: launch.warpsPerBlock)
  }

  /// A line a kernel, spills first among what a reader looks for.
  static func table(_ kernels: [KernelResources]) -> String {
    let head = [
      "kernel", "registers", "spills", "stack", "shared a block", "bank conflicts", "device memory a warp", "threads a block",
      "warps a multiprocessor",
    ]
    return columns(
      [head]
        + kernels.map {
          [
            $0.kernel, "\($0.registers)", "\($0.spillStoreBytes + $0.spillLoadBytes)", "\($0.stackBytes)",
            "\($0.sharedBytesPerBlock)", $0.bankConflicts.text, $0.deviceMemoryPerWarp.text, "\($0.threadsPerBlock)",
            "\($0.warpsPerMultiprocessor)",
          ]
        })
  }
}
