import Tiles

/// Rotary position embedding on the last channels of each head, in interleaved pairs.
///
/// - Mathematics: with c and s the table's row at the token's position, pair i of the last `rotated`
///   channels (a, b) becomes (a c - b s, a s + b c), inverse (a c + b s, b c - a s); channels before are
///   copied.
/// - Shapes: x and y bf16 [tokens, heads, width]; position int32 [tokens], rows of the tables; cos and
///   sin fp32 [positions, rotated/2].
/// - Numeric class: products and sums of fp32 round one after the other (unfused), then to bf16; copied
///   channels are exact. The inverse is the rotation by -s, bit for bit.
/// - Edge cases: a position outside of the table is refused before the launch; NaN stays in its pair.
/// - Source: Su et al. 2021, arXiv 2104.09864; DeepSeek-V4 specification, section 4.
public func rope(heads: Int, width: Int, rotated: Int, inverse: Bool = false) -> Kernel {
  Kernel("rope") { k in
    let tokens = k.dimension("tokens", in: 0...mostRows)
    let positions = k.dimension("positions", in: 1...mostRows)
    let (heads, channels) = (Dimension("heads", heads), Dimension("channels", width))
    let x = k.input("x", BFloat16.self, [tokens, heads, channels])
    let position = k.input("position", Int32.self, [tokens], .coordinate(of: positions))
    let rotation = Rotation(k, channels, rotated: rotated, positions)
    let y = k.output("y", BFloat16.self, [tokens, heads, channels])
    let still = k.axis("still", width - rotated)
    k.parallel(tokens, heads) { t, h in
      let v = x[t, h].cast(to: Float.self)
      let turned = rotation.turned(v, at: Position(position[t]), inverse: inverse)
      y[t, h, rotation.even] = turned.even.cast(to: BFloat16.self)
      y[t, h, rotation.odd] = turned.odd.cast(to: BFloat16.self)
      if width > rotated { y[t, h, Position(still)] = x[t, h, Position(still)] }
    }
  }
}

/// The rotation of the last channels of a row by the angles of its position.
struct Rotation {
  /// Channels in front that stay as they are.
  let still: Int
  private let channels, pairs: Dimension
  private let cos, sin: Tensor<Float>

  /// Declares the tables cos and sin, fp32 [positions, rotated/2].
  init(_ k: Trace, _ channels: Dimension, rotated: Int, _ positions: Dimension) {
    k.require(
      rotated % 2 == 0 && rotated <= channels.extent!, "an even number of the channels is rotated")
    self.channels = channels
    still = channels.extent! - rotated
    pairs = Dimension("pairs", rotated / 2)
    cos = k.weight("cos", Float.self, [positions, pairs])
    sin = k.weight("sin", Float.self, [positions, pairs])
  }

  private init(_ other: Rotation, of channels: Dimension) {
    self.channels = channels
    still = channels.extent! - 2 * other.pairs.extent!
    (pairs, cos, sin) = (other.pairs, other.cos, other.sin)
  }

  /// The same rotation of other rows.
  func of(_ channels: Dimension) -> Rotation { Rotation(self, of: channels) }

  /// Where the first and the second of each pair stand.
  var even: Position { Position(pairs) * 2 + still }
  var odd: Position { Position(pairs) * 2 + (still + 1) }

  /// The rotated channels of `x`, by pairs; not yet rounded.
  func turned(
    _ x: Tile<Float>, at position: any Coordinate, inverse: Bool = false
  ) -> (even: Tile<Float>, odd: Tile<Float>) {
    let (a, b) = (x.at(channels, even), x.at(channels, odd))
    let c = cos[position, pairs]
    let s = inverse ? -sin[position, pairs] : sin[position, pairs]
    return (a * c - b * s, a * s + b * c)
  }

  /// The whole row: the channels in front of `x`, then pairs as `turned` gives them.
  func whole(_ x: Tile<Float>, _ turned: (even: Tile<Float>, odd: Tile<Float>), in k: Trace) -> Tile<Float> {
    let channel = k.coordinate(of: channels)
    // Channels in front name pair 0, whose value they do not take.
    let pair = Position((channel - Int32(still)).maximum(0) / 2)
    let isSecond = (channel - Int32(still)) % 2 .== 1
    let rotated = select(isSecond, turned.odd.at(pairs, pair), turned.even.at(pairs, pair))
    return select(channel .< Int32(still), x, rotated)
  }
}
