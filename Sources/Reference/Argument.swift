import TileIR

/// What a launch passes for one parameter.
public enum Argument: Hashable, Sendable {
  /// For an input, a weight, or a state buffer (its contents before the launch).
  case tensor(HostTensor)
  case int(Int32)
  case float(Float)

  var description: String {
    switch self {
    case .tensor(let tensor): "\(tensor.element.rawValue) \(tensor.shape)"
    case .int(let value): "int32 \(value)"
    case .float(let value): "float32 \(value)"
    }
  }
}

/// A program with its arguments: what every part of the interpreter reads and none changes.
struct Launch {
  let program: Program
  /// Extents of the dimensions that buffers bind, and of the constant ones.
  var extents: [Dimension: Int] = [:]
  /// By parameter position: the shape of a buffer, outputs included; empty for scalars.
  var shapes: [[Int]]
  /// By parameter position: the codes before the launch; empty for outputs and scalars.
  var codes: [[UInt32]]
  /// By parameter position: the bits of a scalar; 0 for buffers.
  var scalars: [UInt32]

  /// Row-major strides of a parameter.
  func strides(of parameter: Int) -> [Int] {
    let shape = shapes[parameter]
    return shape.indices.map { shape[($0 + 1)...].reduce(1, *) }
  }
}
