import Tiles

/// The operators of DeepSeek-V4's layers as the library lists them, in the order of a layer.
extension OperatorLibrary {
  static let deepSeekV4: [OperatorEntry] = streams + linears

  /// Token counts for tests: the common case, one token, and none.
  private static let fewTokens: [[String: Int]] = [["tokens": 3], ["tokens": 1], ["tokens": 0]]
  private static let fewRows: [[String: Int]] = [["rows": 3], ["rows": 1], ["rows": 0]]

  // MARK: Streams

  private static let streams: [OperatorEntry] = [
    OperatorEntry(
      "hc_pre", "A sub-layer's rows from the residual streams, normed and quantised, and its way back.",
      [
        OperatorInstance("v4-flash", ["tokens": 16]) { hcPre(HyperConnections(hidden: 4096)) },
        OperatorInstance(small: "small", fewTokens) { hcPre(HyperConnections(hidden: 128)) },
        OperatorInstance(small: "small float32", fewTokens) {
          hcPre(HyperConnections(streams: 3, hidden: 10, iterations: 4), arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "hc_head", "The rows in front of the vocabulary's product from the residual streams.",
      [
        OperatorInstance("v4-flash", ["tokens": 16, "rows": 16]) {
          hcHead(HyperConnections(hidden: 4096))
        },
        OperatorInstance(
          small: "small", [["tokens": 4, "rows": 3], ["tokens": 1, "rows": 1], ["tokens": 0, "rows": 0]]
        ) { hcHead(HyperConnections(hidden: 72)) },
        OperatorInstance(small: "small float32", [["tokens": 4, "rows": 3]]) {
          hcHead(HyperConnections(hidden: 72), arithmetic: .float32)
        },
      ]),
  ]

  // MARK: Linears

  private static let linears: [OperatorEntry] = [
    OperatorEntry(
      "projections", "Several products of the same rows, quantised and plain, in one launch.",
      [
        OperatorInstance("v4-flash compressed attention", ["rows": 16]) {
          projections(
            [
              .quantised("wq_a", "a", outputs: 1024), .quantised("wkv", "kv", outputs: 512),
              .wide("compressor_wkv", "compressor_kv", outputs: 1024),
              .wide("compressor_wgate", "compressor_gate", outputs: 1024),
              .wide("indexer_wkv", "indexer_kv", outputs: 256),
              .wide("indexer_wgate", "indexer_gate", outputs: 256),
              .plain("weights_proj", "weights", outputs: 64, factor: indexerFactor(heads: 64, channels: 128)),
            ], inputs: 4096)
        },
        OperatorInstance("v4-flash head", ["rows": 16]) {
          projections([.wide("head", "logits", outputs: 129280)], inputs: 4096)
        },
        OperatorInstance(small: "small", fewRows) {
          projections(
            [
              .quantised("wq_a", "a", outputs: 130), .wide("wgate", "gate", outputs: 5),
              .plain("weights_proj", "weights", outputs: 4, factor: 0.3),
            ], inputs: 200)
        },
        OperatorInstance(small: "small float32", fewRows) {
          projections(
            [
              .quantised("wq_a", "a", outputs: 9), .wide("wgate", "gate", outputs: 5),
              .plain("weights_proj", "weights", outputs: 4, factor: 0.3),
            ], inputs: 600, arithmetic: .float32)
        },
      ]),
  ]
}
