/// An Ascend chip's cores, programmed in Ascend C: an agent is a vector core with its unified buffer (UB), and four
/// pipes that work at the same time; where a kernel multiplies matrices, with a cube core at its side. A register value
/// of n lanes is a tensor of n elements in the UB.
public struct Ascend: Hashable, Sendable {
  /// The number by which the maker's documents name the instruction set.
  public let architecture: Int
  /// Bytes of a vector core's unified buffer.
  public let unifiedBufferBytes: Int
  public let vectorCores: Int
  public let cube: Cube
  public let rates: AscendRates

  /// A cube core's memories.
  public struct Cube: Hashable, Sendable {
    public let cores: Int
    /// Bytes of what operands are staged in, of the left and the right operand's and of the sums' memory.
    public let l1Bytes: Int
    public let l0aBytes: Int
    public let l0bBytes: Int
    public let l0cBytes: Int
  }

  /// Bytes that addresses of tensors in the UB are multiples of.
  public static let block = 32
  /// Bytes that a vector instruction works on at once, a repeat.
  public static let repeatBytes = 256
  /// Event numbers of an ordered pair of pipes: 0 to 5; the two above may be the system's.
  public static let eventsPerPair = 6
  /// Flags between the cores of a group, for each direction, of 11 that are known to be there.
  public static let flagsPerDirection = 5
}

extension MachineDescription {
  /// 910B: 48 vector cores beside 24 cube cores, architecture 2201.
  public static let ascend910b = MachineDescription(
    name: "ascend-910b", vectorBytes: Ascend.repeatBytes, vectorRegisters: 768, nearMemory: [192 << 10],
    features: [.sliceProducts],
    kind: .npu(
      Ascend(
        architecture: 2201, unifiedBufferBytes: 192 << 10, vectorCores: 48,
        cube: Ascend.Cube(
          cores: 24, l1Bytes: 512 << 10, l0aBytes: 64 << 10, l0bBytes: 64 << 10, l0cBytes: 128 << 10),
        rates: .ascend910b1)))

  /// Every Ascend target.
  public static let npus = [ascend910b]
}
