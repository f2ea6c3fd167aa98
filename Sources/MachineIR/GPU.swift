/// A chip that runs CUDA C++: an agent is a warp, 32 threads that go together, or a block of several; a cell is worked
/// on by one. A vector of n lanes is striped over an agent's t threads: lane l is register l / t of thread l % t;
/// scalars are uniform. Numbers are those of the CUDA programming guide's table of compute capabilities.
public struct GPU: Hashable, Sendable {
  /// What the compiler is asked for, such as `sm_90a`.
  public let architecture: String
  /// Bytes of shared memory of a multiprocessor, and the most that one block can have of them.
  public let sharedPerMultiprocessor: Int
  public let sharedPerBlock: Int
  /// Registers of 4 bytes of a multiprocessor, and the most that a thread can have of them.
  public let registersPerMultiprocessor: Int
  public let registersPerThread: Int
  /// Warps that a multiprocessor holds at once.
  public let warpsPerMultiprocessor: Int
  /// Warps of the agents that lower for it: 1, or those of a block.
  public internal(set) var agentWarps = 1

  /// Warps that a multiprocessor holds at once of a kernel whose threads have this many registers.
  ///
  /// Registers are given to a warp in units of 256, shared memory to a block in units of 128 bytes with 1 KiB
  /// of the system's own (sm_80 and newer).
  public func residentWarps(registers: Int, sharedPerBlock: Int, warpsPerBlock: Int) -> Int {
    let registersPerWarp = (registers * Self.warp + 255) / 256 * 256
    let byRegisters = registersPerMultiprocessor / max(1, registersPerWarp) / warpsPerBlock
    let byShared = sharedPerMultiprocessor / ((sharedPerBlock + 1024 + 127) / 128 * 128)
    return min(warpsPerMultiprocessor / warpsPerBlock, byRegisters, byShared) * warpsPerBlock
  }

  /// Threads of a warp.
  public static let warp = 32
  /// Warps of a block, where shared memory is enough for them.
  public static let warpsPerBlock = 4
}

extension MachineDescription {
  /// A100 (compute capability 8.0).
  public static let sm80 = gpu(
    "cuda-sm80",
    GPU(
      architecture: "sm_80", sharedPerMultiprocessor: 164 << 10, sharedPerBlock: 163 << 10,
      registersPerMultiprocessor: 65536, registersPerThread: 255, warpsPerMultiprocessor: 64))

  /// H100 and H200 (compute capability 9.0, with the instructions that only it has).
  public static let sm90a = gpu(
    "cuda-sm90a",
    GPU(
      architecture: "sm_90a", sharedPerMultiprocessor: 228 << 10, sharedPerBlock: 227 << 10,
      registersPerMultiprocessor: 65536, registersPerThread: 255, warpsPerMultiprocessor: 64),
    and: [.bulkCopies])

  /// The chip with blocks of so many warps for agents. What only a warp does, as matrices and asynchronous copies,
  /// they do not have.
  public func withAgents(of warps: Int) -> MachineDescription {
    guard var gpu, gpu.agentWarps != warps else { return self }
    gpu.agentWarps = warps
    return MachineDescription(
      name: name, vectorBytes: 4 * GPU.warp * warps, vectorRegisters: vectorRegisters,
      nearMemory: [min(nearMemory[0] * warps / GPU.warpsPerBlock, gpu.sharedPerBlock)],
      features: features.subtracting([.byteMatrices, .doubleMatrices, .bulkCopies]), kind: .gpu(gpu))
  }

  /// Every GPU target, the oldest first.
  public static let gpus = [sm80, sm90a]

  private static func gpu(_ name: String, _ gpu: GPU, and own: Set<MachineDescription.Feature> = [])
    -> MachineDescription
  {
    MachineDescription(
      name: name, vectorBytes: 4 * GPU.warp, vectorRegisters: 128,
      nearMemory: [gpu.sharedPerBlock / GPU.warpsPerBlock],
      features: own.union([.fusedMultiplyAdd, .maskedMemory, .byteMatrices, .doubleMatrices]),
      kind: .gpu(gpu))
  }
}
