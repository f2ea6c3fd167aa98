import Testing
import TileIR

@testable import Reference

/// The exact accumulator against schoolbook integers.
@Suite struct ReferenceExactSumTests {
  private func check(_ addends: [Double], _ comment: String) {
    var sum = ExactSum()
    var exact = BigInteger(0)
    for addend in addends {
      sum.add(addend)
      exact = exact + BigInteger(real: addend)
    }
    let rounded = sum.rounded
    #expect(exact.isRounded(to: rounded), "\(comment): \(addends) gave \(rounded)")
    if exact == BigInteger(0) { #expect(rounded.bitPattern == 0, "a zero sum is +0") }
  }

  @Test func sumsOfAnyExponentRoundOnce() {
    var generator = SplitMix64(seed: 11)
    for trial in 0..<300 {
      let spread = [2, 30, 200, 600][trial % 4]
      let center = Int.random(in: -200...100, using: &generator)
      let addends = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
        Double(
          sign: Bool.random(using: &generator) ? .plus : .minus,
          exponent: center + Int.random(in: -spread...spread, using: &generator) / 2,
          significand: 1 + Double(UInt64.random(in: 0..<1 << 52, using: &generator)) * 0x1p-52)
      }
      check(addends, "trial \(trial)")
      // Nearly everything cancels.
      check(addends + addends.dropFirst().map { -$0 }, "cancelling trial \(trial)")
    }
  }

  @Test func tiesGoToTheEvenFloat() {
    check([1, 0x1p-24], "tie down to even")
    check([1 + 0x1p-23, 0x1p-24], "tie up to even")
    check([1, 0x1p-24, 0x1p-900], "just above a tie")
    check([1, 0x1p-24, -0x1p-900], "just below a tie")
    check([-1, -0x1p-24, -0x1p-1074], "just beyond a tie, negative")
  }

  @Test func subnormalsAndOverflowAreThoseOfIEEE() {
    check([0x1p-149], "smallest subnormal")
    check([0x1p-150], "tie to zero")
    check([0x1p-150, 0x1p-1074], "above the tie to zero")
    check([-0x1p-151], "rounds to zero")
    check([0x1p-126, -0x1p-149], "largest subnormal")
    check([0x1p-126, -0x1p-150], "tie between subnormal and normal")
    check([0x1p128, -0x1p103], "tie to infinity")
    check([0x1p128, -0x1p103, -0x1p-500], "below the tie to infinity")
    check([-0x1p200], "negative infinity")
    check([0x1p500, 1, -0x1p500], "a large pair cancels")
  }

  @Test func infinitiesAndNaNFollowAddition() {
    func sum(_ addends: Double...) -> Float {
      var sum = ExactSum()
      for addend in addends { sum.add(addend) }
      return sum.rounded
    }
    #expect(sum(1, .infinity) == .infinity)
    #expect(sum(-.infinity, 1) == -.infinity)
    #expect(sum(.infinity, -.infinity).isNaN)
    #expect(sum(.nan, 1).bitPattern == 0x7FC0_0000)
    #expect(sum().bitPattern == 0)
  }

  @Test func manyAddendsCarry() {
    var sum = ExactSum()
    for _ in 0..<100_000 { sum.add(-0x1.fffffffffffffp0) }
    #expect(sum.rounded == Float(-100_000 * 0x1.fffffffffffffp0))
    for _ in 0..<100_000 { sum.add(Int64.max, exponent: -3) }
    for _ in 0..<100_000 { sum.add(-Int64.max, exponent: -3) }
    #expect(sum.rounded == Float(-100_000 * 0x1.fffffffffffffp0))
  }
}
