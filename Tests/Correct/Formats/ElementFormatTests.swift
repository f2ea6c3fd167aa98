import Formats
import Testing

@Suite("The table of formats")
struct ElementFormatTests {
  @Test("names are unique and widths are those of memory")
  func shape() {
    #expect(Set(ElementFormat.all.map(\.name)).count == ElementFormat.all.count)
    for format in ElementFormat.all {
      #expect([4, 8, 16, 32].contains(format.bitWidth))
      #expect(format.byteCount(of: 0) == 0)
      #expect(format.byteCount(of: 8) == format.bitWidth)
      if let fields = format.fields {
        #expect(format.bitWidth == 1 + fields.exponentBits + fields.mantissaBits)
      }
    }
    #expect(ElementFormat.e2m1.byteCount(of: 7) == 4)
    #expect(ElementFormat.int4.elementsPerByte == 2)
    #expect(ElementFormat.bf16.elementsPerByte == 1)
  }

  @Test("infinity follows the largest finite code, and NaN codes follow infinity")
  func orderOfCodes() {
    for fields in ElementFormat.all.compactMap(\.fields) {
      if let infinity = fields.infinity { #expect(infinity == fields.largestFinite + 1) }
      if let nan = fields.canonicalNaN {
        #expect(nan > fields.infinity ?? fields.largestFinite)
        #expect(nan < fields.signMask)
      }
    }
  }

  @Test("the row of fp32 describes Swift's Float")
  func fp32() throws {
    let fields = try #require(ElementFormat.fp32.fields)
    #expect(fields.exponentBits == Float.exponentBitCount)
    #expect(fields.mantissaBits == Float.significandBitCount)
    #expect(fields.largestFinite == Float.greatestFiniteMagnitude.bitPattern)
    #expect(fields.infinity == Float.infinity.bitPattern)
    #expect(Float(sign: .plus, exponent: fields.quantumExponent, significand: 1) == .leastNonzeroMagnitude)
  }

  @Test("ends of the integer ranges and of E8M0")
  func integers() {
    #expect(ElementFormat.int32.largestFinite == UInt32(Int32.max))
    #expect(ElementFormat.int8.largestFinite == 127)
    #expect(ElementFormat.uint8.largestFinite == 255)
    #expect(ElementFormat.int4.largestFinite == 7)
    #expect(ElementFormat.e8m0.largestFinite == 254)
    #expect(ElementFormat.e8m0.canonicalNaN == 255)
    #expect(ElementFormat.int8.canonicalNaN == nil)
  }
}
