import MachineIR
import Runtime
import Schedules
import Testing
import TileIR
import Tiles

/// Division and roots of additions, multiplications and bit operations against the processor's own, bit for bit.
@Suite struct SoftwareArithmeticTests {
  static let pool = ThreadPool(threads: 2)

  /// Both sides over all inputs of `bits`, as compiled for this processor.
  private func expectEqual(
    _ bits: [UInt32], _ function: ScalarFunction, _ hardware: @escaping (Tile<Float>) -> Tile<Float>
  ) throws {
    let kernel = Kernel("software") { k in
      let n = k.dimension("n", in: 0...1 << 25)
      let x = k.input("x", Float.self, [n])
      let (soft, hard) = (k.output("soft", Float.self, [n]), k.output("hard", Float.self, [n]))
      k.parallel(n) { i in
        soft[i] = x[i].applying(function)
        hard[i] = hardware(x[i])
      }
    }
    let executable = try Executable(kernel.program(), for: .host, pool: Self.pool)
    let results = try executable.run(["x": .tensor(HostTensor(.float32, [bits.count], codes: bits))])
    let (soft, hard) = (results["soft"]!.codes, results["hard"]!.codes)
    if soft == hard { return }
    let at = bits.indices.first { soft[$0] != hard[$0] }!
    Issue.record(
      """
      \(function.name) of \(String(bits[at], radix: 16)) is \(String(soft[at], radix: 16)), \
      not \(String(hard[at], radix: 16))
      """)
  }

  /// Every significand under an even and an odd exponent: a root depends on no more.
  static let significands = (0..<1 << 24).map { 0x3F80_0000 &+ UInt32($0) }
  /// All signs and exponents with some significands each, subnormals and NaN among them.
  static let everywhere: [UInt32] = (0..<512).flatMap { top in
    [0, 1, 2, 0x1234, 0x2A_AAAA, 0x40_0000, 0x7F_FFFE, 0x7F_FFFF].map { UInt32(top) << 23 | $0 }
  }

  /// Integers of every size, neighbours of multiples among them, to the ends of the range.
  @Test(arguments: [3, 5, 6, 7, 72, 100, 255, 4095, 65537, 1_000_003, 1_000_000_007] as [Int32])
  func quotientsOfIntegersAreRoundedDown(n: Int32) throws {
    let most = Int32.max - n - 512
    let spread = (0..<1 << 17).map { Int32(truncatingIfNeeded: $0 &* 0x9E37_79B1) >> Int32($0 % 24) }
    let multiples = (0..<1 << 14).flatMap { number -> [Int32] in
      let near = Int32(truncatingIfNeeded: number &* 0x85EB_CA6B) / n &* n
      return [near &- 1, near, near &+ 1]
    }
    let given = (spread + multiples + [0, -1, 1, most, -most]).map { min(max($0, -most), most) }
    // Moved to where bits are no NaN.
    let quotient = ScalarFunction("moved_quotient") { x in
      (ScalarFunction.floorQuotient(x.bits, by: n) + x.bits.int(1 << 30)).floatFromBits
    }
    let kernel = Kernel("software") { k in
      let length = k.dimension("n", in: 0...1 << 25)
      let x = k.input("x", Int32.self, [length])
      let y = k.output("y", Float.self, [length])
      k.parallel(length) { i in y[i] = x[i].bitCast(to: Float.self).applying(quotient) }
    }
    let executable = try Executable(kernel.program(), for: .host, pool: Self.pool)
    let codes = given.map { UInt32(bitPattern: $0) }
    let found = try executable.run(["x": .tensor(HostTensor(.int32, [codes.count], codes: codes))])["y"]!.codes
    for (x, code) in zip(given, found) {
      let wanted = x >= 0 ? x / n : -((-x + n - 1) / n)
      if Int32(bitPattern: code) &- (1 << 30) != wanted {
        Issue.record("\(x) by \(n) is \(Int32(bitPattern: code) &- (1 << 30)), not \(wanted)")
        return
      }
    }
  }

  @Test func rootsAreCorrectlyRounded() throws {
    for bits in [Self.significands, Self.everywhere] {
      try expectEqual(bits, .correctSquareRoot) { $0.squareRoot() }
    }
  }

  @Test func reciprocalRootsAreCorrectlyRounded() throws {
    for bits in [Self.significands, Self.everywhere] {
      try expectEqual(bits, .correctReciprocalSquareRoot) { $0.reciprocalSquareRoot() }
    }
  }

  /// Another number for each, all over the place, or with the same exponent so that quotients are in range.
  private static func partner(_ x: ScalarValue, isNear: Bool) -> ScalarValue {
    var bits = x.bits
    bits = bits.xor(bits.shiftedLeft(bits.int(13)))
    bits = bits.xor(bits.shiftedRightLogical(bits.int(17)))
    bits = bits.xor(bits.shiftedLeft(bits.int(5)))
    guard isNear else { return bits.floatFromBits }
    return bits.and(bits.int(0x7F_FFFF)).or(x.bits.and(x.bits.int(0x7F80_0000))).floatFromBits
  }

  @Test(arguments: [false, true])
  func quotientsAreCorrectlyRounded(isNear: Bool) throws {
    let partner = ScalarFunction("partner") { Self.partner($0, isNear: isNear) }
    let quotient = ScalarFunction("quotient_of_partner") { x in
      ScalarFunction.quotient(x, Self.partner(x, isNear: isNear))
    }
    // 4 million numbers of every sign and exponent.
    let spread = (0..<1 << 22).map { UInt32(truncatingIfNeeded: $0 &* 1023 &+ 7) }
    try expectEqual(spread, quotient) { $0 / $0.applying(partner) }
  }

  /// Quotients that are subnormal, where a second rounding would show.
  @Test func smallQuotientsAreRoundedOnce() throws {
    func large(_ x: ScalarValue) -> ScalarValue {
      let significand = x.bits.shiftedLeft(x.bits.int(7)).xor(x.bits).and(x.bits.int(0x7F_FFFF))
      // 2^23 beside the least normal numbers: quotients of 0 to 23 bits.
      return significand.or(x.bits.int((127 + 12) << 23)).floatFromBits
    }
    let divisor = ScalarFunction("divisor", large)
    let quotient = ScalarFunction("small_quotient") { x in ScalarFunction.quotient(x, large(x)) }
    let small = (0..<1 << 22).map { UInt32(0x0080_0000 &+ $0 &* 47) }
    try expectEqual(small, quotient) { $0 / $0.applying(divisor) }
  }
}
