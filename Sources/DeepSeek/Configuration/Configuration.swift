/// The sizes and constants of one DeepSeek-V4 model, checked: whatever they are, they fit together.
///
/// Source: DeepSeek's release of V4-Flash and V4-Pro; `Documentation/checkpoints.md` has the table of names.
public struct Configuration: Hashable, Sendable {
  /// How a layer sees the past beside its window.
  public enum Compression: Int, Hashable, Sendable, CaseIterable {
    /// The window alone.
    case none = 0
    /// Compressed sparse attention (CSA): an entry for every 4 tokens, of which an indexer picks.
    case sparse = 4
    /// Heavily compressed attention (HCA): an entry for every 128 tokens, all of them seen.
    case heavy = 128

    /// Tokens to an entry; 0 where there are no entries.
    public var ratio: Int { rawValue }
  }

  /// The position scaling of compressed layers (YaRN, with no change of magnitude).
  public struct Yarn: Hashable, Sendable {
    public let factor: Double
    public let originalLength: Int
    public let betaFast: Double
    public let betaSlow: Double
  }

  /// The stored form of routed experts.
  public enum ExpertFormat: String, Hashable, Sendable {
    case fp4, fp8
  }

  /// What stands in the checkpoint under `mtp.*`.
  public enum Drafter: Hashable, Sendable {
    case none
    /// One layer that predicts the token after next.
    case nextToken
    /// Several stages, as the later revisions have (DSpark); not used.
    case multiStage
  }

  public let vocabularySize: Int
  /// Channels of each residual stream.
  public let hiddenSize: Int
  /// Attention of each main layer, first to last.
  public let layers: [Compression]
  public let headCount: Int
  /// Channels of a query head and of the latent that is key and value in one.
  public let headSize: Int
  /// The last channels of a head, which positions rotate.
  public let ropeSize: Int
  public let queryRank: Int
  /// The heads are cut into so many groups, each with its own first output projection.
  public let outputGroups: Int
  /// Outputs of a group's projection.
  public let outputRank: Int
  /// Positions that a query sees uncompressed, its own included.
  public let window: Int
  public let indexHeadCount: Int
  public let indexHeadSize: Int
  /// Compressed entries that a query of a CSA layer sees at most.
  public let indexPicks: Int
  /// The base of rotations in layers without compression.
  public let ropeTheta: Double
  /// The base of rotations in layers with compression.
  public let compressedRopeTheta: Double
  public let yarn: Yarn
  public let maximumPositions: Int
  /// Residual streams (`hc_mult`).
  public let streamCount: Int
  /// Normalisations of a hyper-connection's matrix: so many of its columns, one less of its rows.
  public let sinkhornIterations: Int
  public let hyperConnectionEpsilon: Double
  public let normEpsilon: Double
  /// Channels inside of an expert, routed or shared.
  public let expertSize: Int
  public internal(set) var expertCount: Int
  /// Experts that a token is routed to.
  public let expertPicks: Int
  /// The first layers, which route by a table of token numbers.
  public let hashLayerCount: Int
  public let routedScale: Double
  public let swigluLimit: Double
  /// Nil where the file does not say: the tensors then decide.
  public let expertFormat: ExpertFormat?
  public let drafter: Drafter
  public let beginToken: Int
  /// Tokens that end an answer.
  public let endTokens: [Int]

  /// Rows of weights that share a scale with as many columns.
  public static let scaleBlock = 128
  /// Columns of FP4 weights that share a scale.
  public static let expertScaleBlock = 32
}

extension Configuration {
  /// Whether a main layer routes by token number.
  public func usesHashRouting(layer: Int) -> Bool { layer < hashLayerCount }

  /// The numbers of the layers of one kind.
  public func layers(with compression: Compression) -> [Int] {
    layers.indices.filter { layers[$0] == compression }
  }

  /// Both halves of an overlapping compressor, or its one.
  public func compressorWidth(_ compression: Compression, head: Int) -> Int {
    compression == .sparse ? 2 * head : head
  }

  /// Numbers of a hyper-connection: weights of the streams before, after, and between.
  public var mixCount: Int { (2 + streamCount) * streamCount }
}
