import Alignment
import TileIR

/// What `align` prints.
struct AlignReport: Encodable {
  let subject: String
  let yardstick: String
  let targets: [String]
  /// Launches, of an operator or of a model's steps.
  var compared = 0
  var divergences: [Row] = []
  var isEqual: Bool { divergences.isEmpty }

  private enum CodingKeys: CodingKey {
    case subject, yardstick, targets, compared, divergences, isEqual
  }

  init(subject: String, targets: [AlignmentTarget]) {
    self.subject = subject
    yardstick = targets[0].description
    self.targets = targets.dropFirst().map(\.description)
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(subject, forKey: .subject)
    try container.encode(yardstick, forKey: .yardstick)
    try container.encode(targets, forKey: .targets)
    try container.encode(compared, forKey: .compared)
    try container.encode(divergences, forKey: .divergences)
    try container.encode(isEqual, forKey: .isEqual)
  }

  /// A result that is not the yardstick's.
  struct Row: Encodable {
    let target: String
    /// The instance with its sizes and inputs, or the step.
    let place: String
    /// By position in a model's step, and where in the model it stands.
    let launch: Int?
    let scope: String?
    let `operator`: String
    let buffer: String
    let element: String
    /// The first element that differs, in row-major order, and its coordinates.
    let index: Int
    let coordinates: [Int]
    let expected, found: String
    let expectedBits, foundBits: String
    /// Numbers of the type from one to the other; of a NaN none is known.
    let ulps: Int?
    /// Elements that differ, and all.
    let differing, total: Int
    private let words: Divergence

    private enum CodingKeys: CodingKey {
      case target, place, launch, scope, `operator`, buffer, element, index, coordinates, expected, found
      case expectedBits, foundBits, ulps, differing, total
    }

    init(
      target: String, place: String, launch: Int?, scope: String?, operator: String, _ divergence: Divergence
    ) {
      (self.target, self.place, self.launch, self.scope) = (target, place, launch, scope)
      self.operator = `operator`
      buffer = divergence.buffer
      element = divergence.element.rawValue
      (index, coordinates) = (divergence.index, divergence.coordinates)
      expected = divergence.element.text(divergence.expected)
      found = divergence.element.text(divergence.found)
      expectedBits = "0x" + String(divergence.expected, radix: 16)
      foundBits = "0x" + String(divergence.found, radix: 16)
      ulps = divergence.ulps
      (differing, total) = (divergence.count, divergence.total)
      words = divergence
    }

    func text(yardstick: String) -> String {
      let launch = launch.map { ", launch \($0)" } ?? ""
      let scope = scope.map { "\($0) " } ?? ""
      return "\(target) differs in \(scope)\(`operator`), \(place)\(launch)\n"
        + "  \(buffer): \(words.text(expectedBy: yardstick))"
    }
  }

  var text: String {
    guard isEqual else { return divergences.map { $0.text(yardstick: yardstick) }.joined(separator: "\n") }
    let names = ([yardstick] + targets)
    return "\(names.dropLast().joined(separator: ", ")) and \(names.last!) return the same bits: \(subject), "
      + count(compared, "launch", plural: "launches")
  }
}
