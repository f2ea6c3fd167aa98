import Testing
import TileIR
import Tiles

@testable import Reference

/// Products and sums of squares under `ProductMeaning.exact`, against sums that are exact by construction.
@Suite struct ReferenceExactProductTests {
  /// The sum of the exact products, rounded once by the accumulator that has tests of its own.
  private func rounded(_ a: [Double], _ b: [Double]) -> UInt32 {
    var sum = ExactSum()
    for (x, y) in zip(a, b) { sum.add(x * y) }
    return sum.rounded.bitPattern
  }

  private func dot(_ a: [Double], _ b: [Double]) -> UInt32 {
    ExactLine.product(ExactLine(a[...]), ExactLine(b[...])).bitPattern
  }

  @Test func linesOfAnySpreadRoundOnce() {
    var generator = SplitMix64(seed: 3)
    for trial in 0..<300 {
      let count = [1, 7, 128, 300][trial % 4]
      func line(_ spread: Int, bits: Int) -> [Double] {
        (0..<count).map { _ in
          let integer = Int.random(in: -(1 << bits)..<(1 << bits), using: &generator)
          let exponent = Int.random(in: -spread...spread, using: &generator)
          return Double(integer) * Double(sign: .plus, exponent: exponent, significand: 1)
        }
      }
      // Codes of few bits, bf16, fp32, and everything that fp32 and a scale of E8M0 span.
      let (spread, bits) = [(3, 4), (10, 8), (40, 24), (140, 24)][trial / 4 % 4]
      let (a, b) = (line(spread, bits: bits), line(spread, bits: bits))
      #expect(dot(a, b) == rounded(a, b), "trial \(trial)")
      // Nearly everything cancels.
      let (twice, back) = (a + a, b + b.dropLast().map { -$0 } + [0])
      #expect(dot(twice, back) == rounded(twice, back), "cancelling trial \(trial)")
    }
  }

  @Test func zerosAndWhatIsNotFinite() {
    #expect(dot([], []) == 0)
    #expect(dot([-0.0, 0], [1, -1]) == 0)
    #expect(dot([1, -1], [3, 3]) == 0)
    #expect(dot([.infinity, 1], [1, 1]) == Float.infinity.bitPattern)
    #expect(dot([.infinity, 1], [0, 1]) == 0x7FC0_0000)
    #expect(dot([1, .nan], [1, 0]) == 0x7FC0_0000)
    #expect(dot([0x1p127, 0x1p127], [1, 1]) == Float.infinity.bitPattern)
    #expect(dot([0x1p-100], [0x1p-49]) == 1)
  }

  /// 2^24 and 1, 1, … in fp32: a sequential sum never leaves 2^24, the exact one does.
  private func kernel(_ body: @escaping (Tile<Float>, Dimension) -> Tile<Float>) throws -> Program {
    let (rows, inner) = (Dimension("rows", 1), Dimension("inner", 5))
    return try Kernel("once") { k in
      let x = k.input("x", Float.self, [rows, inner])
      let y = k.output("y", Float.self, [rows])
      k.parallel(rows) { r in y[r] = body(x[r], inner) }
    }.program()
  }

  private func run(_ program: Program, _ products: ProductMeaning, _ x: [Float]) throws -> Float {
    try Reference.run(program, ["x": .floats([1, 5], x)], products: products)["y"]!.numbers[0]
  }

  @Test func everyClassBecomesOneRounding() throws {
    let classes: [ProductClass] = [
      .ordered(.sequential, .unfused), .ordered(.sequential, .fused), .fixedPoint(bits: 8, block: 5),
    ]
    let x: [Float] = [4096, 1, 1, 1, 1]
    for productClass in classes {
      let program = try kernel { product($0, $0, contracting: $1, productClass) }
      #expect(try run(program, .asStated, x) == 0x1p24)
      #expect(try run(program, .exact, x) == 0x1p24 + 4)
      #expect(ProductMeaning.exact.changes(program) && !ProductMeaning.asStated.changes(program))
    }
  }

  @Test func sumsOfSquaresAreProductsAndOtherSumsAreNot() throws {
    let squares = try kernel { ($0 * $0).sum(along: $1, order: .sequential) }
    #expect(try run(squares, .asStated, [4096, 1, 1, 1, 1]) == 0x1p24)
    #expect(try run(squares, .exact, [4096, 1, 1, 1, 1]) == 0x1p24 + 4)
    let plain = try kernel { ($0 + 0).sum(along: $1, order: .sequential) }
    #expect(try run(plain, .exact, [0x1p24, 1, 1, 1, 1]) == 0x1p24)
    #expect(ProductMeaning.exact.changes(squares) && !ProductMeaning.exact.changes(plain))
  }
}
