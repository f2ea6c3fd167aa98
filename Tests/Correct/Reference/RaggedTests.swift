import Reference
import Testing
import TileIR
import Tiles

/// Axes whose length differs from place to place, and the operations on whole axes.
@Suite struct ReferenceRaggedTests {
  let rows = Dimension("rows", in: 0...20)
  let width = Dimension("width", 6)

  /// Runs `body` with x [rows, width] cut to `count` [rows] elements along the axis "keys".
  private func run<E: TileElement>(
    _ x: [Float], _ counts: [Int], _ result: [Dimension], _: E.Type,
    _ body: @escaping (Tile<Float>, Dimension, Tile<Float>) -> Tile<E>
  ) throws -> HostTensor {
    let program = try Kernel("ragged") { k in
      let x = k.input("x", Float.self, [rows, width])
      let count = k.input("count", Int32.self, [rows])
      let y = k.output("y", E.self, [rows] + result)
      k.parallel(rows) { r in
        let keys = k.axis("keys", in: 0...6, length: Position(count[r]))
        let tile = x[r, Position(keys)]
        // The coordinate alone does not depend on the row; how many there are does.
        let coordinates = Position(keys).tile(in: k).cast(to: Float.self)
        y[r] = body(tile, keys, coordinates)
      }
    }.program()
    return try runEveryWay(
      program, ["x": .floats([counts.count, 6], x), "count": .ints([counts.count], counts)], seeds: 1...6)["y"]!
  }

  let x: [Float] = [
    3, 1, 4, 1, 5, 9,
    2, 6, 5, 3, 5, 8,
    9, 7, 9, 3, 2, 3,
    -1, .nan, 0, -0.0, -2, 1,
  ]

  @Test func reductionsSkipWhatDoesNotExist() throws {
    let sums = try run(x, [6, 3, 0, 1], [], Float.self) { t, keys, _ in t.sum(along: keys, order: .interleaved(4)) }
    #expect(sums.numbers == [23, 13, 0, -1])
    let most = try run(x, [6, 3, 0, 2], [], Float.self) { t, keys, _ in t.max(along: keys) }
    #expect(most.codes == [Float(9), 6, -.infinity, Float(bitPattern: 0x7FC0_0000)].map(\.bitPattern))
    let least = try run(x, [6, 3, 0, 1], [], Float.self) { t, keys, _ in t.min(along: keys) }
    #expect(least.numbers == [1, 2, .infinity, -1])
    let counts = try run(x, [6, 3, 0, 4], [], Int32.self) { t, keys, _ in (t .> 3).count(along: keys) }
    #expect(counts.integers == [3, 2, 0, 0])
    let any = try run(x, [6, 1, 0, 2], [], Bool.self) { t, keys, _ in (t .> 8).any(along: keys) }
    #expect(any.integers == [1, 0, 0, 0])
    let all = try run(x, [6, 1, 0, 2], [], Bool.self) { t, keys, _ in (t .< 8).all(along: keys) }
    #expect(all.integers == [0, 1, 1, 0])
  }

  @Test func aLengthThatDiffersMakesTheResultDiffer() throws {
    let sums = try run(x, [6, 3, 0, 1], [], Float.self) { _, keys, c in c.sum(along: keys, order: .sequential) }
    #expect(sums.numbers == [15, 3, 0, 0])
    let dots = try run(x, [6, 3, 0, 1], [], Float.self) { t, keys, c in
      product(t, c, contracting: keys, .ordered(.chained(2), .unfused))
    }
    #expect(dots.numbers == [1 + 8 + 3 + 20 + 45, 16, 0, 0])
  }

  @Test func argmaxAndTopKBreakTiesLow() throws {
    let best = try run(x, [6, 6, 6, 6], [], Int32.self) { t, keys, _ in t.argmax(along: keys) }
    #expect(best.integers == [5, 5, 0, 5])
    let zeros = try run([-0.0, 0, .nan, -.infinity, -1, -1] , [6], [], Int32.self) { t, keys, _ in t.argmax(along: keys) }
    #expect(zeros.integers == [0])
    let none = try run([.nan, .nan, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6], [2, 0], [], Int32.self) { t, keys, _ in t.argmax(along: keys) }
    #expect(none.integers == [0, 0])

    let k = Dimension("k", 3)
    let top = try run(x, [6, 3, 2, 5], [k], Int32.self) { t, keys, _ in t.topK(along: keys, into: k) }
    #expect(top.integers == [5, 4, 2, 1, 2, 0, 0, 1, -1, 2, 3, 0])
    let last = try run([.nan, -.infinity, .nan, 0, 0, 0], [3], [k], Int32.self) { t, keys, _ in
      t.topK(along: keys, into: k)
    }
    #expect(last.integers == [1, 0, 2])
  }

