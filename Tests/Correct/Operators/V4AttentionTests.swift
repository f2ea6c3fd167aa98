import MachineIR
import Operators
import Reference
import Schedules
import Testing
import TileIR
import Tiles

/// Attention against its formula (specification, section 6), and its state against itself.
@Suite struct V4AttentionTests {
  /// The token's row of the result: `keys` are its key list's rows.
  private func attended(
    _ q: [[Float]], _ keys: [[Float]], _ sink: [Float], _ cos: [Float], _ sin: [Float], _ isQuantised: Bool
  ) -> [Float] {
    func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
    let channels = keys[0].count
    return q.enumerated().flatMap { head, q in
      let scores = keys.map { key in
        let dot = isQuantised
          ? Plain.fixedPoint(q, key, block: channels) : Plain.chained(q, key)
        return dot * (1 / Float(channels).squareRoot())
      }
      let most = scores.max()!
      let e = scores.map { Plain.exp($0 - most)! }
      let total = Plain.interleaved(128, e) + Plain.exp(sink[head] - most)!
      let sums = isQuantised
        ? folded(e.map(Plain.bf), keys)
        : (0..<channels).map { channel in Plain.chained(e, keys.map { $0[channel] }) }
      let o = sums.map { bf($0 * (1 / total)) }
      return Plain.rope(o, cos, sin, inverse: true).map(bf)
    }
  }

  /// Each key's integers under its own exponent, which goes into the weights; these by blocks of 128 keys.
  private func folded(_ weights: [Float], _ keys: [[Float]]) -> [Float] {
    let integers = keys.map { Plain.integers($0.map(Double.init)) }
    let shifted = zip(weights, integers).map {
      Double($0) * Double(sign: .plus, exponent: $1.exponent, significand: 1)
    }
    var sums = [Float](repeating: 0, count: keys[0].count)
    for start in stride(from: 0, to: keys.count, by: 128) {
      let range = start..<min(start + 128, keys.count)
      let block = Plain.integers(Array(shifted[range]))
      for channel in sums.indices {
        let sum = range.reduce(Int64(0)) { $0 + block.values[$1 - start] * integers[$1].values[channel] }
        sums[channel] += Plain.scaled(sum, block.exponent)
      }
    }
    return sums
  }

  struct Case {
    let instance: String
    let window: Int
    let span: Int
    let ratio: Int?
  }

  @Test(arguments: [
    Case(instance: "small", window: 4, span: 5, ratio: nil),
    Case(instance: "small window only", window: 7, span: 6, ratio: nil),
    Case(instance: "small all entries", window: 4, span: 3, ratio: 4),
    Case(instance: "small wide", window: 100, span: 120, ratio: nil),
    Case(instance: "small float32", window: 4, span: 5, ratio: nil),
  ])
  func tokensSeeTheirWindowAndEntries(_ c: Case) throws {
    let launch = try V4Launch("attention", c.instance)
    let isQuantised = c.instance != "small float32"
    let shape = launch.arguments["q"]!.shape
    let (q, rows, ring) = try (launch.rows("q"), launch.rows("rows"), launch.rows("ring"))
    let entries = launch.arguments["entries"] == nil ? [] : try launch.rows("entries")
    let capacity = launch.arguments["entries"]?.shape[1] ?? 0
    let picks = launch.arguments["picks"] == nil ? [] : try launch.integers("picks")
    let (sink, cos, sin) = try (launch.numbers("sink"), launch.rows("cos"), launch.rows("sin"))
    let (sequence, position) = try (launch.integers("sequence"), launch.integers("position"))
    let (first, count) = try (launch.integers("first"), launch.integers("count"))
    // The ring as it is afterwards.
    var kept = ring
    var y: [Float] = []
    for token in 0..<shape[0] {
      let p = position[token]
      let start = p - (token - first[token])
      var keys: [[Float]] = []
      for at in max(0, p - c.window + 1)...p {
        keys.append(at < start ? ring[sequence[token] * c.span + at % c.span] : rows[first[token] + at - start])
      }
      if let ratio = c.ratio {
        for entry in 0..<(p + 1) / ratio { keys.append(entries[sequence[token] * capacity + entry]) }
      } else if !picks.isEmpty {
        let slots = launch.arguments["picks"]!.shape[1]
        for slot in 0..<(try launch.integers("counts")[token]) {
          keys.append(entries[sequence[token] * capacity + picks[token * slots + slot]])
        }
      }
      let heads = Array(q[token * shape[1]..<(token + 1) * shape[1]])
      y += attended(heads, keys, sink, cos[p], sin[p], isQuantised)
      if start + count[token] - p <= c.span { kept[sequence[token] * c.span + p % c.span] = rows[token] }
    }
    expectSameBits(try launch.numbers("y"), y, "y")
    expectSameBits(launch.results["ring"]!.numbers, kept.flatMap { $0 }, "ring")
  }

