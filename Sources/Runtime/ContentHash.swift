/// SHA-256 (FIPS 180-4): for the names and the integrity of cached objects, and to compare tensors by
/// their bytes.
public struct ContentHash {
  private var state: InlineArray<8, UInt32> = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
    0x5be0_cd19,
  ]

  /// The digest of some bytes, as 64 hexadecimal digits.
  public static func digest(_ bytes: some Collection<UInt8>) -> String {
    bytes.withContiguousStorageIfAvailable(digest) ?? Array(bytes).withUnsafeBufferPointer(digest)
  }

  private static func digest(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
    var hash = ContentHash()
    let whole = bytes.count / 64 * 64
    for block in stride(from: 0, to: whole, by: 64) { hash.absorb(bytes[block..<block + 64]) }
    // The rest, a 1 bit, zeros up to the last 8 bytes of a block, and the length in bits.
    var tail = Array(bytes[whole...])
    tail.append(0x80)
    while tail.count % 64 != 56 { tail.append(0) }
    let bits = UInt64(bytes.count) * 8
    for shift in stride(from: 56, through: 0, by: -8) {
      tail.append(UInt8(truncatingIfNeeded: bits >> UInt64(shift)))
    }
    tail.withUnsafeBufferPointer { tail in
      for block in stride(from: 0, to: tail.count, by: 64) { hash.absorb(tail[block..<block + 64]) }
    }
    return hash.state.indices.map { position in
      let digits = String(hash.state[position], radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }.joined()
  }

  private mutating func absorb(_ block: Slice<UnsafeBufferPointer<UInt8>>) {
    let bytes = UnsafeBufferPointer(rebasing: block)
    var w = InlineArray<64, UInt32>(repeating: 0)
    for t in 0..<16 {
      w[t] = (4 * t..<4 * t + 4).reduce(0) { $0 << 8 | UInt32(bytes[$1]) }
    }
    for t in 16..<64 {
      let s0 = rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3
      let s1 = rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10
      w[t] = w[t - 16] &+ s0 &+ w[t - 7] &+ s1
    }
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for t in 0..<64 {
      let s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
      let first = h &+ s1 &+ (e & f ^ ~e & g) &+ Self.constants[t] &+ w[t]
      let s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
      let second = s0 &+ (a & b ^ a & c ^ b & c)
      (h, g, f, e) = (g, f, e, d &+ first)
      (d, c, b, a) = (c, b, a, first &+ second)
    }
    for (position, word) in [a, b, c, d, e, f, g, h].enumerated() {
      state[position] = state[position] &+ word
    }
  }

  private func rotate(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }

  /// The first 32 bits of the fractions of the cube roots of the first 64 primes.
  private static let constants: [UInt32] = {
    var primes: [UInt32] = []
    var candidate: UInt32 = 2
    while primes.count < 64 {
      if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
      candidate += 1
    }
    return primes.map { prime in
      // floor(cbrt(p) * 2^32) is the largest r with r^3 <= p * 2^96; found bit by bit.
      var root: UInt64 = 0
      for bit in stride(from: UInt64(34), through: 0, by: -1) {
        let trial = root | 1 << bit
        if cubeIsAtMost(trial, prime) { root = trial }
      }
      return UInt32(truncatingIfNeeded: root)
    }
  }()

  private static func cubeIsAtMost(_ r: UInt64, _ p: UInt32) -> Bool {
    let (squareHigh, squareLow) = r.multipliedFullWidth(by: r)
    let (lowHigh, lowLow) = squareLow.multipliedFullWidth(by: r)
    let high = squareHigh * r + lowHigh
    let limit = UInt64(p) << 32
    return high < limit || (high == limit && lowLow == 0)
  }
}
