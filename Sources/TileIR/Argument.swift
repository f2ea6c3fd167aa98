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

extension Program {
  /// Tensors by parameter as a launch takes them; each name must be a parameter's.
  public func arguments(_ tensors: [String: HostTensor]) -> [String: Argument] {
    var arguments: [String: Argument] = [:]
    for (name, tensor) in tensors {
      arguments[name] = Argument(tensor, for: parameters.first { $0.name == name }!)
    }
    return arguments
  }

  /// Extents by name as a launch takes them: of dimensions that buffers have.
  public func bound(_ extents: [String: Int]) -> [Dimension: Int] {
    var bound: [Dimension: Int] = [:]
    for dimension in dimensions where lengths[dimension] == .buffer {
      if let extent = extents[dimension.name] { bound[dimension] = extent }
    }
    return bound
  }
}