  /// What a thread computes in holds the entries that there may be, not those of the longest context.
  @Test func memoryIsForTheEntriesThatThereMayBe() throws {
    func elements(_ entries: AttentionEntries) throws -> Int {
      let shape = AttentionShape(
        heads: 1, latent: LatentShape(channels: 64, rotated: 4), window: 5, span: 6, entries: entries)
      let plan = try Lowering.plan(attention(shape).program(), for: .avx2)
      return plan.kernels.flatMap(\.scratch).reduce(0) {
        $0 + $1.count.evaluate(extent: { $0.range.upperBound }, stride: { _, _ in 1 }, scalar: { _ in 0 })
      }
    }
    #expect(try elements(.all(ratio: 128, most: 32)) * 20 < elements(.all(ratio: 128)))
  }

  /// An attention made for few entries is refused positions that would see more.
  @Test func positionsBeyondTheEntriesAreRefused() throws {
    let program = try attention(
      AttentionShape(
        heads: 1, latent: LatentShape(channels: 6, rotated: 4), window: 5, span: 6, entries: .all(ratio: 4, most: 2))
    ).program()
    for (positions, isTaken) in [(11, true), (12, false)] {
      let arguments = try program.randomArguments(
        extents: ["tokens": 1, "sequences": 1, "positions": positions, "capacity": 2], seed: 3)
      let message = refusal { _ = try Reference.run(program, arguments.mapValues { .tensor($0) }) }
      #expect(message.isEmpty == isTaken, "\(message)")
      #expect(isTaken || message.contains("positions"))
    }
  }

  /// One sequence of 20 tokens: in one piece, in pieces of any size, with a draft of two tokens rolled back
  /// after every piece, and beside another sequence.
  @Test(arguments: [1, 2, 3, 7, 20], [Arithmetic.quantised, .float32])
  func everyChunkingGivesTheSame(_ size: Int, _ arithmetic: Arithmetic) throws {
    let kernel = attention(
      AttentionShape(
        heads: 2, latent: LatentShape(channels: 6, rotated: 4), window: 5, span: 6, entries: .all(ratio: 4, most: 5)),
      arithmetic: arithmetic)
    let program = try kernel.program()
    let length = 20
    let extents = ["tokens": length, "sequences": 3, "positions": length + 2, "capacity": 6]
    let whole = try program.randomArguments(extents: extents, seed: 11)
    func piece(_ name: String, _ rows: Range<Int>) -> HostTensor {
      let tensor = whole[name]!
      let row = tensor.count / length
      return HostTensor(
        tensor.element, [rows.count] + tensor.shape.dropFirst(),
        codes: Array(tensor.codes[rows.lowerBound * row..<rows.upperBound * row]))
    }
    func run(_ rows: Range<Int>, at start: Int, ring: HostTensor) throws -> V4Launch {
      var arguments = whole
      for name in ["q", "rows"] { arguments[name] = piece(name, rows) }
      let columns: [String: (Int) -> Int] = [
        "sequence": { _ in 1 }, "position": { start + $0 }, "first": { _ in 0 }, "count": { _ in rows.count },
      ]
      for (name, value) in columns {
        arguments[name] = HostTensor(.int32, [rows.count], integers: (0..<rows.count).map(value))
      }
      arguments["ring"] = ring
      return try V4Launch(kernel, arguments)
    }
    let expected = try run(0..<length, at: 0, ring: whole["ring"]!).results["y"]!.codes
    var found: [UInt32] = []
    var ring = whole["ring"]!
    for start in stride(from: 0, to: length, by: size) {
      let launch = try run(start..<min(start + size, length), at: start, ring: ring)
      found += launch.results["y"]!.codes
      // Two tokens of a draft that is not kept: rows of other tokens at the next positions.
      let next = min(start + size, length)
      ring = try run(0..<2, at: next, ring: launch.results["ring"]!).results["ring"]!
    }
    #expect(found == expected)
  }

  @Test func aRingShorterThanTheWindowIsRefused() {
    #expect(throws: Diagnostic.self) {
      try attention(
        AttentionShape(
          heads: 1, latent: LatentShape(channels: 4, rotated: 2), window: 5, span: 3, entries: .none)
      ).program()
    }
  }
}
