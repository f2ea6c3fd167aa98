/// A chip as data: what schedules choose by and printers refuse by.
public struct MachineDescription: Hashable, Sendable {
  /// The target's name, such as `cpu-avx512`.
  public let name: String
  /// Bytes of a vector register and how many there are.
  public let vectorBytes: Int
  public let vectorRegisters: Int
  /// Bytes of the caches or memories nearest to one agent, nearest first.
  public let nearMemory: [Int]
  public let features: Set<Feature>
  public let kind: Kind

  /// What only one family of chips has.
  public enum Kind: Hashable, Sendable {
    case cpu(CPU)
    case gpu(GPU)
    case npu(Ascend)
  }

  /// A processor that runs C: an agent is a thread, a cell is worked on by one.
  public struct CPU: Hashable, Sendable {
    /// The compiler's target triple and machine options.
    public let triple: String
    public let compilerOptions: [String]
  }

  public var cpu: CPU? { if case .cpu(let cpu) = kind { cpu } else { nil } }
  public var gpu: GPU? { if case .gpu(let gpu) = kind { gpu } else { nil } }
  public var npu: Ascend? { if case .npu(let npu) = kind { npu } else { nil } }

  public enum Feature: String, Hashable, Sendable, CaseIterable {
    /// binary32 multiply-add with one rounding.
    case fusedMultiplyAdd
    /// Loads and stores under a lane mask.
    case maskedMemory
    /// Exact u8 x i8 dot products of four into int32.
    case dot4
    /// Exact products of matrices of bytes and of halves by a warp, `Instruction.multiplyBytes` and `multiplyHalves`.
    case byteMatrices
    /// Products of matrices of `f64` by a warp, `Instruction.multiplyDoubles`.
    case doubleMatrices
    /// Copies of consecutive bytes to arrays on chip by one instruction, `AsynchronousCopy.barriers`.
    case bulkCopies
    /// Exact products of tiles of byte slices by a matrix unit, `MachineStatement.multiplySlices`.
    case sliceProducts
    /// Byte shuffles within 16 lanes.
    case lookup16
    /// Byte shuffles of a table of 128.
    case lookup128
    /// Stores that leave the caches alone.
    case streamingStores
  }

  /// Bytes of a result from which on no cache is expected to hold it: last-level caches of servers have
  /// 32 MiB and more.
  public static let streamedResult = 32 << 20

  public func has(_ feature: Feature) -> Bool { features.contains(feature) }
  /// Lanes of `scalar` in one register; on a GPU a thread of an agent holds one, whatever its width.
  public func lanes(of scalar: MachineScalar) -> Int {
    gpu.map { GPU.warp * $0.agentWarps } ?? vectorBytes / scalar.byteCount
  }
}

extension MachineDescription {
  /// x86-64 baseline. Fused multiply-add is emulated: right, and about twenty times slower.
  public static let sse2 = MachineDescription(
    name: "cpu-sse2", vectorBytes: 16, vectorRegisters: 16, nearMemory: [32 << 10, 256 << 10],
    features: [.streamingStores],
    kind: .cpu(CPU(triple: "x86_64-linux-gnu", compilerOptions: ["-march=x86-64"])))

  public static let avx2 = MachineDescription(
    name: "cpu-avx2", vectorBytes: 32, vectorRegisters: 16, nearMemory: [32 << 10, 256 << 10],
    features: [.fusedMultiplyAdd, .lookup16, .streamingStores],
    kind: .cpu(CPU(triple: "x86_64-linux-gnu", compilerOptions: ["-march=x86-64-v3"])))

  /// AVX-512 with VNNI (Ice Lake, Zen 4 and later).
  public static let avx512 = MachineDescription(
    name: "cpu-avx512", vectorBytes: 64, vectorRegisters: 32, nearMemory: [32 << 10, 1 << 20],
    features: [.fusedMultiplyAdd, .maskedMemory, .dot4, .lookup16, .lookup128, .streamingStores],
    kind: .cpu(
      CPU(
        triple: "x86_64-linux-gnu",
        compilerOptions: ["-march=x86-64-v4", "-mavx512vnni", "-mavx512vbmi", "-mprefer-vector-width=512"])))

  public static let neon = MachineDescription(
    name: "cpu-neon", vectorBytes: 16, vectorRegisters: 32, nearMemory: [32 << 10, 512 << 10],
    features: [.fusedMultiplyAdd, .lookup16],
    kind: .cpu(CPU(triple: "aarch64-linux-gnu", compilerOptions: ["-march=armv8-a"])))

  /// Every CPU target, the plainest first.
  public static let cpus = [sse2, avx2, avx512, neon]

  /// Every target for which the whole library is lowered; `npus` are not among them yet.
  public static let all = cpus + gpus

  /// The target of this name.
  public static func named(_ name: String) -> MachineDescription? {
    (all + npus).first { $0.name == name }
  }
}
