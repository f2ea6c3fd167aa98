extension FixedWidthInteger {
  /// The integer nearest to `x`, ties to even: the contract's float to integer conversion.
  ///
  /// Values beyond the range, infinities included, give the nearest end of the range. NaN gives 0.
  public init(saturatingNearestEven x: Float) {
    let rounded = x.rounded(.toNearestOrEven)
    if rounded.isNaN {
      self = 0
    } else if rounded <= Float(Self.min) {
      self = .min
    } else if rounded >= Float(Self.max) {
      // Float(max) is max itself or, where fp32 cannot hold it, the power of two above: out of range too.
      self = .max
    } else {
      self = Self(rounded)
    }
  }
}