  @Test func scansAndSortsKeepTheAxis() throws {
    let n = Dimension("n", in: 0...50)
    let program = try Kernel("order") { k in
      let key = k.input("key", Int32.self, [rows, n])
      let sorted = k.output("sorted", Int32.self, [rows, n])
      let order = k.output("order", Int32.self, [rows, n])
      let before = k.output("before", Int32.self, [rows, n])
      let upTo = k.output("upTo", Float.self, [rows, n])
      k.parallel(rows) { r in
        let t = key[r]
        sorted[r] = t.sorted(along: n)
        order[r] = t.stableOrder(along: n)
        before[r] = t.scan(along: n, inclusive: false)
        upTo[r] = t.cast(to: Float.self).scan(along: n, inclusive: true)
      }
    }.program()
    let results = try runEveryWay(program, ["key": .ints([2, 4], [3, -1, 3, 0, 2, 2, 1, 1])])
    #expect(results["sorted"]!.integers == [-1, 0, 3, 3, 1, 1, 2, 2])
    #expect(results["order"]!.integers == [1, 3, 0, 2, 2, 3, 0, 1])
    #expect(results["before"]!.integers == [0, 3, 2, 5, 0, 2, 4, 5])
    #expect(results["upTo"]!.numbers == [3, 2, 5, 5, 2, 4, 5, 6])
  }

  @Test func joinsPutPartsInOrder() throws {
    let ring = Dimension("ring", 3)
    let program = try Kernel("joined") { k in
      let a = k.input("a", Float.self, [ring])
      let x = k.input("x", Float.self, [rows, width])
      let count = k.input("count", Int32.self, [rows])
      let sums = k.output("sums", Float.self, [rows])
      let third = k.output("third", Float.self, [rows])
      k.parallel(rows) { r in
        let some = k.axis("some", in: 0...6, length: Position(count[r]))
        let keys = k.joined("all", some, ring)
        let all = keys(x[r, Position(some)], a[ring])
        let weight = Position(keys.dimension).tile(in: k).cast(to: Float.self)
        sums[r] = (all * weight).sum(along: keys.dimension, order: .sequential)
        third[r] = all.at(keys.dimension, 2)
      }
    }.program()
    let results = try runEveryWay(
      program,
      [
        "a": .floats([3], [100, 200, 300]), "count": .ints([3], [2, 0, 6]),
        "x": .floats([3, 6], (1...18).map(Float.init)),
      ], seeds: 1...6)
    #expect(results["third"]!.numbers == [100, 300, 15])
    // 2 + 200 + 600 + 1200; 200 + 600; 14 + 30 + 48 + 68 + 90 + 600 + 1400 + 2400
    #expect(results["sums"]!.numbers == [2002, 800, 4650])
  }

  @Test func samplesStayWithinTheLength() throws {
    func pair(_ counts: [Int]) throws -> HostTensor {
      try run(x, counts, [], Float.self) { t, keys, _ in t.at(keys, 1) - t.at(keys, 0) }
    }
    #expect(try pair([6, 3, 2, 2]).numbers[..<3] == [-2, 4, -2])
    let message = refusal { _ = try pair([6, 3, 2, 1]) }
    #expect(message.contains("sampled at 1 along keys, whose length is 1, at rows 3"))
  }

  @Test func aLengthOutsideOfItsRangeIsRefused() throws {
    let message = refusal {
      _ = try run(x, [6, 7, 2, 1], [], Float.self) { t, keys, _ in t.max(along: keys) }
    }
    #expect(message.contains("the length of keys is 7, declared in 0...6, at rows 1"))
  }

