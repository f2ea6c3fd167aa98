import MachineIR

/// Where operators and models run: a machine, and what takes its place.
public enum RunTarget: Hashable, Sendable, CustomStringConvertible {
  /// This processor, or another under an emulator.
  case processor(MachineDescription)
  /// The device model, which runs a GPU's CUDA text on this processor.
  case deviceModel(MachineDescription)

  public var machine: MachineDescription {
    switch self {
    case .processor(let machine), .deviceModel(let machine): machine
    }
  }

  public var description: String {
    switch self {
    case .processor(let machine): machine.name
    case .deviceModel(.sm90a): "cuda-model"
    case .deviceModel(let machine): "cuda-model-\(machine.name.split(separator: "-").last!)"
    }
  }

  /// Every target, whether it runs here or not.
  public static let all = MachineDescription.cpus.map(processor) + [.deviceModel(.sm90a), .deviceModel(.sm80)]

  /// The target of a name that `description` gives.
  public static func named(_ name: String) -> RunTarget? { all.first { $0.description == name } }

  /// This processor's own, as `MachineDescription.host`.
  public static var host: RunTarget { get throws { .processor(try .host) } }
}
