import Operators
import Testing
import TileIR

/// The rows around an attention's products against their formulas (specification, sections 3, 4, 6, 8, 10).
@Suite struct V4RowsTests {
  @Test(arguments: ["small", "small float32"])
  func projectionsShareTheirRows(_ name: String) throws {
    let launch = try V4Launch("projections", name)
    let isQuantised = name == "small"
    func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
    let plain = try launch.rows("x")
    let coded = isQuantised ? launch.given.dequantised("x") : plain
    let down = isQuantised
      ? launch.given.dequantised(weight: "wq_a", group: 128, tile: 128) : try launch.rows("wq_a")
    let (gate, weights) = try (launch.rows("wgate"), launch.rows("weights_proj"))
    expectSameBits(
      try launch.numbers("a"),
      coded.flatMap { x in
        down.map { bf(isQuantised ? Plain.exactBlock(x, $0) : Plain.chained(x, $0)) }
      }, "a")
    expectSameBits(
      try launch.numbers("gate"), plain.flatMap { x in gate.map { Plain.plain(x, $0, isQuantised) } }, "gate")
    expectSameBits(
      try launch.numbers("weights"),
      plain.flatMap { x in weights.map { bf(bf(Plain.plain(x, $0, isQuantised)) * 0.3) } }, "weights")
  }

  @Test(arguments: ["small", "small all rotated", "small float32"])
  func latentsAreNormedRotatedAndSimulated(_ name: String) throws {
    let launch = try V4Launch("latent_norms", name)
    let isQuantised = name != "small float32"
    func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
    let a = try launch.rows("a").map { Plain.rms($0, try launch.numbers("q_norm")).map(bf) }
    if isQuantised {
      #expect(try launch.codes("y_codes") == a.flatMap { Plain.q8($0).codes })
      #expect(try launch.codes("y_scale") == a.flatMap { Plain.q8($0).scales })
    } else {
      expectSameBits(try launch.numbers("y"), a.flatMap { $0 }, "y")
    }
    let (cos, sin) = try (launch.rows("cos"), launch.rows("sin"))
    let still = try launch.rows("kv")[0].count - 2 * cos[0].count
    var rows: [Float] = []
    for (row, position) in zip(try launch.rows("kv"), try launch.integers("position")) {
      let normed = Plain.rms(row, try launch.numbers("kv_norm")).map(bf)
      let turned = Plain.rope(normed, cos[position], sin[position]).map(bf)
      let front = Array(turned[..<still])
      rows += isQuantised ? Plain.q8(front, block: 64).values : front
      rows += turned[still...]
    }
    expectSameBits(try launch.numbers("rows"), rows, "rows")
  }

  @Test(arguments: ["small", "small without indexer", "small float32"])
  func queriesAreNormedAndRotated(_ name: String) throws {
    let launch = try V4Launch("query_rotation", name)
    let isQuantised = name != "small float32"
    func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
    let (cos, sin) = try (launch.rows("cos"), launch.rows("sin"))
    let positions = try launch.integers("position")
    let channels = launch.results["y"]!.shape[2]
    func heads(_ name: String, _ channels: Int) throws -> [(position: Int, row: [Float])] {
      try launch.rows(name).enumerated().flatMap { token, row in
        stride(from: 0, to: row.count, by: channels).map { (positions[token], Array(row[$0..<$0 + channels])) }
      }
    }
    var y: [Float] = []
    for (position, q) in try heads("q", channels) {
      let mean = bf(Plain.interleaved(256, q.map { bf($0 * $0) }) / Float(channels))
      let factor = bf(Plain.rsqrt(bf(mean + 1e-6)))
      y += Plain.rope(q.map { bf($0 * factor) }, cos[position], sin[position]).map(bf)
    }
    expectSameBits(try launch.numbers("y"), y, "y")
    guard name != "small without indexer" else { return }
    let width = isQuantised ? 64 : 8
    let turned = try heads("index_q", width).map { position, q in
      Plain.rope(q, cos[position], sin[position]).map(bf)
    }
    if isQuantised {
      let quantised = turned.map { Plain.q4(Plain.bf(Plain.hadamard($0))) }
      #expect(try launch.codes("index_codes") == quantised.flatMap(\.codes))
      #expect(try launch.codes("index_scale") == quantised.flatMap(\.scales))
    } else {
      expectSameBits(try launch.numbers("index"), turned.flatMap { $0 }, "index")
    }
  }

  @Test(arguments: ["small", "small float32"])
  func outputGroupsHaveTheirOwnWeights(_ name: String) throws {
    let launch = try V4Launch("output_groups", name)
    let isQuantised = name == "small"
    let w = try launch.rows("wo_a")
    let shape = launch.arguments["wo_a"]!.shape
    var z: [Float] = []
    for row in try launch.rows("o") {
      for group in 0..<shape[0] {
        let part = Array(row[group * shape[2]..<(group + 1) * shape[2]])
        for rank in 0..<shape[1] {
          let sum = Plain.plain(part, w[group * shape[1] + rank], isQuantised)
          z.append(isQuantised ? Plain.bf(sum) : sum)
        }
      }
    }
    expectSameBits(try launch.numbers("z"), z, "z")
  }

  @Test(arguments: ["small", "small float32"])
  func embeddingsAreCopied(_ name: String) throws {
    let launch = try V4Launch("embed", name)
    let table = try launch.rows("table")
    let streams = launch.results["y"]!.shape[1]
    let y = try launch.integers("token").flatMap { token in
      (0..<streams).flatMap { _ in table[token] }
    }
    expectSameBits(try launch.numbers("y"), y, "y")
  }

  @Test(arguments: ["small", "small float32"])
  func nextTokensAreNormed(_ name: String) throws {
    let launch = try V4Launch("next_token_norms", name)
    let isQuantised = name == "small"
    func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
    let table = try launch.rows("table")
    let e = try launch.integers("token").map { Plain.rms(table[$0], try launch.numbers("enorm")).map(bf) }
    let h = try launch.rows("streams").map { Plain.rms($0, try launch.numbers("hnorm")).map(bf) }
    for (name, rows) in [("e", e), ("h", h)] {
      if isQuantised {
        #expect(try launch.codes("\(name)_codes") == rows.flatMap { Plain.q8($0).codes })
        #expect(try launch.codes("\(name)_scale") == rows.flatMap { Plain.q8($0).scales })
      } else {
        expectSameBits(try launch.numbers(name), rows.flatMap { $0 }, name)
      }
    }
  }

  @Test(arguments: ["small", "small float32"])
  func nextTokensJoinTheStreams(_ name: String) throws {
    let launch = try V4Launch("next_token_input", name)
    let isQuantised = name == "small"
    func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
    let h = isQuantised ? launch.given.dequantised("h") : try launch.rows("h")
    let w = isQuantised
      ? launch.given.dequantised(weight: "h_proj", group: 128, tile: 128) : try launch.rows("h_proj")
    let e = try launch.rows("e")
    let streams = h.count / e.count
    var y: [Float] = []
    for (number, row) in h.enumerated() {
      for (output, weight) in w.enumerated() {
        let product = isQuantised ? Plain.exactBlock(row, weight) : Plain.chained(row, weight)
        y.append(bf(e[number / streams][output] + bf(product)))
      }
    }
    expectSameBits(try launch.numbers("y"), y, "y")
  }
}
