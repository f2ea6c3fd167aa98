import TileIR

/// What can stand between the brackets of an access.
public protocol Coordinate {
  var index: Index { get }
  /// The tensor axis that this coordinate is for, where it knows: blocks, segments and whole
  /// dimensions do, and then find their axis by themselves.
  var axis: Dimension? { get }
}

/// A whole axis.
extension Dimension: Coordinate {
  public var index: Index { .axis(self) }
  public var axis: Dimension? { self }
}

extension Int: Coordinate {
  public var index: Index { .constant(self) }
  public var axis: Dimension? { nil }
}

/// A block of a parallel axis. How many coordinates it holds, and which, cannot be seen.
public struct Block: Coordinate {
  let trace: Trace
  let dimension: Dimension
  let location: SourceLocation
  public var index: Index { .axis(dimension) }
  public var axis: Dimension? { dimension }

  /// The coordinates in the block: global ones, whatever the cut.
  public var coordinate: Tile<Int32> { trace.append(.coordinate(dimension), at: location) }
  public var position: Position { Position(index: index) }
}

/// The segment that holds a block of a segmented axis.
public struct Segment: Coordinate {
  /// The segment's number, for every coordinate of the block.
  public let number: Tile<Int32>
  let dimension: Dimension
  public var index: Index { .value(number.id) }
  public var axis: Dimension? { dimension }
}

/// A run-time integer argument.
public struct Scalar: Coordinate {
  let trace: Trace
  let parameter: Int
  public var index: Index { .scalar(parameter) }
  public var axis: Dimension? { nil }
  public var position: Position { Position(index: index) }

  public func tile(file: String = #fileID, line: Int = #line) -> Tile<Int32> {
    trace.append(.scalar(parameter), at: SourceLocation(file: file, line: line))
  }
}

/// A coordinate computed from others: affine with constant coefficients, and floor division and
/// remainder by positive constants.
public struct Position: Coordinate {
  public let index: Index
  public var axis: Dimension? { nil }

  init(index: Index) { self.index = index }
  /// The coordinate along a whole axis.
  public init(_ dimension: Dimension) { index = .axis(dimension) }
  /// The elements of an `Int32` tile as coordinates: a gather.
  public init(_ tile: Tile<Int32>) { index = .value(tile.id) }
  public init(_ scalar: Scalar) { index = scalar.index }
  /// The run-time length of `dimension`.
  public init(lengthOf dimension: Dimension) { index = .extent(dimension) }

  public static func + (a: Position, b: Position) -> Position { Position(index: a.index + b.index) }
  public static func - (a: Position, b: Position) -> Position { Position(index: a.index - b.index) }
  public static func + (a: Position, b: Int) -> Position {
    Position(index: a.index + .constant(b))
  }
  public static func - (a: Position, b: Int) -> Position {
    Position(index: a.index + .constant(-b))
  }
  public static func * (a: Position, b: Int) -> Position { Position(index: a.index * b) }
  /// Floor division; `b` is positive.
  public static func / (a: Position, b: Int) -> Position {
    Position(index: b == 1 ? a.index : .divided(a.index, b))
  }
  /// Remainder of floor division, in `0..<b`.
  public static func % (a: Position, b: Int) -> Position {
    Position(index: .remainder(a.index, b))
  }

  /// The coordinates as a tile.
  public func tile(in trace: Trace, file: String = #fileID, line: Int = #line) -> Tile<Int32> {
    trace.append(.index(index), at: SourceLocation(file: file, line: line))
  }
}

extension Refinement {
  /// Each element is at least 0 and below `bound`, which lengths and scalars of the launch give.
  public static func below(_ bound: Position) -> Refinement { .below(bound.index) }
}

/// An axis that is others one after the other.
public struct JoinedAxis {
  let trace: Trace
  let parts: [Dimension]
  public let dimension: Dimension

  /// Joins tiles, each along its part.
  public func callAsFunction<E>(
    _ tiles: Tile<E>..., file: String = #fileID, line: Int = #line
  ) -> Tile<E> {
    trace.append(
      .join(parts, into: dimension), tiles.map(\.id), at: SourceLocation(file: file, line: line))
  }
}
