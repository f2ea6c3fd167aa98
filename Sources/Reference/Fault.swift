import TileIR

/// Why an element has no value. An element without a value is no error by itself: it becomes one when
/// an effect needs it. Every operation hands on the faults of what it reads, except `select`, which
/// reads only its condition and the side taken, and whole-axis operations, which read only the
/// elements that exist. So what is not used does not count, as if every element were computed on
/// demand.
enum FaultKind {
  /// A load at `index` of axis number `axis` of a parameter.
  case load(parameter: Int, axis: Int, index: Int)
  /// A sample at `index` of a dimension of this length there.
  case sample(Dimension, index: Int, length: Int)
  /// A coordinate of a joined axis behind the end of its last part.
  case join(Dimension, index: Int)
  /// A computed length outside of its dimension's declared range.
  case length(Dimension, Int)
  /// An integer result outside of int32.
  case overflow(String, Int)
  /// A shift by a number of bits outside of 0...31.
  case shift(Int)
}

/// The number of a fault in its log; 0 is no fault.
typealias FaultNumber = Int32

/// Where and why elements lost their values, in the order found.
final class FaultLog {
  private struct Entry {
    let kind: FaultKind
    let node: Int?
    let axes: [Axis]
    let position: Int
  }
  private var entries: [Entry] = []

  /// Records a fault of the element at a row-major position over `axes`.
  func record(_ kind: FaultKind, node: ValueID?, over axes: [Axis], at position: Int) -> FaultNumber {
    entries.append(Entry(kind: kind, node: node?.number, axes: axes, position: position))
    return FaultNumber(entries.count)
  }

  /// The fault as a message in the author's terms; `use` is the line that needs the element.
  func diagnostic(
    _ number: FaultNumber, in launch: Launch, usedAt use: SourceLocation
  ) -> Diagnostic {
    let program = launch.program
    let entry = entries[Int(number) - 1]
    var locations: [SourceLocation] = entry.node.map { [program.nodes[$0].location] } ?? []
    let what: String
    switch entry.kind {
    case .load(let parameter, let axis, let index):
      let declared = program.parameters[parameter]
      what =
        "\(declared.name) is read at \(index) along \(declared.axes[axis].name), "
        + "whose extent is \(launch.shapes[parameter][axis])"
      locations.append(declared.location)
    case .sample(let dimension, let index, let length):
      what = "a tile is sampled at \(index) along \(dimension.name), whose length is \(length)"
    case .join(let dimension, let index):
      what = "coordinate \(index) of \(dimension.name) lies behind its last part"
    case .length(let dimension, let length):
      what =
        "the length of \(dimension.name) is \(length), declared in "
        + "\(dimension.range.lowerBound)...\(dimension.range.upperBound)"
    case .overflow(let operation, let result):
      what = "\(operation) gives \(result), which is not an int32"
    case .shift(let amount):
      what = "a shift by \(amount) bits; 0 to 31 are defined"
    }
    if locations.first != use { locations.append(use) }
    return Diagnostic(what + Axis.place(of: entry.position, over: entry.axes), at: locations)
  }
}
