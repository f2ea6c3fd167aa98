import Tiles

/// One product of several on the same rows.
public struct Projection: Sendable {
  fileprivate let weight, result: String
  fileprivate let outputs: Int
  fileprivate var isQuantised = false
  fileprivate var factor: Float?
  fileprivate var isWide = false

  /// A product of Q8 rows with an E4M3 weight, rounded once to bf16.
  public static func quantised(_ weight: String, _ result: String, outputs: Int) -> Projection {
    Projection(weight: weight, result: result, outputs: outputs, isQuantised: true)
  }

  /// A product of bf16 rows with a bf16 weight, rounded to bf16; with a factor, then multiplied by it and
  /// rounded again.
  public static func plain(
    _ weight: String, _ result: String, outputs: Int, factor: Float? = nil
  ) -> Projection {
    Projection(weight: weight, result: result, outputs: outputs, factor: factor)
  }

  /// A product of bf16 rows with a bf16 weight, left in fp32.
  public static func wide(_ weight: String, _ result: String, outputs: Int) -> Projection {
    Projection(weight: weight, result: result, outputs: outputs, isWide: true)
  }
}

/// Several products of the same rows, each with a weight of its own, in one launch.
///
/// - Mathematics, for each projection: y[t, o] = bf(sum over i of x[t, i] w[o, i]); a plain one with a
///   factor c gives bf(bf(sum) c), a wide one the sum itself.
/// - Shapes: x_codes and x_scale as `quantiseQ8` gives them where a projection is quantised, x bf16 [rows,
///   inputs] where one is not; weights E4M3 with scales [outputs/128, inputs/128] or bf16 [outputs,
///   inputs]; results bf16 [rows, outputs], wide ones fp32. In the float32 arithmetic x, all weights and
///   all results are fp32 and only factors remain.
/// - Numeric class: `exactBlock(128)` where quantised, else `fixedPoint(21)` in blocks of 128;
///   `chained(512)`, unfused, in float32.
/// - Edge cases: as `linearFP8` and `matmul`; no rows give empty results.
/// - Source: DeepSeek-V4 specification, sections 3 and 6 to 8; contract section 2b.
public func projections(
  _ list: [Projection], inputs: Int, arithmetic: Arithmetic = .quantised
) -> Kernel {
  Kernel("projections") { k in
    let rows = k.dimension("rows", in: 0...mostRows)
    let inputs = Dimension("inputs", inputs)
    let plain = arithmetic == .quantised ? list.filter { !$0.isQuantised } : []
    let rowsOfCodes = plain.count < list.count ? LinearRows(k, "x", [rows], inputs, arithmetic) : nil
    let x = plain.isEmpty ? nil : FloatBuffer(k, .input, "x", [rows, inputs], arithmetic)
    for projection in list {
      let outputs = Dimension("\(projection.result)_outputs", projection.outputs)
      let multiply: (Block, Block) -> Tile<Float>
      if projection.isQuantised || arithmetic == .float32 {
        let weight = LinearWeight(k, projection.weight, outputs, inputs, .fp8, arithmetic)
        multiply = { rowsOfCodes!.times(weight, at: [$0], $1) }
      } else {
        let weight = FloatBuffer(k, .weight, projection.weight, [outputs, inputs], arithmetic)
        multiply = {
          product(x![$0, inputs], weight[$1, inputs], contracting: inputs, arithmetic.product())
        }
      }
      let y = FloatBuffer(
        k, .output, projection.result, [rows, outputs], projection.isWide ? .float32 : arithmetic)
      k.parallel(rows, outputs) { r, o in
        let sum = multiply(r, o)
        y[r, o] = projection.factor.map { arithmetic.rounded(sum) * $0 } ?? sum
      }
    }
  }
}

/// What the indexer's head weights are multiplied by: (channels heads)^-1/2, rounded once to fp32.
public func indexerFactor(heads: Int, channels: Int) -> Float {
  Float(1 / Double(heads * channels).squareRoot())
}
