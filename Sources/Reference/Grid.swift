import TileIR

/// The coordinates of one dimension that a grid covers.
struct Axis: Hashable {
  let dimension: Dimension
  let range: Range<Int>

  var count: Int { range.count }

  /// The coordinates of a row-major position, outermost first.
  static func coordinates(of position: Int, over axes: [Axis]) -> [Int] {
    var rest = position
    var coordinates: [Int] = []
    for axis in axes.reversed() {
      let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: axis.count)
      coordinates.append(axis.range.lowerBound + remainder)
      rest = quotient
    }
    return coordinates.reversed()
  }

  /// ", at row 3, column 4": the end of a message about an element.
  static func place(of position: Int, over axes: [Axis]) -> String {
    if axes.isEmpty { return "" }
    let named = zip(axes, coordinates(of: position, over: axes)).map { "\($0.dimension.name) \($1)" }
    return ", at " + named.joined(separator: ", ")
  }
}

extension [Axis] {
  /// Elements that these axes span.
  var elementCount: Int { reduce(1) { $0 * $1.count } }

  func without(_ dimension: Dimension) -> [Axis] { filter { $0.dimension != dimension } }

  /// These axes and those of `others` that are not yet among them.
  func union(_ others: [Axis]) -> [Axis] {
    self + others.filter { axis in !contains { $0.dimension == axis.dimension } }
  }

  subscript(dimension: Dimension) -> Axis? { first { $0.dimension == dimension } }

  /// Elements between neighbours along `dimension` in row-major order; 0 where it is no axis.
  func stride(along dimension: Dimension) -> Int {
    guard let position = firstIndex(where: { $0.dimension == dimension }) else { return 0 }
    return self[(position + 1)...].reduce(1) { $0 * $1.count }
  }

  /// For every element over `axes`, in row-major order, the position in a grid over these axes of the
  /// element at the same coordinates. Axes that `axes` lacks stay at their first coordinate; axes that
  /// these lack do not matter, which is broadcasting by name.
  func positions(over axes: [Axis]) -> [Int] {
    var positions = [0]
    for axis in axes {
      let stride = stride(along: axis.dimension)
      let start = stride == 0 ? 0 : axis.range.lowerBound - self[axis.dimension]!.range.lowerBound
      var longer: [Int] = []
      longer.reserveCapacity(positions.count * axis.count)
      for position in positions {
        for step in start..<start + axis.count { longer.append(position + step * stride) }
      }
      positions = longer
    }
    return positions
  }
}

/// Elements over named axes, row-major, and which of them have no value.
///
/// Where the length of an axis differs from place to place, a grid covers the greatest length:
/// elements beyond their own length are present here but never looked at.
struct Grid<Element> {
  let axes: [Axis]
  var elements: [Element]
  /// One number for each element, or empty where every element has a value.
  var faults: [FaultNumber]

  init(_ axes: [Axis], _ elements: [Element], faults: [FaultNumber] = []) {
    precondition(elements.count == axes.elementCount, "one element for each coordinate")
    self.axes = axes
    self.elements = elements
    self.faults = faults
  }

  init(scalar element: Element) { self.init([], [element]) }

  func fault(at position: Int) -> FaultNumber { faults.isEmpty ? 0 : faults[position] }

  /// The elements at the coordinates of `target`, which names every axis of this grid and covers no
  /// coordinate that this grid lacks.
  func broadcast(to target: [Axis]) -> Grid {
    if axes == target { return self }
    let positions = axes.positions(over: target)
    return Grid(
      target, positions.map { elements[$0] },
      faults: faults.isEmpty ? [] : positions.map { faults[$0] })
  }

  func map<Result>(_ transform: (Element) -> Result) -> Grid<Result> {
    Grid<Result>(axes, elements.map(transform), faults: faults)
  }

  /// Combines two grids element by element over the axes of both.
  func combined<Other, Result>(
    with other: Grid<Other>, _ combine: (Element, Other) -> Result
  ) -> Grid<Result> {
    let all = axes.union(other.axes)
    let (a, b) = (broadcast(to: all), other.broadcast(to: all))
    return Grid<Result>(
      all, zip(a.elements, b.elements).map(combine), faults: Self.merged(a.faults, b.faults))
  }

  /// For each element the first fault of either list.
  static func merged(_ a: [FaultNumber], _ b: [FaultNumber]) -> [FaultNumber] {
    if a.isEmpty { return b }
    if b.isEmpty { return a }
    return zip(a, b).map { $0 != 0 ? $0 : $1 }
  }
}

/// Faults of a grid under construction; costs nothing until there is one.
struct FaultMap {
  private(set) var numbers: [FaultNumber] = []
  private let count: Int

  init(count: Int) { self.count = count }
  init(_ numbers: [FaultNumber], count: Int) {
    self.numbers = numbers
    self.count = count
  }

  /// Keeps the first fault of an element; 0 is none.
  mutating func mark(_ position: Int, _ fault: FaultNumber) {
    if fault == 0 { return }
    if numbers.isEmpty { numbers = [FaultNumber](repeating: 0, count: count) }
    if numbers[position] == 0 { numbers[position] = fault }
  }

  func isFaulty(_ position: Int) -> Bool { !numbers.isEmpty && numbers[position] != 0 }
}
