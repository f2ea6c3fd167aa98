import TileIR

/// One operand of a whole-axis operation, laid out so that each line along the axis is consecutive.
struct Lines<Element> {
  private let grid: Grid<Element>
  /// For every line asked for, where it starts.
  private let starts: [Int]

  /// The lines of `grid` along `dimension`, one for each element over `results`.
  init(_ grid: Grid<Element>, along dimension: Dimension, over results: [Axis]) {
    let rest = grid.axes.without(dimension)
    self.grid = grid.broadcast(to: rest + [grid.axes[dimension]!])
    // A result may have the dimension too (a scan): its line then is the same for all coordinates.
    starts = self.grid.axes.filter { $0.dimension != dimension }.positions(over: results)
      .map { $0 * (grid.axes[dimension]!.count) }
  }

  /// Where the line of a result starts; equal starts are equal lines.
  func start(_ result: Int) -> Int { starts[result] }

  /// The first `count` elements of the line of a result.
  func line(_ result: Int, count: Int) -> ArraySlice<Element> {
    grid.elements[starts[result]..<starts[result] + count]
  }

  /// The first fault among the first `count` elements of the line of a result.
  func fault(_ result: Int, count: Int) -> FaultNumber {
    if grid.faults.isEmpty { return 0 }
    return grid.faults[starts[result]..<starts[result] + count].first { $0 != 0 } ?? 0
  }
}

/// Lines of an operand in the form that a product takes them, each made once: by where they start and how
/// many elements they have.
struct PreparedLines<Line> {
  private struct Key: Hashable {
    let start: Int
    let count: Int
  }
  private let lines: Lines<Double>
  private let prepare: (ArraySlice<Double>) -> Line
  private var known: [Key: Line] = [:]

  init(_ lines: Lines<Double>, _ prepare: @escaping (ArraySlice<Double>) -> Line) {
    self.lines = lines
    self.prepare = prepare
  }

  mutating func line(_ result: Int, count: Int) -> Line {
    let key = Key(start: lines.start(result), count: count)
    if let line = known[key] { return line }
    let line = prepare(lines.line(result, count: count))
    known[key] = line
    return line
  }
}

extension BlockEvaluator {
  /// Computes every element over `axes` from how many elements its line along `dimension` has; a fault
  /// of the length, or one that `compute` returns, is the element's.
  func lines(
    along dimension: Dimension, over axes: [Axis],
    _ compute: (_ result: Int, _ count: Int) -> (UInt32, FaultNumber)
  ) throws(Diagnostic) -> Grid<UInt32> {
    let lengths = try lengths(of: dimension).broadcast(to: axes)
    var elements = [UInt32](repeating: 0, count: axes.elementCount)
    var marks = FaultMap(lengths.faults, count: elements.count)
    for position in elements.indices where !marks.isFaulty(position) {
      let (code, fault) = compute(position, lengths.elements[position])
      elements[position] = code
      marks.mark(position, fault)
    }
    return Grid(axes, elements, faults: marks.numbers)
  }
}
