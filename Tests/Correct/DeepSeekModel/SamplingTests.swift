import DeepSeek
import Testing

@Suite("Drawing tokens") struct SamplingTests {
  @Test("Philox gives the words that its authors publish")
  func philoxKnownAnswers() {
    let all: UInt32 = 0xffff_ffff
    #expect(
      Philox(seed: 0).words(at: (0, 0, 0, 0)) == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    #expect(
      Philox(seed: UInt64.max).words(at: (all, all, all, all))
        == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    #expect(
      Philox(seed: 0x299f_31d0_a409_3822).words(at: (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
        == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  private func counts(_ weights: [Float], _ sampling: Sampling, draws: Int = 4000) -> [Int] {
    weights.withUnsafeBufferPointer { weights in
      var counts = [Int](repeating: 0, count: weights.count)
      for position in 0..<draws { counts[Int(sampling.draw(weights, at: position))] += 1 }
      return counts
    }
  }

  @Test("tokens come as often as their weights say")
  func frequencies() {
    let found = counts([1, 0.5, 0, 0.25, 0.25], Sampling(temperature: 1, seed: 9))
    for (count, share) in zip(found, [0.5, 0.25, 0, 0.125, 0.125]) {
      #expect(abs(Double(count) / 4000 - share) < 0.03)
    }
    #expect(found[2] == 0)
  }

  @Test("top-k keeps the likeliest, ties to the lower id")
  func topK() {
    let found = counts([0.5, 1, 0.5, 0.5], Sampling(temperature: 1, topK: 2, seed: 1))
    #expect(found[2] == 0 && found[3] == 0)
    #expect(abs(Double(found[1]) / 4000 - 2.0 / 3) < 0.03)
  }

  @Test("top-p keeps the likeliest that reach the share, and always one")
  func topP() {
    let half = counts([0.125, 1, 0.5, 0.25], Sampling(temperature: 1, topP: 0.6, seed: 2))
    #expect(half[0] == 0 && half[3] == 0 && half[1] > 0 && half[2] > 0)
    let one = counts([0.125, 1, 0.5, 0.25], Sampling(temperature: 1, topP: 0, seed: 2))
    #expect(one == [0, 4000, 0, 0])
  }

  @Test("NaN counts as nothing, and a row of nothing gives token 0")
  func hostileWeights() {
    let found = counts([.nan, 1, 0, .nan], Sampling(temperature: 1, seed: 3), draws: 100)
    #expect(found == [0, 100, 0, 0])
    #expect(counts([.nan, 0], Sampling(temperature: 1, topK: 1, seed: 3), draws: 5) == [5, 0])
  }

  @Test("a draw depends on seed and position alone")
  func drawsRepeat() {
    let weights: [Float] = (0..<50).map { 1 / Float($0 + 1) }
    weights.withUnsafeBufferPointer { weights in
      let sampling = Sampling(temperature: 1, seed: 77)
      let forwards = (0..<100).map { sampling.draw(weights, at: $0) }
      let backwards = (0..<100).reversed().map { sampling.draw(weights, at: $0) }
      #expect(forwards == backwards.reversed())
      let other = Sampling(temperature: 1, seed: 78)
      #expect(forwards != (0..<100).map { other.draw(weights, at: $0) })
    }
  }
}
