import Tiles

/// Every operator of the library.
public enum OperatorLibrary {
  /// In the order in which a reader meets them: products, quantisation, rows, order, movement, then
  /// those of DeepSeek-V4.
  public static let all: [OperatorEntry] =
    products + quantisation + rowOperators + rankingOperators + movement + deepSeekV4 + loadingAndDrawing

  /// The operator of a plain name, or nil.
  public static func named(_ name: String) -> OperatorEntry? { all.first { $0.name == name } }

  /// Row counts for tests: the common case, one row, and none.
  private static let fewRows: [[String: Int]] = [["rows": 5], ["rows": 1], ["rows": 0]]

  // MARK: Products

  private static let products: [OperatorEntry] = [
    OperatorEntry(
      "matmul", "The product of two matrices in a stated order or class, with an epilogue.",
      [
        OperatorInstance("1024 fp32", ["rows": 1024]) { matmul(inner: 1024, columns: 1024) },
        OperatorInstance("2048 fp32", ["rows": 2048]) { matmul(inner: 2048, columns: 2048) },
        OperatorInstance("1024 fp32 unfused", ["rows": 1024]) {
          matmul(inner: 1024, columns: 1024, .ordered(.chained(512), .unfused))
        },
        OperatorInstance("v4-flash wo_a", ["rows": 64]) {
          matmul(
            BFloat16.self, inner: 4096, columns: 1024, .fixedPoint(bits: 21, block: 128),
            transposedRight: true, result: BFloat16.self)
        },
        OperatorInstance(small: "small", fewRows) { matmul(inner: 7, columns: 5) },
        OperatorInstance(small: "small long", [["rows": 2]]) { matmul(inner: 1100, columns: 3) },
        OperatorInstance(small: "small empty", [["rows": 2]]) { matmul(inner: 0, columns: 3) },
        OperatorInstance(small: "small unfused transposed", fewRows) {
          matmul(
            inner: 700, columns: 3, .ordered(.chained(512), .unfused), transposedLeft: true,
            transposedRight: true)
        },
        OperatorInstance(small: "small bf16 fixed", fewRows) {
          matmul(
            BFloat16.self, inner: 200, columns: 6, .fixedPoint(bits: 21, block: 128),
            transposedRight: true, result: BFloat16.self)
        },
        OperatorInstance(small: "small bias silu residual", fewRows) {
          matmul(inner: 9, columns: 4) { cell, sum in
            let bias = cell.kernel.weight("bias", Float.self, [cell.columns])
            let residual = cell.kernel.input("residual", Float.self, [cell.rows, cell.columns])
            return residual[cell.row, cell.column] + silu(sum + bias[cell.column])
          }
        },
      ]),
    OperatorEntry(
      "linear_fp8", "The product of block-scaled E4M3 activations and weights, rounded once to bf16.",
      [
        OperatorInstance("v4-flash wq_a", ["rows": 16]) { linearFP8(inputs: 4096, outputs: 1024) },
        OperatorInstance("v4-flash wq_b", ["rows": 16]) { linearFP8(inputs: 1024, outputs: 32768) },
        OperatorInstance("matrix-vector", ["rows": 1]) { linearFP8(inputs: 4096, outputs: 14336) },
        OperatorInstance(small: "small", fewRows) { linearFP8(inputs: 256, outputs: 130) },
        OperatorInstance(small: "small ragged", fewRows) { linearFP8(inputs: 200, outputs: 3) },
      ]),
    OperatorEntry(
      "linear_fp4",
      "The product of block-scaled E4M3 activations and E2M1 weights, rounded once to bf16.",
      [
        OperatorInstance("v4-flash w1", ["rows": 16]) { linearFP4(inputs: 4096, outputs: 2048) },
        OperatorInstance("matrix-vector", ["rows": 1]) { linearFP4(inputs: 4096, outputs: 14336) },
        OperatorInstance(small: "small", fewRows) { linearFP4(inputs: 256, outputs: 5) },
        OperatorInstance(small: "small ragged", fewRows) { linearFP4(inputs: 200, outputs: 3) },
      ]),
    OperatorEntry(
      "grouped_linear_fp8", "As linear_fp8, each segment of rows with the weights of its own expert.",
      [
        OperatorInstance("v4-flash base w1, 8 of 256 experts", ["rows": 48]) {
          groupedLinearFP8(experts: 8, inputs: 4096, outputs: 2048)
        },
        OperatorInstance(small: "small", fewRows) {
          groupedLinearFP8(experts: 3, inputs: 256, outputs: 5)
        },
      ]),
    OperatorEntry(
      "grouped_linear_fp4", "As linear_fp4, each segment of rows with the weights of its own expert.",
      [
        OperatorInstance("v4-flash w1, 8 of 256 experts", ["rows": 48]) {
          groupedLinearFP4(experts: 8, inputs: 4096, outputs: 2048)
        },
        OperatorInstance(small: "small", fewRows) {
          groupedLinearFP4(experts: 3, inputs: 256, outputs: 5)
        },
      ]),
  ]

