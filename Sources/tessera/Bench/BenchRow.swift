/// What was measured of one contender, in the unit of its row.
struct Figure: Codable, Equatable {
  let name: String
  /// From the best sample.
  let best: Double
  /// From the median of the samples.
  let median: Double
}

/// What a row has to reach.
struct Requirement: Codable, Equatable {
  enum Subject: String, Codable {
    /// The ratio to the best peer.
    case ratio
    /// Our own figure.
    case figure
  }
  enum Side: String, Codable { case atLeast, atMost }
  let subject: Subject
  let side: Side
  let bound: Double

  static func ratio(atLeast bound: Double) -> Requirement {
    Requirement(subject: .ratio, side: .atLeast, bound: bound)
  }
  static func figure(atLeast bound: Double) -> Requirement {
    Requirement(subject: .figure, side: .atLeast, bound: bound)
  }
  static func figure(atMost bound: Double) -> Requirement {
    Requirement(subject: .figure, side: .atMost, bound: bound)
  }
}

/// One line of the results: our figure, those of the peers that were measured in turns with it, and what
/// was promised. A row without requirement informs.
struct BenchRow: Codable, Equatable {
  let name: String
  let unit: String
  let ours: Figure
  let peers: [Figure]
  let requirement: Requirement?

  init(
    _ name: String, unit: String, ours: Figure, peers: [Figure] = [], _ requirement: Requirement? = nil
  ) {
    self.name = name
    self.unit = unit
    self.ours = ours
    self.peers = peers
    self.requirement = requirement
  }

  /// The peer with the largest figure; figures with peers are rates, so it is the fastest.
  var peer: Figure? { peers.max { $0.best < $1.best } }
  /// Our best over the best peer's best.
  var ratio: Double? { peer.map { ours.best / $0.best } }

  /// Whether the requirement is met; nil where there is none, or no peer to compare with.
  var isMet: Bool? {
    guard let requirement else { return nil }
    let value: Double
    switch requirement.subject {
    case .figure: value = ours.best
    case .ratio:
      guard let ratio else { return nil }
      value = ratio
    }
    return requirement.side == .atLeast ? value >= requirement.bound : value <= requirement.bound
  }

  private enum CodingKeys: String, CodingKey { case name, unit, ours, peers, requirement, ratio, isMet }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    name = try values.decode(String.self, forKey: .name)
    unit = try values.decode(String.self, forKey: .unit)
    ours = try values.decode(Figure.self, forKey: .ours)
    peers = try values.decode([Figure].self, forKey: .peers)
    requirement = try values.decodeIfPresent(Requirement.self, forKey: .requirement)
  }

  /// Ratio and verdict are written too, for readers that have no Swift.
  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    try values.encode(unit, forKey: .unit)
    try values.encode(ours, forKey: .ours)
    try values.encode(peers, forKey: .peers)
    try values.encodeIfPresent(requirement, forKey: .requirement)
    try values.encodeIfPresent(ratio, forKey: .ratio)
    try values.encodeIfPresent(isMet, forKey: .isMet)
  }
}
