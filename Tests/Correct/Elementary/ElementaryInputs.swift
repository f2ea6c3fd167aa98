import ElementaryOracle
@testable import Reference
import TileIR

/// Inputs on which elementary functions are tested: places where bodies branch or run out of range, and
/// random floats.
enum ElementaryInputs {
  /// About `count` inputs for the function of `promise`, no NaN among them.
  static func sample(_ promise: ElementaryPromise, _ count: Int, seed: UInt64 = 1) -> [Float] {
    let centres: [Float] =
      promise.specialValues.map(\.x)
      + [
        0x1p-126, -0x1p-126, 0x1p-149, 1, -1, 0.5, -0.5, 2, .greatestFiniteMagnitude,
        -.greatestFiniteMagnitude, 88.72284, -87.33655, -103.97208, 110, -110, 9.01, -9.01, 1.5707964,
        0x1p21, 0x1.6a09e6p+0, 0x1.6a09e6p-1, 0.75, 1.5, -0.25, -1.2784645, 0.34657359, -0.34657359,
      ]
    var inputs: [Float] = []
    for centre in centres {
      inputs.append(centre)
      var (up, down) = (centre, centre)
      for _ in 0..<8 {
        up = up.nextUp
        down = down.nextDown
        inputs += [up, down]
      }
    }
    var random = SplitMix64(seed: seed)
    while inputs.count < count {
      // Half of any exponent, half where functions bend.
      let bits = random.next()
      let wide = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
      let near = Float(Int32(truncatingIfNeeded: bits >> 32)) * 0x1p-31 * (bits & 1 == 0 ? 4 : 128)
      inputs += [wide, near]
    }
    return inputs.filter { !$0.isNaN }
  }

  /// NaN of every kind: quiet and signalling, both signs, least and largest payload, one bit each.
  static let nan: [UInt32] =
    [0x7F80_0001, 0x7FC0_0000, 0x7FFF_FFFF, 0xFF80_0001, 0xFFC0_0000, 0xFFFF_FFFF]
    + (0..<23).flatMap { [0x7F80_0000 | 1 << $0, 0xFF80_0000 | 1 << $0] }
}
