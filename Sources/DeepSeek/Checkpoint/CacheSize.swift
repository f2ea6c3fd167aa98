/// Bytes that a sequence keeps between steps, in bf16 as DeepSeek's own code keeps them: the window's rows,
/// compressed entries and indexer keys, and in fp32 what compressors have not finished.
public struct CacheSize: Hashable, Sendable {
  private let configuration: Configuration

  public init(_ configuration: Configuration) { self.configuration = configuration }

  /// Whatever the length.
  public var fixedBytes: Int {
    let c = configuration
    return c.layers.reduce(0) { total, compression in
      // Keys, and scores beside them: both halves of two groups where groups overlap.
      func state(_ head: Int) -> Int {
        let width = c.compressorWidth(compression, head: head)
        return 2 * 4 * (compression == .sparse ? 2 : 1) * compression.ratio * width
      }
      let states = compression == .none ? 0 : state(c.headSize)
      let indexStates = compression == .sparse ? state(c.indexHeadSize) : 0
      return total + c.window * c.headSize * 2 + states + indexStates
    }
  }

  /// For a sequence of so many tokens, the fixed bytes included.
  public func bytes(tokens: Int) -> Int {
    let c = configuration
    return c.layers.reduce(fixedBytes) { total, compression in
      guard compression != .none else { return total }
      let channels = c.headSize + (compression == .sparse ? c.indexHeadSize : 0)
      return total + tokens / compression.ratio * channels * 2
    }
  }

  /// How much a sequence grows with each token, on average.
  public var bytesPerToken: Double {
    let tokens = 128
    return Double(bytes(tokens: tokens) - fixedBytes) / Double(tokens)
  }

  /// The longest sequence of which `sequences` fit into so many bytes, at most the model's own limit; nil
  /// where not even empty ones do.
  public func longest(sequences: Int, within bytes: Int) -> Int? {
    func fits(_ tokens: Int) -> Bool {
      let (total, overflow) = self.bytes(tokens: tokens).multipliedReportingOverflow(by: sequences)
      return !overflow && total <= bytes
    }
    guard fits(0) else { return nil }
    var low = 0
    var high = configuration.maximumPositions
    while low < high {
      let middle = (low + high + 1) / 2
      if fits(middle) { low = middle } else { high = middle - 1 }
    }
    return low
  }
}
