import Tiles

/// The operators that run when weights are loaded and when a token is drawn.
extension OperatorLibrary {
  static let loadingAndDrawing: [OperatorEntry] = [
    OperatorEntry(
      "dequantise_fp8", "What block-scaled E4M3 weights stand for, as numbers.",
      [
        OperatorInstance("v4-flash wo_a", ["matrices": 1]) {
          dequantiseFP8(inputs: 4096, outputs: 8192, result: BFloat16.self)
        },
        OperatorInstance(small: "small", [["matrices": 2], ["matrices": 0]]) {
          dequantiseFP8(inputs: 150, outputs: 130)
        },
        OperatorInstance(small: "small bf16", [["matrices": 1]]) {
          dequantiseFP8(inputs: 40, outputs: 3, result: BFloat16.self)
        },
      ]),
    OperatorEntry(
      "dequantise_fp4", "What block-scaled E2M1 weights stand for, as numbers.",
      [
        OperatorInstance("v4-flash experts", ["matrices": 8]) { dequantiseFP4(inputs: 4096, outputs: 2048) },
        OperatorInstance(small: "small", [["matrices": 2], ["matrices": 0]]) {
          dequantiseFP4(inputs: 70, outputs: 5)
        },
      ]),
    OperatorEntry(
      "widen", "bf16 numbers as fp32.",
      [
        OperatorInstance("v4-flash head", ["rows": 129280, "width": 4096]) { widen() },
        OperatorInstance(small: "small", [["rows": 3, "width": 37], ["rows": 0, "width": 5]]) { widen() },
      ]),
    OperatorEntry(
      "sampling_weights", "The exponentials that the next token is drawn by.",
      [
        OperatorInstance("v4-flash", ["rows": 1]) { samplingWeights(vocabulary: 129280) },
        OperatorInstance(small: "small", [["rows": 3], ["rows": 0]]) { samplingWeights(vocabulary: 45) },
      ]),
  ]
}
