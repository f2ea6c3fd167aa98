import TileIR

/// The blocks of a region: every coordinate of its axes in exactly one.
struct Blocks {
  let all: [[Dimension: Range<Int>]]

  /// Elements of the largest value that a block under `CutPolicy.whole` should hold; a bound on memory
  /// alone.
  private static let mostElements = 1 << 22

  init(
    _ region: Region, _ launch: Launch, _ cutter: Cutter, _ dependence: Dependence
  ) throws(Diagnostic) {
    var blocks: [[Dimension: Range<Int>]] = [[:]]
    let evaluator = BlockEvaluator(launch, cutter: cutter, dependence: dependence)
    for axis in region.axes {
      let range = try Self.range(of: axis, region, evaluator)
      // No block is larger than what keeps the largest value small.
      let rest = Self.largestValue(launch, besides: region)
      let length = max(1, Self.mostElements / max(1, rest))
      var pieces: [Range<Int>] = []
      for piece in cutter.pieces(of: range) where !piece.isEmpty {
        for start in stride(from: piece.lowerBound, to: piece.upperBound, by: length) {
          pieces.append(start..<min(start + length, piece.upperBound))
        }
      }
      blocks = blocks.flatMap { block in
        pieces.map { piece in block.merging([axis.dimension: piece]) { $1 } }
      }
    }
    all = blocks
  }

  /// The coordinates of a parallel axis; empty where its bounds cross.
  private static func range(
    of axis: ParallelAxis, _ region: Region, _ evaluator: BlockEvaluator
  ) throws(Diagnostic) -> Range<Int> {
    let name = axis.dimension.name
    let extent = try evaluator.uniform(
      .extent(axis.dimension), for: "the length of parallel axis \(name)", at: region.location)
    guard let bounds = axis.bounds else { return 0..<extent }
    let lower = try evaluator.uniform(bounds.lower, for: "a bound of \(name)", at: region.location)
    let upper = try evaluator.uniform(bounds.upper, for: "a bound of \(name)", at: region.location)
    if lower >= upper { return 0..<0 }
    guard lower >= 0, upper <= extent else {
      throw Diagnostic(
        "coordinates \(lower)..<\(upper) of \(name) reach beyond its extent \(extent)",
        at: [region.location])
    }
    return lower..<upper
  }

  /// Elements of the largest value, parallel axes not counted; axes of computed length count as their
  /// declared greatest, so this is an upper bound.
  private static func largestValue(_ launch: Launch, besides region: Region) -> Int {
    let parallel = Set(region.axes.map(\.dimension))
    var largest = 1
    for node in launch.program.nodes {
      let extents = node.axes.filter { !parallel.contains($0) }.map {
        launch.extents[$0] ?? $0.range.upperBound
      }
      let count = extents.reduce(1.0) { $0 * Double($1) }
      largest = max(largest, Int(min(count, Double(mostElements))))
    }
    return largest
  }
}
