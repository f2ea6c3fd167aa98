import Runtime
import Steps

/// The sequences that a model works on side by side: their caches on a device, their tokens here.
///
/// A sequence's caches hold what its first `length` tokens left; a model's runs add to them. Everything that
/// a run reads is decided by positions, so that what lies beyond the length is never seen.
public final class Sequences {
  public let room: CacheRoom
  /// What the caches belong to: a restored file must name the same.
  public let model: String
  public let memory: DeviceMemory
  private let use: [String: CacheUse]
  public private(set) var tokens: [[Int32]]
  /// The most tokens that each sequence has had since it began: what was taken back since then is the
  /// difference to its length.
  private var reached: [Int]

  init(room: CacheRoom, model: String, memory: DeviceMemory, use: [String: CacheUse]) {
    self.room = room
    self.model = model
    self.memory = memory
    self.use = use
    tokens = Array(repeating: [], count: room.sequences)
    reached = Array(repeating: 0, count: room.sequences)
  }

  /// Tokens whose effect the caches of a sequence hold.
  public func length(_ sequence: Int) -> Int { tokens[sequence].count }

  /// Takes note of tokens that a run has added.
  func append(_ more: some Sequence<Int32>, to sequence: Int) {
    tokens[sequence] += more
    reached[sequence] = max(reached[sequence], tokens[sequence].count)
  }

  /// Begins a sequence anew; its caches become zeros.
  public func reset(_ sequence: Int) {
    memory.clear(row: sequence)
    tokens[sequence] = []
    reached[sequence] = 0
  }

  /// Makes `target` equal to `source`: from here both go on as the one would have.
  public func fork(_ source: Int, to target: Int) {
    memory.copy(row: source, to: target)
    tokens[target] = tokens[source]
    reached[target] = reached[source]
  }

  /// Takes back the last tokens of a sequence. Only as many as a draft may have can be taken back from the
  /// longest that it has been, since rings no longer hold what older positions need.
  public func rollBack(_ sequence: Int, to length: Int) {
    precondition(
      length <= self.length(sequence) && reached[sequence] - length <= room.longestDraft,
      "at most \(room.longestDraft) tokens of \(self.length(sequence)) can be taken back, not down to \(length)")
    tokens[sequence].removeLast(self.length(sequence) - length)
  }

  /// Bytes at the beginning of a sequence's row of a buffer that count when it has `length` tokens.
  func usedBytes(of buffer: StepBuffer, length: Int) -> Int {
    let rowBytes = (buffer.byteCount.fixed ?? 0) / room.sequences
    switch use[buffer.name] {
    case .entries(let ratio): return rowBytes / room.capacity(ratio: ratio) * (length / ratio)
    case .ring, nil: return rowBytes
    }
  }

  /// Replaces a sequence by one that was read from a file.
  func replace(_ sequence: Int, tokens: [Int32], contents: [(name: String, bytes: [UInt8])]) {
    reset(sequence)
    for (name, bytes) in contents { memory.write(name, row: sequence, bytes) }
    append(tokens, to: sequence)
  }
}

/// How a cache is addressed.
public enum CacheUse: Hashable, Sendable {
  /// By position modulo a span.
  case ring
  /// By the number of an entry of `ratio` tokens: filled from the beginning.
  case entries(ratio: Int)
}
