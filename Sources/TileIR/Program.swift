/// Whether a buffer is read, written, or kept between launches.
public enum Role: String, Hashable, Sendable {
  case input
  /// An input whose contents stay the same over many launches, so that a schedule may lay it out
  /// anew once (`Plan.preparations`).
  case weight
  /// Written completely by every launch.
  case output
  /// Read as it was before the launch; each element is written at most once, the rest is kept.
  case state
  /// A run-time number.
  case scalar
}

/// What is known about the integers in a buffer; checked once where data enters from outside.
public enum Refinement: Hashable, Sendable {
  /// Every element is in `lower...upper`.
  case range(Int, Int)
  /// Offsets that cut `dimension` into segments: first 0, never decreasing, last its extent.
  case partition(of: Dimension)
  /// Each of 0..<extent exactly once, over the whole buffer.
  case permutation(of: Dimension)
  /// Strictly ascending along the last axis.
  case increasing
  /// Each element is a coordinate of `dimension`: at least 0 and below its extent.
  case coordinate(of: Dimension)
  /// Each element is at least 0 and below a number that lengths and scalars of the launch give.
  case below(Index)
}

/// A buffer or run-time number that a launch passes.
public struct Parameter: Hashable, Sendable {
  public let name: String
  public let role: Role
  public let element: ElementType
  /// Its axes, outermost first; empty for a scalar.
  public let axes: [Dimension]
  public let refinements: [Refinement]
  public let location: SourceLocation

  public init(
    name: String, role: Role, element: ElementType, axes: [Dimension],
    refinements: [Refinement] = [], location: SourceLocation
  ) {
    self.name = name
    self.role = role
    self.element = element
    self.axes = axes
    self.refinements = refinements
    self.location = location
  }
}

/// How a whole axis becomes one element.
public enum Reduction: Hashable, Sendable {
  /// Sum of `float32` in a stated order, or of `int32` (any order is the same).
  case sum(SummationOrder?)
  /// NaN if any operand is NaN, +0 above -0; -infinity (or the least `int32`) over an empty axis.
  case maximum
  /// As `maximum`, turned round.
  case minimum
  /// The lowest coordinate of the largest element: +0 equals -0, NaN below -infinity; 0 over an
  /// empty axis.
  case argmax
  case any, all
  /// How many are true.
  case count
}

/// What a node computes. Axes and types follow from the operands (`Program.infer`).
public enum Operation: Hashable, Sendable {
  /// A constant by its bits in `element`'s width.
  case constant(UInt32, ElementType)
  /// The coordinate along a dimension, `int32`.
  case coordinate(Dimension)
  /// An index expression as an `int32` value.
  case index(Index)
  /// A run-time number, by parameter position.
  case scalar(Int)
  /// An element of a buffer; one index for each of its axes.
  case load(Int, [Index])
  /// The segment of `partition` (a parameter with that refinement) that holds this coordinate of
  /// `dimension`, `int32`.
  case segment(partition: Int, Dimension)
  case elementwise(Elementwise)
  case call(ScalarFunction)
  case reduce(Reduction, Dimension)
  /// Contracts an axis of two operands; operand 2 and 3, where present, are E8M0 scales of operand
  /// 0 and 1 (`scaled` says which are).
  case product(Dimension, ProductClass, scaledLeft: Bool, scaledRight: Bool)
  /// Running sum along an axis, in ascending order; the element itself included or not.
  case scan(Dimension, inclusive: Bool)
  /// Coordinates of the `into.extent` largest elements, largest first: ties to the lower
  /// coordinate, +0 equals -0, NaN below -infinity. Where the axis is shorter, -1 fills.
  case topK(Dimension, into: Dimension)
  /// Ascending `int32` values along an axis.
  case sort(Dimension)
  /// Coordinates in the order of a stable ascending sort of an `int32` operand along an axis.
  case stableOrder(Dimension)
  /// The operand at another coordinate of one of its axes; the axes of the index take its place.
  case sample(Dimension, Index)
  /// One axis made of several, in order: operand i along `parts[i]`.
  case join([Dimension], into: Dimension)
  /// What the body of a loop sees of the value it carries.
  case carried(loop: Int, position: Int)
  /// How many rounds are done when the body runs, `int32`.
  case round(loop: Int)
  /// A carried value after the last round.
  case loopResult(loop: Int, position: Int)

