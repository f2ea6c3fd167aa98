import TileIR

/// Elements along one axis: `count` of them from `first`, `step` apart.
struct Progression: Hashable {
  var first: Polynomial
  var step: Int
  var count: Polynomial
  /// Where it counts inside blocks of this many elements that the axis before it counts; nil else.
  var radix: Int?
  var end: Polynomial { first + count * step }
  /// The last element, where there is one.
  var last: Polynomial { first + (count - 1) * step }
}

/// Elements that statements write, each exactly once: every combination of its axes' coordinates.
struct WrittenRegion: Hashable {
  let buffer: String
  var axes: [Progression]
  var location: SourceLocation
  /// Whether it is written under a condition that its axes do not tell, such as one of data.
  var isConditional = false
  /// Whether there may be elements between the first and the last that are not written.
  var hasGaps = false
}
