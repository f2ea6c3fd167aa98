/// What is kept of a plan that was found proved.
public struct ProvedPlan: Hashable, Sendable {
  /// Positions of parameters that are gathered with 32-bit offsets: a launch must refuse those that span more
  /// than 2^31 elements.
  public let narrowSpans: Set<Int>
  /// How many obligations each procedure decided.
  public let counts: [Procedure: Int]

  init(narrowSpans: Set<Int>, counts: [Procedure: Int]) {
    self.narrowSpans = narrowSpans
    self.counts = counts
  }

  /// `proved 3 5 affine=120 intervals=8`: positions, then counts.
  var line: String {
    let counts = counts.map { "\($0.key.rawValue)=\($0.value)" }.sorted()
    return (["proved"] + narrowSpans.sorted().map(String.init) + counts).joined(separator: " ")
  }

  init?(line: Substring) {
    let words = line.split(separator: " ")
    guard words.first == "proved" else { return nil }
    var (spans, counts): (Set<Int>, [Procedure: Int]) = ([], [:])
    for word in words.dropFirst() {
      let parts = word.split(separator: "=")
      if parts.count == 1, let position = Int(word) {
        spans.insert(position)
      } else if parts.count == 2, let procedure = Procedure(rawValue: String(parts[0])), let count = Int(parts[1]) {
        counts[procedure] = count
      } else {
        return nil
      }
    }
    self.init(narrowSpans: spans, counts: counts)
  }
}