  /// The index expressions in it.
  public var indices: [Index] {
    switch self {
    case .index(let index), .sample(_, let index): [index]
    case .load(_, let indices): indices
    default: []
    }
  }
}

/// One value of a program.
public struct Node: Hashable, Sendable {
  public let operation: Operation
  public let operands: [ValueID]
  public let axes: [Dimension]
  public let type: ElementType
  public let location: SourceLocation

  /// Every value that it reads: operands and those inside its indices.
  public var dependencies: [ValueID] {
    operands + operation.indices.flatMap(\.values).filter { !operands.contains($0) }
  }
}

/// A loop that carries values: `count` rounds, known before the first.
public struct Loop: Hashable, Sendable {
  public let count: Index
  /// The carried values before the first round, as the body sees them, and after a round.
  public let initial: [ValueID]
  public internal(set) var carried: [ValueID]
  public internal(set) var next: [ValueID]
  public let location: SourceLocation
}

/// One parallel axis of a region.
public struct ParallelAxis: Hashable, Sendable {
  public let dimension: Dimension
  /// Coordinates `lower ..< upper`; the whole dimension when nil.
  public let bounds: Bounds?
  /// The partition parameter when the axis is walked segment by segment.
  public let partition: Int?

  public struct Bounds: Hashable, Sendable {
    public let lower: Index
    public let upper: Index
    public init(lower: Index, upper: Index) {
      self.lower = lower
      self.upper = upper
    }
  }

  public init(_ dimension: Dimension, bounds: Bounds? = nil, partition: Int? = nil) {
    self.dimension = dimension
    self.bounds = bounds
    self.partition = partition
  }
}

/// What a region does with values. Effects happen once for every coordinate of the region's axes and
/// of the value's own.
public enum Effect: Hashable, Sendable {
  case store(parameter: Int, [Index], ValueID, where: ValueID?)
  case assert(ValueID, String)
  case print(String, ValueID)
}

public struct Statement: Hashable, Sendable {
  public let effect: Effect
  public let location: SourceLocation

  /// The values that the statement reads.
  public var dependencies: [ValueID] {
    switch effect {
    case .store(_, let indices, let value, let condition):
      [value] + (condition.map { [$0] } ?? []) + indices.flatMap(\.values)
    case .assert(let value, _), .print(_, let value): [value]
    }
  }
}

/// Statements for every coordinate of some axes, in no order: no cell reads what another writes.
/// Regions of a program run one after the other.
public struct Region: Hashable, Sendable {
  public let axes: [ParallelAxis]
  public internal(set) var statements: [Statement]
  public let location: SourceLocation
}

/// What the length of a dimension is at a launch.
public enum Length: Hashable, Sendable {
  /// Bound by the buffers that have the dimension.
  case buffer
  /// Computed; it may differ from element to element of the axes that the index reads.
  case computed(Index)
}

/// A relation between lengths and scalars that every launch must satisfy: `lower <= upper`.
public struct Constraint: Hashable, Sendable {
  public let lower: Index
  public let upper: Index
  public let location: SourceLocation
}

/// An operator as data: what `Tiles` traces, `Reference` interprets and `Schedules` compiles.
public struct Program: Hashable, Sendable {
  public let name: String
  public internal(set) var parameters: [Parameter] = []
  public internal(set) var lengths: [Dimension: Length] = [:]
  /// Dimensions in order of declaration.
  public internal(set) var dimensions: [Dimension] = []
  /// Values, each after those that it reads (a loop's body lies before its results).
  public internal(set) var nodes: [Node] = []
  public internal(set) var loops: [Loop] = []
  public internal(set) var regions: [Region] = []
  public internal(set) var constraints: [Constraint] = []
  public internal(set) var runs: [Runs] = []
  public internal(set) var waivers: [Waiver] = []
  public let location: SourceLocation

  public init(name: String, location: SourceLocation) {
    self.name = name
    self.location = location
  }

  public subscript(id: ValueID) -> Node { nodes[id.number] }
}
