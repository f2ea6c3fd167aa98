import Reference
import Testing
import TileIR
import Tiles

/// Sums of float32 in every order, against the definitions written out on arrays.
@Suite struct OrderTests {
  /// Numbers of very different sizes, so that nearly every order gives its own bits.
  private func numbers(_ count: Int) -> [Float] {
    (0..<count).map { index in
      let size = Float(sign: .plus, exponent: index * 7 % 13 - 8, significand: 1)
      return (Float(index * 37 % 101) - 50.3) / 7.3 * size
    }
  }

  private func sum(_ numbers: [Float], _ order: SummationOrder) throws -> UInt32 {
    let n = Dimension("n", numbers.count)
    let program = try Kernel("sum") { k in
      let x = k.input("x", Float.self, [n])
      let y = k.output("y", Float.self, [])
      k.once { y[] = x[n].sum(along: n, order: order) }
    }.program()
    return try runEveryWay(program, ["x": .floats([numbers.count], numbers)])["y"]![0]
  }

  @Test(arguments: [0, 1, 2, 5, 8, 64, 100, 256]) func ordersAreAsDefined(_ count: Int) throws {
    let x = numbers(count)
    let sequential = x.reduce(Float(0), +)
    #expect(try sum(x, .sequential) == sequential.bitPattern)

    for run in [1, 3, 8] {
      let runs = stride(from: 0, to: count, by: run).map { x[$0..<min($0 + run, count)].reduce(Float(0), +) }
      #expect(try sum(x, .chained(run)) == runs.reduce(Float(0), +).bitPattern)
    }
    for lanes in [1, 4, 64] {
      var p = (0..<lanes).map { lane in
        stride(from: lane, to: count, by: lanes).reduce(Float(0)) { $0 + x[$1] }
      }
      var h = lanes / 2
      while h >= 1 {
        for l in 0..<h { p[l] = p[l] + p[l + h] }
        h /= 2
      }
      #expect(try sum(x, .interleaved(lanes)) == p[0].bitPattern)
    }
    func tree(_ slice: ArraySlice<Float>, _ size: Int) -> Float {
      if size == 1 { return (slice.first ?? 0) + 0 }
      let middle = min(slice.startIndex + size / 2, slice.endIndex)
      return tree(slice[slice.startIndex..<middle], size / 2) + tree(slice[middle...], size / 2)
    }
    var size = 1
    while size < count { size *= 2 }
    #expect(try sum(x, .tree) == tree(x[...], size).bitPattern)
  }

  @Test func theOrdersDiffer() throws {
    let x = numbers(100)
    let results = try [.sequential, .chained(8), .interleaved(64), .tree].map { try sum(x, $0) }
    #expect(Set(results).count == 4)
  }

  @Test func noPartialSumIsNegativeZero() throws {
    for order in [SummationOrder.sequential, .chained(2), .interleaved(4), .tree] {
      #expect(try sum([-0.0, -0.0, -0.0], order) == 0)
    }
  }

  @Test func multiplyAddRoundsOnceOrTwice() throws {
    // (1 + 2^-12)^2 = 1 + 2^-11 + 2^-24: the last bit is lost when the product is rounded first.
    let x: [Float] = [-1, 1 + 0x1p-12]
    let y: [Float] = [1, 1 + 0x1p-12]
    let n = Dimension("n", 2)
    func product(_ order: SummationOrder, _ rounding: MultiplyAdd) throws -> Float {
      let program = try Kernel("product") { k in
        let a = k.input("a", Float.self, [n])
        let b = k.input("b", Float.self, [n])
        let c = k.output("c", Float.self, [])
        k.once { c[] = Tiles.product(a[n], b[n], contracting: n, .ordered(order, rounding)) }
      }.program()
      return try runEveryWay(program, ["a": .floats([2], x), "b": .floats([2], y)])["c"]!.numbers[0]
    }
    #expect(try product(.sequential, .unfused) == 0x1p-11)
    #expect(try product(.sequential, .fused) == 0x1p-11 + 0x1p-24)
    #expect(try product(.chained(512), .fused) == 0x1p-11 + 0x1p-24)
    // Each run starts from +0, so its first product is rounded by itself.
    #expect(try product(.chained(1), .fused) == 0x1p-11)
    #expect(try product(.tree, .fused) == 0x1p-11)
  }
}
