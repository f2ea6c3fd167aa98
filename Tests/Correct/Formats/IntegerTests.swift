import Formats
import Testing

@Suite("Integers: views of the grid formats, conversions from fp32, nibbles")
struct IntegerTests {
  @Test("E4M3 is an integer of 18 bits times 2^-9")
  func e4m3Quanta() throws {
    for code in E4M3.allBitPatterns {
      let number = E4M3(bitPattern: code)
      guard !number.isNaN else {
        #expect(number.quanta == nil)
        continue
      }
      let quanta = try #require(number.quanta)
      #expect(Float(quanta) * 0x1p-9 == number.float)
      #expect(abs(quanta) < 1 << 18)
    }
    #expect(E4M3.quantumExponent == E4M3.format.fields?.quantumExponent)
  }

  @Test("E2M1 is 0, 1, 2, 3, 4, 6, 8 or 12 halves with a sign")
  func e2m1Quanta() {
    let halves = E2M1.allBitPatterns.map { E2M1(bitPattern: $0).quanta }
    #expect(halves == [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12])
    #expect(E2M1.allBitPatterns.allSatisfy { E2M1(bitPattern: $0).float == Float(halves[Int($0)]) / 2 })
    #expect(E2M1.quantumExponent == E2M1.format.fields?.quantumExponent)
  }

  @Test("Int4 is two's complement, rounds to even and saturates")
  func int4() {
    #expect(Int4.allBitPatterns.map { Int4(bitPattern: $0).value } == Array(0...7) + Array(-8 ... -1))
    for value in -8...7 {
      #expect(Int4(saturating: value).value == value)
      #expect(Int4(rounding: Float(value)).value == value)
    }
    let cases: [(Float, Int)] = [
      (0.5, 0), (1.5, 2), (-0.5, 0), (-1.5, -2), (6.5, 6), (7.5, 7), (-8.5, -8), (100, 7), (-100, -8),
      (.infinity, 7), (-Float.infinity, -8), (.nan, 0),
    ]
    for (x, expected) in cases { #expect(Int4(rounding: x).value == expected, "\(x)") }
    #expect(Int4(saturating: 8).value == 7)
    #expect(Int4(saturating: -9).value == -8)
  }

  @Test("fp32 to eight bits: every half-integer of the range and one ulp around it")
  func eightBits() {
    for whole in -130...260 {
      let tie = Float(whole) + 0.5
      let even = whole & 1 == 0 ? whole : whole + 1
      let points = [(Float(whole), whole), (tie.nextDown, whole), (tie, even), (tie.nextUp, whole + 1)]
      for (x, nearest) in points {
        #expect(Int(Int8(saturatingNearestEven: x)) == min(max(nearest, -128), 127), "\(x)")
        #expect(Int(UInt8(saturatingNearestEven: x)) == min(max(nearest, 0), 255), "\(x)")
      }
    }
  }

  @Test("fp32 to int32 at the ends of the range, where fp32 cannot hold 2^31 - 1")
  func thirtyTwoBits() {
    let cases: [(Float, Int32)] = [
      (0x1p31, .max), ((0x1p31 as Float).nextDown, 0x7FFF_FF80), (-0x1p31, .min),
      ((-0x1p31 as Float).nextUp, -0x7FFF_FF80), ((-0x1p31 as Float).nextDown, .min),
      (.infinity, .max), (-Float.infinity, .min), (2.5, 2), (3.5, 4), (-2.5, -2), (0x1p23 + 1, 0x80_0001),
      (0x1p22 + 0.5, 0x40_0000), (-0.0, 0), (.leastNonzeroMagnitude, 0),
    ]
    for (x, expected) in cases { #expect(Int32(saturatingNearestEven: x) == expected, "\(x)") }
    #expect(assortedNaNs.allSatisfy { Int32(saturatingNearestEven: $0) == 0 })
  }

  @Test("the even element stands in the low nibble")
  func nibbleOrder() {
    let elements = [1, 2, 15].map { E2M1(bitPattern: $0) }
    #expect(E2M1.packed(elements) == [0x21, 0x0F])
    #expect(E2M1.unpacked([0x21, 0x0F], count: 3) == elements)
    #expect(Int4.packed([-1, -8].map { Int4(saturating: $0) }) == [0x8F])
    #expect(E2M1.packed([]) == [])
  }

  @Test("packing and unpacking undo each other for every byte and length")
  func nibbleRoundTrip() {
    let bytes = Array(UInt8.min...UInt8.max)
    let elements = E2M1.unpacked(bytes, count: 512)
    #expect(E2M1.packed(elements) == bytes)
    #expect(elements.indices.allSatisfy { E2M1(packedIn: bytes[$0 / 2], index: $0) == elements[$0] })
    for count in 0...9 {
      let some = Array(elements.suffix(count))
      let packed = E2M1.packed(some)
      #expect(packed.count == E2M1.format.byteCount(of: count))
      #expect(E2M1.unpacked(packed, count: count) == some)
    }
  }
}
