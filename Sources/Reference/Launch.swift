import TileIR

/// A program with its arguments: what every part of the interpreter reads and none changes.
struct Launch {
  let program: Program
  let products: ProductMeaning
  let functions: ForeignFunctions
  let arithmetic: FloatArithmetic
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
