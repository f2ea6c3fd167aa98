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
    let pairs = Dimension("pairs", rotated / 2)
    let x = k.input("x", BFloat16.self, [tokens, heads, channels])
    let position = k.input("position", Int32.self, [tokens], .coordinate(of: positions))
    let cos = k.weight("cos", Float.self, [positions, pairs])
    let sin = k.weight("sin", Float.self, [positions, pairs])
    let y = k.output("y", BFloat16.self, [tokens, heads, channels])
    k.require(rotated % 2 == 0 && rotated <= width, "an even number of the channels is rotated")
    let still = k.axis("still", width - rotated)
    k.parallel(tokens, heads) { t, h in
      let (even, odd) = (Position(pairs) * 2 + (width - rotated), Position(pairs) * 2 + (width - rotated + 1))
      let (a, b) = (x[t, h, even].cast(to: Float.self), x[t, h, odd].cast(to: Float.self))
      let c = cos[Position(position[t]), pairs]
      let s = inverse ? -sin[Position(position[t]), pairs] : sin[Position(position[t]), pairs]
      y[t, h, even] = (a * c - b * s).cast(to: BFloat16.self)
      y[t, h, odd] = (a * s + b * c).cast(to: BFloat16.self)
      if width > rotated { y[t, h, Position(still)] = x[t, h, Position(still)] }
    }
  }
}
