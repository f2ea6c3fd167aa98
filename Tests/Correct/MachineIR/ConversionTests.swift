import MachineIR
import Testing
import TileIR

/// Conversions between formats as compiled on every target equal those of `Formats`.
@Suite struct ConversionTests {
  static let narrow: [ElementType] = [.bfloat16, .float16, .e4m3, .e5m2, .e8m0, .e2m1]

  @Test(arguments: narrow)
  func everyCodeWidensToItsValue(_ format: ElementType) throws {
    let codes = Array(0...format.mask)
    let expected = codes.map { format.number($0).bitPattern }
    for lanes in [1, 4, 16] {
      let kernel = LaneKernel(
        name: "widen", inputs: [format], output: .float32, lanes: lanes,
        expression: {
          .apply(.call(.widening(format)), $0, MachineType(.f32, lanes))
        })
      for (machine, bits) in try kernel.run([codes]) {
        // Where a NaN's bits become visible they become the canonical one's; between, any NaN will do.
        let found = bits.map(ElementType.float32.canonical)
        let wrong = codes.indices.first { found[$0] != expected[$0] }
        #expect(
          wrong == nil,
          "\(machine), \(lanes) lanes: code \(wrong!) became \(found[wrong!]), not \(expected[wrong!])")
      }
    }
  }

  @Test(arguments: narrow)
  func floatsNarrowToTheNearestCode(_ format: ElementType) throws {
    let samples = Self.samples(around: format)
    let expected = samples.map { format.code(rounding: Float(bitPattern: $0)) }
    for lanes in [1, 8, 16] {
      let kernel = LaneKernel(
        name: "narrow", inputs: [.float32], output: format, lanes: lanes,
        expression: { .apply(.call(.narrowing(format)), $0, MachineType(.i32, lanes)) })
      for (machine, found) in try kernel.run([samples]) {
        let wrong = samples.indices.first { found[$0] != expected[$0] }
        #expect(
          wrong == nil,
          """
          \(machine), \(lanes) lanes: \(Float(bitPattern: samples[wrong!])) became \(found[wrong!]), \
          not \(expected[wrong!])
          """)
      }
    }
  }

  /// Codes' values, the places halfway between neighbours and their own neighbours, of both signs; and
  /// floats of every exponent and of many mantissas.
  static func samples(around format: ElementType) -> [UInt32] {
    var samples: Set<UInt32> = []
    let values = (0...format.mask).map { format.number($0) }.filter { $0 > 0 && $0.isFinite }.sorted()
    // Every code of the 8-bit formats and below; of the wider ones some in each binade.
    let step = values.count > 1000 ? 37 : 1
    for position in stride(from: 0, to: values.count, by: step) {
      let value = values[position]
      let next = position + 1 < values.count ? values[position + 1] : value * 2
      for point in [value, (value + next) / 2, (value / 2 + next / 2)] {
        samples.formUnion([point.bitPattern, point.nextUp.bitPattern, point.nextDown.bitPattern])
      }
    }
    for high in stride(from: UInt32(0), to: 0x8000, by: 3) {
      samples.formUnion([high << 16, high << 16 | 0x7FFF, high << 16 | 0x8000, high << 16 | 0x8001])
    }
    samples.formUnion([0, 1, 0x7F_FFFF, 0x80_0000, 0x7F7F_FFFF, 0x7F80_0000, 0x7F80_0001, 0x7FFF_FFFF])
    return samples.sorted().flatMap { [$0, $0 | 0x8000_0000] }
  }
}
