/// An Ascend chip's vector cores, programmed in Ascend C: an agent is a vector core with its unified buffer (UB), and
/// four pipes that work at the same time. A register value of n lanes is a tensor of n elements in the UB.
public struct Ascend: Hashable, Sendable {
  /// The number by which the maker's documents name the instruction set.
  public let architecture: Int
  /// Bytes of a vector core's unified buffer.
  public let unifiedBufferBytes: Int
  public let vectorCores: Int

  /// Bytes that addresses of tensors in the UB are multiples of.
  public static let block = 32
  /// Bytes that a vector instruction works on at once, a repeat.
  public static let repeatBytes = 256
  /// Event numbers of an ordered pair of pipes: 0 to 5; the two above may be the system's.
  public static let eventsPerPair = 6
}

extension MachineDescription {
  /// 910B: 48 vector cores beside 24 cube cores, architecture 2201.
  public static let ascend910b = MachineDescription(
    name: "ascend-910b", vectorBytes: Ascend.repeatBytes, vectorRegisters: 768, nearMemory: [192 << 10], features: [],
    kind: .npu(Ascend(architecture: 2201, unifiedBufferBytes: 192 << 10, vectorCores: 48)))

  /// Every Ascend target.
  public static let npus = [ascend910b]
}
