import Formats
import Testing

@Suite("E8M0 scales")
struct BlockScaleTests {
  private static func power(_ code: Int) -> Float {
    Float(sign: .plus, exponent: code - 127, significand: 1)
  }

  @Test("P2 is the smallest power of two at least as large")
  func smallestPowerAtLeast() {
    for code in 0..<255 {
      let power = Self.power(code)
      #expect(E8M0(smallestPowerAtLeast: power).bitPattern == code)
      #expect(E8M0(smallestPowerAtLeast: power.nextUp).bitPattern == code + 1)
      #expect(E8M0(smallestPowerAtLeast: (power * 2).nextDown).bitPattern == code + 1)
    }
  }

  @Test("P2 outside the positive normal numbers")
  func smallestPowerOfSpecials() {
    let belowTheSmallest: [Float] = [
      .leastNonzeroMagnitude, 0x1p-128, 0x1p-127 - 0x1p-149, 0, -0.0, -1, -Float.infinity,
    ]
    for tiny in belowTheSmallest {
      #expect(E8M0(smallestPowerAtLeast: tiny).bitPattern == 0, "\(tiny)")
    }
    #expect(E8M0(smallestPowerAtLeast: .greatestFiniteMagnitude) == .nan)
    #expect(E8M0(smallestPowerAtLeast: .infinity) == .nan)
    #expect(assortedNaNs.allSatisfy { E8M0(smallestPowerAtLeast: $0) == .nan })
  }

  @Test("rounding, as every format has it, is P2 here")
  func rounding() {
    let sample: [Float] = [3, 1.5, 1, 0.75, -2, 0, 0x1p-127, 0x1p-140, .infinity, .greatestFiniteMagnitude]
    for x in sample + assortedNaNs {
      #expect(E8M0(rounding: x) == E8M0(smallestPowerAtLeast: x), "\(x)")
    }
  }
}
