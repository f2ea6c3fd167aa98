/// How the next token is chosen from a row of logits.
public struct Sampling: Hashable, Sendable {
  /// 0 is greedy: the largest logit, ties to the lower id.
  public var temperature: Float
  /// Only that many of the most likely tokens; all where nil.
  public var topK: Int?
  /// Only the most likely tokens that together reach this share, and at least one.
  public var topP: Double
  public var seed: UInt64

  public init(temperature: Float = 0, topK: Int? = nil, topP: Double = 1, seed: UInt64 = 0) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
  }

  public static let greedy = Sampling()

  public var isGreedy: Bool { temperature == 0 }

  /// Draws the token that follows position `position`.
  ///
  /// - `weights`: e^((logit - largest) / temperature) of every token, as `samplingWeights` gives them; NaN
  ///   counts as 0. A greedy choice does not need them.
  /// - The kept tokens stand by falling weight, ties by id; without `topK` and `topP` by id alone. The draw
  ///   takes the first whose running sum exceeds u times the sum of all. Sums are binary64 in that order,
  ///   so that every machine draws the same.
  public func draw(_ weights: UnsafeBufferPointer<Float>, at position: Int) -> Int32 {
    func weight(_ id: Int) -> Double { weights[id] > 0 ? Double(weights[id]) : 0 }
    let unit = Philox(seed: seed).unit(at: position)
    guard (topK ?? weights.count) < weights.count || topP < 1 else {
      let total = weights.indices.reduce(0) { $0 + weight($1) }
      return Int32(Self.pick(weights.indices, unit * total, weight))
    }
    let sorted = Self.descending(weights)
    var kept = sorted.prefix(max(1, topK ?? sorted.count))
    if topP < 1 {
      let enough = topP * kept.reduce(0) { $0 + weight(Int($1)) }
      var sum = 0.0
      let count = kept.firstIndex { id in
        sum += weight(Int(id))
        return sum >= enough
      }
      kept = kept.prefix((count ?? kept.count - 1) + 1)
    }
    let total = kept.reduce(0) { $0 + weight(Int($1)) }
    return Int32(Self.pick(kept.lazy.map(Int.init), unit * total, weight))
  }

  /// The first of `ids` whose running sum of weights exceeds `bound`; the last of any weight where none
  /// does.
  private static func pick(
    _ ids: some Sequence<Int>, _ bound: Double, _ weight: (Int) -> Double
  ) -> Int {
    var (sum, last) = (0.0, 0)
    for id in ids where weight(id) > 0 {
      sum += weight(id)
      last = id
      if sum > bound { return id }
    }
    return last
  }

  /// Ids by falling weight, ties by rising id: one integer key each, since weights are not negative.
  private static func descending(_ weights: UnsafeBufferPointer<Float>) -> [UInt32] {
    var keys = weights.indices.map { id -> UInt64 in
      let bits = weights[id] > 0 ? weights[id].bitPattern : 0
      return UInt64(~bits) << 32 | UInt64(id)
    }
    keys.sort()
    return keys.map { UInt32(truncatingIfNeeded: $0) }
  }
}
