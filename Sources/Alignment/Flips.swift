import Runtime
import TileIR

/// Elements of a launch's result that came out otherwise than in another run, although the launch was given
/// the same: sums in another order fell on the other side of a rounding.
public struct Flips: Sendable {
  /// By position in the step.
  public let launch: Int
  public let scope: String
  public let program: String
  /// The parameter.
  public let output: String
  public let element: ElementType
  /// Coordinates along the outermost axis with a flip.
  public let rows: [Int]
  public let count: Int
  /// Elements of the result.
  public let total: Int
  /// The largest difference, relative to the largest magnitude of its line along the last axis.
  public let largest: Float

  init?(_ found: HostTensor, _ wanted: HostTensor, output: String, of launch: HostLaunch) {
    if found == wanted { return nil }
    let width = found.shape.last ?? 1
    let line = found.bytes.count / max(1, found.count / max(1, width))
    let perRow = found.shape.dropFirst().dropLast().reduce(1, *)
    var (rows, count): ([Int], Int) = ([], 0)
    var largest: Float = 0
    func number(_ tensor: HostTensor, _ at: Int) -> Float {
      found.element.isFloating ? found.element.number(tensor[at]) : Float(found.element.integer(tensor[at]))
    }
    for at in 0..<found.count / max(1, width) {
      let span = at * line..<(at + 1) * line
      if found.bytes[span] == wanted.bytes[span] { continue }
      let row = at / max(1, perRow)
      if rows.last != row { rows.append(row) }
      var (most, apart): (Float, Float) = (0, 0)
      for place in at * width..<(at + 1) * width {
        let (a, b) = (number(found, place), number(wanted, place))
        most = max(most, b.magnitude)
        if found[place] != wanted[place] {
          count += 1
          apart = max(apart, (a - b).magnitude)
        }
      }
      largest = max(largest, apart / most)
    }
    self.launch = launch.number
    scope = launch.scope
    program = launch.program.name
    self.output = output
    element = found.element
    (self.rows, self.count, self.largest) = (rows, count, largest)
    total = found.count
  }
}

/// Leads a run along a recorded one: where a stored number differs from the record, the record's is put in its
/// place before the next launch reads it.
///
/// Stored numbers are those that were rounded to few bits or chosen: bf16, codes, scales, integers. What is
/// kept in fp32 stays the run's own, so that it has to lead to the record's numbers by itself.
public struct GuidedRun {
  private let record: StepRecord
  /// What was replaced, in order.
  public private(set) var flips: [Flips] = []

  public init(along record: StepRecord) { self.record = record }

  /// Compares and corrects what the launch that was just done wrote.
  public mutating func follow(_ launch: HostLaunch) {
    let wanted = record.results[launch.number]
    for (name, found) in launch.results.sorted(by: { $0.key < $1.key }) where found.element != .float32 {
      guard let flips = Flips(found, wanted[name]!, output: name, of: launch) else { continue }
      self.flips.append(flips)
      launch.replace([name: wanted[name]!])
    }
  }
}
