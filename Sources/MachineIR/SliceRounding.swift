import TileIR

/// From exact sums of products of slices to their value as `float32`, without binary64.
extension ScalarFunction {
  /// RNE32((s0 + 2^7 s1 + 2^14 s2 + 2^21 s3 + 2^28 s4) 2^exponent), one rounding, of six `int32`: sums of slices by their
  /// weights, and the exponent. A zero sum is +0, and an exponent from `farExponent` on makes it NaN.
  ///
  /// The sum must be below (2^31 - 64) 2^20 in size, which 512 products of integers of 21 bits are, s0 to s3 below 2^29. Its
  /// digits to the base 2^14 are carried, its size cut to at most 31 bits and what was cut off noted in the last of them,
  /// where the size has more than 26: that integer's nearest `float32` is the sum's, and what is missing says on which
  /// side of a tie a subnormal result is.
  public static let roundedSlices = ScalarFunction("rounded_slices", ofIntegers: 6) { sums in
    let exponent = sums[5]
    // Two neighbours make a digit: what of the upper does not fit goes to the next.
    func digit(_ lower: ScalarValue, _ upper: ScalarValue) -> ScalarValue {
      lower + upper.and(lower.int(127)).shiftedLeft(lower.int(7))
    }
    let low = digit(sums[0], sums[1])
    let middle = digit(sums[2] + sums[1].shiftedRight(low.int(7)), sums[3])
    let high = sums[4] + sums[3].shiftedRight(low.int(7))
    let zero = low.int(0)
    let all = low.int(0x3FFF)
    let carried = middle + low.shiftedRight(low.int(14))
    let top = high + carried.shiftedRight(low.int(14))
    let bottom = carried.and(all).shiftedLeft(low.int(14)).or(low.and(all))
    // The size: a digit that is not 0 borrows.
    let isNegative = top.compared(.less, zero)
    let borrow = bottom.compared(.equal, zero).select(zero, low.int(1))
    let lower = isNegative.select((low.int(1 << 28) - bottom).and(low.int((1 << 28) - 1)), bottom)
    let upper = isNegative.select(zero - top - borrow, top)

    var size = upper.shiftedLeft(low.int(28)).or(lower)
    var dropped = zero
    for bits in stride(from: Int32(4), through: 20, by: 4) {
      let mask = low.int((1 << bits) - 1)
      let noted = (lower.and(mask) + mask).shiftedRightLogical(low.int(bits))
      let cut = upper.shiftedLeft(low.int(28 - bits)).or(lower.shiftedRightLogical(low.int(bits))).or(noted)
      let isLarger = upper.compared(.greaterOrEqual, low.int(1 << (bits - 2)))
      size = isLarger.select(cut, size)
      dropped = isLarger.select(low.int(bits), dropped)
    }
    let nearest = size.toFloat
    let rest = (size - nearest.toInt).toFloat
    let bits = nearest.bits
    let significand = bits.and(low.int(0x7F_FFFF)).or(low.int(0x3F80_0000)).floatFromBits
    let power = bits.shiftedRightLogical(low.int(23)) - low.int(127) + dropped + exponent
    let magnitude = scaled(significand, rest: rest, power)
    let sign = isNegative.select(low.int(.min), zero)
    let value = size.compared(.equal, zero).select(zero, magnitude.bits.or(sign)).floatFromBits
    return exponent.compared(.less, low.int(farExponent)).select(value, value.float(.nan))
  }

  /// RNE32(s0 + 2^7 s1 + 2^14 s2 + 2^21 s3 + 2^28 s4), one rounding, of five `int32`: sums of up to `depth` products of
  /// slices by their weights, of integers of 21 bits and a sign, each slice of 7 bits, the last with the sign. A zero sum
  /// is +0.
  public static func nearSlices(depth: Int) -> ScalarFunction {
    precondition(fitsNearSlices(depth: depth))
    return depth <= 128 ? shortSlices : longSlices
  }
  /// Sums of more products are beyond 32 bits on the way.
  public static func fitsNearSlices(depth: Int) -> Bool { depth <= 512 }

  /// The sum is below 2^49 in size, so that it has an upper part of 2^25 and a lower one of either sign that are
  /// `float32` both, and their sum is rounded once.
  private static let shortSlices = ScalarFunction("near_slices", ofIntegers: 5) { Parts($0).nearest }

  /// Upper parts of 2^24 and more are cut by three bits, which go to the lower part, and of that what is below 2^4, far
  /// from the result's last place, is noted in its last bit.
  private static let longSlices = ScalarFunction("near_long_slices", ofIntegers: 5) { sums in
    let parts = Parts(sums)
    let upper = parts.upper
    let below = parts.lower.and(upper.int(15)) + upper.int(15)
    let rest = upper.and(upper.int(7)).shiftedLeft(upper.int(21)) + parts.lower.shiftedRight(upper.int(4))
    let noted = rest.or(below.shiftedRight(upper.int(4)))
    let top = upper.shiftedRight(upper.int(3)).toFloat
    let cut = noted.toFloat * top.float(0x1p4) + top * top.float(0x1p28)
    return upper.toFloat.magnitude.compared(.greaterOrEqual, top.float(0x1p24)).select(cut, parts.nearest)
  }

  /// 2^25 upper + lower, the sum; lower is at least -2^24 and below 2^24.
  private struct Parts {
    let upper: ScalarValue
    let lower: ScalarValue

    init(_ sums: [ScalarValue]) {
      func int(_ value: Int32) -> ScalarValue { sums[0].int(value) }
      let low = sums[0] + sums[1].shiftedLeft(int(7))
      let middle = sums[2] + sums[3].shiftedLeft(int(7)) + low.shiftedRight(int(14))
      lower = low.and(int(0x3FFF)) + middle.shiftedLeft(int(21)).shiftedRight(int(7))
      upper = (middle + int(1 << 10)).shiftedRight(int(11)) + sums[4].shiftedLeft(int(3))
    }

    var nearest: ScalarValue { lower.toFloat + upper.toFloat * upper.float(0x1p25) }
  }

  /// Beyond every exponent of a number.
  public static let farExponent: Int32 = 1 << 15
}
