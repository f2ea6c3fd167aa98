import Tiles

/// The lightning indexer's sizes.
public struct IndexerShape: Sendable {
  /// Channels of a head and of a key are a power of two, 32 or more.
  public let heads, channels: Int

  public init(heads: Int, channels: Int = 128) {
    self.heads = heads
    self.channels = channels
  }
}

/// Channels of an indexer's row that share a scale.
let indexBlock = 32

/// Rows of the indexer, queries or keys: E2M1 codes and E8M0 scales for each 32 channels; in the float32
/// arithmetic fp32 numbers.
struct IndexRows {
  private enum Storage {
    case codes(Tensor<E2M1>, Tensor<E8M0>)
    case numbers(Tensor<Float>)
  }
  private let storage: Storage
  private let channels: Dimension

  /// Declares `name`_codes and `name`_scale, or `name` in float32, over `axes` and `channels`.
  init(
    _ k: Trace, _ role: Role, _ name: String, _ axes: [Dimension], _ channels: Dimension,
    _ arithmetic: Arithmetic
  ) {
    self.channels = channels
    func declare<E: TileElement>(_ name: String, _: E.Type, _ last: Dimension) -> Tensor<E> {
      switch role {
      case .output: k.output(name, E.self, axes + [last])
      case .state: k.state(name, E.self, axes + [last])
      default: k.input(name, E.self, axes + [last])
      }
    }
    switch arithmetic {
    case .quantised:
      k.require(
        channels.extent!.nonzeroBitCount == 1 && channels.extent! >= indexBlock,
        "\(channels.name) are a power of two, \(indexBlock) or more")
      storage = .codes(
        declare("\(name)_codes", E2M1.self, channels),
        declare("\(name)_scale", E8M0.self, channels.blocks(of: indexBlock)))
    case .float32: storage = .numbers(declare(name, Float.self, channels))
    }
  }

  /// Writes a rotated row: its transform, each step rounded to bf16, quantised by S4 of the specification;
  /// in float32 the row itself.
  func store(_ row: Tile<Float>, at place: [any Coordinate], in k: Trace) {
    switch storage {
    case .codes(let codes, let scale):
      let bfloat16 = BFloat16.self
      let transformed = k.hadamard(row.rounded(to: bfloat16), along: channels).rounded(to: bfloat16)
      let (blocks, lane) = (channels.blocks(of: indexBlock), k.axis("index_lane", indexBlock))
      let channel = Position(blocks) * indexBlock + Position(lane)
      let (q, s) = transformed.at(channels, channel).quantisedQ4(along: lane)
      codes[at: place + [channel]] = q
      scale[at: place + [blocks]] = s
    case .numbers(let tensor): tensor[at: place + [channels]] = row
    }
  }

  /// The products of the rows at `place` with those of `keys` at `other`.
  func times(
    _ keys: IndexRows, at place: [any Coordinate], _ other: [any Coordinate]
  ) -> Tile<Float> {
    switch (storage, keys.storage) {
    case (.codes(let q, let qScale), .codes(let key, let keyScale)):
      let block = Position(channels) / indexBlock
      return product(
        q[at: place + [channels]].scaled(by: qScale[at: place + [block]]),
        key[at: other + [channels]].scaled(by: keyScale[at: other + [block]]), contracting: channels,
        .exactBlock(128))
    case (.numbers(let q), .numbers(let key)):
      return product(
        q[at: place + [channels]], key[at: other + [channels]], contracting: channels,
        Arithmetic.float32.product())
    default: preconditionFailure("queries and keys of one arithmetic")
    }
  }
}
