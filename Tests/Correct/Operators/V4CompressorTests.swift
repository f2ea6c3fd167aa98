import Operators
import Testing
import TileIR
import Tiles

/// Compressors against their formulas (specification, section 7), and their state against itself.
@Suite struct V4CompressorTests {
  /// A compressor's inputs for the whole of one sequence.
  private struct Group {
    let kv, gate, ape: [[Float]]
    let norm: [Float]
    let cos, sin: [[Float]]
    let ratio: Int
    let overlaps: Bool

    init(_ rows: V4Rows, _ prefix: String, _ c: Case) {
      (kv, gate, ape) = (rows[prefix + "kv"], rows[prefix + "gate"], rows[prefix + "ape"])
      norm = rows[prefix + "norm"][0]
      (cos, sin) = (rows["cos"], rows["sin"])
      (ratio, overlaps) = (c.ratio, c.overlaps)
    }

    /// Gate and value of each row that channel `channel` of entry `w` is made of.
    private func members(_ w: Int, _ channel: Int) -> [(logit: Float, value: Float)] {
      func row(_ token: Int, _ column: Int) -> (logit: Float, value: Float) {
        if token < 0 { return (-.infinity, 0) }
        return (gate[token][column] + ape[token % ratio][column], kv[token][column])
      }
      let own = w * ratio..<(w + 1) * ratio
      guard overlaps else { return own.map { row($0, channel) } }
      return ((w - 1) * ratio..<w * ratio).map { row($0, channel) } + own.map { row($0, norm.count + channel) }
    }

    private func weightedSum(_ w: Int, _ channel: Int) -> Float {
      let rows = members(w, channel)
      let most: Float = rows.map(\.logit).max()!
      let e: [Float] = rows.map { Plain.exp($0.logit - most)! }
      func sum(_ x: [Float]) -> Float { overlaps ? Plain.sequential(x) : Plain.tree(x) }
      let factor = 1 / sum(e)
      return sum(zip(e, rows).map { $0 * factor * $1.value })
    }

    /// The entries of all groups that are complete.
    func entries(isQuantised: Bool, isIndex: Bool) -> [[Float]] {
      func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
      var entries: [[Float]] = []
      for w in 0..<kv.count / ratio {
        let sums = norm.indices.map { bf(weightedSum(w, $0)) }
        let normed = Plain.rms(sums, norm).map(bf)
        let turned = Plain.rope(normed, cos[w * ratio], sin[w * ratio]).map(bf)
        let still = norm.count - 2 * cos[0].count
        switch (isQuantised, isIndex) {
        case (false, _): entries.append(turned)
        case (true, true): entries.append(Plain.q4(Plain.bf(Plain.hadamard(turned))).values)
        case (true, false):
          entries.append(Plain.q8(Array(turned[..<still]), block: 64).values + turned[still...])
        }
      }
      return entries
    }
  }

  struct Case {
    let ratio: Int
    let overlaps: Bool
    let span: Int
    let channels: Int
    let rotated: Int
    let index: Int?
    let arithmetic: Arithmetic

    var shape: CompressorShape {
      CompressorShape(
        ratio: ratio, overlaps: overlaps, span: span, latent: LatentShape(channels: channels, rotated: rotated),
        indexer: index.map { IndexerShape(heads: 1, channels: $0) })
    }
  }

  static let cases = [
    Case(ratio: 4, overlaps: true, span: 9, channels: 70, rotated: 6, index: 32, arithmetic: .quantised),
    Case(ratio: 8, overlaps: false, span: 9, channels: 6, rotated: 6, index: nil, arithmetic: .quantised),
    Case(ratio: 4, overlaps: true, span: 9, channels: 7, rotated: 4, index: 4, arithmetic: .float32),
  ]

  /// 26 tokens of one sequence beside idle ones, in pieces: every entry is that of the formula, whatever the
  /// piece, also where a draft of two tokens was rolled back after each.
  @Test(arguments: cases, [1, 3, 5, 26])
  func entriesAreThoseOfTheWholeSequence(_ c: Case, _ size: Int) throws {
    let kernel = compress(c.shape, arithmetic: c.arithmetic)
    let program = try kernel.program()
    let length = 26
    let extents = ["tokens": length, "sequences": 3, "positions": 32, "capacity": 8, "closed": 0]
    let whole = try program.randomArguments(extents: extents, seed: 23)
    var states = program.parameters.filter { $0.role == .state }
      .reduce(into: [String: HostTensor]()) { $0[$1.name] = whole[$1.name]! }
    let inputs = ["kv", "gate", "index_kv", "index_gate"].filter { whole[$0] != nil }

    /// Runs rows of the whole at positions from `start` on, as sequence 2.
    func run(_ rows: Range<Int>, at start: Int) throws {
      var arguments = whole.merging(states) { $1 }
      for name in inputs {
        let row = whole[name]!.shape[1]
        arguments[name] = HostTensor(
          .float32, [rows.count, row],
          codes: Array(whole[name]!.codes[rows.lowerBound * row..<rows.upperBound * row]))
      }
      let columns: [String: (Int) -> Int] = [
        "sequence": { _ in 2 }, "position": { start + $0 }, "first": { _ in 0 }, "count": { _ in rows.count },
      ]
      for (name, value) in columns {
        arguments[name] = HostTensor(.int32, [rows.count], integers: (0..<rows.count).map(value))
      }
      let closer = (0..<rows.count).filter { (start + $0 + 1) % c.ratio == 0 }
      arguments["closer"] = HostTensor(.int32, [closer.count], integers: closer)
      states = try V4Launch(kernel, arguments).results
    }
    for start in stride(from: 0, to: length, by: size) {
      let end = min(start + size, length)
      try run(start..<end, at: start)
      try run(0..<2, at: end)
    }
    // The last draft may have closed a group of its own; the sequence's groups are those before it.
    let launch = V4Rows(whole)
    let isQuantised = c.arithmetic == .quantised
    let expected = Group(launch, "", c).entries(isQuantised: isQuantised, isIndex: false)
    let after = V4Rows(states)
    let place = 2 * 8
    expectSameBits(
      after["entries"][place..<place + expected.count].flatMap { $0 }, expected.flatMap { $0 }, "entries")
    // Other sequences keep what they had.
    expectSameBits(
      after["entries"][..<place].flatMap { $0 }, launch["entries"][..<place].flatMap { $0 }, "others")
    guard c.index != nil else { return }
    let keys = Group(launch, "index_", c).entries(isQuantised: isQuantised, isIndex: true)
    let found = isQuantised ? after.dequantised("index_keys", group: 32) : after["index_keys"]
    expectSameBits(found[place..<place + keys.count].flatMap { $0 }, keys.flatMap { $0 }, "index keys")
  }
}
