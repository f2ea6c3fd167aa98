import TileIR

/// A buffer that a launch is given: memory that the caller keeps alive until the launch returns, unless an owner does.
public struct TensorView {
  public let element: ElementType
  public let pointer: UnsafeMutableRawPointer?
  public let shape: [Int]
  /// Elements between neighbours along each axis; the last axis is contiguous.
  public let strides: [Int]
  /// Keeps the memory alive as long as the view is.
  private let owner: AnyObject?

  /// A view with strides of its own.
  public init(
    _ element: ElementType, _ pointer: UnsafeMutableRawPointer?, shape: [Int], strides: [Int], owner: AnyObject? = nil
  ) {
    self.owner = owner
    self.element = element
    self.pointer = pointer
    self.shape = shape
    self.strides = strides
  }

  /// A row-major contiguous view; rows of packed elements start at whole bytes.
  public init(
    _ element: ElementType, _ pointer: UnsafeMutableRawPointer?, shape: [Int], owner: AnyObject? = nil
  ) {
    var strides = [Int](repeating: 1, count: shape.count)
    if shape.count > 1 {
      let perByte = element.bitWidth == 4 ? 2 : 1
      var step = (shape[shape.count - 1] + perByte - 1) / perByte * perByte
      for axis in stride(from: shape.count - 2, through: 0, by: -1) {
        strides[axis] = step
        step *= shape[axis]
      }
    }
    self.init(element, pointer, shape: shape, strides: strides, owner: owner)
  }
}

extension TensorView {
  /// Calls `body` with the first byte and the byte count of each row along the last axis, outermost axis
  /// first; a view without axes is one row.
  func visitRows(_ body: (_ byte: Int, _ byteCount: Int) -> Void) {
    let row = shape.last ?? 1
    let rows = shape.dropLast().reduce(1, *)
    guard row > 0 else { return }
    for number in 0..<rows {
      var rest = number
      var offset = 0
      for axis in shape.indices.dropLast().reversed() {
        offset += rest % shape[axis] * strides[axis]
        rest /= shape[axis]
      }
      body(offset * element.bitWidth / 8, element.byteCount(of: row))
    }
  }
}

/// What a launch passes for one parameter, in the order of the program's declarations.
public enum LaunchArgument {
  case buffer(TensorView)
  case int(Int32)
  case float(Float)
}
