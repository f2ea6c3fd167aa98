/// A named axis of a program; the name is its identity inside one kernel.
///
/// A dimension is constant (an instance of the operator fixes its extent) or symbolic (each launch
/// binds it, within `range`). Reductions, products and broadcasting name dimensions, never positions.
public struct Dimension: Hashable, Sendable, CustomStringConvertible {
  public let name: String
  /// The extents that a launch may bind, in elements.
  public let range: ClosedRange<Int>

  /// A constant dimension. `extent` is at least 0.
  public init(_ name: String, _ extent: Int) {
    self.init(name, in: extent...extent)
  }

  /// A symbolic dimension, bound at launch to an extent in `range`.
  public init(_ name: String, in range: ClosedRange<Int>) {
    precondition(range.lowerBound >= 0, "dimension \(name): extents are not negative")
    self.name = name
    self.range = range
  }

  /// The extent of a constant dimension; nil for a symbolic one.
  public var extent: Int? { range.lowerBound == range.upperBound ? range.lowerBound : nil }

  public var description: String {
    if let extent { return "\(name)=\(extent)" }
    return "\(name) in \(range.lowerBound)...\(range.upperBound)"
  }
}

extension Dimension {
  /// The axis of the blocks of `size` that cut this one; the last block may be short.
  public func blocks(of size: Int) -> Dimension {
    Dimension(
      "\(name)_by_\(size)", in: (range.lowerBound + size - 1) / size...(range.upperBound + size - 1) / size)
  }

  /// The axis of the bounds between this axis's elements, first and last included: one more.
  public var bounds: Dimension {
    Dimension("\(name)_bounds", in: range.lowerBound + 1...range.upperBound + 1)
  }
}
