/// What is kept of a plan, or of a tile program, that was found proved.
public struct ProvedPlan: Hashable, Sendable {
  /// Positions of parameters that are gathered with 32-bit offsets: a launch must refuse those that span more
  /// than 2^31 elements.
  public let narrowSpans: Set<Int>
  /// How many obligations each procedure decided.
  public let counts: [Procedure: Int]
  /// What its machine is supposed to do without a document that says so.
  public let assumptions: Set<MachineAssumption>

  init(narrowSpans: Set<Int>, counts: [Procedure: Int], assumptions: Set<MachineAssumption>) {
    self.narrowSpans = narrowSpans
    self.counts = counts
    self.assumptions = assumptions
  }

  /// `proved 3 5 affine=120 intervals=8 subnormals=assumed`: positions, counts, assumptions.
  var line: String {
    let counts = counts.map { "\($0.key.rawValue)=\($0.value)" }.sorted()
    let assumed = assumptions.map { "\($0.rawValue)=assumed" }.sorted()
    return (["proved"] + narrowSpans.sorted().map(String.init) + counts + assumed).joined(separator: " ")
  }

  init?(line: Substring) {
    let words = line.split(separator: " ")
    guard words.first == "proved" else { return nil }
    var (spans, counts): (Set<Int>, [Procedure: Int]) = ([], [:])
    var assumptions: Set<MachineAssumption> = []
    for word in words.dropFirst() {
      let parts = word.split(separator: "=")
      if parts.count == 1, let position = Int(word) {
        spans.insert(position)
      } else if parts.count == 2, let procedure = Procedure(rawValue: String(parts[0])),
        let count = Int(parts[1])
      {
        counts[procedure] = count
      } else if parts.count == 2, parts[1] == "assumed",
        let assumption = MachineAssumption(rawValue: String(parts[0]))
      {
        assumptions.insert(assumption)
      } else {
        return nil
      }
    }
    self.init(narrowSpans: spans, counts: counts, assumptions: assumptions)
  }
}