  @Test func raggedStoresWriteWhatExists() throws {
    let slots = Dimension("slots", 6)
    let program = try Kernel("ragged store") { k in
      let count = k.input("count", Int32.self, [rows])
      let s = k.state("s", Int32.self, [rows, slots])
      k.parallel(rows) { r in
        let keys = k.axis("keys", in: 0...6, length: Position(count[r]))
        s[r, Position(keys)] = Position(keys).tile(in: k) * 2 + 1
      }
    }.program()
    let s = try runEveryWay(
      program, ["count": .ints([2], [2, 4]), "s": .ints([2, 6], Array(repeating: 0, count: 12))])["s"]!
    #expect(s.integers == [1, 3, 0, 0, 0, 0, 1, 3, 5, 7, 0, 0])
  }

  @Test func segmentsGatherTheirOperand() throws {
    let experts = Dimension("experts", 4)
    let edges = Dimension("edges", 5)
    let program = try Kernel("grouped") { k in
      let offsets = k.input("offsets", Int32.self, [edges], .partition(of: rows))
      let x = k.input("x", Float.self, [rows, width])
      let w = k.input("w", Float.self, [experts, width])
      let y = k.output("y", Float.self, [rows])
      k.parallel(segments: offsets, over: experts) { e, r in
        y[r] = product(x[r], w[e], contracting: width, .ordered(.sequential, .unfused))
      }
    }.program()
    let x = (0..<30).map { Float($0 % 7) }
    let w = (0..<24).map { Float($0 % 5) - 2 }
    let offsets = [0, 2, 2, 4, 5]
    let y = try runEveryWay(
      program,
      ["offsets": .ints([5], offsets), "x": .floats([5, 6], x), "w": .floats([4, 6], w)], seeds: 1...6)["y"]!
    for row in 0..<5 {
      let expert = [0, 0, 2, 2, 3][row]
      let dot = (0..<6).reduce(Float(0)) { $0 + x[6 * row + $1] * w[6 * expert + $1] }
      #expect(y.numbers[row] == dot)
    }
  }

  /// A row that sees n keys gives the bits of a launch that has n keys: blocks, exponents and orders do
  /// not know of what the row does not see.
  @Test(arguments: [
    ProductClass.fixedPoint(bits: 21, block: 4), .ordered(.interleaved(4), .fused), .exact,
    .fixedPointFolded(bits: 9, block: 4, axis: Dimension("channels", 3)),
  ])
  func productsSeeOnlyTheirKeys(_ productClass: ProductClass) throws {
    let slots = Dimension("slots", in: 0...16)
    let channels = Dimension("channels", 3)
    let ragged = try Kernel("ragged product") { k in
      let p = k.input("p", Float.self, [rows, slots])
      let v = k.input("v", Float.self, [slots, channels])
      let count = k.input("count", Int32.self, [rows])
      let y = k.output("y", Float.self, [rows, channels])
      k.parallel(rows) { r in
        let keys = k.axis("keys", in: 0...16, length: Position(count[r]))
        y[r] = product(
          p[r, Position(keys)], v[Position(keys), channels], contracting: keys, productClass)
      }
    }.program()
    let whole = try Kernel("whole product") { k in
      let p = k.input("p", Float.self, [slots])
      let v = k.input("v", Float.self, [slots, channels])
      let y = k.output("y", Float.self, [channels])
      k.once { y[channels] = product(p[slots], v[slots, channels], contracting: slots, productClass) }
    }.program()
    let counts = [11, 0, 5, 8, 1]
    let p = (0..<55).map { Float($0 * 29 % 31 - 15) * Float(sign: .plus, exponent: $0 % 7 * 3, significand: 1.3) }
    let v = (0..<33).map { Float($0 * 17 % 23 - 11) * Float(sign: .plus, exponent: $0 % 5 * 4, significand: 1.7) }
    let y = try runEveryWay(
      ragged,
      ["p": .floats([5, 11], p), "v": .floats([11, 3], v), "count": .ints([5], counts)], seeds: 1...6)["y"]!
    for (row, count) in counts.enumerated() {
      let alone = try Reference.run(
        whole,
        [
          "p": .floats([count], Array(p[11 * row..<11 * row + count])),
          "v": .floats([count, 3], Array(v[..<(3 * count)])),
        ])["y"]!
      #expect(Array(y.codes[3 * row..<3 * row + 3]) == alone.codes)
    }
  }
}
