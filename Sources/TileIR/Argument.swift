/// What a launch passes for one parameter.
public enum Argument: Hashable, Sendable {
  /// For an input, a weight, or a state buffer (its contents before the launch).
  case tensor(HostTensor)
  case int(Int32)
  case float(Float)

  public var description: String {
    switch self {
    case .tensor(let tensor): "\(tensor.element.rawValue) \(tensor.shape)"
    case .int(let value): "int32 \(value)"
    case .float(let value): "float32 \(value)"
    }
  }
}