  // MARK: Quantisation

  private static let quantisation: [OperatorEntry] = [
    OperatorEntry(
      "quantise_q8", "E4M3 codes and one power-of-two scale for each block of channels.",
      [
        OperatorInstance("v4-flash hidden", ["rows": 4096]) { quantiseQ8(channels: 4096) },
        OperatorInstance(small: "small", fewRows) { quantiseQ8(channels: 256) },
        OperatorInstance(small: "small by 64", fewRows) { quantiseQ8(channels: 192, block: 64) },
      ]),
    OperatorEntry(
      "quantise_s8", "The bf16 values of block-scaled E4M3 codes, the last channels kept.",
      [
        OperatorInstance("v4-flash latent", ["rows": 4096]) { quantiseS8(channels: 448, kept: 64) },
        OperatorInstance(small: "small", fewRows) { quantiseS8(channels: 128, kept: 6) },
        OperatorInstance(small: "small whole", fewRows) { quantiseS8(channels: 64) },
      ]),
    OperatorEntry(
      "quantise_s4", "The bf16 values of block-scaled E2M1 codes.",
      [
        OperatorInstance("v4-flash indexer", ["rows": 4096]) { quantiseS4(channels: 128) },
        OperatorInstance(small: "small", fewRows) { quantiseS4(channels: 96) },
      ]),
    OperatorEntry(
      "hadamard", "The scaled Walsh-Hadamard transform of each row, in tree order.",
      [
        OperatorInstance("v4-flash indexer", ["rows": 4096]) { hadamard() },
        OperatorInstance(small: "small", fewRows) { hadamard(length: 16) },
      ]),
  ]

  // MARK: Rows

  private static let rowOperators: [OperatorEntry] = [
    OperatorEntry(
      "rms_norm", "Root-mean-square normalisation of rows with a gain for each channel.",
      [
        OperatorInstance("v4-flash hidden", ["rows": 8192]) { rmsNorm(width: 4096) },
        OperatorInstance(small: "small", fewRows) { rmsNorm(width: 300) },
        OperatorInstance(small: "small narrow", fewRows) { rmsNorm(width: 3) },
      ]),
    OperatorEntry(
      "softmax", "The softmax of each row, with one reciprocal a row.",
      [
        OperatorInstance("rows of 4096", ["rows": 8192, "width": 4096]) { softmax() },
        OperatorInstance(
          small: "small",
          [
            ["rows": 5, "width": 131], ["rows": 3, "width": 1], ["rows": 2, "width": 0],
            ["rows": 0, "width": 7],
          ]
        ) { softmax() },
      ]),
    OperatorEntry(
      "swiglu", "The gated activation of an expert, clamped and weighted.",
      [
        OperatorInstance("v4-flash experts", ["rows": 4096]) {
          swiglu(width: 2048, limit: 10, routed: true)
        },
        OperatorInstance(small: "small", fewRows) { swiglu(width: 9) },
        OperatorInstance(small: "small clamped routed", fewRows) {
          swiglu(width: 9, limit: 2, routed: true)
        },
      ]),
    OperatorEntry(
      "rope", "Rotary position embedding on the last channels of each head.",
      [
        OperatorInstance("v4-flash query", ["tokens": 512, "positions": 65536]) {
          rope(heads: 64, width: 512, rotated: 64)
        },
        OperatorInstance("v4-flash latent", ["tokens": 4096, "positions": 65536]) {
          rope(heads: 1, width: 512, rotated: 64)
        },
        OperatorInstance(
          small: "small", [["tokens": 4, "positions": 9], ["tokens": 0, "positions": 1]]
        ) { rope(heads: 3, width: 10, rotated: 6) },
        OperatorInstance(small: "small inverse", [["tokens": 4, "positions": 9]]) {
          rope(heads: 1, width: 8, rotated: 8, inverse: true)
        },
      ]),
  ]

