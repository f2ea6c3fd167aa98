import Formats
import Testing

@Suite("Widening a code to fp32 is exact")
struct WideningTests {
  @Test("every code has the value of the textbook formula", arguments: SignedFloatFormat.all)
  func everyCode(format: SignedFloatFormat) {
    var mismatches = Mismatches()
    for magnitude in 0..<format.signMask {
      for sign in [0, format.signMask] {
        let expected: Float
        if magnitude <= format.largestFinite {
          let value = Float(format.value(ofMagnitude: magnitude))
          expected = sign == 0 ? value : -value
        } else if magnitude == format.infinity {
          expected = sign == 0 ? .infinity : -.infinity
        } else {
          expected = Float(bitPattern: 0x7FC0_0000)
        }
        mismatches.compare(
          magnitude | sign, expected: expected.bitPattern,
          found: format.value(magnitude | sign).bitPattern)
      }
    }
    #expect(mismatches.first == [])
    #expect(mismatches.comparisons == 1 << format.format.bitWidth)
  }

  @Test("the largest finite value is the published one", arguments: SignedFloatFormat.all)
  func largestFinite(format: SignedFloatFormat) {
    #expect(Double(format.value(format.largestFinite)) == format.largestValue)
    #expect(format.format.largestFinite == format.largestFinite)
  }

  @Test("E2M1 is the table of sixteen values, -0 included")
  func fourBitTable() {
    let magnitudes: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    let values = E2M1.allBitPatterns.map { E2M1(bitPattern: $0).float.bitPattern }
    #expect(values == (magnitudes + magnitudes.map { -$0 }).map(\.bitPattern))
  }

  @Test("E8M0 code b is 2^(b - 127), and 255 is NaN")
  func powersOfTwo() {
    for code in UInt8(0)..<255 {
      let value = E8M0(bitPattern: code).float
      #expect(value == Float(sign: .plus, exponent: Int(code) - 127, significand: 1))
      #expect(E8M0(bitPattern: code).exponent == Int(code) - 127)
    }
    #expect(E8M0(bitPattern: 0).float.isSubnormal)
    #expect(E8M0.nan.float.bitPattern == 0x7FC0_0000)
    #expect(E8M0.nan.exponent == nil)
  }

  @Test("the unused bits of a four-bit code are ignored")
  func highNibble() {
    #expect(E2M1(bitPattern: 0xA5) == E2M1(bitPattern: 5))
    #expect(Int4(bitPattern: 0xA5) == Int4(bitPattern: 5))
  }
}
