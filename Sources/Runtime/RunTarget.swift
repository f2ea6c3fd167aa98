import AscendDriver
import CUDADriver
import MachineIR

/// Where operators and models run: a machine, and what takes its place.
public enum RunTarget: Hashable, Sendable, CustomStringConvertible {
  /// This processor, or another under an emulator.
  case processor(MachineDescription)
  /// The device model, which runs a GPU's CUDA text on this processor.
  case deviceModel(MachineDescription)
  /// The device model of an Ascend chip, which runs its Ascend C text on this processor.
  case ascendModel(MachineDescription)
  /// A GPU of this computer, by the driver's number.
  case cuda(Int)
  /// An Ascend chip of this computer, by AscendCL's number.
  case ascend(Int)

  /// Throws what a driver says of a chip that is not there, or for which there is no target.
  public var machine: MachineDescription {
    get throws {
      switch self {
      case .processor(let machine), .deviceModel(let machine), .ascendModel(let machine): machine
      case .cuda(let number): try CUDADriver.standard.get().target(of: number)
      case .ascend: try AscendDriver.standard.get().target()
      }
    }
  }

  public var description: String {
    switch self {
    case .processor(let machine): machine.name
    case .deviceModel(.sm90a): "cuda-model"
    case .deviceModel(let machine): "cuda-model-\(machine.name.split(separator: "-").last!)"
    case .ascendModel: "ascend-model"
    case .cuda(let number): "cuda:\(number)"
    case .ascend(let number): "ascend:\(number)"
    }
  }

  /// Every target, whether it runs here or not; of GPUs and NPUs the first stands for all.
  public static let all =
    MachineDescription.cpus.map(processor) + [
      .deviceModel(.sm90a), .deviceModel(.sm80), .ascendModel(.ascend910b), .cuda(0), .ascend(0),
    ]

  /// The target of a name that `description` gives.
  public static func named(_ name: String) -> RunTarget? {
    if let known = all.first(where: { $0.description == name }) { return known }
    func number(behind prefix: String) -> Int? {
      guard name.hasPrefix(prefix), let number = Int(name.dropFirst(prefix.count)), number >= 0 else { return nil }
      return number
    }
    return number(behind: "cuda:").map(cuda) ?? number(behind: "ascend:").map(ascend)
  }

  /// This processor's own, as `MachineDescription.host`.
  public static var host: RunTarget { get throws { .processor(try .host) } }
}
