import TileIR

/// An E4M3 number as three signed bytes: 2^9 x = s0 + 2^7 s1 + 2^14 s2, with s2 the integer over 2^14 and s1 what is
/// left over 2^7, each rounded to the nearest, to the even one of two. s0 and s1 lie in -64...64, s2 in -15...15. A NaN
/// code has the slices of 480.
public enum SignedSlices {
  public static let count = 3
  public static let bits = 7

  /// The slices of a code, the one of the lowest weight first.
  static func slices(of code: UInt8) -> [Int8] {
    let isNaN = code & 0x7F == 0x7F
    let number = isNaN ? (code >> 7 == 0 ? 480 : -480) : ElementType.e4m3.number(UInt32(code))
    var rest = number * 512
    var slices: [Int8] = []
    for position in (0..<count).reversed() {
      let weight = Float(1 << (bits * position))
      let slice = (rest / weight).rounded(.toNearestOrEven)
      rest -= slice * weight
      slices.insert(Int8(slice), at: 0)
    }
    return slices
  }

  /// The bytes of a slice of each code.
  static let tables: [[UInt8]] = {
    let all = (0..<256).map { slices(of: UInt8($0)) }
    return (0..<count).map { slice in all.map { UInt8(bitPattern: $0[slice]) } }
  }()
}
