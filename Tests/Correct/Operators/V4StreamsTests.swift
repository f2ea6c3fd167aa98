import Operators
import Testing

/// The hyper-connections against their formulas (specification, section 5.1).
@Suite struct V4StreamsTests {
  /// f, then (f fn^T) rho for the token's streams.
  private func mixed(_ f: [Float], _ fn: [[Float]]) -> [Float] {
    let rho = Plain.rsqrt(Plain.interleaved(256, f.map { $0 * $0 }) / Float(f.count) + 1e-6)
    return fn.map { row in Plain.interleaved(256, zip(f, row).map { $0 * $1 }) * rho }
  }

  private func sinkhorn(_ a: [[Float]], iterations: Int) -> [[Float]] {
    let n = a.count
    let epsilon: Float = 1e-6
    var c = a.map { row in
      let most = row.max()!
      let e = row.map { Plain.exp($0 - most)! }
      let factor = 1 / Plain.sequential(e)
      return e.map { $0 * factor + epsilon }
    }
    func columns() {
      let sums = (0..<n).map { k in Plain.sequential((0..<n).map { c[$0][k] }) + epsilon }
      for j in 0..<n { for k in 0..<n { c[j][k] /= sums[k] } }
    }
    func rows() {
      for j in 0..<n {
        let sum = Plain.sequential(c[j]) + epsilon
        for k in 0..<n { c[j][k] /= sum }
      }
    }
    columns()
    for _ in 1..<iterations {
      rows()
      columns()
    }
    return c
  }

  @Test(arguments: [("small", 4, 20), ("small float32", 3, 4)])
  func streamsAreGatedNormedAndMixed(_ name: String, _ n: Int, _ iterations: Int) throws {
    let launch = try V4Launch("hc_pre", name)
    let isQuantised = launch.results["y_codes"] != nil
    let bf: (Float) -> Float = isQuantised ? { Plain.bf($0) } : { $0 }
    let (fn, base, scale) = try (launch.rows("hc_fn"), launch.numbers("hc_base"), launch.numbers("hc_scale"))
    let (x, gain) = try (launch.rows("streams"), launch.numbers("gain"))
    var (y, post, comb): ([Float], [Float], [Float]) = ([], [], [])
    var (codes, scales): ([UInt32], [UInt32]) = ([], [])
    for token in 0..<x.count / n {
      let streams = Array(x[token * n..<token * n + n])
      let m = mixed(streams.flatMap { $0 }, fn)
      let pre = (0..<n).map { Plain.sigmoid(m[$0] * scale[0] + base[$0]) + 1e-6 }
      post += (0..<n).map { 2 * Plain.sigmoid(m[n + $0] * scale[1] + base[n + $0]) }
      let a = (0..<n).map { j in
        (0..<n).map { m[2 * n + j * n + $0] * scale[2] + base[2 * n + j * n + $0] }
      }
      comb += sinkhorn(a, iterations: iterations).flatMap { $0 }
      let u = gain.indices.map { channel in
        bf(Plain.sequential((0..<n).map { pre[$0] * streams[$0][channel] }))
      }
      let row = Plain.rms(u, gain).map(bf)
      y += row
      let quantised = Plain.q8(row)
      codes += quantised.codes
      scales += quantised.scales
    }
    expectSameBits(try launch.numbers("y"), y, "y")
    expectSameBits(try launch.numbers("post"), post, "post")
    expectSameBits(try launch.numbers("comb"), comb, "comb")
    if isQuantised {
      #expect(try launch.codes("y_codes") == codes)
      #expect(try launch.codes("y_scale") == scales)
    }
  }

  /// The last step is one of columns, so that these sum to 1; rows come near it.
  @Test func combIsNearlyDoublyStochastic() throws {
    let comb = try V4Launch("hc_pre", "small").rows("comb")
    for token in 0..<comb.count / 4 {
      let c = comb[token * 4..<token * 4 + 4]
      for row in c { #expect(abs(row.reduce(0, +) - 1) < 0.05) }
      for k in 0..<4 { #expect(abs(c.reduce(0) { $0 + $1[k] } - 1) < 1e-5) }
    }
  }

  @Test(arguments: ["small", "small float32"])
  func theHeadGatesAndNormsChosenRows(_ name: String) throws {
    let launch = try V4Launch("hc_head", name)
    let bf: (Float) -> Float = name == "small" ? { Plain.bf($0) } : { $0 }
    let (fn, base, scale) = try (launch.rows("hc_fn"), launch.numbers("hc_base"), launch.numbers("hc_scale"))
    let (x, gain) = try (launch.rows("streams"), launch.numbers("gain"))
    var y: [Float] = []
    for token in try launch.integers("row") {
      let streams = Array(x[token * 4..<token * 4 + 4])
      let m = mixed(streams.flatMap { $0 }, fn)
      let pre = (0..<4).map { Plain.sigmoid(m[$0] * scale[0] + base[$0]) + 1e-6 }
      let h = gain.indices.map { channel in
        bf(Plain.sequential((0..<4).map { pre[$0] * streams[$0][channel] }))
      }
      y += Plain.rms(h, gain).map(bf)
    }
    expectSameBits(try launch.numbers("y"), y, "y")
  }

  /// The way back: post on the sub-layer's result, comb from source to target stream.
  @Test(arguments: [("small", 4), ("small float32", 2)])
  func resultsGoBackIntoTheStreams(_ name: String, _ n: Int) throws {
    let launch = try V4Launch("output_update", name)
    let isQuantised = name == "small"
    let bf: (Float) -> Float = isQuantised ? { Plain.bf($0) } : { $0 }
    let x = isQuantised ? launch.given.dequantised("x") : try launch.rows("x")
    let w = isQuantised
      ? launch.given.dequantised(weight: "wo_b", group: 128, tile: 128) : try launch.rows("wo_b")
    let (streams, post, comb) = try (launch.rows("streams"), launch.rows("post"), launch.rows("comb"))
    var y: [Float] = []
    for token in x.indices {
      let o = w.map { bf(isQuantised ? Plain.exactBlock(x[token], $0) : Plain.chained(x[token], $0)) }
      for k in 0..<n {
        for channel in o.indices {
          let kept = Plain.sequential((0..<n).map { comb[token * n + $0][k] * streams[token * n + $0][channel] })
          y.append(bf(post[token][k] * o[channel] + kept))
        }
      }
    }
    expectSameBits(try launch.numbers("y"), y, "y")
  }
}
