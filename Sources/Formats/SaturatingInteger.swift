extension FixedWidthInteger {
  /// The integer nearest to `x`, ties to even: the contract's float to integer conversion.
  ///
  /// Values beyond the range, infinities included, give the nearest end of the range. NaN gives 0.
  public init(saturatingNearestEven x: Float) {
    if x.isNaN {
      self = 0
    } else if x <= Float(Self.min) {
      self = .min
    } else if x >= Float(Self.max) {
      // Float(max) is max itself or, where fp32 cannot hold it, the power of two above: out of range too.
      self = .max
    } else {
      // Not `rounded()`: it may call the C library and obeys the processor's rounding mode.
      let whole = Self(x)
      let rest = abs(x - Float(whole))  // exact, and 0 from 2^23 on
      if rest > 0.5 || (rest == 0.5 && whole & 1 == 1) {
        self = x < 0 ? whole - 1 : whole + 1
      } else {
        self = whole
      }
    }
  }
}
