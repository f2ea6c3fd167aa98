import DeviceModel
import Foundation
import Testing

/// Matrix instructions against plain loops: bytes exactly, halves by the model of the numeric contract,
/// written here with binary64 where the engine has integers.
@Suite struct MatrixTests {
  private static let text = Result {
    try KernelText(
      """
      extern "C" __global__ void bytes(const unsigned *a, const unsigned *b, int *y) {
        unsigned fa[4], fb[2];
        const int group = threadIdx.x / 4, place = threadIdx.x % 4;
        for (int r = 0; r < 4; r++) fa[r] = a[(group + r % 2 * 8) * 8 + place + r / 2 * 4];
        for (int r = 0; r < 2; r++) fb[r] = b[group * 8 + place + r * 4];
        int d[4];
        for (int i = 0; i < 4; i++) d[i] = y[(group + i / 2 * 8) * 8 + place * 2 + i % 2];
        tessera_mma_s8_16x8x32(d, fa, fb);
        for (int i = 0; i < 4; i++) y[(group + i / 2 * 8) * 8 + place * 2 + i % 2] = d[i];
      }
      extern "C" __global__ void halves(const unsigned *a, const unsigned *b, float *y) {
        extern __shared__ __align__(16) unsigned char tessera_shared[];
        unsigned *staged = (unsigned *)tessera_shared;
        const int lane = threadIdx.x, group = lane / 4, place = lane % 4;
        for (int i = 0; i < 4; i++) staged[i * 32 + lane] = a[i * 32 + lane];
        __syncwarp();
        unsigned fa[4], fb[2];
        tessera_ldmatrix_x4(fa, staged + lane % 16 * 8 + lane / 16 * 4);
        for (int r = 0; r < 2; r++) fb[r] = b[group * 8 + place + r * 4];
        float d[4];
        for (int i = 0; i < 4; i++) d[i] = y[(group + i / 2 * 8) * 8 + place * 2 + i % 2];
        tessera_mma_f16_16x8x16(d, fa, fb);
        for (int i = 0; i < 4; i++) y[(group + i / 2 * 8) * 8 + place * 2 + i % 2] = d[i];
      }
      """, ["bytes", "halves"])
  }

  @Test func bytesAreExact() throws {
    let a = (0..<512).map { $0 < 32 ? Int8.min : Int8.random(in: .min ... .max) }
    let b = (0..<256).map { $0 < 32 ? Int8.min : Int8.random(in: .min ... .max) }
    let c = (0..<128).map { _ in Int32.random(in: -1_000_000...1_000_000) }
    let y = try Self.text.get().run(
      [DeviceLaunch("bytes", grid: 1, block: 32, [.buffer(0), .buffer(1), .buffer(2)])],
      [.input(a), .input(b), DeviceBuffer([UInt8](of: c), isWritten: true)], result: 2
    ).values(Int32.self)
    for row in 0..<16 {
      for column in 0..<8 {
        var sum = c[row * 8 + column]
        for k in 0..<32 { sum += Int32(a[row * 32 + k]) * Int32(b[column * 32 + k]) }
        #expect(y[row * 8 + column] == sum, "\(row), \(column)")
      }
    }
  }

  private func product(_ a: [Float16], _ b: [Float16], _ c: [Float], _ chip: DeviceChip) throws -> [Float] {
    try Self.text.get().run(
      [DeviceLaunch("halves", grid: 1, block: 32, sharedBytes: 512, [.buffer(0), .buffer(1), .buffer(2)])],
      [.input(a), .input(b), DeviceBuffer([UInt8](of: c), isWritten: true)], result: 2, chip: chip
    ).values(Float.self)
  }

  private func halves(_ count: Int, spread: Int) -> [Float16] {
    (0..<count).map { _ -> Float16 in
      if Int.random(in: 0..<4) == 0 { return 0 }
      return Float16.random(in: -2...2) * Float16(Foundation.scalbn(1.0, Int.random(in: -spread...spread)))
    }
  }

