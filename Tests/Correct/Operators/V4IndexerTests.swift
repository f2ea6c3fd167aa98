import Operators
import Testing
import TileIR
import Tiles

/// The lightning indexer against its formula (specification, section 8).
@Suite struct V4IndexerTests {
  @Test(arguments: ["small", "small float32"])
  func scoresAreSumsOverHeads(_ name: String) throws {
    let launch = try V4Launch("index_scores", name)
    let isQuantised = name == "small"
    func bf(_ x: Float) -> Float { isQuantised ? Plain.bf(x) : x }
    let rows = launch.given
    let q = isQuantised ? rows.dequantised("index", group: 32) : rows["index"]
    let keys = isQuantised ? rows.dequantised("index_keys", group: 32) : rows["index_keys"]
    let weights = rows["weights"]
    let (sequence, position) = try (launch.integers("sequence"), launch.integers("position"))
    let (capacity, reach) = (12, 11)
    var scores: [Float] = []
    for token in position.indices {
      for entry in 0..<reach {
        guard entry < (position[token] + 1) / 4 else {
          scores.append(-.infinity)
          continue
        }
        let key = keys[sequence[token] * capacity + entry]
        let terms = weights[token].enumerated().map { head, weight in
          let row = q[token * weights[token].count + head]
          let dot = bf(isQuantised ? Plain.exactBlock(row, key) : Plain.chained(row, key))
          return bf(max(dot, 0) * weight)
        }
        scores.append(bf(Plain.tree(terms)))
      }
    }
    expectSameBits(try launch.numbers("scores"), scores, "scores")
  }

  @Test func theLargestAreChosenAndTiesGoToTheLower() throws {
    let kernel = indexPicks(picks: 3, ratio: 4)
    let scores: [Float] = [
      1, 2, 2, 0, 2, 9, 9, 9,  // five entries are complete: three of them tie
      5, 6, 9, 9, 9, 9, 9, 9,  // two are
      9, 9, 9, 9, 9, 9, 9, 9,  // none is
      -1, .nan, -3, -2, .nan, -.infinity, 0, 0,  // six are, of which NaN come last
    ]
    let launch = try V4Launch(
      kernel,
      [
        "scores": HostTensor(.bfloat16, [4, 8], numbers: scores),
        "position": HostTensor(.int32, [4], integers: [20, 8, 2, 26]),
      ])
    #expect(try launch.integers("picks") == [1, 2, 4, 0, 1, 0, 0, 0, 0, 0, 2, 3])
    #expect(try launch.integers("counts") == [3, 2, 0, 3])
  }

  @Test func picksOfRandomScoresAscend() throws {
    let launch = try V4Launch("index_picks", "small")
    let (scores, position) = try (launch.rows("scores"), launch.integers("position"))
    var (picks, counts): ([Int], [Int]) = ([], [])
    for token in position.indices {
      let visible = Array(scores[token][..<((position[token] + 1) / 4)])
      let chosen = Plain.top(6, visible).sorted()
      counts.append(chosen.count)
      picks += chosen + [Int](repeating: 0, count: 6 - chosen.count)
    }
    #expect(try launch.integers("picks") == picks)
    #expect(try launch.integers("counts") == counts)
  }
}
