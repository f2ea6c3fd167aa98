/// Random numbers of a counter: Philox4x32-10 of Salmon, Moraes, Dror and Shaw (SC 2011).
///
/// The number at a counter does not depend on any other, so that a sequence draws the same numbers whatever
/// runs beside it and however often it is rolled back.
public struct Philox: Hashable, Sendable {
  public let seed: UInt64

  public init(seed: UInt64) { self.seed = seed }

  /// Four words for a counter of four words, the least significant first.
  public func words(at counter: (UInt32, UInt32, UInt32, UInt32)) -> (UInt32, UInt32, UInt32, UInt32) {
    var (a, b, c, d) = counter
    var (k0, k1) = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    for _ in 0..<10 {
      let left = a.multipliedFullWidth(by: 0xD251_1F53)
      let right = c.multipliedFullWidth(by: 0xCD9E_8D57)
      (a, b, c, d) = (right.high ^ b ^ k0, right.low, left.high ^ d ^ k1, left.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (a, b, c, d)
  }

  /// A number in 0..<1, a multiple of 2^-53, for a position of a sequence.
  public func unit(at position: Int) -> Double {
    let counter = UInt64(position)
    let words = words(
      at: (UInt32(truncatingIfNeeded: counter), UInt32(truncatingIfNeeded: counter >> 32), 0, 0))
    let bits = UInt64(words.1) << 32 | UInt64(words.0)
    return Double(bits >> 11) * 0x1p-53
  }
}
