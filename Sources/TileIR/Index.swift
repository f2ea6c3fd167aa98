/// A value of a program: its position in `Program.nodes`.
public struct ValueID: Hashable, Sendable, Comparable {
  public let number: Int
  public init(_ number: Int) { self.number = number }
  public static func < (a: ValueID, b: ValueID) -> Bool { a.number < b.number }
}

/// One coordinate of an access: affine with constant coefficients, division and remainder by
/// constants, or a refined integer value. Every tensor axis has its own index; nothing is flattened,
/// so that bounds are decidable one axis at a time.
public indirect enum Index: Hashable, Sendable {
  case constant(Int)
  /// The coordinate along `dimension` of the element being computed.
  case axis(Dimension)
  /// The run-time length of `dimension` at the element being computed.
  case extent(Dimension)
  /// A run-time integer argument, by parameter position.
  case scalar(Int)
  /// The element of an `int32` value at the position being computed.
  case value(ValueID)
  case sum(Index, Index)
  case scaled(Index, Int)
  /// Floor division by a positive constant.
  case divided(Index, Int)
  /// Remainder of floor division by a positive constant: in `0..<divisor`.
  case remainder(Index, Int)

  public static func + (a: Index, b: Index) -> Index {
    switch (a, b) {
    case (.constant(let x), .constant(let y)): .constant(x + y)
    case (let x, .constant(0)), (.constant(0), let x): x
    default: .sum(a, b)
    }
  }
  public static func - (a: Index, b: Index) -> Index { a + b * -1 }
  public static func * (a: Index, factor: Int) -> Index {
    switch (a, factor) {
    case (.constant(let x), _): .constant(x * factor)
    case (_, 1): a
    case (_, 0): .constant(0)
    default: .scaled(a, factor)
    }
  }

  /// Calls `body` on this index and everything in it, outermost first.
  public func visit(_ body: (Index) -> Void) {
    body(self)
    switch self {
    case .constant, .axis, .extent, .scalar, .value: break
    case .sum(let a, let b):
      a.visit(body)
      b.visit(body)
    case .scaled(let a, _), .divided(let a, _), .remainder(let a, _): a.visit(body)
    }
  }

  /// The values that it reads, in order of appearance.
  public var values: [ValueID] {
    var found: [ValueID] = []
    visit { if case .value(let id) = $0, !found.contains(id) { found.append(id) } }
    return found
  }

  /// The coordinates and lengths that it reads directly, in order of appearance.
  public var dimensions: [Dimension] {
    var found: [Dimension] = []
    visit {
      if case .axis(let dimension) = $0, !found.contains(dimension) { found.append(dimension) }
    }
    return found
  }

  /// The lengths that it reads.
  public var extents: [Dimension] {
    var found: [Dimension] = []
    visit {
      if case .extent(let dimension) = $0, !found.contains(dimension) { found.append(dimension) }
    }
    return found
  }
}
