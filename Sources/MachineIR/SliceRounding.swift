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

  /// Beyond every exponent of a number.
  public static let farExponent: Int32 = 1 << 15
}
