import Formats
import Testing

@Suite("Narrowing fp32 rounds to the nearest code, ties to even")
struct NarrowingTests {
  @Test(
    "every code comes back from its own value, NaN as the canonical one",
    arguments: SignedFloatFormat.all)
  func roundTrip(format: SignedFloatFormat) {
    var mismatches = Mismatches()
    for code in 0..<(2 * format.signMask) {
      let magnitude = code & (format.signMask - 1)
      let isNaN = magnitude > format.largestFinite && magnitude != format.infinity
      mismatches.compare(
        code, expected: isNaN ? format.canonicalNaN! : code,
        found: format.code(format.value(code)))
    }
    #expect(mismatches.first == [])
  }

  /// Rounding is monotonic between neighbours, so the midpoint and one ulp around it decide the interval;
  /// the points beside the codes themselves guard against a shift by one code.
  @Test("around every midpoint of neighbouring codes, with both signs", arguments: SignedFloatFormat.all)
  func midpoints(format: SignedFloatFormat) {
    var mismatches = Mismatches()
    func check(_ x: Float, _ expected: UInt32) {
      mismatches.compare(x.bitPattern, expected: expected, found: format.code(x))
      mismatches.compare(
        (-x).bitPattern, expected: expected | format.signMask, found: format.code(-x))
    }
    for code in 0..<format.largestFinite {
      let low = format.value(ofMagnitude: code)
      let high = format.value(ofMagnitude: code + 1)
      let midpoint = Float((low + high) / 2)
      #expect(Double(midpoint) * 2 == low + high, "the midpoint above code \(code) is not an fp32 number")
      check(Float(low), code)
      check(Float(low).nextUp, code)
      check(midpoint.nextDown, code)
      check(midpoint, code & 1 == 0 ? code : code + 1)
      check(midpoint.nextUp, code + 1)
      check(Float(high).nextDown, code + 1)
    }
    #expect(mismatches.first == [])
    #expect(mismatches.comparisons == 12 * Int(format.largestFinite))
  }

  @Test(
    "overflow: infinity from half a step above the largest value, or saturation",
    arguments: SignedFloatFormat.all)
  func overflow(format: SignedFloatFormat) {
    let largest = format.value(ofMagnitude: format.largestFinite)
    let step = largest - format.value(ofMagnitude: format.largestFinite - 1)
    let threshold = Float(largest + step / 2)
    let beyond = format.infinity ?? format.largestFinite
    for (x, expected) in [
      (Float(largest).nextUp, format.largestFinite), (threshold.nextDown, format.largestFinite),
      (threshold, beyond), (threshold.nextUp, beyond),
      (Float.greatestFiniteMagnitude, beyond), (Float.infinity, beyond),
    ] {
      #expect(format.code(x) == expected, "\(x)")
      #expect(format.code(-x) == expected | format.signMask, "\(-x)")
    }
  }

  @Test("the sign of zero is kept, also by underflow", arguments: SignedFloatFormat.all)
  func signOfZero(format: SignedFloatFormat) {
    for x in [Float.zero, .leastNonzeroMagnitude, 0x1p-135] {
      #expect(format.code(x) == 0)
      #expect(format.code(-x) == format.signMask)
    }
  }

  @Test("every NaN becomes the canonical code", arguments: SignedFloatFormat.all)
  func nan(format: SignedFloatFormat) {
    for nan in assortedNaNs {
      #expect(format.code(nan) == format.canonicalNaN ?? 0)
    }
    #expect(format.format.canonicalNaN == format.canonicalNaN)
  }

  @Test("the contract's canonical NaN codes")
  func canonicalCodes() {
    let nan = Float.nan
    #expect(Float.canonicalNaN.bitPattern == 0x7FC0_0000)
    #expect(BFloat16(rounding: nan).bitPattern == 0x7FC0)
    #expect(Half(rounding: nan).bitPattern == 0x7E00)
    #expect(E5M2(rounding: nan).bitPattern == 0x7E)
    #expect(E4M3(rounding: nan).bitPattern == 0x7F)
    #expect(E8M0(rounding: nan).bitPattern == 0xFF)
    #expect(E2M1(rounding: nan).bitPattern == 0)
    #expect(assortedNaNs.allSatisfy { $0.canonical.bitPattern == 0x7FC0_0000 })
    #expect((-Float.zero).canonical.bitPattern == 0x8000_0000)
  }
}
