import TileIR

/// What is known about the integers in a buffer: a program's `Refinement` with the extents of a step in
/// place of the program's dimensions.
public enum Fact: Hashable, Sendable {
  case range(Int, Int)
  case partition(of: Size)
  case permutation(of: Size)
  case increasing
  case coordinate(of: Size)

  /// The fact that a refinement states when `extents` are the sizes of the program's dimensions; nil where
  /// the one that it names is not among them.
  init?(_ refinement: Refinement, _ extents: [Dimension: Size]) {
    func size(_ dimension: Dimension) -> Size? { extents[dimension] ?? dimension.extent.map { Size($0) } }
    switch refinement {
    case .range(let lower, let upper): self = .range(lower, upper)
    case .increasing: self = .increasing
    case .partition(let dimension):
      guard let size = size(dimension) else { return nil }
      self = .partition(of: size)
    case .permutation(let dimension):
      guard let size = size(dimension) else { return nil }
      self = .permutation(of: size)
    case .coordinate(let dimension):
      guard let size = size(dimension) else { return nil }
      self = .coordinate(of: size)
    case .below(let bound):
      guard let size = bound.size({ size($0) }) else { return nil }
      self = .coordinate(of: size)
    }
  }

  /// Whether this fact alone makes `other` true.
  func implies(_ other: Fact) -> Bool {
    if self == other { return true }
    switch (self, other) {
    case (.range(let lower, let upper), .range(let least, let most)):
      return least <= lower && upper <= most
    case (.range(let lower, let upper), .coordinate(let size)):
      return lower >= 0 && upper < size.range.lowerBound
    case (.coordinate(let size), .coordinate(let larger)), (.permutation(let size), .coordinate(let larger)):
      return size.isAtMost(larger)
    case (.coordinate(let size), .range(let lower, let upper)),
      (.permutation(let size), .range(let lower, let upper)):
      return lower <= 0 && size.range.upperBound - 1 <= upper
    case (.partition(let size), .range(let lower, let upper)):
      return lower <= 0 && size.range.upperBound <= upper
    case (.partition(let size), .coordinate(let larger)):
      return (size + 1).isAtMost(larger)
    default: return false
    }
  }

  /// Whether a piece of a buffer of which this is known still has it.
  var holdsForPieces: Bool {
    switch self {
    case .range, .coordinate, .increasing: true
    case .partition, .permutation: false
    }
  }
}

extension Index {
  /// The index as a size, where it is made of lengths and constants.
  fileprivate func size(_ length: (Dimension) -> Size?) -> Size? {
    switch self {
    case .constant(let value): return Size(value)
    case .extent(let dimension): return length(dimension)
    case .sum(let a, let b):
      guard let a = a.size(length), let b = b.size(length) else { return nil }
      return a + b
    case .scaled(let a, let factor): return a.size(length).map { $0 * factor }
    case .axis, .scalar, .value, .divided, .remainder: return nil
    }
  }
}

extension Fact: CustomStringConvertible {
  public var description: String {
    switch self {
    case .range(let lower, let upper): "in \(lower)...\(upper)"
    case .partition(let size): "a partition of \(size)"
    case .permutation(let size): "a permutation of 0..<\(size)"
    case .increasing: "increasing"
    case .coordinate(let size): "in 0..<\(size)"
    }
  }
}
