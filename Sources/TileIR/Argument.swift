/// What a launch passes for one parameter.
public enum Argument: Hashable, Sendable {
  /// For an input, a weight, or a state buffer (its contents before the launch).
  case tensor(HostTensor)
  case int(Int32)
  case float(Float)

  /// A tensor as the argument of a parameter: for a scalar, the number in a tensor of one element.
  public init(_ tensor: HostTensor, for parameter: Parameter) {
    switch (parameter.role, tensor.element) {
    case (.scalar, .int32) where tensor.count == 1: self = .int(Int32(bitPattern: tensor[0]))
    case (.scalar, .float32) where tensor.count == 1: self = .float(Float(bitPattern: tensor[0]))
    default: self = .tensor(tensor)
    }
  }

  public var description: String {
    switch self {
    case .tensor(let tensor): "\(tensor.element.rawValue) \(tensor.shape)"
    case .int(let value): "int32 \(value)"
    case .float(let value): "float32 \(value)"
    }
  }
}