  /// The contract's block: terms cut below the largest exponent, an exact sum, cut to binary32.
  private func block(_ a: ArraySlice<Float16>, _ b: ArraySlice<Float16>, _ c: Float, _ chip: DeviceChip) -> Float {
    func exponent(_ value: Float16) -> Int { max(Int(value.exponent), -14) }
    let products = zip(a, b).filter { $0 != 0 && $1 != 0 }
    var top = products.map { exponent($0) + exponent($1) }.max() ?? -1000
    if c != 0 { top = max(top, max(Int(c.exponent), -126)) }
    top = max(top, chip.leastExponent)
    let unit = Foundation.scalbn(1.0, top - chip.fractionBits)
    let terms = products.map { Double($0) * Double($1) } + [Double(c)]
    let sum = terms.reduce(0) { $0 + ($1 / unit).rounded(.towardZero) } * unit
    let nearest = Float(sum)
    return Double(nearest).magnitude > sum.magnitude ? (nearest > 0 ? nearest.nextDown : nearest.nextUp) : nearest
  }

  @Test(arguments: [DeviceChip.sm80, .sm90], [0, 6, 12])
  func halvesAddInBlocks(_ chip: DeviceChip, _ spread: Int) throws {
    let a = halves(256, spread: spread)
    let b = halves(128, spread: spread)
    let c = (0..<128).map { at -> Float in
      at % 3 == 0 ? 0 : Float.random(in: -4...4) * Float(Foundation.scalbn(1.0, Int.random(in: -40...20)))
    }
    let y = try product(a, b, c, chip)
    for row in 0..<16 {
      for column in 0..<8 {
        var sum = c[row * 8 + column]
        for k in stride(from: 0, to: 16, by: chip.blockLength) {
          sum = block(
            a[row * 16 + k..<row * 16 + k + chip.blockLength], b[column * 16 + k..<column * 16 + k + chip.blockLength],
            sum, chip)
        }
        #expect(y[row * 8 + column] == sum, "\(row), \(column)")
      }
    }
  }

  /// One and fifteen times 2^-24, 2^-25 and 2^-26: what is kept below the largest exponent tells chips apart.
  @Test func smallTermsAreCut() throws {
    func sum(_ power: Int, _ chip: DeviceChip) throws -> Float {
      let small: [Float16] = [Float16(Foundation.scalbn(1.0, power + 12)), Float16(Foundation.scalbn(1.0, -12))]
      let a = (0..<256).map { $0 % 16 == 0 ? 1 : small[0] }
      let b = (0..<128).map { $0 % 16 == 0 ? 1 : small[1] }
      return try product(a, b, [Float](repeating: 0, count: 128), chip)[0]
    }
    #expect(try sum(-26, .sm90) == 1)
    // 15 * 2^-25 is 3.75 units of the last place of 1.
    #expect(try sum(-25, .sm90) == 1 + 3 * .ulpOfOne)
    // Seven of 2^-24 in the first block, eight in the second: cut twice.
    #expect(try sum(-24, .sm80) == 1 + 7 * .ulpOfOne)
    #expect(try sum(-25, .sm80) == 1)
  }

  @Test func specialsOfHalves() throws {
    func first(_ a: [Float16], _ b: [Float16], _ c: Float) throws -> UInt32 {
      let zeros = [Float16](repeating: 0, count: 256)
      return try product(
        a + zeros.dropLast(a.count), b + zeros.prefix(128 - b.count), [c] + [Float](repeating: 0, count: 127), .sm90)[0].bitPattern
    }
    #expect(try first([.infinity], [0], 1) == 0x7FFF_FFFF)
    #expect(try first([.infinity, 1], [1, -.infinity], 1) == 0x7FFF_FFFF)
    #expect(try first([.nan], [0], 1) == 0x7FFF_FFFF)
    #expect(try first([.infinity], [-1], 1) == 0xFF80_0000)
    #expect(try first([1], [0], -.infinity) == 0xFF80_0000)
    #expect(try first([1, -1], [1, 1], 0) == 0)
    #expect(try first([0x1p-24], [0x1p-24], 0) == Float(0x1p-48).bitPattern)
    #expect(try first([0], [1], Float.leastNonzeroMagnitude) == 1)
  }
}
