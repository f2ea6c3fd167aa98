import Tiles

extension Tile where Element == Float {
  /// `gain` (x / sqrt(mean(x^2) + epsilon)) along the whole of `axis`, in fp32: the RMS norm of the
  /// specification before its one rounding.
  func rootMeanSquareNormalised(
    along axis: Dimension, gain: Tile<Float>, epsilon: Float, file: String = #fileID, line: Int = #line
  ) -> Tile<Float> {
    let squares = (self * self).sum(along: axis, order: .interleaved(256), file: file, line: line)
    return gain * (self * (squares / Float(axis.extent!) + epsilon).reciprocalRoot())
  }

  /// 1 / sqrt(self): the root rounds, then the quotient.
  ///
  /// Norms of the model say so in place of `reciprocalSquareRoot()`, which rounds once and differs in the last
  /// bit for a quarter of all numbers: libraries that models are trained and compared with divide by a root.
  func reciprocalRoot() -> Tile { 1 / squareRoot() }

  /// 1 / (1 + e^-self), each step rounded, as such libraries have it; `sigmoid(_:)` keeps its error below one
  /// unit in the last place by twice the operations.
  func steppedSigmoid() -> Tile { 1 / (1 + exp(-self)) }
}
