import TileIR

/// One line of an operand of a fixed-point product: integers that share an exponent in each block
/// (numeric contract, class *fixedPoint*).
struct FixedPointLine {
  struct Block {
    let integers: [Int64]
    /// The power of two that the integers count.
    let exponent: Int
    /// Whether the block holds a NaN or an infinity.
    let isNaN: Bool
  }
  let blocks: [Block]

  init(blocks: [Block]) { self.blocks = blocks }

  /// Cuts `line` into blocks from its start. Each is m * 2^x exactly; with m = max|x| its exponent is
  /// E = floor(log2 m), at least `least`, and the integers are RNE(x / 2^(E + 1 - bits)) clamped to
  /// +-(2^bits - 1). Values are doubles because an exact product with a power of two may lie
  /// outside of `float32`'s exponents.
  init(_ line: ArraySlice<Double>, bits: Int, block: Int, leastExponent: Int?) {
    blocks = stride(from: line.startIndex, to: line.endIndex, by: block).map { start in
      Self.block(
        line[start..<min(start + block, line.endIndex)], bits: bits, leastExponent: leastExponent)
    }
  }

  private static func block(_ values: ArraySlice<Double>, bits: Int, leastExponent: Int?) -> Block {
    guard values.allSatisfy(\.isFinite) else {
      return Block(integers: values.map { _ in 0 }, exponent: 0, isNaN: true)
    }
    let greatest = values.reduce(0) { max($0, $1.magnitude) }
    if greatest == 0 { return Block(integers: values.map { _ in 0 }, exponent: 0, isNaN: false) }
    let exponent = quantumExponent(greatest: greatest, bits: bits, leastExponent: leastExponent)
    return Block(
      integers: values.map { integer($0, quantumExponent: exponent, bits: bits) }, exponent: exponent,
      isNaN: false)
  }

  /// E + 1 - bits for a block whose greatest magnitude is `greatest`, which is finite.
  static func quantumExponent(greatest: Double, bits: Int, leastExponent: Int?) -> Int {
    let exponent = greatest == 0 ? Int.min : Int(greatest.exponent)
    return max(exponent, leastExponent ?? exponent) + 1 - bits
  }

  /// RNE(x / 2^quantumExponent), clamped. The quotient is exact: only its exponent changes.
  static func integer(_ x: Double, quantumExponent: Int, bits: Int) -> Int64 {
    let most = Double((1 << bits) - 1)
    let quotient = x * Double(sign: .plus, exponent: -quantumExponent, significand: 1)
    return Int64(min(max(quotient.rounded(.toNearestOrEven), -most), most))
  }

  /// The product of two lines cut alike: each block is an exact integer sum rounded once, and block
  /// values are added in ascending order from +0.
  static func product(
    _ left: FixedPointLine, _ right: FixedPointLine, _ arithmetic: FloatArithmetic
  ) -> Float {
    var accumulator: Float = 0
    for (a, b) in zip(left.blocks, right.blocks) {
      guard !a.isNaN, !b.isNaN else {
        accumulator += .nan
        continue
      }
      // At most 2048 products of two 24-bit integers: below 2^59.
      var total: Int64 = 0
      for position in a.integers.indices { total += a.integers[position] * b.integers[position] }
      var sum = ExactSum()
      sum.add(total, exponent: a.exponent + b.exponent)
      accumulator = arithmetic.sum(accumulator, sum.rounded)
    }
    return accumulator
  }
}
