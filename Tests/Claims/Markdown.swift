/// Fenced blocks of documents.
enum Markdown {
  /// The contents of the blocks that open with ``` and `language`, each with its last newline.
  static func blocks(in document: String, _ language: String) -> [String] {
    var blocks: [String] = []
    var open: [Substring]?
    for line in document.split(separator: "\n", omittingEmptySubsequences: false) {
      if line == "```\(language)" {
        open = []
      } else if line == "```", let lines = open {
        blocks.append(lines.map { $0 + "\n" }.joined())
        open = nil
      } else {
        open?.append(line)
      }
    }
    return blocks
  }
}
