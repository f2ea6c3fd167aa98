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

  @Test("rounding takes the nearest power, ties to the even code")
  func rounding() {
    for code in 0..<255 {
      let power = Self.power(code)
      // The tie above the largest power goes to its even code, 254, and what is above it to 255, NaN.
      let tie = power + power / 2
      #expect(E8M0(rounding: power).bitPattern == code)
      #expect(E8M0(rounding: tie.nextDown).bitPattern == code)
      #expect(E8M0(rounding: tie).bitPattern == code + code % 2)
      #expect(E8M0(rounding: tie.nextUp).bitPattern == code + 1)
    }
  }

  @Test("rounding what has no nearest power")
  func roundingSpecials() {
    let belowTheSmallest: [Float] = [0, -0.0, .leastNonzeroMagnitude, 0x1p-128]
    for tiny in belowTheSmallest {
      #expect(E8M0(rounding: tiny).bitPattern == 0, "\(tiny)")
    }
    let outside: [Float] = [.infinity, -Float.infinity, -1, -Float.leastNonzeroMagnitude]
    for nothing in assortedNaNs + outside {
      #expect(E8M0(rounding: nothing) == .nan, "\(nothing)")
    }
  }
}
