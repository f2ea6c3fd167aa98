import MachineIR
import Reference
import Testing
import TileIR

/// Exact sums of slices to one `float32`, against integers of 64 bits and the processor's own roundings.
@Suite struct SliceRoundingTests {
  private let interpreter = ScalarInterpreter(.roundedSlices)

  /// The result's bits, of sums with weights of 2^14; none where a step has no value.
  private func rounded(_ low: Int, _ middle: Int, _ high: Int, _ exponent: Int) -> UInt32? {
    rounded([low, 0, middle, 0, high], exponent)
  }
  private func rounded(_ sums: [Int], _ exponent: Int) -> UInt32? {
    interpreter((sums + [exponent]).map { UInt32(bitPattern: Int32($0)) })
  }

  /// RNE32(sum 2^exponent) for a sum below 2^53: first the number without rounding, cut short to an odd one of 26 bits
  /// where it has more, which no later rounding takes for a tie.
  private static func expected(_ sum: Int, _ exponent: Int) -> UInt32 {
    guard sum != 0 else { return 0 }
    let size = sum.magnitude
    // The last place of the result: 24 bits, or 2^-149.
    let top = Int.bitWidth - 1 - size.leadingZeroBitCount
    let place = max(top - 23, -149 - exponent)
    let sign: UInt32 = sum < 0 ? 1 << 31 : 0
    guard place > 0 else { return Float(sign: sum < 0 ? .minus : .plus, exponent: exponent, significand: Float(size)).bitPattern }
    guard place < 62 else { return sign }
    let (whole, rest) = (size >> UInt(place), size & (1 << UInt(place) - 1))
    let half = UInt(1) << UInt(place - 1)
    let units = whole + (rest > half || rest == half && whole & 1 == 1 ? 1 : 0)
    let value = Float(sign: .plus, exponent: exponent + place, significand: Float(units))
    return value.bitPattern | sign
  }

  private func expectEqual(_ low: Int, _ middle: Int, _ high: Int, _ exponent: Int) {
    let sum = low + middle << 14 + high << 28
    let (found, expected) = (rounded(low, middle, high, exponent), Self.expected(sum, exponent))
    if found == expected { return }
    Issue.record("\(sum) 2^\(exponent) becomes \(found.map { String($0, radix: 16) } ?? "nothing"), not \(String(expected, radix: 16))")
  }

  /// Sums of every length with bits near a tie at every place, either sign.
  @Test func sumsAroundTiesAreRoundedOnce() {
    for length in 1..<50 {
      for cut in 0..<length {
        for below in [-1, 0, 1] {
          let sum = (1 << length) + (1 << cut) + below
          for signed in [sum, -sum] { expectEqual(signed & 0x3FFF, (signed >> 14) & 0x3FFF, signed >> 28, -18) }
        }
      }
    }
  }

