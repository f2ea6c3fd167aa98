import Tiles

/// In which arithmetic a model's operator runs (numeric contract, section 2b).
public enum Arithmetic: String, Sendable, CaseIterable {
  /// The released arithmetic: bf16 activations, block-scaled codes in front of quantised weights, exact
  /// block sums of codes and fixed-point sums of bf16 operands.
  case quantised
  /// For comparison with other implementations: fp32 activations and dequantised weights, nothing
  /// rounded in between, products in `chained(512)`, unfused.
  case float32

  /// The class of a product of operands that are not codes, in blocks along the contracted axis.
  func product(block: Int = 128) -> ProductClass {
    switch self {
    case .quantised: .fixedPoint(bits: 21, block: block)
    case .float32: .ordered(.chained(512), .unfused)
    }
  }

  /// What a model in this arithmetic stores between two steps of a formula: rounded to bf16, or as it is.
  func rounded(_ x: Tile<Float>, file: String = #fileID, line: Int = #line) -> Tile<Float> {
    switch self {
    case .quantised: x.rounded(to: BFloat16.self, file: file, line: line)
    case .float32: x
    }
  }
}
