/// Tokens that are found in a text as they are written, before anything is split or merged: markers of
/// roles, of thinking, of tools.
struct AddedTokens: Sendable {
  private struct Node: Sendable {
    var children: [(byte: UInt8, node: Int32)] = []
    var token: Int32 = -1
  }

  private var nodes = [Node()]
  /// Whether any token begins with a byte.
  private var begins = [Bool](repeating: false, count: 256)

  /// Adds a token; the content is not empty.
  mutating func add(_ content: [UInt8], _ token: Int32) {
    begins[Int(content[0])] = true
    var node = 0
    for byte in content {
      if let child = child(of: node, byte) {
        node = child
      } else {
        nodes[node].children.append((byte, Int32(nodes.count)))
        node = nodes.count
        nodes.append(Node())
      }
    }
    nodes[node].token = token
  }

  /// A stretch of a text.
  enum Section {
    case token(Int)
    case text(Range<Int>)
  }

  /// Cuts a range of bytes at its tokens: the leftmost first, of those that begin together the longest.
  func sections(of bytes: UnsafeBufferPointer<UInt8>, in range: Range<Int>, _ body: (Section) -> Void) {
    var position = range.lowerBound
    var start = position
    while position < range.upperBound {
      guard begins[Int(bytes[position])], let (token, end) = longest(bytes, position, range.upperBound) else {
        position += 1
        continue
      }
      if start < position { body(.text(start..<position)) }
      body(.token(token))
      position = end
      start = end
    }
    if start < range.upperBound { body(.text(start..<range.upperBound)) }
  }

  private func longest(
    _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int
  ) -> (token: Int, end: Int)? {
    var node = 0
    var position = start
    var found: (Int, Int)?
    while position < end, let child = child(of: node, bytes[position]) {
      node = child
      position += 1
      if nodes[node].token >= 0 { found = (Int(nodes[node].token), position) }
    }
    return found
  }

  private func child(of node: Int, _ byte: UInt8) -> Int? {
    nodes[node].children.first { $0.byte == byte }.map { Int($0.node) }
  }
}
