extension Float {
  /// The one NaN that the contract lets be seen: 0x7FC00000.
  public static var canonicalNaN: Float { Float(bitPattern: 0x7FC0_0000) }

  /// The value itself, or the canonical NaN in place of any NaN.
  public var canonical: Float { isNaN ? .canonicalNaN : self }
}
