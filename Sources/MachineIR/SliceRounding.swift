import TileIR

/// From exact sums of products of slices to their value as `float32`, without binary64.
extension ScalarFunction {
  /// RNE32((low + 2^14 middle + 2^28 high) 2^exponent), one rounding, of four `int32`; a zero sum is +0, and an
  /// exponent from `farExponent` on makes it NaN.
  ///
  /// The sum must be below 2^50 in size, low and middle below 2^30. Its digits to the base 2^14 are carried, its size
  /// cut to at most 30 bits and what was cut off noted in the last of them, where the size has more than 26: that
  /// integer's nearest `float32` is the sum's, and what is missing says on which side of a tie a subnormal result is.
  public static let roundedSlices = ScalarFunction("rounded_slices", ofIntegers: 4) { given in
    let (low, middle, high, exponent) = (given[0], given[1], given[2], given[3])
    let zero = low.int(0)
    let digit = low.int(0x3FFF)
    let carried = middle + low.shiftedRight(low.int(14))
    let top = high + carried.shiftedRight(low.int(14))
    let bottom = carried.and(digit).shiftedLeft(low.int(14)).or(low.and(digit))
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
