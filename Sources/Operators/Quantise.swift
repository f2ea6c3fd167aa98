import Tiles

/// Activation quantisation to FP8, Q8: codes on the E4M3 grid and a power-of-two scale for each block.
///
/// - Mathematics, for each run of `block` channels: m = max(max |x|, 1e-4), s = P2(m fl32(1/448)),
///   q = e4m3(clamp(x / s, -448, 448)). s is a power of two, so x / s = x (1 / s) in every bit.
/// - Shapes: x bf16 [rows, channels], codes E4M3 [rows, channels], scale E8M0 [rows, channels/block].
///   `channels` is a multiple of `block`; the specification uses blocks of 128 in front of linears and
///   64 for cached latents.
/// - Numeric class: exact but for the two roundings that the formula names.
/// - Edge cases: a block that holds NaN or infinity gets scale code 255 and codes 0x7F; a block of zeros
///   keeps its signs.
/// - Source: DeepSeek-V4 specification, section 3; contract section 2, "NaN and conversions".
public func quantiseQ8(channels: Int, block: Int = 128) -> Kernel {
  Kernel("quantise_q8") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let channels = Dimension("channels", channels)
    let blocks = channels.blocks(of: block)
    let x = k.input("x", BFloat16.self, [rows, channels])
    let codes = k.output("codes", E4M3.self, [rows, channels])
    let scale = k.output("scale", E8M0.self, [rows, blocks])
    k.require(channels.extent! % block == 0, "channels are a multiple of \(block)")
    let lane = k.axis("lane", block)
    k.parallel(rows) { r in
      let channel = Position(blocks) * block + Position(lane)
      let (q, s) = x[r, channel].cast(to: Float.self).quantisedQ8(along: lane)
      codes[r, channel] = q
      scale[r] = s
    }
  }
}

/// Simulated FP8, S8: the bf16 values that a block-scaled E4M3 code stands for.
///
/// - Mathematics: S8(x, B) = bf(q s) with q and s of `quantiseQ8`; exact in bf16.
/// - Shapes: x and y bf16 [rows, channels + kept]; the last `kept` channels are copied (the rotated
///   channels of a cached latent). `channels` is a multiple of `block`.
/// - Numeric class: as `quantiseQ8`; the copy is exact.
/// - Edge cases: a block that holds NaN or infinity becomes NaN; copied channels keep their bits.
/// - Source: DeepSeek-V4 specification, sections 3 and 6.4.
public func quantiseS8(channels: Int, block: Int = 64, kept: Int = 0) -> Kernel {
  simulated("quantise_s8", channels: channels, block: block, kept: kept) { x, lane in
    x.simulatedS8(along: lane)
  }
}

/// Simulated FP4, S4: the bf16 values that a block-scaled E2M1 code stands for.
///
/// - Mathematics, for each run of `block` channels: m = max(max |x|, 6 2^-126), s = P2(m fl32(1/6)),
///   y = bf(e2m1(clamp(x / s, -6, 6)) s).
/// - Shapes: x and y bf16 [rows, channels + kept]; the last `kept` channels are copied. `channels` is a
///   multiple of `block`, 32 in the specification.
/// - Numeric class: exact but for the roundings that the formula names.
/// - Edge cases: a block that holds NaN or infinity becomes NaN.
/// - Source: DeepSeek-V4 specification, section 3.
public func quantiseS4(channels: Int, block: Int = 32, kept: Int = 0) -> Kernel {
  simulated("quantise_s4", channels: channels, block: block, kept: kept) { x, lane in
    let (q, s) = x.quantisedQ4(along: lane)
    return q.cast(to: Float.self) * s.cast(to: Float.self)
  }
}

/// Values on a block-scaled grid, as bf16, in front of channels that are copied.
private func simulated(
  _ name: String, channels: Int, block: Int, kept: Int,
  _ simulate: (Tile<Float>, _ lane: Dimension) -> Tile<Float>
) -> Kernel {
  Kernel(name) { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let width = Dimension("channels", channels + kept)
    let x = k.input("x", BFloat16.self, [rows, width])
    let y = k.output("y", BFloat16.self, [rows, width])
    k.require(channels % block == 0, "quantised channels are a multiple of \(block)")
    let blocks = k.axis("blocks", channels / block)
    let (lane, tail) = (k.axis("lane", block), k.axis("tail", kept))
    k.parallel(rows) { r in
      let channel = Position(blocks) * block + Position(lane)
      y[r, channel] = simulate(x[r, channel].cast(to: Float.self), lane).cast(to: BFloat16.self)
      if kept > 0 { y[r, Position(tail) + channels] = x[r, Position(tail) + channels] }
    }
  }
}

extension Tile where Element == Float {
  /// Q8 of the specification over the whole of `lane`: codes, and one scale for all of them.
  public func quantisedQ8(along lane: Dimension) -> (codes: Tile<E4M3>, scale: Tile<E8M0>) {
    let scale = (magnitude.max(along: lane).maximum(1e-4) * (1 / 448)).cast(to: E8M0.self)
    let codes = (self * (1 / scale.cast(to: Float.self))).clamped(to: -448...448)
    return (codes.cast(to: E4M3.self), scale)
  }

  /// S8 of the specification over the whole of `lane`, exact in bf16.
  public func simulatedS8(along lane: Dimension) -> Tile {
    let (q, s) = quantisedQ8(along: lane)
    return q.cast(to: Float.self) * s.cast(to: Float.self)
  }

  /// The E2M1 codes of S4 of the specification over the whole of `lane`, and their scale.
  public func quantisedQ4(along lane: Dimension) -> (codes: Tile<E2M1>, scale: Tile<E8M0>) {
    let least = 6 * Float.leastNormalMagnitude
    let scale = (magnitude.max(along: lane).maximum(least) * (1 / 6)).cast(to: E8M0.self)
    let codes = (self * (1 / scale.cast(to: Float.self))).clamped(to: -6...6)
    return (codes.cast(to: E2M1.self), scale)
  }
}
