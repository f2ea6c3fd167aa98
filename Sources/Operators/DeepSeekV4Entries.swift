import Tiles

/// The operators of DeepSeek-V4's layers as the library lists them, in the order of a layer.
extension OperatorLibrary {
  static let deepSeekV4: [OperatorEntry] =
    streams + linears + latents + [attentionEntry] + compression + output + experts

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

  // MARK: Attention

  private static func attentionShape(
    heads: Int = 2, channels: Int = 12, rotated: Int = 6, window: Int = 4, span: Int = 5,
    _ entries: AttentionEntries
  ) -> AttentionShape {
    AttentionShape(
      heads: heads, latent: LatentShape(channels: channels, rotated: rotated), window: window, span: span,
      entries: entries)
  }

  private static func flashAttention(_ entries: AttentionEntries) -> AttentionShape {
    attentionShape(heads: 64, channels: 512, rotated: 64, window: 128, span: 160, entries)
  }

  private static let flashExtents = ["sequences": 1, "positions": 8192, "capacity": 2048]

  private static let fewSequences: [[String: Int]] = [
    ["tokens": 9, "sequences": 3, "positions": 40, "capacity": 10],
    ["tokens": 1, "sequences": 1, "positions": 1, "capacity": 1],
    ["tokens": 0, "sequences": 2, "positions": 3, "capacity": 3],
  ]

  private static let attentionEntry = OperatorEntry(
    "attention", "Attention over each token's window and compressed entries, with a sink.",
    [
      OperatorInstance(
        "v4-flash decode", flashExtents.merging(["tokens": 1]) { $1 }, arranged: arrangeBatch
      ) { attention(flashAttention(.picked(512))) },
      OperatorInstance(
        "v4-flash prefill", flashExtents.merging(["tokens": 64]) { $1 }, arranged: arrangeBatch
      ) { attention(flashAttention(.picked(512))) },
      OperatorInstance(
        "v4-flash heavily compressed", flashExtents.merging(["tokens": 16]) { $1 }, arranged: arrangeBatch
      ) { attention(flashAttention(.all(ratio: 128))) },
      OperatorInstance(small: "small", fewSequences, arranged: arrangeBatch) {
        attention(attentionShape(.picked(3)))
      },
      OperatorInstance(small: "small window only", fewSequences, arranged: arrangeBatch) {
        attention(attentionShape(channels: 6, rotated: 6, window: 7, span: 6, .none))
      },
      OperatorInstance(small: "small all entries", fewSequences, arranged: arrangeBatch) {
        attention(attentionShape(heads: 32, span: 3, .all(ratio: 4)))
      },
      OperatorInstance(
        small: "small wide", [["tokens": 2, "sequences": 1, "positions": 300, "capacity": 90]],
        arranged: arrangeBatch
      ) { attention(attentionShape(heads: 3, channels: 192, rotated: 8, window: 100, span: 120, .picked(60))) },
      OperatorInstance(small: "small float32", fewSequences, arranged: arrangeBatch) {
        attention(attentionShape(.picked(3)), arithmetic: .float32)
      },
    ])

  // MARK: Compressed entries

  private static func compressor(
    _ ratio: Int, overlaps: Bool, span: Int, channels: Int, rotated: Int, index: Int? = nil
  ) -> CompressorShape {
    CompressorShape(
      ratio: ratio, overlaps: overlaps, span: span,
      latent: LatentShape(channels: channels, rotated: rotated),
      indexer: index.map { IndexerShape(heads: 1, channels: $0) })
  }

  /// Fifteen tokens of three sequences at 0 ... 4, 17 ... 21 and 35 ... 39, of which `closed` close a group.
  private static func fewGroups(closed: Int) -> [[String: Int]] {
    [
      ["tokens": 15, "sequences": 3, "positions": 40, "capacity": 10, "closed": closed],
      ["tokens": 0, "sequences": 2, "positions": 3, "capacity": 3, "closed": 0],
    ]
  }

  private static func arrangeGroups(_ ratio: Int) -> OperatorInstance.Arrangement {
    { arguments, extents in
      arrangeBatch(&arguments, extents)
      let positions = arguments["position"]!.integers
      let closer = positions.indices.filter { (positions[$0] + 1) % ratio == 0 }
      arguments["closer"] = HostTensor(.int32, [closer.count], integers: Array(closer))
    }
  }

  private static let fewScores: [[String: Int]] = [
    ["tokens": 9, "sequences": 3, "positions": 40, "capacity": 12, "reach": 11],
    ["tokens": 1, "sequences": 1, "positions": 1, "capacity": 1, "reach": 1],
    ["tokens": 0, "sequences": 2, "positions": 3, "capacity": 3, "reach": 3],
  ]

  private static let compression: [OperatorEntry] = [
    OperatorEntry(
      "compress", "The entries of groups that a step completes, and the rows that it leaves for later.",
      [
        OperatorInstance(
          "v4-flash ratio 4",
          ["tokens": 16, "sequences": 1, "positions": 8192, "capacity": 2048, "closed": 4],
          arranged: arrangeGroups(4)
        ) { compress(compressor(4, overlaps: true, span: 16, channels: 512, rotated: 64, index: 128)) },
        OperatorInstance(
          "v4-flash ratio 128",
          ["tokens": 256, "sequences": 1, "positions": 8192, "capacity": 64, "closed": 2],
          arranged: arrangeGroups(128)
        ) { compress(compressor(128, overlaps: false, span: 136, channels: 512, rotated: 64)) },
        OperatorInstance(small: "small ratio 4", fewGroups(closed: 4), arranged: arrangeGroups(4)) {
          compress(compressor(4, overlaps: true, span: 8, channels: 70, rotated: 6, index: 32))
        },
        OperatorInstance(small: "small ratio 8 float32", fewGroups(closed: 1), arranged: arrangeGroups(8)) {
          compress(
            compressor(8, overlaps: false, span: 7, channels: 7, rotated: 6), arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "index_scores", "The indexer's score of each compressed entry for each token.",
      [
        OperatorInstance(
          "v4-flash", ["tokens": 1, "sequences": 1, "positions": 8192, "capacity": 2048, "reach": 2048],
          arranged: arrangeBatch
        ) { indexScores(IndexerShape(heads: 64), ratio: 4) },
        OperatorInstance(small: "small", fewScores, arranged: arrangeBatch) {
          indexScores(IndexerShape(heads: 3, channels: 64), ratio: 4)
        },
        OperatorInstance(
          small: "small sixteen heads",
          fewScores + [["tokens": 2, "sequences": 1, "positions": 140, "capacity": 35, "reach": 34]],
          arranged: arrangeBatch
        ) { indexScores(IndexerShape(heads: 16, channels: 128), ratio: 4) },
        OperatorInstance(small: "small float32", fewScores, arranged: arrangeBatch) {
          indexScores(IndexerShape(heads: 4, channels: 8), ratio: 4, arithmetic: .float32)
        },
      ]),
    OperatorEntry(
      "index_picks", "The compressed entries with the highest scores for each token, ascending.",
      [
        OperatorInstance(
          "v4-flash", ["tokens": 16, "sequences": 1, "positions": 8192, "reach": 2048],
          arranged: arrangeBatch
        ) { indexPicks(picks: 512, ratio: 4) },
        OperatorInstance(small: "small", fewScores, arranged: arrangeBatch) {
          indexPicks(picks: 6, ratio: 4)
        },
        OperatorInstance(small: "small float32", fewScores, arranged: arrangeBatch) {
          indexPicks(picks: 3, ratio: 4, arithmetic: .float32)
        },
      ]),
  ]
}