  // MARK: Order

  private static let rankingOperators: [OperatorEntry] = [
    OperatorEntry(
      "top_k", "The coordinates of the largest elements of each row, ties to the lower.",
      [
        OperatorInstance("v4-flash indexer", ["rows": 64, "width": 16384]) { topK(picks: 512) },
        OperatorInstance("v4-flash router", ["rows": 4096, "width": 256]) { topK(picks: 6) },
        OperatorInstance(
          small: "small",
          [["rows": 4, "width": 50], ["rows": 3, "width": 4], ["rows": 2, "width": 0], ["rows": 0, "width": 9]]
        ) { topK(picks: 6) },
      ]),
    OperatorEntry(
      "argmax", "The coordinate of the largest element of each row, ties to the lower.",
      [
        OperatorInstance("v4-flash logits", ["rows": 64, "width": 129280]) { argmax() },
        OperatorInstance(
          small: "small",
          [["rows": 6, "width": 40], ["rows": 3, "width": 1], ["rows": 2, "width": 0], ["rows": 0, "width": 9]]
        ) { argmax() },
      ]),
    OperatorEntry(
      "expert_counts", "How many picks each expert got, and the segments that they make.",
      [
        OperatorInstance("v4-flash", ["tokens": 4096]) { expertCounts(experts: 256, picks: 6) },
        OperatorInstance(small: "small", [["tokens": 7], ["tokens": 1], ["tokens": 0]]) {
          expertCounts(experts: 5, picks: 3)
        },
        OperatorInstance(small: "small many experts", [["tokens": 101]]) { expertCounts(experts: 75, picks: 3) },
      ]),
    OperatorEntry(
      "expert_permutation", "The order in which picks stand expert by expert, and its inverse.",
      [
        OperatorInstance("v4-flash", ["tokens": 4096]) { expertPermutation(experts: 256, picks: 6) },
        OperatorInstance(small: "small", [["tokens": 7], ["tokens": 1], ["tokens": 0]]) {
          expertPermutation(experts: 5, picks: 3)
        },
      ]),
  ]

  // MARK: Movement

  private static let movement: [OperatorEntry] = [
    OperatorEntry(
      "gather", "Rows of a table by their numbers.",
      [
        OperatorInstance("v4-flash embedding", ["rows": 4096, "entries": 129280]) {
          gather(width: 4096)
        },
        OperatorInstance(
          small: "small", [["rows": 5, "entries": 4], ["rows": 0, "entries": 0]]
        ) { gather(width: 6) },
        OperatorInstance(small: "small fp32", [["rows": 5, "entries": 4]]) {
          gather(Float.self, width: 6)
        },
      ]),
    OperatorEntry(
      "scatter", "Rows written into a ring, each at its position modulo the ring's span.",
      [
        OperatorInstance("v4-flash window", ["rows": 128]) { scatter(span: 160, width: 512) },
        OperatorInstance(small: "small", [["rows": 3], ["rows": 11], ["rows": 0]]) {
          scatter(span: 7, width: 4)
        },
      ]),
  ]
}
