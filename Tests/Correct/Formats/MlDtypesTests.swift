import Formats
import Foundation
import Testing

@Suite(
  "Formats agree with ml_dtypes",
  .enabled(
    if: ProjectPython.isInstalled,
    "the project's Python is not installed in .tools/python; `make test` installs it"))
struct MlDtypesTests {
  @Test("bf16") func bf16() throws { try compare(BFloat16.self) }
  @Test("fp16, with numpy") func fp16() throws { try compare(Half.self) }
  @Test("E5M2") func e5m2() throws { try compare(E5M2.self) }
  @Test("E4M3") func e4m3() throws { try compare(E4M3.self) }
  @Test("E8M0, values only") func e8m0() throws { try compare(E8M0.self, rounding: false) }
  @Test("E2M1") func e2m1() throws { try compare(E2M1.self) }
  @Test("int4, values only") func int4() throws { try compare(Int4.self, rounding: false) }

  private func compare<Number: EncodedNumber>(_ type: Number.Type, rounding: Bool = true) throws {
    let tables = try ProjectPython.output(of: "ml_dtypes_codes.py", [Number.format.name])
    var words = tables.withUnsafeBytes { bytes in
      bytes.bindMemory(to: UInt32.self).map(UInt32.init(littleEndian:))
    }[...]

    let values = takeCounted(&words)
    try #require(values.count == Number.allBitPatterns.count)
    var widening = Mismatches()
    for (code, value) in values.enumerated() {
      let expected = Float(bitPattern: value).canonical
      let found = Number(bitPattern: Number.BitPattern(code)).float
      widening.compare(UInt32(code), expected: expected.bitPattern, found: found.bitPattern)
    }
    #expect(widening.first == [])

    let inputs = takeCounted(&words)
    try #require(words.count == inputs.count)
    var narrowing = Mismatches()
    for (input, expected) in zip(inputs, words) {
      let found = Number(rounding: Float(bitPattern: input))
      narrowing.compare(input, expected: expected, found: UInt32(found.bitPattern))
    }
    #expect(narrowing.first == [])
    #expect(rounding ? narrowing.comparisons > 40_000 : narrowing.comparisons == 0)
  }

  /// Takes a count and that many words off the front.
  private func takeCounted(_ words: inout ArraySlice<UInt32>) -> ArraySlice<UInt32> {
    let count = Int(words.removeFirst())
    defer { words = words.dropFirst(count) }
    return words.prefix(count)
  }
}
