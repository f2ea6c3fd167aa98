/// Text with the places where it may be broken into lines.
indirect enum Layout {
  case text(String)
  case sequence([Layout])
  /// Items between `open` and `close`; a line may end after every separator (or before it, for
  /// operators, which start their item).
  case group(open: String, items: [Layout], separator: String, close: String)

  static let width = 100

  /// All on one line.
  var flat: String {
    switch self {
    case .text(let text): text
    case .sequence(let parts): parts.map(\.flat).joined()
    case .group(let open, let items, let separator, let close):
      open + items.map(\.flat).joined(separator: separator + " ") + close
    }
  }

  /// The text with lines broken so that they fit, where they can; further lines stand `indent` spaces
  /// in. `column` is where it starts, `rest` how much follows on its last line.
  func broken(at column: Int, indent: Int, rest: Int = 0) -> String {
    let flat = flat
    if column + flat.count + rest <= Self.width { return flat }
    switch self {
    case .text(let text): return text
    case .sequence(let parts):
      var result = ""
      for (number, part) in parts.enumerated() {
        let isLast = number == parts.count - 1
        result += part.broken(
          at: Self.lastColumn(of: result, from: column), indent: indent, rest: isLast ? rest : 1)
      }
      return result
    case .group(let open, let items, let separator, let close):
      var result = open
      for (number, item) in items.enumerated() {
        let isLast = number == items.count - 1
        let tail = isLast ? close.count + rest : separator.count
        if number > 0 {
          let here = Self.lastColumn(of: result, from: column)
          let fits = here + 1 + item.flat.count + tail <= Self.width
          result += fits ? " " : "\n" + String(repeating: " ", count: indent)
        }
        result += item.broken(
          at: Self.lastColumn(of: result, from: column), indent: indent + 2, rest: tail)
        if !isLast { result += separator }
      }
      return result + close
    }
  }

  private static func lastColumn(of text: String, from column: Int) -> Int {
    guard let newline = text.lastIndex(of: "\n") else { return column + text.count }
    return text.distance(from: newline, to: text.endIndex) - 1
  }
}
