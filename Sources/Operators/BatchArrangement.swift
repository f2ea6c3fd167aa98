import Tiles

extension OperatorLibrary {
  /// Rows of up to three sequences one after the other, as `Batch` asks: the first from position 0 on, the
  /// last up to the last position.
  @Sendable static func arrangeBatch(
    _ arguments: inout [String: HostTensor], _ extents: [String: Int]
  ) {
    let (tokens, sequences) = (extents["tokens"]!, extents["sequences"]!)
    let positions = extents["positions"] ?? 64
    let chunks = min(3, sequences, tokens)
    var columns: [String: [Int]] = ["sequence": [], "position": [], "first": [], "count": []]
    for chunk in 0..<chunks {
      let rows = tokens * chunk / chunks..<tokens * (chunk + 1) / chunks
      let latest = max(0, positions - rows.count)
      let start = chunks == 1 ? latest : latest * chunk / (chunks - 1)
      for row in rows {
        columns["sequence"]!.append(sequences - 1 - chunk)
        columns["position"]!.append(start + row - rows.lowerBound)
        columns["first"]!.append(rows.lowerBound)
        columns["count"]!.append(rows.count)
      }
    }
    for (name, column) in columns where arguments[name] != nil {
      arguments[name] = HostTensor(.int32, [tokens], integers: column)
    }
  }
}
