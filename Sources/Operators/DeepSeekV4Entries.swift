import Tiles

/// The operators of DeepSeek-V4's layers as the library lists them, in the order of a layer.
extension OperatorLibrary {
  static let deepSeekV4: [OperatorEntry] = streams + linears + latents

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

  // MARK: Rows of the attention

  private static let fewPositions: [[String: Int]] = [
    ["tokens": 3, "positions": 9], ["tokens": 1, "positions": 1], ["tokens": 0, "positions": 4],
  ]

  private static let latents: [OperatorEntry] = [
    OperatorEntry(
      "latent_norms", "The norms behind the down projections, with the cached row's rotation and FP8.",
      [
        OperatorInstance("v4-flash", ["tokens": 16, "positions": 65536]) {
          latentNorms(LatentShape(channels: 512, rotated: 64), rank: 1024)
        },
        OperatorInstance(small: "small", fewPositions) {
          latentNorms(LatentShape(channels: 74, rotated: 10), rank: 128)
        },
        OperatorInstance(small: "small all rotated", [["tokens": 3, "positions": 9]]) {
          latentNorms(LatentShape(channels: 8, rotated: 8), rank: 128)
        },
        OperatorInstance(small: "small float32", fewPositions) {
          latentNorms(LatentShape(channels: 13, rotated: 6), rank: 7, arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "query_rotation", "The queries' second norm and rotation, and the indexer's queries in FP4.",
      [
        OperatorInstance("v4-flash", ["tokens": 16, "positions": 65536]) {
          queryRotation(
            LatentShape(channels: 512, rotated: 64), heads: 64, indexer: IndexerShape(heads: 64))
        },
        OperatorInstance(small: "small", fewPositions) {
          queryRotation(
            LatentShape(channels: 13, rotated: 6), heads: 2, indexer: IndexerShape(heads: 3, channels: 64))
        },
        OperatorInstance(small: "small without indexer", fewPositions) {
          queryRotation(LatentShape(channels: 6, rotated: 6), heads: 2)
        },
        OperatorInstance(small: "small float32", fewPositions) {
          queryRotation(
            LatentShape(channels: 13, rotated: 6), heads: 2, indexer: IndexerShape(heads: 3, channels: 8),
            arithmetic: .float32)
        },
      ]),
  ]
}
