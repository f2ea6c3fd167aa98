/// Merges the bytes of a piece into tokens, lowest rank first, the leftmost of equals first.
///
/// The pairs that may merge stand in a heap, and neighbours in a linked list, so a long piece takes
/// n log n steps. Pieces that were seen before are taken from a cache.
struct BytePairEncoder {
  private let merges: MergeTable
  /// The token of each single byte.
  private let byteTokens: [Int32]
  /// Tokens that a whole piece becomes without merging; nil where pieces are always merged.
  private let wholePieces: (ByteStringTable, [Int32])?

  private var heap: [UInt64] = []
  private var tokens: [Int32] = []
  private var next: [Int32] = []
  private var previous: [Int32] = []

  private var cached = ByteStringTable()
  private var cachedTokens: [Int32] = []
  private var cachedEnds: [Int] = []

  /// Pieces up to so many bytes are kept, up to so many of them; then the cache begins anew.
  private static let longestCached = 64
  private static let mostCached = 1 << 16

  init(merges: MergeTable, byteTokens: [Int32], wholePieces: (ByteStringTable, [Int32])?) {
    self.merges = merges
    self.byteTokens = byteTokens
    self.wholePieces = wholePieces
  }

  /// Appends the tokens of a piece.
  mutating func encode(_ piece: UnsafeBufferPointer<UInt8>, into result: inout [Int]) {
    if piece.count == 1 { return result.append(Int(byteTokens[Int(piece[0])])) }
    if let (table, numbers) = wholePieces, let number = table.number(of: piece) {
      return result.append(Int(numbers[number]))
    }
    if piece.count > Self.longestCached {
      merge(piece)
      result += tokensLeft.lazy.map(Int.init)
      return
    }
    if let number = cached.number(of: piece) {
      let start = number == 0 ? 0 : cachedEnds[number - 1]
      for position in start..<cachedEnds[number] { result.append(Int(cachedTokens[position])) }
      return
    }
    if cached.count == Self.mostCached {
      cached = ByteStringTable()
      cachedTokens = []
      cachedEnds = []
    }
    merge(piece)
    cached.add(piece)
    for token in tokensLeft {
      cachedTokens.append(token)
      result.append(Int(token))
    }
    cachedEnds.append(cachedTokens.count)
  }

  /// What `merge` leaves, in order.
  private var tokensLeft: some Sequence<Int32> {
    sequence(state: 0) { [tokens, next] (position: inout Int) -> Int32? in
      guard position >= 0 else { return nil }
      defer { position = Int(next[position]) }
      return tokens[position]
    }
  }

  private mutating func merge(_ piece: UnsafeBufferPointer<UInt8>) {
    let count = piece.count
    heap.removeAll(keepingCapacity: true)
    tokens.removeAll(keepingCapacity: true)
    next.removeAll(keepingCapacity: true)
    previous.removeAll(keepingCapacity: true)
    for (position, byte) in piece.enumerated() {
      tokens.append(byteTokens[Int(byte)])
      next.append(position + 1 < count ? Int32(position + 1) : -1)
      previous.append(Int32(position - 1))
    }
    for position in 0..<count - 1 { push(position) }
    while let (rank, position) = pop() {
      // An entry is stale where one of its pair has merged with another since.
      let right = Int(next[position])
      guard tokens[position] >= 0, right >= 0,
        let merge = merges[tokens[position], tokens[right]], merge.rank == rank
      else { continue }
      tokens[position] = merge.token
      tokens[right] = -1
      next[position] = next[right]
      if next[right] >= 0 { previous[Int(next[right])] = Int32(position) }
      if previous[position] >= 0 { push(Int(previous[position])) }
      push(position)
    }
  }

  // MARK: The heap of pairs, as rank and position of the left one

  private mutating func push(_ position: Int) {
    let right = Int(next[position])
    guard right >= 0, let merge = merges[tokens[position], tokens[right]] else { return }
    heap.append(UInt64(merge.rank) << 32 | UInt64(position))
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      if heap[parent] <= heap[child] { break }
      heap.swapAt(parent, child)
      child = parent
    }
  }

  private mutating func pop() -> (rank: UInt32, position: Int)? {
    guard let top = heap.first else { return nil }
    let last = heap.removeLast()
    if !heap.isEmpty {
      var parent = 0
      while true {
        var child = 2 * parent + 1
        if child >= heap.count { break }
        if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
        if last <= heap[child] { break }
        heap[parent] = heap[child]
        parent = child
      }
      heap[parent] = last
    }
    return (UInt32(top >> 32), Int(top & 0xFFFF_FFFF))
  }
}

/// Which pairs of tokens merge, in which rank, to which token.
struct MergeTable: Sendable {
  struct Merge {
    let rank: UInt32
    let token: Int32
  }

  /// Pairs, at most half full; all ones where free.
  private var pairs: [UInt64]
  private var merges: [Merge]
  private let mask: Int

  init(capacity: Int) {
    var size = 16
    while size < 2 * capacity { size *= 2 }
    pairs = [UInt64](repeating: .max, count: size)
    merges = [Merge](repeating: Merge(rank: 0, token: 0), count: size)
    mask = size - 1
  }

  /// Adds a pair; false if it is there already.
  mutating func add(_ left: Int32, _ right: Int32, _ merge: Merge) -> Bool {
    let pair = Self.pair(left, right)
    let slot = slot(of: pair)
    if pairs[slot] == pair { return false }
    pairs[slot] = pair
    merges[slot] = merge
    return true
  }

  subscript(left: Int32, right: Int32) -> Merge? {
    let pair = Self.pair(left, right)
    let slot = slot(of: pair)
    return pairs[slot] == pair ? merges[slot] : nil
  }

  private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
    UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
  }

  private func slot(of pair: UInt64) -> Int {
    // The high bits of a product with an odd constant depend on every bit of the pair.
    var slot = Int((pair &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
    while pairs[slot] != pair, pairs[slot] != .max { slot = (slot + 1) & mask }
    return slot
  }
}
