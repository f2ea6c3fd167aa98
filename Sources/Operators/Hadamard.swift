import Tiles

/// The Walsh-Hadamard transform of each row in natural (Sylvester) order, scaled to keep lengths.
///
/// - Mathematics: y = bf(H x fl32(n^-1/2)), H[i, j] = (-1)^(number of common one bits of i and j).
/// - Shapes: x and y bf16 [rows, length]; `length` n is a power of two up to 256, 128 in the
///   specification.
/// - Numeric class: `tree`: butterflies over neighbours first, in fp32, of elements to which +0 is added,
///   so that no partial sum is -0; then one product and one rounding to bf16.
/// - Edge cases: a NaN makes its row NaN; an infinity makes its row infinite or NaN.
/// - Source: DeepSeek-V4 specification, section 3, "Hadamard".
public func hadamard(length: Int = 128) -> Kernel {
  Kernel("hadamard") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let channels = Dimension("channels", length)
    let x = k.input("x", BFloat16.self, [rows, channels])
    let y = k.output("y", BFloat16.self, [rows, channels])
    k.require(length.nonzeroBitCount == 1 && length <= 256, "the length is a power of two up to 256")
    k.parallel(rows) { r in
      y[r] = k.hadamard(x[r].cast(to: Float.self), along: channels).cast(to: BFloat16.self)
    }
  }
}

extension Trace {
  /// H x fl32(n^-1/2) along the whole of `channels`, n a power of two; not yet rounded to bf16.
  func hadamard(_ x: Tile<Float>, along channels: Dimension) -> Tile<Float> {
    let length = channels.extent!
    var v = x + 0
    var stride = 1
    while stride < length {
      let isUpper = Position(channels) / stride % 2
      let partner = v.at(channels, Position(channels) + stride - isUpper * (2 * stride))
      v = partner + select(isUpper.tile(in: self) .== 1, -v, v)
      stride *= 2
    }
    return v * (1 / Float(length).squareRoot())
  }
}
