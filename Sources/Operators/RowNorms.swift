import Tiles

extension Tile where Element == Float {
  /// `gain` (x rsqrt(mean(x^2) + epsilon)) along the whole of `axis`, in fp32: the RMS norm of the
  /// specification before its one rounding.
  func rootMeanSquareNormalised(
    along axis: Dimension, gain: Tile<Float>, epsilon: Float, file: String = #fileID, line: Int = #line
  ) -> Tile<Float> {
    let squares = (self * self).sum(along: axis, order: .interleaved(256), file: file, line: line)
    let factor = (squares / Float(axis.extent!) + epsilon).reciprocalSquareRoot()
    return gain * (self * factor)
  }
}