  /// Digits that overlap and have signs of their own, as sums of slices are.
  @Test func digitsMayOverlap() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200_000 {
      let bits = Int.random(in: 1...29, using: &random)
      let digits = (0..<2).map { _ in Int.random(in: -(1 << bits)...(1 << bits), using: &random) }
      expectEqual(digits[0], digits[1], Int.random(in: -(1 << 21)...1 << 21, using: &random) >> (29 - bits), -18)
    }
  }

  /// Sums of all weights, as large as those of 512 products are.
  @Test func neighboursCarry() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200_000 {
      let most = 1 << Int.random(in: 1...25, using: &random)
      let sums = (0..<5).map { Int.random(in: -most...most, using: &random) / ($0 < 4 ? 4 : 8) }
      let sum = sums.enumerated().reduce(0) { $0 + $1.element << (7 * $1.offset) }
      #expect(rounded(sums, -18) == Self.expected(sum, -18))
    }
  }

  /// Up to what 512 products of integers of 21 bits make.
  @Test func theLargestSumsAreRoundedOnce() {
    let most = 512 * ((1 << 21) - 1) * ((1 << 21) - 1)
    for below in [0, 1, 1 << 19, 1 << 20, 1 << 27, (1 << 28) - 1, 1 << 28, (1 << 28) + 1, 3 << 28] {
      let sum = most - below
      for signed in [sum, -sum] { expectEqual(signed & 0x3FFF, (signed >> 14) & 0x3FFF, signed >> 28, -18) }
    }
  }

  @Test func resultsMayBeSubnormalOrTooLarge() {
    var random = SystemRandomNumberGenerator()
    for exponent in -400...200 {
      for _ in 0..<60 {
        let length = Int.random(in: 1...49, using: &random)
        let sum = Int.random(in: -(1 << length)...(1 << length), using: &random)
        expectEqual(sum & 0x3FFF, (sum >> 14) & 0x3FFF, sum >> 28, exponent)
      }
      // Ties of subnormal results, and what lies just beside them.
      for sum in [3, 5, (1 << 30) + (1 << 29), (3 << 40) + 1, (3 << 40) - 1, (1 << 26) + 1, (1 << 26) - 1] {
        expectEqual(sum & 0x3FFF, (sum >> 14) & 0x3FFF, sum >> 28, exponent)
      }
    }
  }

  @Test func farExponentsAreNaNAndZeroIsPositive() {
    #expect(rounded(1, 0, 0, Int(ScalarFunction.farExponent)) == 0x7FC0_0000)
    #expect(rounded(0, 0, 0, 2 * Int(ScalarFunction.farExponent)) == 0x7FC0_0000)
    #expect(rounded(0, 0, 0, -18) == 0)
    #expect(rounded(-(1 << 14), 1, 0, -18) == 0)
  }

  // MARK: Near powers of two

  private let near = [128, 512].map { (depth: $0, function: ScalarInterpreter(.nearSlices(depth: $0))) }

  /// The sums of slices of products, as a matrix unit gives them.
  private func sums(_ products: [(Int, Int)]) -> [Int] {
    var sums = Array(repeating: 0, count: 5)
    func slices(_ integer: Int) -> [Int] { [integer & 127, integer >> 7 & 127, integer >> 14] }
    for (a, b) in products {
      for (i, x) in slices(a).enumerated() { for (j, y) in slices(b).enumerated() { sums[i + j] += x * y } }
    }
    return sums
  }

  private func expectNear(_ products: [(Int, Int)]) {
    let sum = products.reduce(0) { $0 + $1.0 * $1.1 }
    let digits = sums(products).map { UInt32(bitPattern: Int32($0)) }
    for (depth, function) in near where products.count <= depth {
      let found = function(digits)
      #expect(found == Self.expected(sum, 0), "\(sum) of \(products.count) products, up to \(depth)")
    }
  }

  @Test func nearSumsOfAnySizeAreRoundedOnce() {
    var random = SystemRandomNumberGenerator()
    for round in 0..<20_000 {
      let most = 1 << Int.random(in: 1...21, using: &random) - 1
      let count = round % 8 == 0 ? 512 : Int.random(in: 1...128, using: &random) / 8 + 1
      expectNear(
        (0..<count).map { _ in
          (Int.random(in: -most...most, using: &random), Int.random(in: -most...most, using: &random))
        })
    }
  }

  /// Up to all products the largest, of either sign, and a last one that puts the sum beside a tie.
  @Test func theLargestNearSumsAreRoundedOnce() {
    let most = (1 << 21) - 1
    for count in [1, 2, 127, 128, 255, 511, 512] {
      for sign in [1, -1] {
        for last in [0, 1, -1, 2, 1 << 20, most, -most] {
          expectNear(Array(repeating: (most, sign * most), count: count - 1) + [(last, most)])
          expectNear(Array(repeating: (most, sign * most), count: count - 1) + [(last, 1)])
        }
      }
    }
  }

  /// Sums just beside 2^48 to 2^51, where upper parts begin to be cut, with bits near a tie at every place.
  @Test func longSumsAroundTiesAreRoundedOnce() {
    for length in 40..<51 {
      for cut in 0..<30 {
        for below in [-1, 0, 1] {
          let sum = (1 << length) + (1 << cut) + below
          // Digits to the base 2^20, each as products.
          var (left, products) = (sum, [(Int, Int)]())
          while left >= 1 << 40 {
            products.append((1 << 20, 1 << 20))
            left -= 1 << 40
          }
          products += [(left >> 20, 1 << 20), (left & 0xF_FFFF, 1)]
          guard products.count <= 512 else { continue }
          for sign in [1, -1] { expectNear(products.map { ($0.0 * sign, $0.1) }) }
        }
      }
    }
  }

  @Test func aNearSumOfNothingIsPositiveZero() { expectNear([(5, 3), (-5, 3)]) }
}
