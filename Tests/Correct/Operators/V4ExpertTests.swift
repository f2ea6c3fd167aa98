import Operators
import Testing
import TileIR

/// The experts against their formulas (specification, section 9).
@Suite struct V4ExpertTests {
  @Test(arguments: [("small", 1.5 as Float), ("small hashed", 2.5), ("small float32", 1.5)])
  func routersChooseAndWeigh(_ name: String, _ scale: Float) throws {
    let launch = try V4Launch("router", name)
    let gate = try launch.rows("gate")
    let picks = launch.results["id"]!.shape[1]
    var (ids, weights): ([Int], [Float]) = ([], [])
    for (token, x) in try launch.rows("x").enumerated() {
      let scores = gate.map { row in
        Plain.softplus(Plain.interleaved(256, zip(x, row).map { $0 * $1 }))!.squareRoot()
      }
      let chosen: [Int]
      if name == "small hashed" {
        let row = try launch.integers("token")[token]
        chosen = Array(try launch.integers("tid2eid")[row * picks..<(row + 1) * picks])
      } else {
        chosen = Plain.top(picks, zip(scores, try launch.numbers("bias")).map { $0 + $1 })
      }
      ids += chosen
      let total = Plain.sequential(chosen.map { scores[$0] })
      weights += chosen.map { scores[$0] / total * scale }
    }
    #expect(try launch.integers("id") == ids)
    expectSameBits(try launch.numbers("weight"), weights, "weight")
  }

  @Test func slotsStandExpertByExpert() throws {
    let launch = try V4Launch("expert_dispatch", "small")
    let id = try launch.integers("id")
    let order = id.indices.sorted { id[$0] != id[$1] ? id[$0] < id[$1] : $0 < $1 }
    #expect(try launch.integers("permutation") == order)
    #expect(try launch.integers("inverse") == id.indices.map { order.firstIndex(of: $0)! })
    #expect(try launch.integers("offsets") == (0...5).map { expert in id.count { $0 < expert } })
  }

  private func swiglu(_ gate: Float, _ up: Float) -> Float {
    Plain.silu(min(gate, 2))! * min(max(up, -2), 2)
  }

  /// The rows of expert `expert`, dequantised where the instance is quantised.
  private func weight(_ rows: V4Rows, _ name: String, _ instance: String) -> [[Float]] {
    switch instance {
    case "small": rows.dequantised(weight: name, group: 32, tile: 1)
    case "small fp8": rows.dequantised(weight: name, group: 128, tile: 128)
    default: rows[name]
    }
  }

  @Test(arguments: ["small", "small fp8", "small float32"])
  func slotsGoThroughTheirExperts(_ name: String) throws {
    let launch = try V4Launch("experts_up", name)
    let rows = launch.given
    let isQuantised = name != "small float32"
    func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
    let x = isQuantised ? rows.dequantised("x", group: 128) : rows["x"]
    let (w1, w3) = (weight(rows, "w1", name), weight(rows, "w3", name))
    let (offsets, permutation) = try (launch.integers("offsets"), launch.integers("permutation"))
    let inner = w1.count / 5
    var y: [Float] = []
    for (place, slot) in permutation.enumerated() {
      let expert = offsets.dropFirst().firstIndex { place < $0 }! - 1
      let row = x[slot / 3]
      for output in expert * inner..<(expert + 1) * inner {
        func product(_ w: [[Float]]) -> Float {
          bf(isQuantised ? Plain.exactBlock(row, w[output]) : Plain.chained(row, w[output]))
        }
        y.append(bf(rows["weight"][slot / 3][slot % 3] * swiglu(product(w1), product(w3))))
      }
    }
    expectSameBits(try launch.numbers("y"), y, "y")
  }

  @Test(arguments: ["small", "small fp8", "small float32"])
  func slotsComeBackThroughTheirExperts(_ name: String) throws {
    let launch = try V4Launch("experts_down", name)
    let rows = launch.given
    let isQuantised = name != "small float32"
    let x = isQuantised ? rows.dequantised("x", group: 128) : rows["x"]
    let w2 = weight(rows, "w2", name)
    let offsets = try launch.integers("offsets")
    let hidden = w2.count / 5
    var y: [Float] = []
    for (place, row) in x.enumerated() {
      let expert = offsets.dropFirst().firstIndex { place < $0 }! - 1
      for output in expert * hidden..<(expert + 1) * hidden {
        y.append(
          isQuantised ? Plain.bf(Plain.exactBlock(row, w2[output])) : Plain.chained(row, w2[output]))
      }
    }
    expectSameBits(try launch.numbers("y"), y, "y")
  }

  @Test(arguments: ["small", "small float32"])
  func theSharedExpertIsClampedToo(_ name: String) throws {
    let launch = try V4Launch("shared_up", name)
    let rows = launch.given
    let isQuantised = name == "small"
    func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
    let x = isQuantised ? rows.dequantised("x", group: 128) : rows["x"]
    let w = ["w1", "w3"].map { isQuantised ? rows.dequantised(weight: $0, group: 128, tile: 128) : rows[$0] }
    let y = x.flatMap { row in
      w[0].indices.map { output in
        let both = w.map {
          bf(isQuantised ? Plain.exactBlock(row, $0[output]) : Plain.chained(row, $0[output]))
        }
        return bf(swiglu(both[0], both[1]))
      }
    }
    expectSameBits(try launch.numbers("y"), y, "y")
  }

  @Test(arguments: [("small", 4), ("small float32", 2)])
  func allExpertsAddUpAndGoBack(_ name: String, _ n: Int) throws {
    let launch = try V4Launch("shared_down", name)
    let rows = launch.given
    let isQuantised = name == "small"
    func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
    let x = isQuantised ? rows.dequantised("x", group: 128) : rows["x"]
    let w2 = isQuantised ? rows.dequantised(weight: "w2", group: 128, tile: 128) : rows["w2"]
    let inverse = try launch.integers("inverse")
    var y: [Float] = []
    for token in x.indices {
      let places = inverse[token * 3..<token * 3 + 3].sorted()
      let o = w2.enumerated().map { channel, weight in
        let shared = bf(isQuantised ? Plain.exactBlock(x[token], weight) : Plain.chained(x[token], weight))
        return bf(Plain.sequential(places.map { rows["routed"][$0][channel] }) + shared)
      }
      for k in 0..<n {
        for channel in o.indices {
          let kept = Plain.sequential(
            (0..<n).map { rows["comb"][token * n + $0][k] * rows["streams"][token * n + $0][channel] })
          y.append(bf(rows["post"][token][k] * o[channel] + kept))
        }
      }
    }
    expectSameBits(try launch.numbers("y"), y, "y")
  }
}
